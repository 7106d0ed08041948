import { LogBlock, sliceBlock } from '../block/log-block.ts'
import type { Disk, EngineBatch, EngineDb } from '../env/ports.ts'
import { assert, assertPresent } from '../util/assert.ts'
import { FlotillaError } from '../util/errors.ts'
import {
  LOG_READ_BLOCKS,
  MAX_LOG_READ_RETRIES,
  MAX_WORKER_BLOCK_CACHE_BYTES,
  ROCKS_WRITE_BUFFER_BYTES,
  WORKER_BLOCK_OVERHEAD_BYTES,
} from '../util/limits.ts'
import { EngineHealth } from './engine-health.ts'
import { FlushNumbers } from './flush-numbers.ts'
import type { Ledger } from './ledger.ts'
import { corruptLog, corruptShard, withRemedy } from './log-damage.ts'
import { inspectLog, openGuarded } from './log-guard.ts'
import {
  KEY_BLOCK,
  KEY_COUNTERS,
  KEY_FLUSH_NUMBER,
  KEY_RECORD,
  LOG_KEY_BYTES,
  logKey,
  logKeyIndex,
  SHARD_SLOT,
  writeLogKey,
} from './log-keys.ts'
import { checkEnds, readStoredBlock, recoverLogs } from './log-recovery.ts'
import type { RecoveredLog } from './log-recovery.ts'
import { decodeReplicaRecord, encodeReplicaRecord } from './replica-record.ts'
import type { ReplicaRecord } from './replica-write.ts'
import { checkCounted, encodeCounters } from './shard-state.ts'
import type { ShardCounters, ShardState } from './shard-state.ts'
import { OP_BLOCK, OP_COUNTERS, OP_CUT, OP_RECORD, OP_STRIDE, OP_TRUNCATE } from './shard-protocol.ts'
import type { ShardInit } from './shard-protocol.ts'
import { SlotLog } from './slot-log.ts'
import type { CutEffect } from './slot-log.ts'

/** A flush that was taken: the index knows it, the disk does not yet. */
export interface FlushJob {
  readonly id: number
  readonly ops: Float64Array
  readonly bytes: ArrayBuffer
  /** In the order of the operations of their kind. */
  readonly blocks: readonly LogBlock[]
  readonly slots: readonly SlotLog[]
  readonly cuts: ReadonlyArray<CutEffect | null>
  /** First indexes of the blocks that each truncation removes. */
  readonly truncations: ReadonlyArray<readonly number[]>
  /** What its blocks cost the cache. */
  readonly cost: number
  written: boolean
}

export interface OpenedLog {
  readonly log: LogEngine
  readonly recovered: RecoveredLog[]
  /** What was found and is worth a warning. */
  readonly notes: string[]
}

/**
 * The worker's side of the log: one RocksDB for every replica of the shard. `take` brings a flush into the index at
 * once, in the order of arrival; `write` brings it to the disk, one at a time and in the same order.
 */
export class LogEngine {
  readonly slots = new Map<number, SlotLog>()
  readonly dir: string
  readonly counters: ShardCounters
  /** Drawn at the log's birth. */
  readonly databaseId: Buffer
  readonly #db: EngineDb
  readonly #health: EngineHealth
  readonly #numbers: FlushNumbers
  readonly #ledger: Ledger
  #durableFlush: number
  readonly #key = Buffer.allocUnsafe(LOG_KEY_BYTES)
  /** Flushes whose blocks are in memory, oldest first. */
  readonly #cached: FlushJob[] = []
  #cachedBytes = 0

  private constructor(db: EngineDb, dir: string, numbers: FlushNumbers, state: ShardState, ledger: Ledger) {
    this.#db = db
    this.dir = dir
    this.#health = new EngineHealth(db, dir)
    this.#numbers = numbers
    this.counters = state.counters
    this.databaseId = state.databaseId
    this.#ledger = ledger
    this.#durableFlush = numbers.highest
  }

  /**
   * Rejects with CORRUPT, IDENTITY_MISMATCH, DATA_DIR_LOCKED or STORAGE_FAILED; the engine is closed again then. `onError`
   * is told when the storage failed in the background: nothing may be promised after that.
   */
  static async open(disk: Disk, init: ShardInit, onError: (error: Error) => void): Promise<OpenedLog> {
    const dir = `${init.dir}/log`
    const notes = await inspectLog(disk, init)
    const db = await openDb(disk, dir)
    let log: LogEngine | null = null
    try {
      const damaged = (what: string): FlotillaError => corruptShard(dir, what)
      const numbers = await FlushNumbers.load(db, { kind: KEY_FLUSH_NUMBER, damaged })
      const { state, ledger } = await openGuarded(disk, db, init, numbers, onError)
      log = new LogEngine(db, dir, numbers, state, ledger)
      const recovered = await recoverLogs(db, dir)
      await checkEnds(db, dir, recovered, state.counters, init)
      for (const { log: slot } of recovered) {
        checkCounted(slot, state.counters, dir, init)
        log.slots.set(slot.slot, slot)
      }
      await log.#removeLeftovers(recovered)
      return { log, recovered, notes }
    } catch (error) {
      await (log ?? db).close()
      throw withRemedy(error, dir)
    }
  }

  /** Number of the newest durable flush. */
  get highestFlush(): number {
    return this.#durableFlush
  }

  /** Of the blocks of all logs. */
  get byteLength(): number {
    let bytes = 0
    for (const log of this.slots.values()) bytes += log.bytesFrom(0)
    return bytes
  }

  async close(): Promise<void> {
    await this.#db.close()
    await this.#ledger.close()
  }

  /** Brings a flush into the index: from now on its blocks can be read. */
  take(id: number, ops: Float64Array, bytes: ArrayBuffer): FlushJob {
    const blocks: LogBlock[] = []
    const slots: SlotLog[] = []
    const cuts: Array<CutEffect | null> = []
    const truncations: Array<readonly number[]> = []
    let cost = bytes.byteLength
    for (let i = 0, at = 0; i < ops.length; i += OP_STRIDE) {
      const kind = ops[i]!
      const index = ops[i + 2]!
      const extra = ops[i + 3]!
      if (kind === OP_BLOCK) {
        const slot = this.slotOf(ops[i + 1]!)
        const block = new LogBlock(Buffer.from(bytes, at, extra))
        slot.append(block.firstIndex, block.count, extra, block)
        blocks.push(block)
        slots.push(slot)
        cost += WORKER_BLOCK_OVERHEAD_BYTES
        at += extra
      } else if (kind === OP_CUT) {
        cuts.push(this.slotOf(ops[i + 1]!).cut(index))
      } else if (kind === OP_TRUNCATE) {
        truncations.push(this.#truncate(this.slotOf(ops[i + 1]!), index, extra))
      } else if (kind === OP_RECORD) {
        if (!this.slots.has(ops[i + 1]!)) this.#addSlot(Buffer.from(bytes, at, extra))
        at += extra
      }
    }
    const job: FlushJob = { id, ops, bytes, blocks, slots, cuts, truncations, cost, written: false }
    this.#cached.push(job)
    this.#cachedBytes += cost
    return job
  }

  /** One synced WriteBatch. Rejects with STORAGE_FAILED (or CORRUPT), after which nothing more may be promised. */
  async write(job: FlushJob): Promise<void> {
    const bodies = await this.#trimmedBodies(job)
    const batch = this.#db.createBatch()
    this.#fill(batch, job, bodies)
    await this.#sync(batch)
    job.written = true
    this.#evict()
  }

  #truncate(log: SlotLog, firstIndex: number, prevTerm: number): readonly number[] {
    const deleted = log.truncate(firstIndex)
    const next = log.blockCount > 0 && log.firstIndex === firstIndex ? log.bodyAt(0) : null
    assert(next === null || next.prevTerm === prevTerm, 'a truncated log begins behind the right term')
    return deleted
  }

  slotOf(slot: number): SlotLog {
    return assertPresent(this.slots.get(slot), 'the shard knows the slot')
  }

  /** The block in memory that holds `index`, without what was cut off it; null when it must be read from disk. */
  cached(log: SlotLog, index: number): LogBlock | null {
    const position = log.find(index)
    const body = position < 0 ? null : log.bodyAt(position)
    if (body === null) return null
    const last = log.lastAt(position)
    return body.lastIndex === last ? body : sliceBlock(body, body.firstIndex, last)
  }

  /**
   * Entries `from … to` in blocks that are cut to just that, as many as fit `maxBytes` but one block at least; fewer
   * when the log ends before `to`. Rejects with CORRUPT, or INVALID_ARGUMENT when the log begins above `from`.
   */
  async read(log: SlotLog, from: number, to: number, maxBytes: number): Promise<LogBlock[]> {
    for (let attempt = 0; attempt < MAX_LOG_READ_RETRIES; attempt++) {
      if (from < log.firstIndex) {
        throw new FlotillaError('INVALID_ARGUMENT', `The log begins at ${log.firstIndex}, above ${from}.`)
      }
      const version = log.version
      const blocks = await this.#readOnce(log, from, to, maxBytes)
      if (log.version !== version) continue
      if (blocks.length > 0 || from >= log.firstIndex) return blocks
    }
    return []
  }

  async #readOnce(log: SlotLog, from: number, to: number, maxBytes: number): Promise<LogBlock[]> {
    const blocks: LogBlock[] = []
    const version = log.version
    let bytes = 0
    let next = from
    while (next <= to) {
      // Anew each time: a truncation moves positions.
      const position = log.find(next)
      if (position < 0) break
      const page = await this.#page(log, position, Math.min(position + LOG_READ_BLOCKS, log.blockCount))
      if (log.version !== version) break
      for (const whole of page) {
        if (whole.firstIndex > to) return blocks
        const block = sliceBlock(whole, Math.max(whole.firstIndex, from), Math.min(whole.lastIndex, to))
        if (blocks.length > 0 && bytes + block.byteLength > maxBytes) return blocks
        blocks.push(block)
        bytes += block.byteLength
        next = whole.lastIndex + 1
      }
    }
    return blocks
  }

  /**
   * The blocks at positions `from … until - 1`, without what was cut off them; none when one of them was truncated away
   * meanwhile. When the log is cut meanwhile the answer is of no use.
   */
  async #page(log: SlotLog, from: number, until: number): Promise<LogBlock[]> {
    const { version } = log
    const bodies: Array<LogBlock | null> = []
    const lasts: number[] = []
    const keys: Buffer[] = []
    for (let position = from; position < until; position++) {
      const body = log.bodyAt(position)
      if (body === null) keys.push(logKey(log.slot, KEY_BLOCK, log.firstAt(position)))
      bodies.push(body)
      lasts.push(log.lastAt(position))
    }
    const values = keys.length > 0 ? await this.#db.getMany(keys) : []
    if (log.version !== version) return []
    const page: LogBlock[] = []
    for (let i = 0, missing = 0; i < bodies.length; i++) {
      const body = bodies[i] ?? this.#stored(log, logKeyIndex(keys[missing]!), values[missing++]!)
      if (body === null) return []
      const last = lasts[i]!
      if (body.lastIndex < last)
        throw corruptLog(this.dir, log.groupId, body.firstIndex, `the block ends before ${last}`)
      page.push(sliceBlock(body, body.firstIndex, last))
    }
    return page
  }

  /** The block that was read at `first`; null when it was truncated away meanwhile. Throws CORRUPT. */
  #stored(log: SlotLog, first: number, value: Buffer | null): LogBlock | null {
    if (value !== null) return readStoredBlock(value, log, first, this.dir)
    if (first < log.firstIndex) return null
    throw corruptLog(this.dir, log.groupId, first, 'the block is gone')
  }

  /**
   * Makes the log empty and lets it begin behind `index`, as after the install of a snapshot. `record` is the replica's
   * new one. Only for start-up, when nothing else is in flight.
   */
  async reset(log: SlotLog, record: ReplicaRecord, index: number): Promise<void> {
    const batch = this.#db.createBatch()
    for (const first of log.reset(index)) batch.del(this.#keyOf(log.slot, KEY_BLOCK, first))
    batch.put(this.#keyOf(log.slot, KEY_RECORD, 0), encodeReplicaRecord(record))
    await this.#sync(batch)
  }

  async #removeLeftovers(recovered: readonly RecoveredLog[]): Promise<void> {
    const batch = this.#db.createBatch()
    for (const { log, leftovers } of recovered) {
      for (const first of leftovers) batch.del(this.#keyOf(log.slot, KEY_BLOCK, first))
    }
    if (batch.count > 0) await this.#sync(batch)
  }

  async #sync(batch: EngineBatch): Promise<void> {
    this.#numbers.stamp(batch)
    const number = this.#numbers.highest
    await this.#db.write(batch, true)
    this.#health.check()
    this.#ledger.raise(number)
    this.#durableFlush = number
  }

  #keyOf(slot: number, kind: number, index: number): Buffer {
    return writeLogKey(this.#key, slot, kind, index)
  }

  #addSlot(bytes: Buffer): void {
    const record = assertPresent(decodeReplicaRecord(bytes), 'a posted record can be read')
    const { slot, groupId, space, firstIndex } = record
    this.slots.set(slot, new SlotLog(slot, groupId, space, firstIndex))
  }

  /** Bodies of the blocks that `job` keeps in part, in order; read back where memory no longer holds them. */
  async #trimmedBodies(job: FlushJob): Promise<LogBlock[]> {
    const bodies: LogBlock[] = []
    for (let i = 0, cut = 0; i < job.ops.length; i += OP_STRIDE) {
      if (job.ops[i] !== OP_CUT) continue
      const trimmed = job.cuts[cut++]?.trimmed
      if (!trimmed) continue
      const log = this.slotOf(job.ops[i + 1]!)
      bodies.push(trimmed.body ?? (await this.#readBody(log, trimmed.first)))
    }
    return bodies
  }

  async #readBody(log: SlotLog, first: number): Promise<LogBlock> {
    const [value] = await this.#db.getMany([logKey(log.slot, KEY_BLOCK, first)])
    if (!value) throw corruptLog(this.dir, log.groupId, first, 'the block is gone')
    return readStoredBlock(value, log, first, this.dir)
  }

  #fill(batch: EngineBatch, job: FlushJob, trimmedBodies: readonly LogBlock[]): void {
    const { ops, bytes } = job
    let block = 0
    let cut = 0
    let truncation = 0
    let trimmedBody = 0
    for (let i = 0, at = 0; i < ops.length; i += OP_STRIDE) {
      const slot = ops[i + 1]!
      const extra = ops[i + 3]!
      switch (ops[i]) {
        case OP_BLOCK: {
          const body = job.blocks[block++]!
          at += extra
          batch.put(this.#keyOf(slot, KEY_BLOCK, body.firstIndex), body.bytes)
          break
        }
        case OP_CUT: {
          const effect = job.cuts[cut++]!
          if (effect === null) break
          for (const first of effect.deleted) batch.del(this.#keyOf(slot, KEY_BLOCK, first))
          if (effect.trimmed === null) break
          const { first, to } = effect.trimmed
          const kept = sliceBlock(trimmedBodies[trimmedBody++]!, first, to)
          batch.put(this.#keyOf(slot, KEY_BLOCK, first), kept.bytes)
          break
        }
        case OP_RECORD:
          batch.put(this.#keyOf(slot, KEY_RECORD, 0), Buffer.from(bytes, at, extra))
          at += extra
          break
        case OP_TRUNCATE:
          for (const first of job.truncations[truncation++]!) batch.del(this.#keyOf(slot, KEY_BLOCK, first))
          break
        case OP_COUNTERS:
          batch.put(
            this.#keyOf(SHARD_SLOT, KEY_COUNTERS, 0),
            encodeCounters({ nextSlot: slot, nextSpace: ops[i + 2]! }),
          )
          break
        default:
          assert(false, 'a flush holds known operations')
      }
    }
  }

  /** Drops the oldest flushes from memory until the cache is within its bound. What is not on disk yet stays. */
  #evict(): void {
    let dropped = 0
    while (this.#cachedBytes > MAX_WORKER_BLOCK_CACHE_BYTES) {
      const job = this.#cached[dropped]
      if (!job?.written) break
      for (let i = 0; i < job.blocks.length; i++) job.slots[i]!.evict(job.blocks[i]!)
      this.#cachedBytes -= job.cost
      dropped++
    }
    if (dropped > 0) this.#cached.splice(0, dropped)
  }
}

async function openDb(disk: Disk, dir: string): Promise<EngineDb> {
  try {
    return await disk.engine.open(dir, { writeBufferBytes: ROCKS_WRITE_BUFFER_BYTES, compression: false })
  } catch (error) {
    throw withRemedy(error, dir)
  }
}
