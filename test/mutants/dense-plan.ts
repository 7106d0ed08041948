import { DEFAULT_RATES, FAULT_KINDS, type FaultRate } from '../../src/sim/fault-kinds.ts'
import type { RunPlan } from '../../src/sim/run-plan.ts'

/** Faults come so much more often, and are over so much sooner: they must outlast an election timeout. */
const DENSITY = 5
const SHORTNESS = 2.5
const ELECTION_TIMEOUT_MS = 200

/** The same plan in fast motion: much happens in little time. For a first look; the proof is seeds as they are drawn. */
export function densePlan(plan: RunPlan): RunPlan {
  const faults: Record<string, unknown> = { ...plan.faults }
  for (const kind of FAULT_KINDS) {
    const wanted = plan.faults[kind]
    if (wanted)
      faults[kind] = denser({ ...DEFAULT_RATES[kind], ...(typeof wanted === 'boolean' ? {} : wanted) })
  }
  // What most mutants need is never missing.
  faults.kills ??= denser(DEFAULT_RATES.kills)
  faults.partitions = denser(DEFAULT_RATES.partitions)
  return {
    ...plan,
    faults,
    electionTimeoutMs: ELECTION_TIMEOUT_MS,
    callTimeoutMs: 1_000,
    maxInFlight: 100,
    valueBytes: { mean: 100, max: 2_000 },
    faultsFromMs: 300,
    hangsMachine: false,
    // A link that a burst fills for longer than an election timeout leaves no time to come to rest.
    network: { ...plan.network, bytesPerMs: 0 },
    bursts: plan.bursts === null ? null : { ...plan.bursts, everyMs: plan.bursts.everyMs / DENSITY },
  }
}

/** Two to five: one alone shows little, and large ones cost most and show no more. */
export function denseStores(seed: number): number {
  return 2 + (seed % 4)
}

function denser({ everyMs, forMs }: FaultRate): FaultRate {
  return { everyMs: everyMs / DENSITY, forMs: forMs / SHORTNESS }
}
