import { closeSync, fdatasync, fstatSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs'
import { randomBytes } from 'node:crypto'
import { link, mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { assert } from '../util/assert.ts'
import { FlotillaError } from '../util/errors.ts'
import type { Files, OpenFile } from './ports.ts'

/** A file under this name is half written; the next write of its target replaces it. */
const TEMPORARY_SUFFIX = '.flotilla-tmp'

/**
 * Small files of a store, on the real file system. Every failure is a FlotillaError STORAGE_FAILED with its
 * cause.
 */
export class NodeFiles implements Files {
  /**
   * The last write of each path that is under way: writes of one path share a temporary file, so they queue.
   */
  readonly #writing = new Map<string, Promise<void>>()

  async makeDir(path: string): Promise<void> {
    await guarded(`make the directory ${path}`, async () => {
      const target = resolve(path)
      const first = await mkdir(target, { recursive: true }).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'EEXIST' && error.code !== 'ENOTDIR') throw error
        throw new Error('it is a file, or lies below one. Name another directory', { cause: error })
      })
      if (first === undefined) return
      for (let made = target; ; made = dirname(made)) {
        await syncDirectory(dirname(made))
        if (made === first || made === dirname(made)) break
      }
    })
  }

  async list(path: string): Promise<string[]> {
    return guarded(`list ${path}`, async () => {
      const names = await unlessAbsent(readdir(path), [])
      return names.filter((name) => !name.endsWith(TEMPORARY_SUFFIX)).sort()
    })
  }

  async readFile(path: string): Promise<Buffer | null> {
    return guarded<Buffer | null>(`read ${path}`, () => unlessAbsent<Buffer | null>(readFile(path), null))
  }

  writeFile(path: string, bytes: Buffer): Promise<void> {
    const before = this.#writing.get(path) ?? Promise.resolve()
    const write = () => guarded(`write ${path}`, () => replaceFile(path, bytes))
    const writing = before.then(write, write)
    this.#writing.set(path, writing)
    const forget = () => {
      if (this.#writing.get(path) === writing) this.#writing.delete(path)
    }
    writing.then(forget, forget)
    return writing
  }

  createFile(path: string, bytes: Buffer): Promise<boolean> {
    return guarded(`make ${path}`, () => linkFile(path, bytes))
  }

  async openFile(path: string): Promise<OpenFile | null> {
    try {
      return new NodeOpenFile(path, openSync(path, 'r+'))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
      throw failed(`open ${path}`, error)
    }
  }

  async rename(from: string, to: string): Promise<void> {
    await guarded(`rename ${from} to ${to}`, async () => {
      await rename(from, to)
      await syncDirectory(dirname(resolve(to)))
      if (dirname(resolve(from)) !== dirname(resolve(to))) await syncDirectory(dirname(resolve(from)))
    })
  }

  async remove(path: string): Promise<void> {
    await guarded(`remove ${path}`, async () => {
      await rm(path, { recursive: true, force: true })
      await unlessAbsent(syncDirectory(dirname(resolve(path))), undefined)
    })
  }
}

class NodeOpenFile implements OpenFile {
  readonly #path: string
  #fd: number | null

  constructor(path: string, fd: number) {
    this.#path = path
    this.#fd = fd
  }

  size(): number {
    return this.#do('ask for the size of', (fd) => fstatSync(fd).size)
  }

  read(into: Buffer, position: number): number {
    return this.#do('read', (fd) => {
      let got = 0
      while (got < into.length) {
        const count = readSync(fd, into, got, into.length - got, position + got)
        if (count === 0) break
        got += count
      }
      return got
    })
  }

  write(bytes: Buffer, position: number): void {
    this.#do('write', (fd) => {
      for (let put = 0; put < bytes.length; ) {
        put += writeSync(fd, bytes, put, bytes.length - put, position + put)
      }
    })
  }

  truncate(size: number): void {
    this.#do('cut', (fd) => ftruncateSync(fd, size))
  }

  sync(): Promise<void> {
    return new Promise((done, reject) => {
      this.#do('sync', (fd) =>
        fdatasync(fd, (error) => (error ? reject(failed(`sync ${this.#path}`, error)) : done())),
      )
    })
  }

  close(): void {
    if (this.#fd === null) return
    const fd = this.#fd
    this.#fd = null
    closeSync(fd)
  }

  #do<T>(what: string, work: (fd: number) => T): T {
    assert(this.#fd !== null, 'a closed file is not used')
    try {
      return work(this.#fd)
    } catch (error) {
      throw failed(`${what} ${this.#path}`, error)
    }
  }
}

async function replaceFile(path: string, bytes: Buffer): Promise<void> {
  const temporary = path + TEMPORARY_SUFFIX
  await writeSynced(temporary, bytes)
  await rename(temporary, path)
  await syncDirectory(dirname(path))
}

/** A link, other than a rename, never replaces what is there: the name appears once, with all of its content. */
async function linkFile(path: string, bytes: Buffer): Promise<boolean> {
  // Another process may do the same at the same time.
  const temporary = `${path}.${randomBytes(6).toString('hex')}${TEMPORARY_SUFFIX}`
  try {
    await writeSynced(temporary, bytes)
    await link(temporary, path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  } finally {
    await rm(temporary, { force: true })
  }
  await syncDirectory(dirname(path))
  return true
}

async function writeSynced(path: string, bytes: Buffer): Promise<void> {
  const file = await open(path, 'w')
  try {
    await file.writeFile(bytes)
    await file.sync()
  } finally {
    await file.close()
  }
}

/** Makes the names in a directory durable. Windows cannot, and keeps its names in a journal of its own. */
async function syncDirectory(path: string): Promise<void> {
  if (process.platform === 'win32') return
  const directory = await open(path, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}

async function unlessAbsent<T>(reading: Promise<T>, absent: T): Promise<T> {
  try {
    return await reading
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return absent
    throw error
  }
}

async function guarded<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw failed(what, error)
  }
}

function failed(what: string, error: unknown): FlotillaError {
  const reason = error instanceof Error ? error.message : String(error)
  return new FlotillaError('STORAGE_FAILED', `Could not ${what}: ${reason}`, { cause: error })
}
