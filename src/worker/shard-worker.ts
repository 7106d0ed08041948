import type { Disk, ThreadPort } from '../env/ports.ts'
import { Applier } from '../kv/applier.ts'
import { openState } from '../kv/data-recovery.ts'
import { StateBuffer } from '../kv/state-buffer.ts'
import type { StateEngine } from '../kv/state-engine.ts'
import { LogEngine } from '../storage/log-engine.ts'
import type { FlushJob } from '../storage/log-engine.ts'
import type { RecoveredLog } from '../storage/log-recovery.ts'
import { pack, packedTransfer } from '../storage/packed.ts'
import { encodeReplicaRecord } from '../storage/replica-record.ts'
import { RECOVERED_STRIDE } from '../storage/shard-protocol.ts'
import type {
  FromWorker,
  RecoveredWire,
  ShardInit,
  ToWorker,
  ToWorkerCall,
} from '../storage/shard-protocol.ts'
import { FlotillaError, toFlotillaError } from '../util/errors.ts'
import { AwaitedDigests, type DigestCall } from './awaited-digests.ts'
import { Lane } from './lane.ts'
import { reconcile } from './reconcile.ts'
import { ShardReader, toWireError } from './shard-reader.ts'
import type { CallResult } from './shard-reader.ts'
import { planTruncation } from './truncation.ts'

/**
 * A shard's worker: owns both engines of the shard and does what its LogShard posts. Settles after `close`; rejects, and
 * says `failed` before, when the storage failed: nothing that promises anything leaves after that.
 */
export async function runShard(port: ThreadPort, disk: Disk, init: ShardInit): Promise<void> {
  let worker: ShardWorker
  try {
    worker = await ShardWorker.open(port, disk, init)
  } catch (error) {
    port.post({ t: 'failed', error: toWireError(error) } satisfies FromWorker)
    throw error
  }
  await worker.run()
}

type GetMessage = Extract<ToWorker, { t: 'get' }>
type PlanCall = Extract<ToWorkerCall, { t: 'planTruncation' }>
type ReadCall = Exclude<ToWorkerCall, PlanCall>
type ScanClose = Extract<ToWorker, { t: 'scanClose' }>

class ShardWorker {
  readonly #port: ThreadPort
  readonly #disk: Disk
  readonly #log: LogEngine
  readonly #state: StateEngine
  readonly #buffer: StateBuffer
  readonly #applier: Applier
  readonly #reader: ShardReader
  readonly #flushes: Lane<FlushJob>
  /** All that changes the state, or must find it at rest. */
  readonly #applies: Lane<Float64Array | PlanCall | 'digests'>
  readonly #gets: Lane<GetMessage>
  /** Block reads and scans' pages. */
  readonly #calls: Lane<ReadCall | ScanClose>
  /** Apart, for a digest reads a whole space. */
  readonly #digests: Lane<() => Promise<void>>
  readonly #awaited: AwaitedDigests
  #turnWaits = false
  #closing = false
  #error: FlotillaError | null = null
  #over = false
  #resolve: () => void = () => {}
  #reject: (error: Error) => void = () => {}

  private constructor(port: ThreadPort, disk: Disk, log: LogEngine, state: StateEngine) {
    this.#port = port
    this.#disk = disk
    this.#log = log
    this.#state = state
    const nextTurn = (): Promise<void> => new Promise((resolve) => disk.setImmediate(resolve))
    const onError = (error: unknown): void => this.#fail(error)
    const onOverdue = (overdue: boolean): void => this.#post({ t: 'stateWrite', overdue })
    this.#buffer = new StateBuffer(state, { timers: disk.timers, nextTurn, onError, onOverdue })
    this.#applier = new Applier(log, state, this.#buffer, nextTurn)
    this.#reader = new ShardReader(disk, log, state, this.#buffer)
    this.#flushes = this.#lane((job) => this.#flush(job))
    this.#applies = this.#lane((work) => {
      if (work === 'digests') return this.#takeAwaited()
      return work instanceof Float64Array ? this.#apply(work) : this.#plan(work)
    })
    this.#gets = this.#lane((message) => this.#get(message))
    this.#calls = this.#lane((message) =>
      message.t === 'scanClose' ? this.#reader.closeScan(message.scan) : this.#read(message),
    )
    this.#digests = this.#lane((work) => work())
    this.#awaited = new AwaitedDigests((slot) => this.#reader.appliedIndex(slot))
  }

  static async open(port: ThreadPort, disk: Disk, init: ShardInit): Promise<ShardWorker> {
    // A failure before there is a worker to tell makes its first flush fail.
    let onError: (error: unknown) => void = () => {}
    const { log, recovered, notes } = await LogEngine.open(disk, init, (error) => onError(error))
    try {
      const spaces = recovered.map(({ record }) => record.space).filter((space) => space > 0)
      const { state, notes: stateNotes } = await openState(disk, init.dir, log, spaces)
      try {
        stateNotes.push(...(await reconcile(log, state, recovered)))
      } catch (error) {
        await state.close()
        throw error
      }
      const worker = new ShardWorker(port, disk, log, state)
      onError = (error) => worker.#fail(error)
      worker.#postOpened(recovered, [...notes, ...stateNotes])
      return worker
    } catch (error) {
      await log.close()
      throw error
    }
  }

  run(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
      this.#port.setHandler((message) => this.#receive(message as ToWorker))
    })
  }

  #lane<T>(work: (item: T) => Promise<void>): Lane<T> {
    return new Lane(
      work,
      () => this.#finishWhenIdle(),
      (error) => this.#fail(error),
    )
  }

  #receive(message: ToWorker): void {
    if (this.#error !== null || this.#over) return
    try {
      this.#take(message)
    } catch (error) {
      this.#fail(error)
    }
  }

  /** A flush starts at once; everything else waits for the other messages of this turn, and so for their flushes. */
  #take(message: ToWorker): void {
    switch (message.t) {
      case 'flush':
        this.#flushes.push(this.#log.take(message.id, message.ops, message.bytes))
        this.#flushes.start()
        return
      case 'apply':
        this.#applies.push(message.pairs)
        break
      case 'planTruncation':
        this.#applies.push(message)
        break
      case 'get':
        this.#gets.push(message)
        break
      case 'digest':
        this.#digest(message)
        break
      case 'close':
        this.#close()
        break
      default:
        this.#calls.push(message)
    }
    if (this.#turnWaits) return
    this.#turnWaits = true
    this.#disk.setImmediate(() => this.#turn())
  }

  #turn(): void {
    this.#turnWaits = false
    if (this.#over || this.#error !== null) return
    this.#applies.start()
    this.#gets.start()
    this.#calls.start()
    this.#digests.start()
    this.#finishWhenIdle()
  }

  async #flush(job: FlushJob): Promise<void> {
    await this.#log.write(job)
    this.#post({ t: 'flushed', id: job.id, number: this.#log.highestFlush })
  }

  /** What was cut off by an awaited digest is asked for again: the answer says how far this came. */
  async #apply(pairs: Float64Array): Promise<void> {
    this.#awaited.clip(pairs)
    const outcome = await this.#applier.apply(pairs)
    await this.#takeAwaited()
    this.#post({ t: 'applied', pairs: outcome.pairs, failures: outcome.failures })
  }

  #digest(message: DigestCall): void {
    if (message.at === 0) {
      this.#digests.push(() => this.#read(message))
      return
    }
    const old = this.#awaited.add(message)
    if (old !== undefined) this.#letGo(old)
    this.#applies.push('digests')
  }

  /** The views of awaited digests whose index is reached are made here, while nothing is applied, and read later. */
  async #takeAwaited(): Promise<void> {
    const due = this.#awaited.take()
    if (due.length === 0) return
    await this.#buffer.writeAll()
    if (this.#error !== null || this.#over) return
    for (const call of due) {
      if (this.#reader.appliedIndex(call.slot) > call.at || !this.#reader.openView(call.id, call.slot)) {
        this.#letGo(call)
      } else {
        this.#digests.push(() => this.#read(call))
      }
    }
    this.#digests.start()
  }

  #letGo(call: DigestCall): void {
    this.#digests.push(() => this.#answer(call, Promise.resolve(this.#reader.withoutDigest(call.slot))))
  }

  async #get(message: GetMessage): Promise<void> {
    const got = await this.#reader.get(message)
    this.#post(got, packedTransfer(got.values))
  }

  #read(message: ReadCall): Promise<void> {
    return this.#answer(message, this.#reader.call(message))
  }

  #plan(message: PlanCall): Promise<void> {
    return this.#answer(message, this.#planned(message))
  }

  async #planned({ soft, budgetBytes }: PlanCall): Promise<CallResult> {
    const { pairs, retainedBytes, more } = await planTruncation(
      this.#log,
      this.#state,
      this.#buffer,
      soft,
      budgetBytes,
    )
    const numbers = [retainedBytes, more ? 1 : 0, this.#log.byteLength, ...pairs]
    return { numbers, text: '', rows: null }
  }

  async #answer(message: ToWorkerCall, result: Promise<CallResult>): Promise<void> {
    const { id } = message
    try {
      const { numbers, text, rows } = await result
      this.#post(
        { t: 'answer', id, error: null, numbers, text, rows },
        rows ? packedTransfer(rows) : undefined,
      )
    } catch (error) {
      this.#post({ t: 'answer', id, error: toWireError(error), numbers: [], text: '', rows: null })
      if (isFatal(error, message)) throw error
    }
  }

  /** What was taken is finished first, but no further apply is begun. */
  #close(): void {
    this.#closing = true
    this.#applier.end()
    for (const call of this.#awaited.takeAll()) this.#letGo(call)
  }

  #finishWhenIdle(): void {
    if (!this.#closing || this.#over || this.#turnWaits || this.#error !== null) return
    const lanes = [this.#flushes, this.#applies, this.#gets, this.#calls, this.#digests]
    if (lanes.some((lane) => !lane.idle)) return
    this.#over = true
    this.#finish().then(this.#resolve, this.#reject)
  }

  /** All that is applied is written, so that the next start need not replay it. */
  async #finish(): Promise<void> {
    try {
      await this.#buffer.writeAll()
    } finally {
      this.#buffer.stop()
      await this.#closeEngines()
    }
  }

  #fail(reason: unknown): void {
    if (this.#error !== null || this.#over) return
    const error = toFlotillaError(reason)
    this.#port.post({ t: 'failed', error: toWireError(error) } satisfies FromWorker)
    this.#error = error
    for (const lane of [this.#flushes, this.#applies, this.#gets, this.#calls, this.#digests]) lane.clear()
    this.#applier.end()
    this.#buffer.stop()
    // A broken engine may never come back from its close; the LogShard, which was told, ends the thread then.
    this.#closeEngines().then(
      () => this.#reject(error),
      () => this.#reject(error),
    )
  }

  async #closeEngines(): Promise<void> {
    await this.#reader.closeScans()
    await this.#log.close()
    await this.#state.close()
  }

  /** Nothing leaves after a failure. */
  #post(message: FromWorker, transfer?: ArrayBuffer[]): void {
    if (this.#error === null) this.#port.post(message, transfer)
  }

  #postOpened(found: readonly RecoveredLog[], notes: readonly string[]): void {
    const numbers = new Float64Array(found.length * RECOVERED_STRIDE)
    const runs: number[] = []
    for (let i = 0; i < found.length; i++) {
      const { log, termRuns, record } = found[i]!
      const applied = record.space > 0 ? this.#state.space(record.space) : null
      numbers.set(
        [log.lastIndex, applied?.appliedIndex ?? 0, applied?.appliedTerm ?? 0, termRuns.length / 2],
        i * RECOVERED_STRIDE,
      )
      for (const number of termRuns) runs.push(number)
    }
    const records = pack(found.map(({ record }) => encodeReplicaRecord(record)))
    const { nextSlot, nextSpace } = this.#log.counters
    const { highestFlush } = this.#log
    const recovered: RecoveredWire = {
      nextSlot,
      nextSpace,
      highestFlush,
      logBytes: this.#log.byteLength,
      records,
      numbers,
      runs: Float64Array.from(runs),
    }
    this.#port.post({ t: 'opened', recovered, notes } satisfies FromWorker, packedTransfer(records))
  }
}

/** A log that is not what was written, or a disk that fails, is the end of the shard; one damaged value is not. */
function isFatal(error: unknown, message: ToWorkerCall): boolean {
  if (!(error instanceof FlotillaError)) return true
  if (error.shortName === 'STORAGE_FAILED' || error.shortName === 'INTERNAL') return true
  return error.shortName === 'CORRUPT' && message.t === 'readBlocks'
}
