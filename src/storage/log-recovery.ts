import { BlockFormatError, parseBlock } from '../block/log-block.ts'
import type { LogBlock } from '../block/log-block.ts'
import type { EngineDb } from '../env/ports.ts'
import { RECOVERY_READ_BLOCKS, RECOVERY_READ_BYTES } from '../util/limits.ts'
import { corruptLog, corruptShard } from './log-damage.ts'
import { KEY_BLOCK, KEY_RECORD, logKey, logKeyIndex, logKeyKind, logKeySlot, SHARD_SLOT } from './log-keys.ts'
import { decodeReplicaRecord } from './replica-record.ts'
import type { ReplicaRecord } from './replica-write.ts'
import type { ShardCounters } from './shard-state.ts'
import { storeNumber } from './shard-protocol.ts'
import type { ShardInit } from './shard-protocol.ts'
import { SlotLog } from './slot-log.ts'

const FIRST_READ_BLOCKS = 32

/** One replica's log as the disk holds it. */
export interface RecoveredLog {
  readonly log: SlotLog
  record: ReplicaRecord
  /** firstIndex, term of each run, one after the other. */
  termRuns: number[]
  /** First indexes of blocks below the log's beginning, whose removal a crash cut short. */
  readonly leftovers: number[]
}

/**
 * Reads and checks every record and block. Keys come from an iterator, bodies from getMany, for only that verifies the
 * engine's checksums. Throws CORRUPT: a gap, an overlap, another term or another group is damage, never a cut.
 */
export async function recoverLogs(db: EngineDb, dir: string): Promise<RecoveredLog[]> {
  const recovery = new Recovery(dir)
  const keys = db.iterator({ gte: logKey(SHARD_SLOT + 1, 0, 0), values: false })
  try {
    let rows = FIRST_READ_BLOCKS
    for (;;) {
      const page = (await keys.next(rows)).map((row) => row[0])
      if (page.length === 0) return recovery.found
      const values = await db.getMany(page)
      let bytes = 0
      for (let i = 0; i < page.length; i++) {
        recovery.take(page[i]!, values[i]!)
        bytes += values[i]!.length
      }
      const fit = Math.floor((RECOVERY_READ_BYTES * page.length) / Math.max(bytes, 1))
      rows = Math.max(1, Math.min(RECOVERY_READ_BLOCKS, fit))
    }
  } finally {
    await keys.close()
  }
}

/**
 * An iterator may pass over what it cannot read; a get may not. So each log is asked for the block behind its last one, and
 * the shard for the record of every slot that it ever gave and that was not found. Throws CORRUPT.
 */
export async function checkEnds(
  db: EngineDb,
  dir: string,
  found: readonly RecoveredLog[],
  counters: ShardCounters,
  init: ShardInit,
): Promise<void> {
  const keys: Buffer[] = []
  const known = new Set<number>()
  for (const { log } of found) {
    known.add(log.slot)
    keys.push(logKey(log.slot, KEY_BLOCK, log.lastIndex + 1))
  }
  for (let local = 0; local < counters.nextSlot; local++) {
    const slot = storeNumber(local, init)
    if (!known.has(slot)) keys.push(logKey(slot, KEY_RECORD, 0))
  }
  for (let from = 0; from < keys.length; from += RECOVERY_READ_BLOCKS) {
    const page = keys.slice(from, from + RECOVERY_READ_BLOCKS)
    const values = await db.getMany(page)
    const hidden = values.findIndex((value) => value !== null)
    if (hidden < 0) continue
    const slot = logKeySlot(page[hidden]!)
    throw corruptShard(dir, `something of replica slot ${slot} is there but is not listed`)
  }
}

class Recovery {
  readonly found: RecoveredLog[] = []
  readonly #dir: string
  #lastTerm = 0

  constructor(dir: string) {
    this.#dir = dir
  }

  take(key: Buffer, value: Buffer | null): void {
    const slot = logKeySlot(key)
    const kind = logKeyKind(key)
    if (value === null)
      throw corruptShard(this.#dir, `a key of replica slot ${slot} is listed but has no value`)
    if (kind === KEY_RECORD) this.#takeRecord(slot, value)
    else if (kind === KEY_BLOCK) this.#takeBlock(slot, logKeyIndex(key), value)
    else throw corruptShard(this.#dir, `a key of replica slot ${slot} is of the unknown kind ${kind}`)
  }

  #takeRecord(slot: number, value: Buffer): void {
    const record = decodeReplicaRecord(value)
    if (record === null || record.slot !== slot) {
      throw corruptShard(this.#dir, `the record of replica slot ${slot} is not what was written`)
    }
    const log = new SlotLog(slot, record.groupId, record.space, record.firstIndex)
    this.found.push({ log, record, termRuns: [], leftovers: [] })
    this.#lastTerm = record.prevTerm
  }

  #takeBlock(slot: number, index: number, value: Buffer): void {
    const current = this.found.at(-1)
    if (!current || current.log.slot !== slot) {
      throw corruptShard(this.#dir, `there is a block of replica slot ${slot} and no record of it`)
    }
    const block = readStoredBlock(value, current.log, index, this.#dir)
    if (block.lastIndex < current.log.firstIndex) {
      current.leftovers.push(index)
      return
    }
    const problem = this.#problem(current, block)
    if (problem !== null) throw corruptLog(this.#dir, current.record.groupId, index, problem)
    current.log.append(index, block.count, block.byteLength, null)
    if (block.term !== this.#lastTerm || current.termRuns.length === 0)
      current.termRuns.push(index, block.term)
    this.#lastTerm = block.term
  }

  /** How `block` does not continue its log; null when it does. */
  #problem(current: RecoveredLog, block: LogBlock): string | null {
    const end = current.log.lastIndex
    if (block.firstIndex > end + 1) return `a gap: the entry before it is ${end}`
    if (block.firstIndex <= end) return `an overlap: the entry before it is ${end}`
    if (block.prevTerm !== this.#lastTerm) {
      return `it continues term ${block.prevTerm} but the entry before it is of term ${this.#lastTerm}`
    }
    if (block.term > current.record.term) {
      return `its term ${block.term} is above the replica's term ${current.record.term}`
    }
    return null
  }
}

/** The block stored for `log` at `first`. Throws CORRUPT when it is not what was written there. */
export function readStoredBlock(value: Buffer, log: SlotLog, first: number, dir: string): LogBlock {
  let block: LogBlock
  try {
    block = parseBlock(value)
  } catch (error) {
    if (!(error instanceof BlockFormatError)) throw error
    throw corruptLog(dir, log.groupId, first, `the block is not what was written (${error.message})`)
  }
  if (block.groupTag !== log.groupTag)
    throw corruptLog(dir, log.groupId, first, 'the block is of another group')
  if (block.firstIndex !== first) {
    throw corruptLog(dir, log.groupId, first, `the block there begins at ${block.firstIndex}`)
  }
  return block
}
