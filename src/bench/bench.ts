import { machineInfo } from './machine.ts'
import type { MachineInfo } from './machine.ts'
import { runOnce } from './runner.ts'
import type { RunPhase } from './runner.ts'
import type { RunResult, RunSpec } from './scenario.ts'

export interface BenchPoint {
  readonly groups: number
  readonly inFlight: number
}

export interface BenchOptions {
  readonly scenarios: readonly string[]
  readonly points: readonly BenchPoint[]
  readonly payloadBytes: number
  readonly warmupSeconds: number
  readonly seconds: number
  /** Runs of each scenario at each point. */
  readonly repeat: number
  readonly signal?: AbortSignal
  /** A line about what happens now; called a few times a second while work goes on. */
  readonly onProgress?: (line: string) => void
}

/** What `--json` prints. */
export interface BenchReport {
  readonly machine: MachineInfo
  readonly runs: readonly RunResult[]
}

/** Runs every scenario at every point, interleaved: a machine that slows down for a while slows down all of them. */
export async function runBench(options: BenchOptions): Promise<BenchReport> {
  const machine = await machineInfo()
  const specs = interleave(options)
  const runs: RunResult[] = []
  for (const spec of specs) {
    const label = `[${runs.length + 1}/${specs.length}] ${describeSpec(spec)}`
    const progress = new PhaseText(label, options)
    const result = await runOnce(spec, {
      warmupMs: options.warmupSeconds * 1000,
      measureMs: options.seconds * 1000,
      ...(options.signal === undefined ? {} : { signal: options.signal }),
      onPhase: (phase) => options.onProgress?.(progress.next(phase)),
    })
    runs.push(result)
  }
  return { machine, runs }
}

function interleave(options: BenchOptions): RunSpec[] {
  const { scenarios, points, payloadBytes, repeat } = options
  const specs: RunSpec[] = []
  for (let r = 0; r < repeat; r++) {
    for (const { groups, inFlight } of points) {
      for (const scenario of scenarios) specs.push({ scenario, groups, inFlight, payloadBytes })
    }
  }
  return specs
}

function describeSpec(spec: RunSpec): string {
  return `${spec.scenario} ${spec.groups} × ${spec.inFlight}`
}

/** Stores report their counts at their own beat: over a shorter time the rate would jump. */
const RATE_WINDOW_MS = 2_000

interface Sample {
  readonly elapsedMs: number
  readonly ops: number
}

/** Words for the phases of one run. */
class PhaseText {
  readonly #label: string
  readonly #options: BenchOptions
  readonly #samples: Sample[] = [{ elapsedMs: 0, ops: 0 }]

  constructor(label: string, options: BenchOptions) {
    this.#label = label
    this.#options = options
  }

  next(phase: RunPhase): string {
    if (phase.kind === 'starting') return `${this.#label}: starting three stores`
    if (phase.kind === 'electing') return `${this.#label}: waiting for leaders, ${phase.ledGroups} groups led`
    const { warmupSeconds, seconds } = this.#options
    const elapsed = phase.elapsedMs / 1000
    const what =
      elapsed < warmupSeconds
        ? `warming up ${elapsed.toFixed(0)}/${warmupSeconds} s`
        : `measuring ${Math.min(seconds, elapsed - warmupSeconds).toFixed(0)}/${seconds} s`
    return `${this.#label}: ${what}, ${Math.round(this.#rate(phase)).toLocaleString('en-US')} writes/s`
  }

  #rate(now: Sample): number {
    const samples = this.#samples
    while (samples.length > 1 && samples[1]!.elapsedMs <= now.elapsedMs - RATE_WINDOW_MS) samples.shift()
    const first = samples[0]!
    samples.push(now)
    return ((now.ops - first.ops) * 1000) / Math.max(1, now.elapsedMs - first.elapsedMs)
  }
}
