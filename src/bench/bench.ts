import { LeadershipError } from './leadership.ts'
import { machineInfo } from './machine.ts'
import type { MachineInfo } from './machine.ts'
import { runOnce } from './runner.ts'
import type { RunPhase } from './runner.ts'
import type { RunResult, RunSpec } from './scenario.ts'

export interface BenchOptions {
  readonly specs: readonly RunSpec[]
  readonly warmupSeconds: number
  readonly seconds: number
  /** Runs of each spec. */
  readonly repeat: number
  readonly signal?: AbortSignal
  /** A line about what happens now; called a few times a second, all the time. */
  readonly onProgress?: (line: string) => void
  /** A line that must not get lost. */
  readonly onNotice?: (line: string) => void
}

export interface BenchReport {
  readonly machine: MachineInfo
  readonly runs: readonly RunResult[]
}

/** A run whose leaders did not stay is measured again, up to so many times in all. */
const MAX_ATTEMPTS = 4
const PROGRESS_INTERVAL_MS = 500

/** Runs every spec `repeat` times, interleaved: a machine that slows down for a while slows down all of them. */
export async function runBench(options: BenchOptions, run = runOnce): Promise<BenchReport> {
  const machine = await machineInfo()
  const specs = Array.from({ length: options.repeat }, () => options.specs).flat()
  const runs: RunResult[] = []
  for (const spec of specs) {
    const label = `[${runs.length + 1}/${specs.length}] ${describeSpec(spec)}`
    runs.push(await runUntilEven(run, spec, label, options))
  }
  return { machine, runs }
}

export function describeSpec({ scenario, groups, inFlight, payloadBytes }: RunSpec): string {
  return `${scenario} ${groups} × ${inFlight}, ${payloadBytes} B`
}

type Run = typeof runOnce

async function runUntilEven(
  run: Run,
  spec: RunSpec,
  label: string,
  options: BenchOptions,
): Promise<RunResult> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await runWithProgress(run, spec, label, options)
    } catch (error) {
      if (!(error instanceof LeadershipError)) throw error
      if (attempt === MAX_ATTEMPTS) throw new Error(`${label}: ${error.message}, ${attempt} times`)
      options.onNotice?.(`${label}: ${error.message}; this run does not count, once more`)
    }
  }
}

async function runWithProgress(
  run: Run,
  spec: RunSpec,
  label: string,
  options: BenchOptions,
): Promise<RunResult> {
  const text = new PhaseText(label, options)
  const show = (): void => options.onProgress?.(text.line)
  const ticker = setInterval(show, PROGRESS_INTERVAL_MS)
  try {
    return await run(spec, {
      warmupMs: options.warmupSeconds * 1000,
      measureMs: options.seconds * 1000,
      ...(options.signal === undefined ? {} : { signal: options.signal }),
      onPhase: (phase) => {
        text.next(phase)
        show()
      },
    })
  } finally {
    clearInterval(ticker)
  }
}

/** Stores report their counts at their own beat: over a shorter time the rate would jump. */
const RATE_WINDOW_MS = 2_000

interface Sample {
  readonly elapsedMs: number
  readonly ops: number
}

/** Words for the phases of one run. */
class PhaseText {
  line: string
  readonly #label: string
  readonly #options: BenchOptions
  readonly #samples: Sample[] = [{ elapsedMs: 0, ops: 0 }]

  constructor(label: string, options: BenchOptions) {
    this.#label = label
    this.#options = options
    this.line = label
  }

  next(phase: RunPhase): void {
    this.line = `${this.#label}: ${this.#describe(phase)}`
  }

  #describe(phase: RunPhase): string {
    if (phase.kind === 'starting') return 'starting three stores'
    if (phase.kind === 'electing') return 'waiting for leaders'
    if (phase.kind === 'closing') return 'closing the stores'
    const { warmupSeconds, seconds } = this.#options
    const elapsed = phase.elapsedMs / 1000
    const what =
      elapsed < warmupSeconds
        ? `warming up ${elapsed.toFixed(0)}/${warmupSeconds} s`
        : `measuring ${Math.min(seconds, elapsed - warmupSeconds).toFixed(0)}/${seconds} s`
    return `${what}, ${Math.round(this.#rate(phase)).toLocaleString('en-US')} writes/s`
  }

  #rate(now: Sample): number {
    const samples = this.#samples
    while (samples.length > 1 && samples[1]!.elapsedMs <= now.elapsedMs - RATE_WINDOW_MS) samples.shift()
    const first = samples[0]!
    samples.push(now)
    return ((now.ops - first.ops) * 1000) / Math.max(1, now.elapsedMs - first.elapsedMs)
  }
}
