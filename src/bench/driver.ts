import { build, encodeIntoCompressedBase64 } from 'hdr-histogram-js'
import { LeadershipError, leadershipProblem } from './leadership.ts'
import type { Leadership } from './leadership.ts'
import type { BenchStore, BenchStoreStats, StoreArgs } from './scenario.ts'
import { PROGRESS_INTERVAL_MS } from './store-messages.ts'
import type { DriveResult } from './store-messages.ts'

/** Latencies are counted in steps of this many microseconds; a call beyond the last step counts there. */
const LATENCY_STEP_US = 10
const LATENCY_STEPS = 1_000_000

export interface DriveOptions {
  readonly store: BenchStore
  readonly args: StoreArgs
  readonly warmupMs: number
  readonly measureMs: number
  readonly onProgress: (ops: number) => void
}

/**
 * The closed loop of one store process: client `c` calls group `c mod groups`, and runs where that group is led. Each
 * client is written as a user would write it: call, await, call again.
 */
export class Driver {
  readonly #options: DriveOptions
  readonly #payload: Buffer
  /** A plain array while measuring: a histogram's own bookkeeping would cost as much as a tenth of the write path. */
  readonly #latencySteps = new Uint32Array(LATENCY_STEPS)
  #ops = 0
  #stopping = false

  constructor(options: DriveOptions) {
    this.#options = options
    this.#payload = Buffer.alloc(options.args.payloadBytes, 0x66)
  }

  /** Rejects with a LeadershipError when leaders are not where they belong after the warm-up, or move before the end. */
  async run(): Promise<DriveResult> {
    const { onProgress } = this.#options
    const progress = setInterval(() => onProgress(this.#ops), PROGRESS_INTERVAL_MS)
    try {
      return await this.#measure()
    } catch (error) {
      // Calls may fail because their leader is gone: that is worth saying first.
      this.#checkLeaders(undefined, error)
      throw error
    } finally {
      this.#stopping = true
      clearInterval(progress)
    }
  }

  async #measure(): Promise<DriveResult> {
    const { store, warmupMs, measureMs } = this.#options
    const drained = Promise.all(this.#startClients())
    // Only ever rejects: a failed call ends the run at once, not after its window.
    const failed = new Promise<never>((_resolve, reject) => drained.catch(reject))
    await Promise.race([sleep(warmupMs), failed])
    const terms = this.#checkLeaders()
    this.#latencySteps.fill(0)
    const before = snapshot(store.stats(), this.#ops)
    await Promise.race([sleep(measureMs), failed])
    const after = snapshot(store.stats(), this.#ops)
    const latencies = this.#encodeLatencies()
    this.#checkLeaders(terms)
    this.#stopping = true
    await drained
    return {
      elapsedMs: after.atMs - before.atMs,
      ops: after.ops - before.ops,
      latencies,
      fsyncs: after.fsyncs - before.fsyncs,
      entries: after.entries - before.entries,
      cpuSeconds: after.cpuSeconds - before.cpuSeconds,
      peakRssMiB: process.resourceUsage().maxRSS / 1024,
    }
  }

  #checkLeaders(since?: Leadership, cause?: unknown): Leadership {
    const { store, args } = this.#options
    const now = store.leaders()
    const problem = leadershipProblem(args.storeIndex, args.groups, now, since)
    if (problem !== null) throw new LeadershipError(problem, { cause })
    return now
  }

  #startClients(): Promise<void>[] {
    const { store, args } = this.#options
    const { groups, inFlight } = args
    const led = store.leaders()
    const clients: Promise<void>[] = []
    for (let c = 0; c < inFlight; c++) {
      if (led.has(c % groups)) clients.push(this.#runClient(c % groups))
    }
    return clients
  }

  async #runClient(group: number): Promise<void> {
    const { store } = this.#options
    let start = performance.now()
    while (!this.#stopping) {
      await store.propose(group, this.#payload)
      const now = performance.now()
      const step = ((now - start) * (1000 / LATENCY_STEP_US)) | 0
      this.#latencySteps[step < LATENCY_STEPS ? step : LATENCY_STEPS - 1]!++
      this.#ops++
      start = now
    }
  }

  #encodeLatencies(): string {
    const histogram = build({
      lowestDiscernibleValue: 1,
      highestTrackableValue: LATENCY_STEP_US * LATENCY_STEPS,
      numberOfSignificantValueDigits: 3,
    })
    for (let step = 0; step < LATENCY_STEPS; step++) {
      const count = this.#latencySteps[step]!
      if (count > 0) histogram.recordValueWithCount(step * LATENCY_STEP_US + LATENCY_STEP_US / 2, count)
    }
    return encodeIntoCompressedBase64(histogram)
  }
}

interface Snapshot extends BenchStoreStats {
  readonly atMs: number
  readonly ops: number
  readonly cpuSeconds: number
}

function snapshot(stats: BenchStoreStats, ops: number): Snapshot {
  const cpu = process.cpuUsage()
  const cpuSeconds = (cpu.user + cpu.system) / 1e6
  return { fsyncs: stats.fsyncs, entries: stats.entries, ops, cpuSeconds, atMs: performance.now() }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
