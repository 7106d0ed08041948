import { Command, InvalidArgumentError, Option } from 'commander'
import { toFlotillaError } from '../util/errors.ts'
import { MAX_ENTRY_BYTES, MAX_GROUPS_PER_CALL, MAX_PENDING_TASKS_PER_GROUP } from '../util/limits.ts'
import { describeSpec, runBench } from './bench.ts'
import { specsOf } from './points.ts'
import { ProgressLine } from './progress-line.ts'
import { formatReport, jsonReport } from './report.ts'
import type { RunSpec } from './scenario.ts'
import { SCENARIO_NAMES, SCENARIOS } from './scenarios.ts'

const MAX_SECONDS = 3_600
const MAX_REPEAT = 100
const SIGNALS = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const

interface Flags {
  readonly scenario?: string[]
  readonly groups?: number[]
  readonly inFlight?: number[]
  readonly payload?: number[]
  readonly seconds: number
  readonly warmup: number
  readonly repeat: number
  readonly json: boolean
}

const EXAMPLES = `
Scenarios:
  skeleton   the design without Raft: the speed of light of this machine
  raw-log    group.apply() to a state machine that counts bytes
  kv-put     store.kv().put(): the groups are regions, keys are drawn from a million

Without --groups, --in-flight and --payload a default set is measured, in under three minutes: every scenario with 16 B at
1 × 256, 1 × 4096 and 48 × 1024 (groups × calls in flight), and kv-put with 1 KiB at 48 × 1024. Ratios are taken to the
skeleton. Stores keep their data under the temporary directory (TMPDIR), which should be on a disk.

Example:
  $ flotilla bench --scenario skeleton,kv-put --groups 1,48 --in-flight 1024 --repeat 3
`

/** The command `bench`, with its action: prints the report and sets the exit code. */
export function benchCommand(): Command {
  return new Command('bench')
    .summary('measure writes per second of three stores on this machine')
    .description('Measure writes per second of three stores on this machine, closed loop, with fsync.')
    .addOption(
      new Option(
        '--scenario <names>',
        `comma-separated: ${SCENARIO_NAMES.join(', ')} (default: all)`,
      ).argParser(parseScenarios),
    )
    .option('--groups <counts>', 'groups, comma-separated', listOf(integer(1, MAX_GROUPS_PER_CALL)))
    .option(
      '--in-flight <counts>',
      'calls in flight over all groups, comma-separated; measured with each of --groups',
      listOf(integer(1, MAX_PENDING_TASKS_PER_GROUP)),
    )
    .option(
      '--payload <bytes>',
      'bytes per write, comma-separated (default: 16)',
      listOf(integer(1, MAX_ENTRY_BYTES)),
    )
    .option('--seconds <n>', 'measured time of each run', seconds(0.1), 8)
    .option('--warmup <n>', 'seconds before it', seconds(0), 2)
    .option('--repeat <n>', 'runs of each, interleaved; the table shows medians', integer(1, MAX_REPEAT), 1)
    .option('--json', 'print one JSON object and nothing else on stdout', false)
    .allowExcessArguments(false)
    .addHelpText('after', EXAMPLES)
    .action((flags: Flags, command: Command) => {
      const specs = specsOf(flags)
      const problem = specs.map(specProblem).find((text) => text !== null)
      if (problem !== undefined && problem !== null) command.error(`error: ${problem}`)
      return runCommand(flags, specs)
    })
}

function specProblem(spec: RunSpec): string | null {
  const { maxGroups, maxPayloadBytes } = SCENARIOS[spec.scenario]!
  if (spec.groups > maxGroups) return `${describeSpec(spec)}: at most ${maxGroups} groups are possible`
  if (spec.payloadBytes <= maxPayloadBytes) return null
  return `${describeSpec(spec)}: at most ${maxPayloadBytes} bytes are possible`
}

async function runCommand(flags: Flags, specs: readonly RunSpec[]): Promise<void> {
  const progress = new ProgressLine(process.stderr)
  const abort = new AbortController()
  const onSignal = (name: NodeJS.Signals): void => {
    process.exitCode = SIGNALS[name as keyof typeof SIGNALS]
    abort.abort(new Error(`stopped by ${name}`))
  }
  const signals = Object.keys(SIGNALS) as NodeJS.Signals[]
  for (const name of signals) process.on(name, onSignal)
  const startMs = performance.now()
  try {
    const report = await runBench({
      specs,
      seconds: flags.seconds,
      warmupSeconds: flags.warmup,
      repeat: flags.repeat,
      signal: abort.signal,
      onProgress: (line) => progress.show(line),
      onNotice: (line) => progress.note(line),
    })
    const took = ((performance.now() - startMs) / 1000).toFixed(0)
    progress.note(`${report.runs.length} ${report.runs.length === 1 ? 'run' : 'runs'} in ${took} s`)
    process.stdout.write(flags.json ? `${JSON.stringify(jsonReport(report))}\n` : formatReport(report))
  } catch (error) {
    progress.clear()
    // A signal to the whole process group ends a store that is still loading, and the run may hear of that first.
    reportFailure(abort.signal.aborted ? abort.signal.reason : error, flags.json)
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
