import { mkdir, open, readdir, readFile, rename } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { FlotillaError } from '../util/errors.ts'
import type { Files } from './ports.ts'

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
      const first = await mkdir(target, { recursive: true })
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
}

async function replaceFile(path: string, bytes: Buffer): Promise<void> {
  const temporary = path + TEMPORARY_SUFFIX
  const file = await open(temporary, 'w')
  try {
    await file.writeFile(bytes)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(temporary, path)
  await syncDirectory(dirname(path))
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
    const reason = error instanceof Error ? error.message : String(error)
    throw new FlotillaError('STORAGE_FAILED', `Could not ${what}: ${reason}`, { cause: error })
  }
}
