import { Command, InvalidArgumentError, Option } from 'commander'
import { toFlotillaError } from '../util/errors.ts'
import { MAX_ENTRY_BYTES, MAX_GROUPS_PER_CALL, MAX_PENDING_TASKS_PER_GROUP } from '../util/limits.ts'
import { runBench } from './bench.ts'
import type { BenchOptions, BenchPoint } from './bench.ts'
import { ProgressLine } from './progress-line.ts'
import { formatReport } from './report.ts'
import { DEFAULT_SCENARIOS, SCENARIO_NAMES } from './scenarios.ts'

/** One group, where latency counts, and many, where sharing does. */
const DEFAULT_POINTS: readonly BenchPoint[] = [
  { groups: 1, inFlight: 256 },
  { groups: 48, inFlight: 1024 },
]
const MAX_SECONDS = 3_600
const MAX_REPEAT = 100
const SIGNALS = { SIGINT: 130, SIGTERM: 143 } as const

interface Flags {
  readonly scenario: string[]
  readonly groups?: number[]
  readonly inFlight?: number[]
  readonly payload: number
  readonly seconds: number
  readonly warmup: number
  readonly repeat: number
  readonly json: boolean
}

const EXAMPLES = `
Without --groups and --in-flight two points are measured: ${DEFAULT_POINTS.map(describePoint).join(' and ')}.
Stores keep their data under the temporary directory (TMPDIR), which should be on a disk.

Example:
  $ flotilla bench --scenario skeleton --groups 1,48 --in-flight 1024 --repeat 3
`

/** The command `bench`, with its action: prints the report and sets the exit code. */
export function benchCommand(): Command {
  return new Command('bench')
    .description('Measure writes per second of three stores on this machine, closed loop, with fsync.')
    .addOption(
      new Option('--scenario <names>', `what to measure, comma-separated: ${SCENARIO_NAMES.join(', ')}`)
        .argParser(parseScenarios)
        .default([...DEFAULT_SCENARIOS], DEFAULT_SCENARIOS.join(',')),
    )
    .option('--groups <counts>', 'groups, comma-separated', listOf(integer(1, MAX_GROUPS_PER_CALL)))
    .option(
      '--in-flight <counts>',
      'calls in flight over all groups, comma-separated; measured with each of --groups',
      listOf(integer(1, MAX_PENDING_TASKS_PER_GROUP)),
    )
    .option('--payload <bytes>', 'bytes per write', integer(1, MAX_ENTRY_BYTES), 16)
    .option('--seconds <n>', 'measured time of each run', seconds(0.1), 8)
    .option('--warmup <n>', 'seconds before it', seconds(0), 2)
    .option('--repeat <n>', 'runs of each, interleaved; the table shows medians', integer(1, MAX_REPEAT), 1)
    .option('--json', 'print one JSON object and nothing else on stdout', false)
    .allowExcessArguments(false)
    .addHelpText('after', EXAMPLES)
    .action(runCommand)
}

async function runCommand(flags: Flags): Promise<void> {
  const progress = new ProgressLine(process.stderr)
  const abort = new AbortController()
  const onSignal = (name: NodeJS.Signals): void => {
    process.exitCode = SIGNALS[name as keyof typeof SIGNALS]
    abort.abort(new Error(`stopped by ${name}`))
  }
  const signals = Object.keys(SIGNALS) as NodeJS.Signals[]
  for (const name of signals) process.on(name, onSignal)
  try {
    const report = await runBench({
      ...toBenchOptions(flags),
      signal: abort.signal,
      onProgress: (line) => progress.show(line),
    })
    progress.clear()
    process.stdout.write(flags.json ? `${JSON.stringify(report)}\n` : formatReport(report))
  } catch (error) {
    progress.clear()
    reportFailure(error, flags.json)
    if (!abort.signal.aborted) process.exitCode = 1
  } finally {
    for (const name of signals) process.removeListener(name, onSignal)
  }
}

function reportFailure(error: unknown, json: boolean): void {
  const { code, message, outcome } = toFlotillaError(error)
  process.stderr.write(`flotilla bench: ${message}\n`)
  if (json) process.stdout.write(`${JSON.stringify({ error: { code, message, outcome } })}\n`)
}

function toBenchOptions(flags: Flags): BenchOptions {
  return {
    scenarios: flags.scenario,
    points: pointsOf(flags),
    payloadBytes: flags.payload,
    seconds: flags.seconds,
    warmupSeconds: flags.warmup,
    repeat: flags.repeat,
  }
}

/** Every count of groups with every count in flight; what is not given is taken from the first default point. */
function pointsOf(flags: Flags): readonly BenchPoint[] {
  if (flags.groups === undefined && flags.inFlight === undefined) return DEFAULT_POINTS
  const [first] = DEFAULT_POINTS
  const inFlights = flags.inFlight ?? [first!.inFlight]
  return (flags.groups ?? [first!.groups]).flatMap((groups) =>
    inFlights.map((inFlight) => ({ groups, inFlight })),
  )
}

function describePoint(point: BenchPoint): string {
  return `${point.groups} × ${point.inFlight}`
}

function parseScenarios(text: string): string[] {
  const names = text.split(',')
  for (const name of names) {
    if (SCENARIO_NAMES.includes(name)) continue
    throw new InvalidArgumentError(`"${name}" is none of ${SCENARIO_NAMES.join(', ')}.`)
  }
  return names
}

function integer(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (/^\d+$/.test(text) && value >= min && value <= max) return value
    throw new InvalidArgumentError(`A whole number from ${min} to ${max} is wanted.`)
  }
}

function seconds(min: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (/^\d+(\.\d+)?$/.test(text) && value >= min && value <= MAX_SECONDS) return value
    throw new InvalidArgumentError(`Seconds from ${min} to ${MAX_SECONDS} are wanted.`)
  }
}

function listOf(parse: (text: string) => number): (text: string) => number[] {
  return (text) => text.split(',').map(parse)
}
