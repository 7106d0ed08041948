import type { EngineDb } from '../env/ports.ts'
import { FlotillaError } from '../util/errors.ts'
import { decodeCheckedJson, encodeCheckedJson } from './checked-json.ts'
import type { FlushNumbers } from './flush-numbers.ts'
import { corruptShard } from './log-damage.ts'
import { KEY_COUNTERS, KEY_FORMAT, logKey, SHARD_SLOT } from './log-keys.ts'
import { storeNumber } from './shard-protocol.ts'
import type { ShardInit } from './shard-protocol.ts'

export const SHARD_FORMAT_VERSION = 1

/** The local numbers that the next replica and the next space get. They only rise: no number is ever used again. */
export interface ShardCounters {
  readonly nextSlot: number
  readonly nextSpace: number
}

interface StoredFormat {
  readonly v: number
  readonly shardIndex: number
  readonly shardCount: number
}

export function encodeCounters(counters: ShardCounters): Buffer {
  return encodeCheckedJson({ nextSlot: counters.nextSlot, nextSpace: counters.nextSpace })
}

/**
 * Compares the shard's format with what the store expects, or writes both on a new disk. Rejects with CORRUPT or, when
 * the directory belongs to another shard, another number of shards or a later version, IDENTITY_MISMATCH.
 */
export async function loadShardState(
  db: EngineDb,
  dir: string,
  init: ShardInit,
  numbers: FlushNumbers,
): Promise<ShardCounters> {
  const formatKey = logKey(SHARD_SLOT, KEY_FORMAT, 0)
  const countersKey = logKey(SHARD_SLOT, KEY_COUNTERS, 0)
  const [format, counters] = await db.getMany([formatKey, countersKey])
  if (!format && !counters && numbers.highest === 0) {
    const { shardIndex, shardCount } = init
    const batch = db.createBatch()
    batch.put(formatKey, encodeCheckedJson({ v: SHARD_FORMAT_VERSION, shardIndex, shardCount }))
    batch.put(countersKey, encodeCounters({ nextSlot: 0, nextSpace: 0 }))
    numbers.stamp(batch)
    await db.write(batch, true)
    return { nextSlot: 0, nextSpace: 0 }
  }
  if (!format || !counters) throw corruptShard(dir, 'the record of the shard is gone')
  checkFormat(decodeCheckedJson(format) as StoredFormat | null, dir, init)
  const known = decodeCheckedJson(counters) as ShardCounters | null
  if (known === null) throw corruptShard(dir, 'the counters of the shard are not what was written')
  return { nextSlot: known.nextSlot, nextSpace: known.nextSpace }
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

function checkFormat(format: StoredFormat | null, dir: string, init: ShardInit): void {
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
}
