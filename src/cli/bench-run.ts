import { describeSpec, runBench } from '../bench/bench.ts'
import { specsOf } from '../bench/points.ts'
import { ProgressLine } from '../bench/progress-line.ts'
import { formatReport, jsonReport } from '../bench/report.ts'
import type { RunSpec } from '../bench/scenario.ts'
import { SCENARIOS } from '../bench/scenarios.ts'
import { plural } from './format.ts'
import { checkScratchDir } from './scratch-dir.ts'
import { UsageError } from './usage-error.ts'
import type { VerbContext } from './verb.ts'

export interface BenchFlags {
  readonly scenario?: string[]
  readonly groups?: number[]
  readonly inFlight?: number[]
  readonly payload?: number[]
  readonly seconds: number
  readonly warmup: number
  readonly repeat: number
}

export async function bench({ flags, output, signal }: VerbContext<BenchFlags>): Promise<undefined> {
  const specs = specsOf(flags)
  const problem = specs.map(specProblem).find((text) => text !== null)
  if (problem != null) throw new UsageError(problem)
  checkScratchDir()
  const progress = new ProgressLine(process.stderr)
  const startMs = performance.now()
  try {
    const report = await runBench({
      specs,
      seconds: flags.seconds,
      warmupSeconds: flags.warmup,
      repeat: flags.repeat,
      signal,
      onProgress: (line) => progress.show(line),
      onNotice: (line) => progress.note(line),
    })
    const took = ((performance.now() - startMs) / 1000).toFixed(0)
    progress.note(`${plural(report.runs.length, 'run')} in ${took} s`)
    await output.answer(jsonReport(report), formatReport(report).trimEnd())
  } finally {
    progress.clear()
  }
}

function specProblem(spec: RunSpec): string | null {
  const { maxGroups, maxPayloadBytes } = SCENARIOS[spec.scenario]!
  if (spec.groups > maxGroups) return `${describeSpec(spec)}: at most ${maxGroups} groups are possible`
  if (spec.payloadBytes <= maxPayloadBytes) return null
  return `${describeSpec(spec)}: at most ${maxPayloadBytes} bytes are possible`
}
