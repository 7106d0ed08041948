import { MAX_MINIMIZE_RUNS } from '../util/limits.ts'
import { FAULT_KINDS } from './fault-kinds.ts'
import type { RunPlan } from './run-plan.ts'
import { runPlan } from './run-seed.ts'
import { SimulationFailure } from './simulation-failure.ts'

/** A smaller plan that fails in the same way. */
export interface MinimizedRun {
  readonly plan: RunPlan
  readonly failure: SimulationFailure
  readonly runs: number
  /** What was taken away, in words, in order. */
  readonly removed: readonly string[]
}

interface Reduction {
  readonly what: string
  readonly plan: RunPlan
}

/**
 * Takes away from a failing plan whatever is not needed for it to break the same invariant: kinds of faults, groups, calls,
 * disturbances, then time. Null when the plan does not fail. Each thing taken away is another run, so this takes a while.
 */
export async function minimize(
  plan: RunPlan,
  onTry: (what: string, runs: number) => void = () => {},
): Promise<MinimizedRun | null> {
  const first = await failureOf(plan)
  if (first === null) return null
  let best = { plan, failure: first }
  const removed: string[] = []
  let runs = 1
  for (let progress = true; progress; ) {
    progress = false
    for (const { what, plan: smaller } of reductionsOf(best.plan)) {
      if (runs >= MAX_MINIMIZE_RUNS) return { ...best, runs, removed }
      onTry(what, ++runs)
      const failure = await failureOf(smaller)
      if (failure === null || failure.invariant !== best.failure.invariant) continue
      best = { plan: smaller, failure }
      removed.push(what)
      progress = true
      break
    }
  }
  return { ...best, runs, removed }
}

async function failureOf(plan: RunPlan): Promise<SimulationFailure | null> {
  try {
    await runPlan(plan)
    return null
  } catch (error) {
    if (error instanceof SimulationFailure) return error
    throw error
  }
}

/** What may be taken away next, the largest pieces first. */
function* reductionsOf(plan: RunPlan): Generator<Reduction> {
  const { faults, mix } = plan
  for (const kind of FAULT_KINDS) {
    if (faults[kind]) yield { what: `no ${kind}`, plan: { ...plan, faults: { ...faults, [kind]: false } } }
  }
  const ambushes = typeof faults.ambushes === 'object' ? faults.ambushes : []
  for (const ambush of ambushes) {
    const others = ambushes.filter((other) => other !== ambush)
    yield { what: `no ambush at ${ambush.mark}`, plan: { ...plan, faults: { ...faults, ambushes: others } } }
  }
  if (faults.stale) yield { what: 'nothing comes again', plan: { ...plan, faults: { ...faults, stale: 0 } } }
  if (faults.loss) yield { what: 'nothing is lost', plan: { ...plan, faults: { ...faults, loss: 0 } } }
  if (faults.reorder)
    yield { what: 'nothing overtakes', plan: { ...plan, faults: { ...faults, reorder: 0 } } }
  if (plan.bursts !== null) yield { what: 'no bursts', plan: { ...plan, bursts: null } }
  if (faults.corrupt) yield { what: 'no corruption', plan: { ...plan, faults: { ...faults, corrupt: 0 } } }
  if (plan.counters.length > 1) {
    const counters = plan.counters.slice(0, plan.counters.length >> 1)
    yield { what: `${counters.length} counters`, plan: { ...plan, counters } }
  } else if (plan.counters.length === 1) yield { what: 'no counter', plan: { ...plan, counters: [] } }
  if (plan.splitKeys.length > 0) {
    const splitKeys = plan.splitKeys.slice(0, plan.splitKeys.length >> 1)
    yield { what: `${splitKeys.length + 1} regions`, plan: { ...plan, splitKeys } }
  }
  for (const kind of Object.keys(mix) as (keyof typeof mix)[]) {
    if (mix[kind] > 0 && kind !== 'put')
      yield { what: `no ${kind}`, plan: { ...plan, mix: { ...mix, [kind]: 0 } } }
  }
  const calm = { clockRate: 1, lateTimers: { rate: 0, maxMs: 0 } }
  if (
    Object.values(plan.clocks).some(({ clockRate, lateTimers }) => clockRate !== 1 || lateTimers.rate > 0)
  ) {
    const clocks = Object.fromEntries(plan.storeIds.map((storeId) => [storeId, calm]))
    yield { what: 'good clocks', plan: { ...plan, clocks } }
  }
  if (plan.links.length > 0) yield { what: 'links that are alike', plan: { ...plan, links: [] } }
  if (plan.hangsMachine) yield { what: 'no machine that hangs', plan: { ...plan, hangsMachine: false } }
  if (plan.callsAtOnce > 1) yield { what: 'one call at a time', plan: { ...plan, callsAtOnce: 1 } }
  if (plan.callsPerSecond > 10) {
    const callsPerSecond = plan.callsPerSecond / 2
    yield { what: `${callsPerSecond} calls a second`, plan: { ...plan, callsPerSecond } }
  }
  if (plan.faultsForMs > 2_000) {
    const faultsForMs = Math.round(plan.faultsForMs * 0.6)
    yield { what: `faults for ${faultsForMs} ms`, plan: { ...plan, faultsForMs } }
  }
}
