import type { Files, OpenFile } from '../env/ports.ts'
import { crc32, crc32Range } from '../util/crc.ts'
import { FlotillaError } from '../util/errors.ts'
import type { SimDisk } from './disk.ts'
import { never } from './loop.ts'
import type { SimLoop } from './loop.ts'
import { hashText } from './trace.ts'

/** What opening, renaming and removing take: always the same, so that they draw nothing from the disk's randomness. */
const METADATA_US = 50

/** Codes in the trace hash: a file was changed in place. */
const DECIDED_WRITE = 301
const DECIDED_TRUNCATE = 302

/** The files of a simulated disk, as the code on one event loop sees them. */
export class SimFiles implements Files {
  readonly #disk: SimDisk
  readonly #loop: SimLoop
  /** The last write of each path that is under way: writes of one path queue, as in the real thing. */
  readonly #writing = new Map<string, Promise<void>>()

  constructor(disk: SimDisk, loop: SimLoop) {
    this.#disk = disk
    this.#loop = loop
  }

  makeDir(path: string): Promise<void> {
    return this.#after('sync', `mkdir ${path}`, () => {
      this.#disk.changing(`mkdir ${path}`)
      this.#disk.directories.add(trim(path))
    })
  }

  list(path: string): Promise<string[]> {
    return this.#after('read', `list ${path}`, () => {
      this.#disk.checkReadable(path)
      const prefix = `${trim(path)}/`
      const names = new Set<string>()
      for (const known of [...this.#disk.files.keys(), ...this.#disk.directories]) {
        if (known.startsWith(prefix)) names.add(known.slice(prefix.length).split('/', 1)[0]!)
      }
      return [...names].sort()
    })
  }

  readFile(path: string): Promise<Buffer | null> {
    return this.#after('read', `read ${path}`, () => {
      this.#disk.checkReadable(path)
      const bytes = this.#disk.pages.content(trim(path))
      return bytes === undefined ? null : Buffer.from(bytes)
    })
  }

  writeFile(path: string, bytes: Buffer): Promise<void> {
    if (!this.#loop.alive) return never()
    const at = trim(path)
    const copy = Buffer.from(bytes)
    const before = this.#writing.get(at) ?? Promise.resolve()
    const write = (): Promise<void> => this.#write(at, copy)
    const writing = before.then(write, write)
    this.#writing.set(at, writing)
    const forget = (): void => {
      if (this.#writing.get(at) === writing) this.#writing.delete(at)
    }
    writing.then(forget, forget)
    return writing
  }

  /** A simulated disk has one process: nobody comes between. */
  async createFile(path: string, bytes: Buffer): Promise<boolean> {
    if ((await this.readFile(path)) !== null) return false
    await this.writeFile(path, bytes)
    return true
  }

  #write(path: string, bytes: Buffer): Promise<void> {
    if (!this.#loop.alive) return never()
    return new Promise((resolve, reject) => {
      const perform = (crashing: boolean): void => {
        const fails = !crashing && this.#disk.takeFault(true)
        // A write that fails may have got as far as its rename.
        if (!fails || this.#disk.random.chance(0.5)) this.#disk.pages.replace(path, bytes)
        const error = new FlotillaError(
          'STORAGE_FAILED',
          `Could not write ${path}: the disk failed (injected fault).`,
        )
        this.#loop.schedule(0, 'disk-done', 0, () => (fails ? reject(error) : resolve()))
      }
      const delayUs = 2 * this.#disk.latencyUs('sync')
      const redo = (disk: SimDisk): void => disk.pages.replace(path, bytes)
      this.#disk.begin(
        { path, kind: 'file', detail: crc32(bytes) ^ hashText(path), sync: true, perform, redo, over: false },
        delayUs,
      )
    })
  }

  openFile(path: string): Promise<OpenFile | null> {
    const at = trim(path)
    return this.#soon(`open ${at}`, () => {
      return this.#disk.pages.content(at) === undefined ? null : new SimOpenFile(this.#disk, this.#loop, at)
    })
  }

  rename(from: string, to: string): Promise<void> {
    return this.#soon(`rename ${from} to ${to}`, () => this.#disk.rename(trim(from), trim(to)))
  }

  remove(path: string): Promise<void> {
    return this.#soon(`remove ${path}`, () => this.#disk.remove(trim(path)))
  }

  #soon<T>(note: string, run: () => T): Promise<T> {
    return new Promise((resolve) => {
      this.#loop.schedule(METADATA_US, 'file', hashText(note), () => resolve(run()), note)
    })
  }

  #after<T>(operation: 'read' | 'sync', note: string, run: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        try {
          resolve(run())
        } catch (error) {
          reject(error)
        }
      }
      this.#loop.schedule(this.#disk.latencyUs(operation), 'file', hashText(note), settle, note)
    })
  }
}

/** In place, at once: the system's memory takes it. Only a sync asks the disk. */
class SimOpenFile implements OpenFile {
  readonly #disk: SimDisk
  readonly #loop: SimLoop
  readonly #path: string
  readonly #pathHash: number

  constructor(disk: SimDisk, loop: SimLoop, path: string) {
    this.#disk = disk
    this.#loop = loop
    this.#path = path
    this.#pathHash = hashText(path)
  }

  size(): number {
    return this.#disk.pages.content(this.#path)?.length ?? 0
  }

  read(into: Buffer, position: number): number {
    this.#disk.checkReadable(this.#path)
    const content = this.#disk.pages.content(this.#path)
    return content === undefined || position >= content.length ? 0 : content.copy(into, 0, position)
  }

  write(bytes: Buffer, position: number): void {
    if (!this.#loop.alive) return
    this.#disk.changing(`write in ${this.#path}`)
    this.#tell(DECIDED_WRITE, position, crc32Range(bytes, 0, bytes.length))
    this.#disk.pages.write(this.#path, bytes, position)
  }

  truncate(size: number): void {
    if (!this.#loop.alive) return
    this.#disk.changing(`truncate ${this.#path}`)
    this.#tell(DECIDED_TRUNCATE, size, 0)
    this.#disk.pages.truncate(this.#path, size)
  }

  sync(): Promise<void> {
    if (!this.#loop.alive) return never()
    return new Promise((resolve, reject) => {
      const path = this.#path
      const perform = (crashing: boolean): void => {
        const fails = !crashing && this.#disk.takeFault(true)
        if (!fails) this.#disk.pages.sync(path)
        const error = new FlotillaError(
          'STORAGE_FAILED',
          `Could not sync ${path}: the disk failed (injected fault).`,
        )
        this.#loop.schedule(0, 'disk-done', 0, () => (fails ? reject(error) : resolve()))
      }
      const redo = (disk: SimDisk): void => disk.pages.sync(path)
      const job = {
        path,
        kind: 'file',
        detail: this.#pathHash,
        sync: true,
        perform,
        redo,
        over: false,
      } as const
      this.#disk.begin({ ...job }, this.#disk.latencyUs('sync'))
    })
  }

  /** No event, and no line: part of the trace hash alone. */
  #tell(code: number, place: number, checksum: number): void {
    this.#loop.timeline.trace.decide(code, this.#pathHash + place, checksum)
  }

  close(): void {}
}

function trim(path: string): string {
  return path.endsWith('/') ? path.slice(0, -1) : path
}
