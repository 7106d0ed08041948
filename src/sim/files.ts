import type { Files } from '../env/ports.ts'
import { crc32 } from '../util/crc.ts'
import { FlotillaError } from '../util/errors.ts'
import type { SimDisk } from './disk.ts'
import { never } from './loop.ts'
import type { SimLoop } from './loop.ts'

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
      this.#disk.directories.add(trim(path))
    })
  }

  list(path: string): Promise<string[]> {
    return this.#after('read', `list ${path}`, () => {
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
      const bytes = this.#disk.files.get(trim(path))
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

  #write(path: string, bytes: Buffer): Promise<void> {
    if (!this.#loop.alive) return never()
    return new Promise((resolve, reject) => {
      const perform = (crashing: boolean): void => {
        const fails = !crashing && this.#disk.takeFault(true)
        // A write that fails may have got as far as its rename.
        if (!fails || this.#disk.random.chance(0.5)) this.#disk.files.set(path, bytes)
        const error = new FlotillaError(
          'STORAGE_FAILED',
          `Could not write ${path}: the disk failed (injected fault).`,
        )
        this.#loop.schedule(0, 'disk-done', 0, () => (fails ? reject(error) : resolve()))
      }
      const delayUs = 2 * this.#disk.latencyUs('sync')
      this.#disk.begin({ path, kind: 'file', detail: crc32(bytes), perform, over: false }, delayUs)
    })
  }

  #after<T>(operation: 'read' | 'sync', note: string, run: () => T): Promise<T> {
    return new Promise((resolve) => {
      this.#loop.schedule(this.#disk.latencyUs(operation), 'file', 0, () => resolve(run()), note)
    })
  }
}

function trim(path: string): string {
  return path.endsWith('/') ? path.slice(0, -1) : path
}
