import type { EngineBatch, EngineDb } from '../env/ports.ts'
import { FlotillaError } from '../util/errors.ts'
import { decodeCheckedJson, encodeCheckedJson } from './checked-json.ts'
import type { FlushNumbers } from './flush-numbers.ts'
import { corruptShard } from './log-damage.ts'
import { KEY_COUNTERS, KEY_FORMAT, logKey, SHARD_SLOT } from './log-keys.ts'
import { storeNumber } from './shard-protocol.ts'
import type { ShardInit } from './shard-protocol.ts'

export const SHARD_FORMAT_VERSION = 2

const FORMAT_KEY = logKey(SHARD_SLOT, KEY_FORMAT, 0)
const COUNTERS_KEY = logKey(SHARD_SLOT, KEY_COUNTERS, 0)

/** The local numbers that the next replica and the next space get. They only rise: no number is ever used again. */
export interface ShardCounters {
  readonly nextSlot: number
  readonly nextSpace: number
}

/** What a shard's log says of itself. */
export interface ShardState {
  readonly counters: ShardCounters
  readonly databaseId: Buffer
}

interface StoredFormat {
  readonly v: number
  /** Hex: drawn at birth, and in the ledger and the state too, so that none of them passes for another's. */
  readonly databaseId: string
  readonly shardIndex: number
  readonly shardCount: number
}

export function encodeCounters(counters: ShardCounters): Buffer {
  return encodeCheckedJson({ nextSlot: counters.nextSlot, nextSpace: counters.nextSpace })
}

/**
 * The shard's state, or null on a new disk. Rejects with CORRUPT or, when the directory belongs to another shard, another
 * number of shards or another version, IDENTITY_MISMATCH.
 */
export async function loadShardState(
  db: EngineDb,
  dir: string,
  init: ShardInit,
  numbers: FlushNumbers,
): Promise<ShardState | null> {
  const [format, counters] = await db.getMany([FORMAT_KEY, COUNTERS_KEY])
  if (!format && !counters && numbers.highest === 0) return null
  if (!format || !counters) throw corruptShard(dir, 'the record of the shard is gone')
  if (numbers.highest === 0) throw corruptShard(dir, 'all its flush numbers are gone')
  const databaseId = checkFormat(decodeCheckedJson(format) as StoredFormat | null, dir, init)
  const known = decodeCheckedJson(counters) as ShardCounters | null
  if (known === null) throw corruptShard(dir, 'the counters of the shard are not what was written')
  return { counters: { nextSlot: known.nextSlot, nextSpace: known.nextSpace }, databaseId }
}

/** Puts the state of a new shard into `batch`, and returns it. */
export function putNewShardState(batch: EngineBatch, init: ShardInit, databaseId: Buffer): ShardState {
  const { shardIndex, shardCount } = init
  const counters = { nextSlot: 0, nextSpace: 0 }
  const format: StoredFormat = {
    v: SHARD_FORMAT_VERSION,
    databaseId: databaseId.toString('hex'),
    shardIndex,
    shardCount,
  }
  batch.put(FORMAT_KEY, encodeCheckedJson(format))
  batch.put(COUNTERS_KEY, encodeCounters(counters))
  return { counters, databaseId }
}

/** A replica's numbers are below the counters that gave them; otherwise a number would be given again. Throws CORRUPT. */
export function checkCounted(
  replica: { readonly slot: number; readonly space: number },
  counters: ShardCounters,
  dir: string,
  init: ShardInit,
): void {
  const highestSlot = storeNumber(counters.nextSlot - 1, init)
  const highestSpace = storeNumber(counters.nextSpace - 1, init)
  if (replica.slot <= highestSlot && replica.space <= Math.max(highestSpace, 0)) return
  throw corruptShard(
    dir,
    `replica slot ${replica.slot} (space ${replica.space}) is above the shard's counters`,
  )
}

/** The database id. */
function checkFormat(format: StoredFormat | null, dir: string, init: ShardInit): Buffer {
  if (format === null) throw corruptShard(dir, 'the record of the shard is not what was written')
  if (format.v !== SHARD_FORMAT_VERSION) {
    throw new FlotillaError(
      'IDENTITY_MISMATCH',
      `${dir} has format ${format.v}; this version reads ${SHARD_FORMAT_VERSION}.`,
    )
  }
  if (format.shardIndex !== init.shardIndex || format.shardCount !== init.shardCount) {
    const found = `shard ${format.shardIndex} of ${format.shardCount}`
    const wanted = `shard ${init.shardIndex} of ${init.shardCount}`
    throw new FlotillaError('IDENTITY_MISMATCH', `${dir} holds ${found} but was opened as ${wanted}.`)
  }
  return Buffer.from(format.databaseId, 'hex')
}
