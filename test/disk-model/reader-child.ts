import { RocksEngine } from '../../src/env/rocks.ts'
import { FlotillaError } from '../../src/util/errors.ts'
import { readRows } from './batches.ts'

/**
 * Reads a RocksDB whose tables may be damaged, in a process of its own: an iterator may end it. Sends what the iterator
 * showed, then what became of each of the keys that are named on the input.
 */
export interface TableReading {
  /** Null when the iterator gave an error. */
  readonly rows: ReadonlyArray<readonly [string, string]> | null
  readonly refused: readonly string[]
  readonly found: ReadonlyArray<readonly [string, string | null]>
}

async function read(dir: string, keys: readonly string[]): Promise<TableReading> {
  const db = await new RocksEngine().open(dir, { writeBufferBytes: 1 << 20, compression: false })
  const refused: string[] = []
  const found: Array<readonly [string, string | null]> = []
  for (const key of keys) {
    try {
      const [value] = await db.getMany([Buffer.from(key, 'latin1')])
      found.push([key, value?.toString('latin1') ?? null])
    } catch (error) {
      if (!(error instanceof FlotillaError) || error.shortName !== 'CORRUPT') throw error
      refused.push(key)
    }
  }
  // The keys first: the iterator may be the end of the process.
  process.send!({ rows: null, refused, found } satisfies TableReading)
  const rows = await readRows(db).then(
    (all) => [...all],
    () => null,
  )
  return { rows, refused, found }
}

process.on('message', ({ dir, keys }: { dir: string; keys: string[] }) => {
  read(dir, keys).then(
    (reading) => process.send!(reading, () => process.disconnect()),
    (error) => {
      process.exitCode = 1
      process.send!(String(error), () => process.disconnect())
    },
  )
})
