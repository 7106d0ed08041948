import { readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'
import { minimize } from '../sim/minimize.ts'
import { drawPlan, type PlanLimits, type RunPlan } from '../sim/run-plan.ts'
import { describePlan, runPlan } from '../sim/run-seed.ts'
import { SimulationFailure } from '../sim/simulation-failure.ts'
import { addReport, NO_TOTALS, type Totals } from '../sim/totals.ts'
import { EXIT_DONE, EXIT_FAILED } from './exit-codes.ts'
import { formatCount, plural } from './format.ts'
import { DEFAULT_SEEDS, type FailedSeed, type SimTask } from './sim-messages.ts'
import { playSeeds } from './sim-pool.ts'
import { formatProgress, formatSpeed, formatTotals, measureTime } from './sim-summary.ts'
import { UsageError } from './usage-error.ts'
import type { VerbContext } from './verb.ts'

export interface SimFlags {
  readonly seeds?: number
  readonly from: number
  readonly seed?: number
  readonly minimize?: number
  readonly plan?: string
  readonly trace?: boolean
  readonly jobs?: number
  readonly stores?: number
  readonly groups?: number
  readonly seconds?: number
  readonly keepGoing?: boolean
}

export async function runSim(context: VerbContext<SimFlags>): Promise<number> {
  const { flags } = context
  if (flags.trace === true && flags.seed === undefined && flags.plan === undefined)
    throw new UsageError('--trace wants --seed or --plan')
  const { signal } = context
  signal.throwIfAborted()
  if (flags.minimize !== undefined) return await minimizeSeed(context, flags.minimize)
  if (flags.plan !== undefined) return await playAlone(context, readPlan(resolve(context.cwd, flags.plan)))
  if (flags.seed !== undefined) return await playAlone(context, drawPlan(flags.seed, limitsOf(flags)))
  return await playMany(context)
}

function limitsOf({ stores, groups, seconds }: SimFlags): PlanLimits {
  return {
    ...(stores !== undefined && { stores }),
    ...(groups !== undefined && { maxGroups: groups }),
    ...(seconds !== undefined && { faultsForMs: seconds * 1_000 }),
  }
}

/** SimFlags that make a seed another run, for the command that replays it. */
function limitFlags({ stores, groups, seconds }: SimFlags): string {
  const flags = { stores, groups, seconds }
  return Object.entries(flags)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => ` --${name} ${value}`)
    .join('')
}

function readPlan(file: string): RunPlan {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as RunPlan
  } catch (error) {
    throw new UsageError(`--plan: ${(error as Error).message}`)
  }
}

async function playAlone(context: VerbContext<SimFlags>, plan: RunPlan): Promise<number> {
  const { output, flags } = context
  const trace = flags.trace === true
  if (!trace) output.progress.begin('seed', () => ({ text: describePlan(plan) }))
  const spent = measureTime()
  try {
    const replay =
      flags.plan === undefined
        ? `npm run sim -- --seed ${plan.seed} --trace${limitFlags(flags)}`
        : `npm run sim -- --plan ${flags.plan} --trace`
    const report = await runPlan(plan, {
      replay,
      ...(trace && { onLine: (line: string) => process.stdout.write(`${line}\n`) }),
    })
    const speed = formatSpeed(report.simulatedMs, spent())
    if (trace) output.note(speed)
    const text = trace
      ? `seed ${plan.seed}: ${formatCount(report.steps)} events, trace ${report.traceHash}`
      : `${formatTotals(addReport(NO_TOTALS, report))}\ntrace ${report.traceHash}, ${speed}`
    await output.answer(report, text)
    return EXIT_DONE
  } catch (error) {
    if (!(error instanceof SimulationFailure)) throw error
    return await reportFailures(context, [{ ...error, seed: error.seed, message: error.message }])
  }
}

async function playMany(context: VerbContext<SimFlags>): Promise<number> {
  const { flags, output, signal } = context
  const { from, seeds = DEFAULT_SEEDS, jobs = availableParallelism() } = flags
  const limits = limitsOf(flags)
  let totals: Totals = NO_TOTALS
  const failures: FailedSeed[] = []
  const spent = measureTime()
  output.progress.begin('seeds', () => ({
    fraction: (totals.seeds + failures.length) / seeds,
    text: `${formatCount(totals.seeds)} of ${plural(seeds, 'seed')}`,
    below: formatProgress(totals, spent()),
  }))
  await playSeeds(tasksOf(from, seeds, limits), Math.min(jobs, seeds), signal, ({ report, failure }) => {
    if (failure === null) {
      totals = addReport(totals, report)
      return 'go-on'
    }
    failures.push({ ...failure, replay: failure.replay + limitFlags(flags) })
    if (flags.keepGoing === true) output.note(`seed ${failure.seed} breaks: ${failure.invariant}`)
    return flags.keepGoing === true ? 'go-on' : 'stop'
  })
  output.progress.end()
  if (failures.length > 0) {
    output.note(formatTotals(totals))
    return await reportFailures(context, failures)
  }
  await output.answer(totals, `${formatTotals(totals)}\n${formatSpeed(totals.simulatedMs, spent())}`)
  return EXIT_DONE
}

function* tasksOf(from: number, seeds: number, limits: PlanLimits): Generator<SimTask> {
  for (let seed = from; seed < from + seeds; seed++) yield { seed, limits }
}

async function reportFailures(
  { output }: VerbContext<SimFlags>,
  failures: readonly FailedSeed[],
): Promise<number> {
  const shown = failures.map(({ seed, invariant, message, trace, replay }) => ({
    seed,
    invariant,
    message,
    trace,
    replay,
  }))
  await output.answer({ failures: shown }, failures.map(({ message }) => message).join('\n\n'))
  return EXIT_FAILED
}

async function minimizeSeed(context: VerbContext<SimFlags>, seed: number): Promise<number> {
  const { output, flags, cwd } = context
  let doing = 'the seed as it is'
  let run = 1
  output.progress.begin('minimize', () => ({ text: `run ${run}: ${doing}` }))
  const found = await minimize(drawPlan(seed, limitsOf(flags)), (what, runs) => {
    doing = what
    run = runs
  })
  if (found === null) {
    await output.answer({ seed, fails: false }, `seed ${seed} does not fail`)
    return EXIT_DONE
  }
  const file = `sim-plan-${seed}.json`
  writeFileSync(resolve(cwd, file), `${JSON.stringify(found.plan, null, 2)}\n`)
  const text = [
    `${plural(found.runs, 'run')}. Not needed: ${found.removed.join(', ') || 'nothing'}`,
    found.failure.message.replace(/\nReplay: .*$/, `\nReplay: npm run sim -- --plan ${file} --trace`),
  ].join('\n')
  await output.answer({ seed, fails: true, file, removed: found.removed, plan: found.plan }, text)
  return EXIT_FAILED
}
