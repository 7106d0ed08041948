import { BlockFormatError, parseBlock } from '../block/log-block.ts'
import type { LogBlock } from '../block/log-block.ts'
import type { EngineDb } from '../env/ports.ts'
import { decodeCheckedJson } from '../storage/checked-json.ts'
import { KEY_BLOCK, KEY_COUNTERS, KEY_RECORD, logKey, SHARD_SLOT } from '../storage/log-keys.ts'
import type { RecoveredLog } from '../storage/log-recovery.ts'
import { decodeReplicaRecord } from '../storage/replica-record.ts'
import type { ReplicaRecord } from '../storage/replica-write.ts'
import { storeNumber } from '../storage/shard-protocol.ts'
import type { ShardInit } from '../storage/shard-protocol.ts'
import type { ShardCounters } from '../storage/shard-state.ts'
import { hash32 } from '../util/hash.ts'
import { INSPECT_MAX_SLOTS } from '../util/limits.ts'
import { whatIsWrong } from './guards.ts'
import type { InspectedLog } from './inspected-store.ts'

/** A replica's record and what its log shows. */
export interface ReplicaLog {
  readonly record: ReplicaRecord
  readonly log: InspectedLog
}

export function fromRecovered({ log, record, termRuns }: RecoveredLog): ReplicaLog {
  return {
    record,
    log: {
      firstIndex: log.firstIndex,
      lastIndex: log.lastIndex,
      lastTerm: termRuns.at(-1) ?? record.prevTerm,
      blocks: log.blockCount,
      entries: log.lastIndex - log.firstIndex + 1,
      bytes: log.bytesFrom(0),
      brokenBy: null,
    },
  }
}

/**
 * What a damaged log still shows. Everything is asked for by its key: gets verify what they read, while an iterator may
 * pass over damage or end the process. So one block after the other, until one is not what was written. `onLost` is told of
 * replicas of which nothing can be shown.
 */
export async function walkLogs(
  db: EngineDb,
  dir: string,
  init: ShardInit,
  onLost: (what: string) => void,
): Promise<ReplicaLog[]> {
  const counters = await getSound(db, dir, logKey(SHARD_SLOT, KEY_COUNTERS, 0), decodeCheckedJson)
  if (counters.value === null) onLost(`how many replicas there are (${counters.why})`)
  const { nextSlot } = (counters.value as ShardCounters | null) ?? { nextSlot: 0 }
  const found: ReplicaLog[] = []
  for (let local = 0; local < Math.min(nextSlot, INSPECT_MAX_SLOTS); local++) {
    const slot = storeNumber(local, init)
    const { value: record, why } = await getSound(db, dir, logKey(slot, KEY_RECORD, 0), decodeReplicaRecord)
    if (record === null) onLost(`the record of replica slot ${slot} (${why})`)
    else found.push({ record, log: await walkLog(db, dir, record) })
  }
  return found
}

async function walkLog(db: EngineDb, dir: string, record: ReplicaRecord): Promise<InspectedLog> {
  const { firstIndex, prevTerm } = record
  const shown = { firstIndex, lastIndex: firstIndex - 1, lastTerm: prevTerm, blocks: 0, entries: 0, bytes: 0 }
  for (;;) {
    let block: LogBlock | null
    try {
      block = await readBlock(db, record, shown.lastIndex + 1)
    } catch (error) {
      return {
        ...shown,
        brokenBy: error instanceof BlockFormatError ? error.message : whatIsWrong(error, dir),
      }
    }
    if (block === null) return { ...shown, brokenBy: null }
    shown.lastIndex = block.lastIndex
    shown.lastTerm = block.term
    shown.blocks++
    shown.entries += block.count
    shown.bytes += block.byteLength
  }
}

async function readBlock(db: EngineDb, record: ReplicaRecord, first: number): Promise<LogBlock | null> {
  const [value] = await db.getMany([logKey(record.slot, KEY_BLOCK, first)])
  if (!value) return null
  const block = parseBlock(value)
  if (block.groupTag !== hash32(record.groupId)) throw new BlockFormatError('it is of another group')
  if (block.firstIndex !== first) throw new BlockFormatError(`the block there begins at ${block.firstIndex}`)
  return block
}

/** Null, and why, when it is gone or not what was written. */
async function getSound<T>(
  db: EngineDb,
  dir: string,
  key: Buffer,
  decode: (bytes: Buffer) => T | null,
): Promise<{ value: T | null; why: string }> {
  try {
    const [bytes] = await db.getMany([key])
    if (!bytes) return { value: null, why: 'it is gone' }
    return { value: decode(bytes), why: 'it is not what was written' }
  } catch (error) {
    return { value: null, why: whatIsWrong(error, dir) }
  }
}
