import { DEFAULT_RATES, FAULT_KINDS, type FaultRate } from '../../src/sim/fault-kinds.ts'
import type { Ambush } from '../../src/sim/ambush.ts'
import { drawPlan, type PlanLimits, type RunPlan } from '../../src/sim/run-plan.ts'

/** Faults come so much more often, and are over so much sooner: they must outlast an election timeout. */
const DENSITY = 5
const SHORTNESS = 2.5
const ELECTION_TIMEOUT_MS = 200
const HEARTBEATS = 10

/** Two to five stores: one alone shows little, and large clusters cost most and show no more. */
const FEWEST_STORES = 2
const STORE_COUNTS = 4

const MIB = 1024 * 1024

/** Small runs in fast motion: what a whole seed meets in 80 simulated seconds they meet in 12. */
const FAST_LIMITS: PlanLimits = { maxGroups: 3, faultsForMs: 6_000, livenessMs: 6_000 }

const PATIENT_TIMEOUT_MS = 600
const PATIENT_LIMITS: PlanLimits = { maxGroups: 6, faultsForMs: 9_000, livenessMs: 12_000 }

/** Shapes of runs in fast motion, each with more of what leads to some states. */
export const SHAPES = {
  mixed: (seed: number, limits: PlanLimits) =>
    densePlan(drawPlan(seed, { stores: FEWEST_STORES + (seed % STORE_COUNTS), ...FAST_LIMITS, ...limits })),
  /** Directories are damaged all the time. */
  damaged: (seed: number, limits: PlanLimits) => {
    const plan = densePlan(drawPlan(seed, { stores: 5, ...FAST_LIMITS, maxGroups: 8, ...limits }))
    const kills = { everyMs: 800, forMs: 300 }
    const damage = { everyMs: 500, forMs: 100 }
    return { ...plan, faults: { ...plan.faults, damage, kills } }
  },
  /** Large values come faster than slow disks take them, and have to be sent again and again. */
  crowded: (seed: number, limits: PlanLimits) => {
    const plan = densePlan(drawPlan(seed, { stores: 3, ...FAST_LIMITS, ...limits }))
    // At once, or for about as long as a disk may stand still.
    const gapMs = (seed >> 3) % 2 === 0 ? 0.02 : 6
    const bursts = { everyMs: 1_000, calls: 40, gapMs, valueBytes: 1024 * 1024 }
    const faults = {
      slowDisk: { everyMs: 600, forMs: 300 },
      resets: { everyMs: 200, forMs: 0 },
      kills: { everyMs: 2_000, forMs: 300 },
      ambushes: STILL_LEADERS,
    }
    // Over a long way a window a round trip carries less than the bursts bring, and small calls wait behind them too long.
    const network = { ...plan.network, minDelayMs: 0.5, meanDelayMs: 1 }
    return { ...plan, network, bursts, maxLogBytes: null, electionTimeoutMs: 500, livenessMs: 10_000, faults }
  },
  /** Elections take so long that a store that fails is back before one is over, and groups rest meanwhile. */
  patient: (seed: number, limits: PlanLimits) => {
    const plan = densePlan(
      drawPlan(seed, { stores: FEWEST_STORES + 1 + (seed % 3), ...PATIENT_LIMITS, ...limits }),
    )
    return { ...plan, electionTimeoutMs: PATIENT_TIMEOUT_MS, callTimeoutMs: 2_000, callsPerSecond: 20 }
  },
  /** Connections break all the time, and what was sent over old ones comes again, or comes with a bit that is another. */
  noisy: (seed: number, limits: PlanLimits) => {
    const plan = densePlan(drawPlan(seed, { stores: 3, ...FAST_LIMITS, ...limits }))
    const resets = { everyMs: 300, forMs: 0 }
    const mix = { ...plan.mix, put: 8, apply: 6, get: 4, query: 2 }
    const faults = { ...plan.faults, resets, stale: 0.08, corrupt: 0.002 * ((seed >> 4) % 2) }
    return { ...plan, faults, mix, bursts: null, callsPerSecond: 200 }
  },
  /** Tired disks, and logs that are truncated all the time: un-synced writes are many, and lost in every way there is. */
  worn: (seed: number, limits: PlanLimits) => {
    const plan = densePlan(drawPlan(seed, { stores: 3, ...FAST_LIMITS, ...limits }))
    const faults = {
      kills: { everyMs: 800, forMs: 100 },
      gasps: { everyMs: 500, forMs: 100 },
      crashLoops: { everyMs: 3_000, forMs: 0 },
      diskErrors: { everyMs: 2_000, forMs: 0 },
      partitions: { everyMs: 800, forMs: 400 },
      maxDown: 3,
      ambushes: CUTS,
    }
    const disk = { ...plan.disk, syncMs: 2 + 8 * ((seed >> 3) % 2) }
    const mix = { ...plan.mix, put: 8, batch: 2, apply: 4, scan: 0 }
    const valueBytes = { mean: 3_000, max: 20_000 }
    return {
      ...plan,
      faults,
      disk,
      mix,
      valueBytes,
      shards: 1,
      bursts: null,
      maxLogBytes: 1.25 * MIB,
      livenessMs: 5_000,
    }
  },
} as const satisfies Readonly<Record<string, (seed: number, limits: PlanLimits) => RunPlan>>

export type Shape = keyof typeof SHAPES

/** Of sixteen seeds four are damaged, four are patient, two each are crowded and worn, and one is noisy. */
export function shapeOf(seed: number): Shape {
  if (seed % 4 === 3) return 'damaged'
  if (seed % 8 === 2 || seed % 8 === 4) return 'patient'
  if (seed % 8 === 5) return 'worn'
  if (seed % 16 === 9) return 'noisy'
  return seed % 8 === 6 ? 'crowded' : 'mixed'
}

/**
 * Leaders that send much are cut off, so that nobody but they has what comes next; and when it is taken from their logs
 * again, the disk stands still before the end of the process.
 */
const CUTS: readonly Ambush[] = [
  {
    mark: 'append/many-blocks',
    chance: 0.2,
    restMs: 600,
    strikes: [{ who: 'self', what: 'cut-off', after: 0, for: 4 }],
  },
  {
    mark: 'cut/suffix',
    chance: 0.7,
    restMs: 0,
    strikes: [{ who: 'self', what: 'gasp', after: 0, for: 0.5 }],
  },
]

/** The disk of a leader stands still while those of others go on: what is committed stays in its memory. */
const STILL_LEADERS: readonly Ambush[] = [
  {
    mark: 'commit/ahead-of-own-disk',
    chance: 1,
    restMs: 400,
    strikes: [{ who: 'self', what: 'stall', after: 0, for: 0.8 }],
  },
]

/** The run of a seed in fast motion. */
export function fastPlan(seed: number, limits: PlanLimits = {}, shape: Shape = shapeOf(seed)): RunPlan {
  return SHAPES[shape](seed, limits)
}

/** The same plan in fast motion: much happens in little time. */
function densePlan(plan: RunPlan): RunPlan {
  const faults: Record<string, unknown> = { ...plan.faults }
  for (const kind of FAULT_KINDS) {
    const wanted = plan.faults[kind]
    if (wanted)
      faults[kind] = denser({ ...DEFAULT_RATES[kind], ...(typeof wanted === 'boolean' ? {} : wanted) })
  }
  // What most mutants need is never missing.
  faults.kills ??= denser(DEFAULT_RATES.kills)
  faults.partitions = denser(DEFAULT_RATES.partitions)
  const { ambushes, stale = 0, corrupt } = plan.faults
  faults.stale = stale * DENSITY
  if (typeof corrupt === 'number') faults.corrupt = corrupt * DENSITY
  if (typeof ambushes === 'object')
    faults.ambushes = ambushes.map((ambush) => ({ ...ambush, restMs: ambush.restMs / DENSITY }))
  return {
    ...plan,
    faults,
    electionTimeoutMs: ELECTION_TIMEOUT_MS,
    heartbeats: HEARTBEATS,
    callTimeoutMs: 1_000,
    maxInFlight: 100,
    callsAtOnce: 1,
    valueBytes: { mean: 100, max: 2_000 },
    faultsFromMs: 300,
    hangsMachine: false,
    // A link that a burst fills for longer than an election timeout leaves no time to come to rest.
    network: { ...plan.network, bytesPerMs: 0 },
    bursts: plan.bursts === null ? null : { ...plan.bursts, everyMs: plan.bursts.everyMs / DENSITY },
  }
}

function denser({ everyMs, forMs }: FaultRate): FaultRate {
  return { everyMs: everyMs / DENSITY, forMs: forMs / SHORTNESS }
}
