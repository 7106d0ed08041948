import { build } from 'hdr-histogram-js'
import type { Histogram } from 'hdr-histogram-js'
import { AckTimes, machineMs } from './ack-times.ts'
import type { DemoCluster } from './demo-cluster.ts'
import { STORE_IDS } from './demo-settings.ts'
import type { FileTree } from './file-tree.ts'
import { ImportLedger } from './import-ledger.ts'
import { MAX_WRITES_IN_FLIGHT } from './importer.ts'
import { RateMeter } from './rate-meter.ts'
import { HASH_BYTES } from './store-messages.ts'
import type { WrittenBatch } from './store-messages.ts'

/** Files handed to a store at once: what it has in flight, and some that wait, so that it never runs dry. */
const MAX_WINDOW = MAX_WRITES_IN_FLIGHT * 1.5
/** Of a small tree a store gets so small a share at a time that half of the tree is still to come at the crash. */
const WINDOWS_PER_TREE = 24
const HISTOGRAM = {
  lowestDiscernibleValue: 1,
  highestTrackableValue: 600_000_000,
  numberOfSignificantValueDigits: 3,
} as const

/** What the demo knows of the files that were acknowledged. */
export interface WrittenFiles {
  /** Positions in the tree, ascending. */
  readonly files: readonly number[]
  readonly bytes: number
  /** By position in the tree: SHA-256 of the bytes as they were acknowledged. */
  hashOf(file: number): Buffer
}

/** Drives the import: hands files to the stores that run, gathers what becomes of them. */
export class ImportRun {
  readonly acks: AckTimes
  readonly ledger: ImportLedger
  /** Of acknowledged writes, in microseconds. */
  readonly latencies: Histogram = build(HISTOGRAM)
  /** Attempts that may or may not have taken effect; each was made again. */
  unknownOutcomes = 0
  /** Attempts that were certainly not applied; each was made again. */
  refusals = 0
  writtenBytes = 0
  #startedAtMs = 0
  readonly #meter = new RateMeter()
  readonly #tree: FileTree
  readonly #cluster: DemoCluster
  readonly #window: number
  readonly #acked: Uint8Array
  readonly #hashes: Buffer
  readonly #half: Promise<void>
  readonly #finished: Promise<void>
  #onHalf: () => void = () => {}
  #onFinished: () => void = () => {}

  constructor(tree: FileTree, order: Uint32Array, cluster: DemoCluster, signal: AbortSignal) {
    const { files } = tree
    this.#tree = tree
    this.#cluster = cluster
    this.acks = new AckTimes(files.length)
    this.ledger = new ImportLedger(
      order,
      files.map(({ size }) => size),
      STORE_IDS.length,
    )
    this.#window = Math.max(1, Math.min(MAX_WINDOW, Math.ceil(files.length / WINDOWS_PER_TREE)))
    this.#acked = new Uint8Array(files.length)
    this.#hashes = Buffer.alloc(files.length * HASH_BYTES)
    this.#half = untilOrAborted(signal, (resolve) => (this.#onHalf = resolve))
    this.#finished = untilOrAborted(signal, (resolve) => (this.#onFinished = resolve))
  }

  /** Begins to write. `half` and `finished` tell how far it has come. */
  start(): void {
    this.#startedAtMs = machineMs()
    this.currentRate()
    STORE_IDS.forEach((_, store) => this.#refill(store))
  }

  /** Half of the bytes are acknowledged. Rejects with the signal's reason. */
  half(): Promise<void> {
    return this.#half
  }

  /** Every file is acknowledged or left out. Rejects with the signal's reason. */
  finished(): Promise<void> {
    return this.#finished
  }

  /** From the beginning to the last acknowledged write. */
  get elapsedMs(): number {
    return Math.max(0, this.acks.lastMs - this.#startedAtMs)
  }

  currentRate(): { writesPerSecond: number; bytesPerSecond: number } {
    return this.#meter.update(machineMs(), this.acks.count, this.writtenBytes)
  }

  /** Kills a store in the middle of its work; the others do the rest. Returns its writes that had no answer. */
  async killStore(store: number): Promise<{ killedAtMs: number; inFlight: number }> {
    const killedAtMs = machineMs()
    await this.#cluster.kill(store)
    const inFlight = this.ledger.requeue(store)
    this.unknownOutcomes += inFlight
    STORE_IDS.forEach((_, other) => this.#refill(other))
    return { killedAtMs, inFlight }
  }

  /** What a store says of the files that it was given. */
  onWritten(store: number, batch: WrittenBatch): void {
    this.unknownOutcomes += batch.unknownOutcomes
    this.refusals += batch.refusals
    batch.files.forEach((file, row) => this.#onAcked(file, batch, row))
    for (const { file, reason } of batch.leftOut) {
      if (this.ledger.settle(file)) this.#tree.leftOut.add(reason, this.#tree.files[file]!.key)
    }
    this.currentRate()
    this.#refill(store)
    if (this.ledger.settledBytes * 2 >= this.ledger.totalBytes) this.#onHalf()
    if (this.ledger.done) this.#onFinished()
  }

  #onAcked(file: number, batch: WrittenBatch, row: number): void {
    this.acks.record(batch.ackedAtMs[row]!)
    this.latencies.recordValue(Math.max(1, Math.round(batch.latencyMs[row]! * 1_000)))
    if (!this.ledger.settle(file)) return
    this.#acked[file] = 1
    this.writtenBytes += batch.sizes[row]!
    batch.hashes.copy(this.#hashes, file * HASH_BYTES, row * HASH_BYTES, (row + 1) * HASH_BYTES)
  }

  #refill(store: number): void {
    if (!this.#cluster.isRunning(store)) return
    const room = this.#window - this.ledger.outstanding(store)
    // A message for each free place would cost more than the writes: wait until it is worth one.
    if (room * 4 < this.#window) return
    const orders = this.ledger.take(store, room).map((file) => ({ file, ...this.#tree.files[file]! }))
    if (orders.length > 0) this.#cluster.process(store).write(this.#tree.root, orders)
  }

  written(): WrittenFiles {
    const files = [...this.#acked.keys()].filter((file) => this.#acked[file] === 1)
    const hashOf = (file: number): Buffer => this.#hashes.subarray(file * HASH_BYTES, (file + 1) * HASH_BYTES)
    return { files, bytes: this.writtenBytes, hashOf }
  }
}

function untilOrAborted(signal: AbortSignal, keep: (resolve: () => void) => void): Promise<void> {
  const promise = new Promise<void>((resolve, reject) => {
    keep(resolve)
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true })
  })
  // It may reject before anybody waits for it.
  promise.catch(() => {})
  return promise
}
