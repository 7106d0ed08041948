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
  SHARD_SLOT,
  writeLogKey,
} from './log-keys.ts'
import { checkEnds, readStoredBlock, recoverLogs } from './log-recovery.ts'
import type { RecoveredLog } from './log-recovery.ts'
import { decodeReplicaRecord, encodeReplicaRecord } from './replica-record.ts'
import type { ReplicaRecord } from './replica-write.ts'
import { checkCounted, encodeCounters } from './shard-state.ts'
import type { ShardCounters, ShardState } from './shard-state.ts'
import { OP_BLOCK, OP_COUNTERS, OP_CUT, OP_RECORD, OP_STRIDE } from './shard-protocol.ts'
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

  async close(): Promise<void> {
    await this.#db.close()
    await this.#ledger.close()
  }

  /** Brings a flush into the index: from now on its blocks can be read. */
  take(id: number, ops: Float64Array, bytes: ArrayBuffer): FlushJob {
    const blocks: LogBlock[] = []
    const slots: SlotLog[] = []
    const cuts: Array<CutEffect | null> = []
    let cost = bytes.byteLength
    for (let i = 0, at = 0; i < ops.length; i += OP_STRIDE) {
      const kind = ops[i]!
      const length = ops[i + 3]!
      if (kind === OP_BLOCK) {
        const slot = this.slotOf(ops[i + 1]!)
        const block = new LogBlock(Buffer.from(bytes, at, length))
        slot.append(block.firstIndex, block.count, block)
        blocks.push(block)
        slots.push(slot)
        cost += WORKER_BLOCK_OVERHEAD_BYTES
      } else if (kind === OP_CUT) {
        cuts.push(this.slotOf(ops[i + 1]!).cut(ops[i + 2]!))
      } else if (kind === OP_RECORD && !this.slots.has(ops[i + 1]!)) {
        this.#addSlot(Buffer.from(bytes, at, length))
      }
      at += length
    }
    const job: FlushJob = { id, ops, bytes, blocks, slots, cuts, cost, written: false }
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
      if (log.version === version) return blocks
    }
    return []
  }

  async #readOnce(log: SlotLog, from: number, to: number, maxBytes: number): Promise<LogBlock[]> {
    const blocks: LogBlock[] = []
    const version = log.version
    let bytes = 0
    let next = log.find(from)
    while (next >= 0 && next < log.blockCount && log.firstAt(next) <= to) {
      const until = Math.min(next + LOG_READ_BLOCKS, log.blockCount)
      const bodies = await this.#bodies(log, next, until)
      if (log.version !== version) return blocks
      for (let i = 0; i < bodies.length; i++) {
        const first = log.firstAt(next + i)
        const last = log.lastAt(next + i)
        if (first > to) return blocks
        if (bodies[i]!.lastIndex < last)
          throw corruptLog(this.dir, log.groupId, first, `the block ends before ${last}`)
        const block = sliceBlock(bodies[i]!, Math.max(first, from), Math.min(last, to))
        if (blocks.length > 0 && bytes + block.byteLength > maxBytes) return blocks
        blocks.push(block)
        bytes += block.byteLength
      }
      next = until
    }
    return blocks
  }

  /** Bodies of the blocks at positions `from … until - 1`. When the log is cut meanwhile the answer is of no use. */
  async #bodies(log: SlotLog, from: number, until: number): Promise<LogBlock[]> {
    const version = log.version
    const bodies: LogBlock[] = []
    const missing: number[] = []
    const keys: Buffer[] = []
    for (let position = from; position < until; position++) {
      const body = log.bodyAt(position)
      if (body === null) {
        missing.push(position - from)
        keys.push(logKey(log.slot, KEY_BLOCK, log.firstAt(position)))
      }
      bodies.push(body as LogBlock)
    }
    if (keys.length === 0) return bodies
    const values = await this.#db.getMany(keys)
    if (log.version !== version) return bodies
    for (let i = 0; i < values.length; i++) {
      const first = log.firstAt(from + missing[i]!)
      const value = values[i]
      if (!value) throw corruptLog(this.dir, log.groupId, first, 'the block is gone')
      bodies[missing[i]!] = readStoredBlock(value, log, first, this.dir)
    }
    return bodies
  }

  /**
   * Makes the log empty and lets it begin behind (index, term), as after the install of a snapshot. `record` is the
   * replica's new one. Only for start-up, when nothing else is in flight.
   */
  async reset(log: SlotLog, record: ReplicaRecord, index: number, term: number): Promise<void> {
    const batch = this.#db.createBatch()
    for (const first of log.reset(index, term)) batch.del(this.#keyOf(log.slot, KEY_BLOCK, first))
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
    const { slot, groupId, space, firstIndex, prevTerm } = record
    this.slots.set(slot, new SlotLog(slot, groupId, space, firstIndex, prevTerm))
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
    let trimmedBody = 0
    for (let i = 0, at = 0; i < ops.length; i += OP_STRIDE) {
      const slot = ops[i + 1]!
      const length = ops[i + 3]!
      switch (ops[i]) {
        case OP_BLOCK: {
          const body = job.blocks[block++]!
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
          batch.put(this.#keyOf(slot, KEY_RECORD, 0), Buffer.from(bytes, at, length))
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
      at += length
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
