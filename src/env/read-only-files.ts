import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { assert } from '../util/assert.ts'
import { FlotillaError } from '../util/errors.ts'
import { NodeFiles } from './node-files.ts'
import type { Files, OpenFile } from './ports.ts'

/** Files on the real file system that can only be read: each call that would change something is a bug and throws. */
export class ReadOnlyFiles implements Files {
  readonly #files = new NodeFiles()

  list(path: string): Promise<string[]> {
    return this.#files.list(path)
  }

  readFile(path: string): Promise<Buffer | null> {
    return this.#files.readFile(path)
  }

  async openFile(path: string): Promise<OpenFile | null> {
    try {
      return new ReadOnlyFile(path, openSync(path, 'r'))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
      throw failed('open', path, error)
    }
  }

  makeDir(path: string): Promise<void> {
    return refuse(path)
  }

  writeFile(path: string): Promise<void> {
    return refuse(path)
  }

  createFile(path: string): Promise<boolean> {
    return refuse(path)
  }

  rename(path: string): Promise<void> {
    return refuse(path)
  }

  remove(path: string): Promise<void> {
    return refuse(path)
  }
}

class ReadOnlyFile implements OpenFile {
  readonly #path: string
  readonly #fd: number
  #open = true

  constructor(path: string, fd: number) {
    this.#path = path
    this.#fd = fd
  }

  size(): number {
    return fstatSync(this.#fd).size
  }

  read(into: Buffer, position: number): number {
    try {
      let got = 0
      while (got < into.length) {
        const count = readSync(this.#fd, into, got, into.length - got, position + got)
        if (count === 0) break
        got += count
      }
      return got
    } catch (error) {
      throw failed('read', this.#path, error)
    }
  }

  write(): void {
    assert(false, 'a file that is only read is not written')
  }

  truncate(): void {
    assert(false, 'a file that is only read is not cut')
  }

  sync(): Promise<void> {
    return refuse(this.#path)
  }

  close(): void {
    if (!this.#open) return
    this.#open = false
    closeSync(this.#fd)
  }
}

async function refuse(path: string): Promise<never> {
  assert(false, `what is only read is not changed: ${path}`)
  throw new Error('not reached')
}

function failed(what: string, path: string, error: unknown): FlotillaError {
  const reason = error instanceof Error ? error.message : String(error)
  return new FlotillaError('STORAGE_FAILED', `Could not ${what} ${path}: ${reason}`, { cause: error })
}
