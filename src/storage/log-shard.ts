import type { LogBlock } from '../block/log-block.ts'
import type { ShardThread } from '../env/ports.ts'
import { assert, assertPresent } from '../util/assert.ts'
import type { FlotillaError } from '../util/errors.ts'
import { MAX_SHARD_QUEUE_BYTES } from '../util/limits.ts'
import { ApplyQueue } from './apply-queue.ts'
import { WRITE_OVERHEAD_BYTES, writeCost } from './flush-gathering.ts'
import { FlushQueue } from './flush-queue.ts'
import type {
  LogShardOptions,
  LogShardStats,
  OpenedScan,
  ScanOptions,
  ScanRow,
  StateDigestAnswer,
  TruncationPlan,
} from './log-shard-types.ts'
import { newReplicaRecord } from './replica-record.ts'
import type { ReplicaSpec } from './replica-record.ts'
import type { RecoveredReplica, ReplicaRecord, ReplicaWrite } from './replica-write.ts'
import { unpackRecovered } from './recovered-wire.ts'
import { ShardCalls } from './shard-calls.ts'
import type { GetDone } from './shard-calls.ts'
import { closed, fromWireError, workerDied } from './shard-errors.ts'
import { storeNumber } from './shard-protocol.ts'
import type { FromWorker, ShardInit, ToWorker } from './shard-protocol.ts'
import { ShardQuestions } from './shard-questions.ts'
import type { Done } from './shard-questions.ts'
import { SlotState } from './slot-state.ts'

export type {
  LogShardOptions,
  LogShardStats,
  OpenedScan,
  ScanOptions,
  ScanRow,
  StateDigestAnswer,
  TruncationPlan,
} from './log-shard-types.ts'
export type { GetDone } from './shard-calls.ts'

/**
 * The main side of a shard: gathers what its replicas write while a flush is on its way, posts one flush for all of them,
 * and releases each vouch after the flush its own bytes rode in. Durability is counted by flush, never by index.
 *
 * A first storage error, or the worker's death, is the end: `failed` is set, `onFailed` called, no vouch released and
 * nothing taken ever after.
 */
export class LogShard {
  readonly recovered: readonly RecoveredReplica[]
  readonly stats: LogShardStats = {
    flushes: 0,
    blocks: 0,
    entries: 0,
    bytes: 0,
    applies: 0,
    appliedEntries: 0,
    reads: 0,
    readKeys: 0,
    truncatedEntries: 0,
    retainedBytes: 0,
    queuedBytes: 0,
  }
  readonly #o: LogShardOptions
  readonly #maxQueueBytes: number
  /** Of this turn's proposals, which are no blocks yet. */
  #spokenFor = 0
  readonly #init: ShardInit
  readonly #thread: ShardThread
  readonly #calls: ShardCalls
  readonly #questions: ShardQuestions
  readonly #slots = new Map<number, SlotState>()
  #nextSlot: number
  #nextSpace: number
  #highestFlush: number
  #failed: FlotillaError | null = null
  #closing: Promise<void> | null = null
  #onDrained: (() => void) | null = null
  #onGivenUp: (() => void) | null = null
  #scheduled = false
  #stateWriteOverdue = false
  readonly #flushes = new FlushQueue()
  readonly #applies = new ApplyQueue()
  readonly #creations = new Set<(error: FlotillaError) => void>()

  private constructor(o: LogShardOptions, init: ShardInit, thread: ShardThread, opened: Opened) {
    this.#o = o
    this.#maxQueueBytes = o.maxQueueBytes ?? MAX_SHARD_QUEUE_BYTES
    this.#init = init
    this.#thread = thread
    this.#calls = new ShardCalls((message, transfer) => this.#post(message, transfer))
    this.#questions = new ShardQuestions(this.#calls)
    this.#nextSlot = opened.recovered.nextSlot
    this.#nextSpace = opened.recovered.nextSpace
    this.#highestFlush = opened.recovered.highestFlush
    this.recovered = unpackRecovered(opened.recovered)
    this.stats.retainedBytes = opened.recovered.logBytes
    for (const replica of this.recovered) {
      const lastTerm = replica.termRuns.at(-1)?.term ?? replica.record.prevTerm
      const state = new SlotState(replica.record, replica.lastIndex, lastTerm, replica.appliedIndex)
      this.#slots.set(replica.record.slot, state)
    }
  }

  /** Rejects with CORRUPT, IDENTITY_MISMATCH, DATA_DIR_LOCKED, STORAGE_FAILED or UNSUPPORTED_PLATFORM. */
  static async open(o: LogShardOptions): Promise<LogShard> {
    const { dir, shardIndex, shardCount, mustExist = false } = o
    const init: ShardInit = { dir, shardIndex, shardCount, mustExist }
    const thread = o.threads.startShard(init)
    try {
      const opened = await new Promise<Opened>((resolve, reject) => {
        thread.setHandler((message) => {
          const answer = message as FromWorker
          if (answer.t === 'opened') resolve(answer)
          else if (answer.t === 'failed') reject(fromWireError(answer.error))
        })
        thread.ended.then((error) => reject(workerDied(o.shardIndex, error)))
      })
      for (const note of opened.notes) o.logger.warn({ shardIndex }, note)
      const shard = new LogShard(o, init, thread, opened)
      thread.setHandler((message) => shard.#receive(message as FromWorker))
      thread.ended.then((error) => shard.#onEnded(error))
      return shard
    } catch (error) {
      // The engines were closed before the failure was told, unless the thread died: then they went with it.
      await thread.terminate()
      throw error
    }
  }

  /** Why the shard promises nothing any more; null while it works. */
  get failed(): FlotillaError | null {
    return this.#failed
  }

  /** Number of the newest durable flush, of all lives of the shard: only a disk that lost something ever shows less. */
  get highestFlush(): number {
    return this.#highestFlush
  }

  /** Flushes with the worker; one that does not come back for long is a sign of a stuck disk. See `stats.flushes`. */
  get postedFlushes(): number {
    return this.#flushes.posted
  }

  /**
   * An apply is with the worker, or a write of what was applied takes long there; one that does not come back for long is a
   * sign of a stuck disk too. See `stats.applies`.
   */
  get applying(): boolean {
    return this.#applies.inFlight || this.#stateWriteOverdue
  }

  queueRoomBytes(): number {
    if (this.#closing || this.#failed) return 0
    return Math.max(0, this.#maxQueueBytes - this.stats.queuedBytes - this.#spokenFor)
  }

  speakFor(bytes: number): void {
    this.#spokenFor += bytes
  }

  /** The replica's record as it is after all that was handed over. */
  recordOf(slot: number): ReplicaRecord {
    return this.#slotOf(slot).record
  }

  /**
   * Makes the replicas in one flush and resolves when they are on disk. Slots (unique in the store) and spaces are never
   * used again, not even after a failure. Rejects with CLOSED or what the shard failed with.
   */
  async createReplicas(specs: readonly ReplicaSpec[]): Promise<RecoveredReplica[]> {
    if (this.#failed) throw this.#failed
    if (this.#closing) throw closed()
    if (specs.length === 0) return []
    const created: RecoveredReplica[] = []
    const gathering = this.#flushes.gathering(0)
    for (const spec of specs) {
      const slot = storeNumber(this.#nextSlot++, this.#init)
      const space = spec.needsSpace ? storeNumber(this.#nextSpace++, this.#init) : 0
      const record = newReplicaRecord(spec, slot, space)
      const state = new SlotState(record, 0, 0, 0)
      this.#slots.set(slot, state)
      gathering.putRecord(state)
      created.push({ record, lastIndex: 0, termRuns: [], appliedIndex: 0, appliedTerm: 0, stateLost: false })
    }
    gathering.putCounters({ nextSlot: this.#nextSlot, nextSpace: this.#nextSpace })
    await new Promise<void>((resolve, reject) => {
      this.#creations.add(reject)
      const release = (): void => {
        this.#creations.delete(reject)
        resolve()
      }
      gathering.vouches.push({ release })
      this.#schedule()
    })
    return created
  }

  /**
   * Takes a write. Room is the owner's to ask for first (`queueRoomBytes`), before it changes anything of its own: what it
   * then hands over is taken. False when the shard has failed or is
   * closing. Throws InvariantError when the write does not continue its log. The bytes of blocks must not change before
   * the flush.
   */
  write(write: ReplicaWrite): boolean {
    if (this.#failed || this.#closing) return false
    const cost = writeCost(write)
    const state = this.#slotOf(write.slot)
    state.check(write)
    this.#flushes.gathering(cost).take(state, write, cost)
    this.stats.queuedBytes += cost
    this.#schedule()
    return true
  }

  /**
   * Asks how far logs may be cut at their beginning. `soft` are pairs `slot, index`: every voter holds that replica's
   * entries up to the index. The worker reads how far each state has come, makes that durable, and names for each log the
   * first block that must stay: entries that the soft index or the state has not reached are never in the plan. When what
   * is left is above `budgetBytes`, the largest logs are cut down to one size, all the same, for whoever may lag, but not
   * above what their states hold. Replicas without a space are passed over: their log is their state. One plan has at
   * most MAX_TRUNCATED_BLOCKS_PER_PASS blocks; `more` says that there are more.
   *
   * Answers with BUSY (at once), CLOSED, or what the shard failed with.
   */
  planTruncation(soft: Float64Array, budgetBytes: number, done: Done<TruncationPlan | null>): void {
    if (!this.#ask((error) => done(error, null))) return
    for (let i = 0; i < soft.length; i += 2) this.#slotOf(soft[i]!)
    this.#questions.planTruncation(soft, budgetBytes, (error, plan, logBytes) => {
      const pairs = plan?.pairs ?? []
      for (let i = 0; i < pairs.length; i += 2) {
        const state = this.#slotOf(pairs[i]!)
        state.plannedFirstIndex = Math.max(state.plannedFirstIndex, pairs[i + 1]!)
      }
      if (plan) this.stats.retainedBytes = logBytes
      done(error, plan)
    })
  }

  /**
   * The log of `slot` begins at `firstIndex` from now on, behind an entry of `prevTerm`; the blocks below it go with the
   * next flush, in one batch with the record that says so. `firstIndex` is from a plan; one that the log has passed
   * meanwhile changes nothing. False when the shard has failed or is closing. Throws InvariantError when no plan named it
   * or the log ends below it.
   */
  truncate(slot: number, firstIndex: number, prevTerm: number): boolean {
    if (this.#failed || this.#closing) return false
    this.#flushes.gathering(WRITE_OVERHEAD_BYTES).truncate(this.#slotOf(slot), firstIndex, prevTerm)
    this.#schedule()
    return true
  }

  /** The end of a turn: posts what has gathered, flushes first. */
  flushTurn(): void {
    this.#scheduled = false
    if (this.#failed || this.#closing) return
    this.#postFlushes()
    this.#postApplies()
    this.#calls.flushTurn()
  }

  /**
   * Entries `from … to`, cut to just that, as many as fit `maxBytes` but one block at least; fewer when the log ends
   * before `to` or the rest still waits for its flush: where a cut waits, the worker has what it cuts off. Answers with
   * INVALID_ARGUMENT when the log begins above `from`, CLOSED, or CORRUPT (and the shard has failed). Never BUSY: a read
   * waits for those before it.
   */
  readBlocks(slot: number, from: number, to: number, maxBytes: number, done: Done<LogBlock[]>): void {
    if (!this.#ask((error) => done(error, []))) return
    const { record, postedIndex } = this.#slotOf(slot)
    this.#questions.readBlocks(record.slot, from, Math.min(to, postedIndex), maxBytes, done)
  }

  /**
   * Entries up to `toIndex` are committed: the worker shall apply them. They must have been handed over. `onApplied`
   * tells, perhaps in several steps.
   */
  apply(slot: number, toIndex: number): void {
    if (this.#failed || this.#closing) return
    if (this.#applies.want(this.#slotOf(slot), toIndex)) this.#schedule()
  }

  /**
   * The values of `keys`, null where absent, as of an applied index that is at least the one answered. Answers with
   * CORRUPT when a value is not what was written, BUSY (at once), CLOSED, or what the shard failed with.
   */
  getMany(slot: number, keys: readonly Uint8Array[], done: GetDone): void {
    if (!this.#ask((error) => done(error, [], 0))) return
    this.stats.reads++
    this.stats.readKeys += keys.length
    this.#calls.get(slot, this.#slotOf(slot).record.space, keys, done)
  }

  /** One consistent view of a part of the state, to be closed by `scanClose`. Errors as `getMany`. */
  scanOpen(slot: number, options: ScanOptions, done: Done<OpenedScan | null>): void {
    if (!this.#ask((error) => done(error, null))) return
    this.#questions.scanOpen(this.#slotOf(slot).record.slot, options, done)
  }

  /** Up to `maxRows` rows or about MAX_SCAN_PAGE_BYTES; none at the end. The value is null in a scan of keys. */
  scanNext(scan: number, maxRows: number, done: Done<ScanRow[]>): void {
    if (!this.#ask((error) => done(error, []))) return
    this.#questions.scanNext(scan, maxRows, done)
  }

  /** Idempotent. */
  scanClose(scan: number): void {
    if (this.#failed || this.#closing) return
    this.#questions.scanClose(scan)
    this.#schedule()
  }

  /**
   * Of one consistent view of the whole state of a replica: as it is, or waits for the applied index `at`. Where that is
   * passed, or will not be waited for, the answer has no digest. Errors as `getMany`.
   */
  async digest(slot: number, at = 0): Promise<StateDigestAnswer> {
    const refused = this.#refused()
    if (refused) throw refused
    this.#schedule()
    return this.#questions.digest(this.#slotOf(slot).record.slot, at)
  }

  /** The owner has lost faith in the shard, for instance because a flush never came back. */
  abandon(error: FlotillaError): void {
    this.#fail(error)
  }

  /**
   * Flushes what was handed over (its vouches are released), closes both engines and ends the thread. Who still waits is
   * told CLOSED. Never rejects: a failure on the way is told by `onFailed`.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    // Lets `#closing` be set before anything is released.
    await null
    if (!this.#failed) {
      await new Promise<void>((resolve) => {
        this.#onDrained = resolve
        this.#postFlushes()
      })
    }
    if (!this.#failed) {
      this.#post({ t: 'close' })
      // A failure ends the wait too: a broken engine may never close.
      await new Promise<void>((resolve) => {
        this.#onGivenUp = resolve
        void this.#thread.ended.then(() => resolve())
      })
    }
    this.#calls.failAll(closed())
    await this.#thread.terminate()
  }

  #refused(): FlotillaError | null {
    return this.#failed ?? (this.#closing ? closed() : null)
  }

  /** True when a question may be put; it leaves at the end of the turn. */
  #ask(refuse: (error: FlotillaError) => void): boolean {
    const refused = this.#refused()
    if (refused) refuse(refused)
    else this.#schedule()
    return refused === null
  }

  #slotOf(slot: number): SlotState {
    return assertPresent(this.#slots.get(slot), 'the shard knows the slot')
  }

  #schedule(): void {
    if (this.#scheduled || this.#failed) return
    this.#scheduled = true
    this.#o.scheduleFlush()
  }

  #post(message: ToWorker, transfer?: readonly ArrayBuffer[]): void {
    this.#thread.post(message, transfer)
  }

  #postFlushes(): void {
    for (let flush = this.#flushes.next(); flush !== null; flush = this.#flushes.next()) {
      const { ops, bytes } = flush.post()
      this.stats.bytes += bytes.byteLength
      this.#post({ t: 'flush', id: flush.id, ops, bytes }, [bytes, ops.buffer])
    }
    if (this.#flushes.posted === 0) this.#drained()
  }

  #drained(): void {
    this.#onDrained?.()
    this.#onDrained = null
  }

  /** Blocks go before their apply. */
  #postApplies(): void {
    const pairs = this.#applies.take()
    if (pairs) this.#post({ t: 'apply', pairs })
  }

  #receive(message: FromWorker): void {
    if (this.#failed) return
    this.#o.enterTurn()
    switch (message.t) {
      case 'flushed':
        this.#onFlushed(message)
        break
      case 'applied':
        this.#onApplied(message)
        break
      case 'stateWrite':
        this.#stateWriteOverdue = message.overdue
        break
      case 'got':
        this.#calls.onGot(message)
        break
      case 'answer':
        if (this.#calls.onAnswer(message)) this.#schedule()
        break
      case 'failed':
        this.#fail(fromWireError(message.error))
        break
      case 'opened':
        assert(false, 'a shard is opened once')
    }
  }

  #onFlushed({ id, number }: Extract<FromWorker, { t: 'flushed' }>): void {
    const flush = this.#flushes.returned(id)
    this.#highestFlush = number
    this.stats.queuedBytes -= flush.queuedCost
    this.stats.flushes++
    this.stats.blocks += flush.blockCount
    this.stats.entries += flush.entryCount
    this.stats.truncatedEntries += flush.truncatedEntries
    for (const vouch of flush.vouches) {
      if (this.#failed) return
      vouch.release()
    }
    if (this.#closing) this.#postFlushes()
    else if (!this.#flushes.empty) this.#schedule()
  }

  #onApplied({ pairs, failures }: Extract<FromWorker, { t: 'applied' }>): void {
    this.#applies.returned()
    for (const { slot } of failures) this.#slotOf(slot).applyStopped = true
    for (let i = 0; i < pairs.length && !this.#failed; i += 2) {
      const entries = this.#applies.advance(this.#slotOf(pairs[i]!), pairs[i + 1]!)
      if (entries === 0) continue
      this.stats.applies++
      this.stats.appliedEntries += entries
      this.#o.onApplied(pairs[i]!, pairs[i + 1]!)
    }
    for (const { slot, index, message } of failures) this.#o.onApplyFailed(slot, index, message)
    if (!this.#applies.empty) this.#schedule()
  }

  #onEnded(error: Error | null): void {
    if (this.#closing && error === null) return
    this.#fail(workerDied(this.#init.shardIndex, error))
  }

  #fail(error: FlotillaError): void {
    if (this.#failed) return
    this.#failed = error
    this.#o.logger.error({ code: error.code, err: error }, 'The shard has failed.')
    this.#flushes.clear()
    this.#applies.clear()
    for (const reject of this.#creations) reject(error)
    this.#creations.clear()
    this.#calls.failAll(error)
    this.#o.onFailed(error)
    this.#drained()
    this.#onGivenUp?.()
  }
}

type Opened = Extract<FromWorker, { t: 'opened' }>
