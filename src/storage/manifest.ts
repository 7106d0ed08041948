import type { Files } from '../env/ports.ts'
import { currentManifest } from './rocks-files.ts'
import { takeRecords } from './rocks-records.ts'
import { Varints } from './varints.ts'

/** What a RocksDB database consists of, as its MANIFEST says. Any other table or write-ahead log is a leftover. */
export interface LiveFiles {
  /** Numbers of the tables. */
  readonly tables: ReadonlySet<number>
  /** What write-ahead logs below this number hold is in tables: RocksDB reads none of them. */
  readonly firstWal: number
}

const LOG_NUMBER = 2
const NEXT_FILE_NUMBER = 3
const DELETED_FILE = 6
const NEW_FILE_4 = 103
/** Tags followed by a number that is of no matter here: of an older log, the last sequence and so on. */
const NUMBERS: ReadonlySet<number> = new Set([4, 9, 10, 203])
/** And by a length and as many bytes: the comparator; from the mask on, all that may be ignored. */
const COMPARATOR = 1
const IGNORABLE = 0x2000
const END_OF_FIELDS = 1

/**
 * Reads the MANIFEST that CURRENT names in `dir`. Null when there is none, or it cannot be read, or says what Flotilla's
 * databases never say.
 */
export async function readLiveFiles(files: Files, dir: string): Promise<LiveFiles | null> {
  const name = await currentManifest(files, dir)
  const file = name === null ? null : await files.openFile(`${dir}/${name}`)
  if (file === null) return null
  try {
    const version = new Version()
    return takeRecords(file, (edit) => version.take(edit)) && version.begun ? version : null
  } finally {
    file.close()
  }
}

/** The sum of edits, of one column family. */
class Version implements LiveFiles {
  firstWal = 0
  /** The first edits were read, which every MANIFEST begins with; without them RocksDB opens nothing. */
  begun = false
  /** Level of each table, by number. */
  readonly #levels = new Map<number, number>()

  get tables(): ReadonlySet<number> {
    return new Set(this.#levels.keys())
  }

  /** False when the edit is not one that can be read here. What an edit deletes comes before what it adds. */
  take(edit: Buffer): boolean {
    const input = new Varints(edit, 0)
    while (!input.atEnd) if (!this.#takeField(input)) return false
    return true
  }

  #takeField(input: Varints): boolean {
    const tag = input.next()
    if (tag === LOG_NUMBER) this.firstWal = Math.max(this.firstWal, input.next())
    else if (tag === DELETED_FILE) {
      const level = input.next()
      const number = input.next()
      if (this.#levels.get(number) === level) this.#levels.delete(number)
    } else if (tag === NEW_FILE_4) this.#takeNewFile(input)
    else if (tag === NEXT_FILE_NUMBER) this.begun = input.next() > 0
    else if (NUMBERS.has(tag)) input.next()
    else if (tag === COMPARATOR || tag >= IGNORABLE) input.skipPrefixed()
    else return false
    return !input.broken
  }

  #takeNewFile(input: Varints): void {
    const level = input.next()
    const number = input.next()
    input.next() // Its size.
    input.skipPrefixed() // Its first key, and its last.
    input.skipPrefixed()
    input.next() // Its lowest sequence, and its highest.
    input.next()
    while (!input.broken && input.next() !== END_OF_FIELDS) input.skipPrefixed()
    if (!input.broken) this.#levels.set(number, level)
  }
}
