import { copyFile, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { InspectDisk, WalCut } from '../admin/inspect-disk.ts'
import type { EngineDb } from '../env/ports.ts'
import { ReadOnlyFiles } from '../env/read-only-files.ts'
import { RocksEngine } from '../env/rocks.ts'
import { FlotillaError } from '../util/errors.ts'

/** RocksDB's own lock and its notes for people: no part of the data. */
const LEFT_OUT = /^(?:LOCK|LOG(?:\.old\.\d+)?)$/
/** The databases that stand for a lock hold nothing. */
const LOCK_DB = { writeBufferBytes: 64 * 1024, compression: false }

/**
 * A stopped store's databases, opened so that nothing in its directory changes. RocksDB is given a directory of links to the
 * real files, and opens it for reading; so even what it would rename or remove is a link of ours. Meanwhile the locks of
 * the real directories are held, through a link too: a lock writes nothing.
 *
 * Only for a process that has no store open: a process gives up its locks of a file when it closes that file anywhere.
 */
export class StoppedStoreDisk implements InspectDisk {
  readonly files = new ReadOnlyFiles()
  readonly #scratch: string
  readonly #engine = new RocksEngine()
  readonly #locks: EngineDb[] = []
  /** Paths of the views, and of what they show. */
  readonly #shows = new Map<string, string>()

  /** `scratch`: an empty directory, which the caller removes. */
  constructor(scratch: string) {
    this.#scratch = scratch
  }

  /**
   * Holds the lock of the database in `dir`, if it has one. Rejects with DATA_DIR_LOCKED. Resolves with the reason when the
   * lock can be neither had nor seen, else with null.
   */
  async lock(dir: string): Promise<string | null> {
    const lock = resolve(dir, 'LOCK')
    if (!existsSync(lock)) return null
    const place = await this.#place('lock')
    try {
      await symlink(lock, join(place, 'LOCK'))
      this.#locks.push(await this.#engine.open(place, LOCK_DB))
      return null
    } catch (error) {
      if (error instanceof FlotillaError && error.shortName === 'DATA_DIR_LOCKED') {
        const remedy =
          'Stop it first; a running store is asked with "flotilla store describe" and "flotilla group list"'
        const text = `${dir} is open: a store runs there, or it is being inspected. ${remedy}`
        throw new FlotillaError('DATA_DIR_LOCKED', text, { cause: error })
      }
      return (error as Error).message.replaceAll(place, dir)
    }
  }

  async openReadOnly(dir: string, cut: WalCut | null): Promise<EngineDb> {
    const view = await this.#place('view')
    this.#shows.set(view, dir)
    for (const name of await readdir(dir)) {
      if (LEFT_OUT.test(name) || cut?.newer.includes(name)) continue
      const from = resolve(dir, name)
      const to = join(view, name)
      if (name === cut?.name) await writeFile(to, (await readFile(from)).subarray(0, cut.goodBytes))
      else if ((await stat(from)).isFile()) await show(from, to)
    }
    return this.#engine.openReadOnly(view)
  }

  /** `text` with the paths that it is about instead of those of the views. */
  original(text: string): string {
    let result = text
    for (const [view, dir] of this.#shows) result = result.replaceAll(view, dir)
    return result
  }

  /** Gives the locks back. */
  async close(): Promise<void> {
    await Promise.all(this.#locks.splice(0).map((lock) => lock.close()))
  }

  async #place(kind: string): Promise<string> {
    const path = join(this.#scratch, `${kind}-${this.#shows.size}-${this.#locks.length}`)
    await mkdir(path)
    return path
  }
}

/** A link, or where the system gives none (Windows, without the right to make them), a copy. */
async function show(from: string, to: string): Promise<void> {
  try {
    await symlink(from, to)
  } catch {
    await copyFile(from, to)
  }
}
