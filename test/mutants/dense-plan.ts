import type { Ambush } from '../../src/sim/ambush.ts'
import { DEFAULT_RATES, FAULT_KINDS, type FaultRate } from '../../src/sim/fault-kinds.ts'
import { drawPlan, type PlanLimits, type RunPlan } from '../../src/sim/run-plan.ts'
import type { QueueLimits } from '../../src/util/queue-limits.ts'
import {
  CUTS,
  DEPOSALS,
  ESTRANGED,
  FALLS,
  HALF_SAID,
  RESENT,
  SHORT_LIVES,
  STATELESS_HEIRS,
  STILL_LEADERS,
} from '../../src/sim/known-ambushes.ts'

/** Faults come so much more often, and are over so much sooner: they must outlast an election timeout. */
const DENSITY = 5
const SHORTNESS = 2.5
const BURST_DENSITY = 10
const ELECTION_TIMEOUT_MS = 200
const HEARTBEATS = 10

/** Two to five stores: one alone shows little, and large clusters cost most and show no more. */
const FEWEST_STORES = 2
const STORE_COUNTS = 4

/** The least of which two may part from the rest and leave it able to elect. */
const FIVE = 5

const MIB = 1024 * 1024

/** Small runs in fast motion: what a whole seed meets in 80 simulated seconds they meet in 12. */
const FAST_LIMITS: PlanLimits = { maxGroups: 3, faultsForMs: 6_000, livenessMs: 6_000 }

const PATIENT_TIMEOUT_MS = 600
/** A store that starts again is back while its last questions wait. */
const RESTLESS_TIMEOUT_MS = 500
/** Of counters: their flushes wait for each other, and not for too long. */
const FALLEN_GROUPS = 4
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
  /** Large values come faster than slow disks take them, or one by one, and have to be sent again and again. */
  crowded: (seed: number, limits: PlanLimits) => {
    const plan = densePlan(drawPlan(seed, { stores: 3, ...FAST_LIMITS, ...limits }))
    const way = CROWDS[(seed >> 3) % CROWDS.length]!
    const oneByOne = way === 'one by one'
    const bursts = CROWD_BURSTS[way]
    const kills = { everyMs: 2_000, forMs: 300 }
    const slowDisk = { everyMs: 600, forMs: 300 }
    const faults = oneByOne
      ? { resets: { everyMs: 2_000, forMs: 0 }, kills, ambushes: RESENT }
      : {
          slowDisk,
          resets: { everyMs: 200, forMs: 0 },
          kills,
          ambushes: way === 'in part' ? HALF_SAID : STILL_LEADERS,
        }
    // Over a long way a window a round trip carries less than the bursts bring, and small calls wait behind them too long.
    const network = { ...plan.network, minDelayMs: 0.5, meanDelayMs: 1 }
    return {
      ...plan,
      // Where one store alone holds the regions, nothing is sent.
      kvMembers: oneByOne ? plan.storeIds : plan.kvMembers,
      network,
      bursts,
      maxLogBytes: null,
      electionTimeoutMs: 500,
      livenessMs: 10_000,
      faults,
    }
  },
  /** Elections take so long that a store that fails is back before one is over, and groups rest meanwhile. */
  patient: (seed: number, limits: PlanLimits) => {
    const plan = densePlan(
      drawPlan(seed, { stores: FEWEST_STORES + 1 + (seed % 3), ...PATIENT_LIMITS, ...limits }),
    )
    // Where little is written and fails, those that hear no leader for a moment miss nothing, and may be elected.
    const quiet = (seed >> 3) % 2 === 1
    const kills = { everyMs: 3_000, forMs: 300 }
    const faults = quiet ? { kills, maxDown: plan.storeIds.length, ambushes: ESTRANGED } : plan.faults
    const callsPerSecond = quiet ? 7 : 20
    return { ...plan, faults, electionTimeoutMs: PATIENT_TIMEOUT_MS, callTimeoutMs: 2_000, callsPerSecond }
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
      ...(seed % 4 === 3 && { brokenDisks: { everyMs: 1_500, forMs: 300 } }),
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
      livenessMs: 8_000,
    }
  },
  /**
   * Leaders are cut off, with much that nobody else has, for longer than it takes to elect others; so are the others. No
   * partition comes at random: its end would be that of all of them.
   */
  deposed: (seed: number, limits: PlanLimits) =>
    // One of them in a run: they would disturb each other.
    deposedPlan(seed, limits, DEPOSALS[(seed >> 3) % DEPOSALS.length]!),
  /** All die at once, and their flushes are slow: what a new leader cuts off waits, and machines begin anew meanwhile. */
  fallen: (seed: number, limits: PlanLimits) => {
    const plan = densePlan(drawPlan(seed, { stores: 3, ...FAST_LIMITS, ...limits }))
    const { storeIds } = plan
    return {
      ...plan,
      splitKeys: [],
      kvMembers: storeIds,
      counters: Array.from({ length: FALLEN_GROUPS }, (_, i) => ({
        groupId: `counter-${i}`,
        type: 'counter',
        members: storeIds,
        preferredLeader: storeIds[i % storeIds.length]!,
      })),
      faults: { maxDown: storeIds.length, ambushes: FALLS },
      mix: { ...plan.mix, apply: 20 },
      // Reads are not, so that they come before.
      disk: { ...plan.disk, syncMs: 20, readMs: 0.02 },
      network: { ...plan.network, minDelayMs: 0.05, meanDelayMs: 0.2 },
      shards: 1,
      maxLogBytes: null,
      callsPerSecond: 400,
      livenessMs: 8_000,
      bursts: null,
    }
  },
  /** Stores sleep so long that logs outgrow what they have, and that whoever calls them meanwhile gives up. */
  outgrown: (seed: number, limits: PlanLimits) => {
    const plan = densePlan(drawPlan(seed, { stores: 4, ...FAST_LIMITS, maxGroups: 4, ...limits }))
    const faults = {
      pauses: { everyMs: 2_500, forMs: 7_500 },
      clogs: { everyMs: 1_500, forMs: 800 },
      kills: { everyMs: 3_000, forMs: 200 },
      resets: { everyMs: 150, forMs: 0 },
      maxDown: 2,
    }
    return {
      ...plan,
      kvMembers: plan.storeIds,
      faults,
      shards: 1,
      maxLogBytes: MIB,
      callsPerSecond: 10,
      bursts: { everyMs: 1_200, calls: 5, gapMs: 0.02, valueBytes: MIB / 2 },
      faultsForMs: 16_000,
      livenessMs: 10_000,
    }
  },
  /** Queues are full soon: those of callers and readers, those in front of slow disks, and those on the way to other stores. */
  cramped: (seed: number, limits: PlanLimits) => {
    const plan = densePlan(drawPlan(seed, { stores: 3, ...FAST_LIMITS, maxGroups: 6, ...limits }))
    const large = (seed >> 3) % 2 === 0
    if ((seed >> 3) % 4 === 3) return unheardPlan(plan)
    const faults = {
      slowDisk: { everyMs: 250, forMs: 300 },
      kills: { everyMs: 2_500, forMs: 300 },
      resets: { everyMs: 1_000, forMs: 0 },
      clogs: { everyMs: 800, forMs: 150 },
    }
    return {
      ...plan,
      kvMembers: plan.storeIds,
      faults,
      // Large values fill the queue of a disk first.
      limits: large ? CRAMPED : { ...CRAMPED, pendingTasksPerGroup: FEW_CALLS },
      mix: { ...plan.mix, put: 4, get: large ? 1 : 20, query: large ? 1 : 10, apply: 4, scan: 0 },
      callsPerSecond: large ? 50 : 400,
      callsAtOnce: large ? 1 : 4,
      // A round of questions lasts, so that others come meanwhile.
      network: large ? plan.network : { ...plan.network, minDelayMs: 5, meanDelayMs: 5 },
      maxInFlight: 200,
      bursts: large ? { everyMs: 300, calls: 24, gapMs: 0.02, valueBytes: MIB / 4 } : null,
      maxLogBytes: null,
      electionTimeoutMs: 500,
      livenessMs: 8_000,
    }
  },
  /** States and ledgers rot behind logs that are truncated all the time, and machines throw. */
  decayed: (seed: number, limits: PlanLimits) => {
    const few = (seed >> 3) % 2 === 1
    const plan = densePlan(
      drawPlan(seed, { stores: few ? 3 : FIVE, ...FAST_LIMITS, maxGroups: few ? 3 : 6, ...limits }),
    )
    const rot = { everyMs: few ? 1_500 : 500, forMs: 100 }
    const faults = few
      ? { rot, kills: { everyMs: 4_000, forMs: 100 }, maxDown: 2, ambushes: STATELESS_HEIRS }
      : {
          rot,
          kills: { everyMs: 1_000, forMs: 200 },
          partitions: { everyMs: 1_500, forMs: 500 },
          bitRot: { everyMs: 2_000, forMs: 0 },
          maxDown: 3,
        }
    return {
      ...plan,
      kvMembers: plan.storeIds,
      faults,
      shards: 1,
      machineFailRate: few ? 0 : 0.02,
      callsPerSecond: few ? 250 : 100,
      // Whoever scans meets what is rotten, if it is not written anew before.
      mix: { ...plan.mix, put: 8, batch: 2, apply: 4, scan: few ? 0 : 1 },
      keysPerRegion: few ? plan.keysPerRegion : 100,
      valueBytes: { mean: 6_000, max: 40_000 },
      maxLogBytes: few || seed % 2 === 0 ? MIB : null,
      bursts: null,
      livenessMs: 8_000,
    }
  },
  /** Stores start again and again among many readers, and connections break. */
  restless: (seed: number, limits: PlanLimits) => {
    const plan = densePlan(drawPlan(seed, { stores: 3, ...FAST_LIMITS, ...limits }))
    const faults = {
      kills: { everyMs: 1_000, forMs: 20 },
      resets: { everyMs: 100, forMs: 0 },
      clogs: { everyMs: 400, forMs: 60 },
      maxDown: 1,
      ambushes: SHORT_LIVES,
    }
    const network = { ...plan.network, minDelayMs: 0.5, meanDelayMs: 3 }
    const mix = { ...plan.mix, put: 4, apply: 4, get: 12, query: 12, del: 0, batch: 0, scan: 0, getMany: 0 }
    return {
      ...plan,
      kvMembers: plan.storeIds,
      faults,
      network,
      mix,
      callsPerSecond: 500,
      electionTimeoutMs: RESTLESS_TIMEOUT_MS,
      faultsForMs: 4_000,
      livenessMs: 8_000,
      bursts: null,
    }
  },
} as const satisfies Readonly<Record<string, (seed: number, limits: PlanLimits) => RunPlan>>

/** Answers find their queue full, again and again, and no connection breaks, which would have all said anew. */
function unheardPlan(plan: RunPlan): RunPlan {
  return {
    ...plan,
    kvMembers: plan.storeIds,
    faults: { clogs: { everyMs: 250, forMs: 300 }, kills: { everyMs: 20_000, forMs: 300 } },
    limits: {
      ...CRAMPED,
      pendingTasksPerGroup: 256,
      pendingReadsPerGroup: 256,
      bulkInFlightBytes: MIB / 16,
      controlQueueBytes: 60,
    },
    mix: { ...plan.mix, put: 4, get: 4, query: 4, apply: 4, scan: 0 },
    callsPerSecond: 50,
    bursts: { everyMs: 150, calls: 4, gapMs: 5, valueBytes: 100_000 },
    maxLogBytes: null,
    electionTimeoutMs: 1_000,
    livenessMs: 12_000,
  }
}

/** The least that every entry of these runs passes through. */
const CRAMPED: QueueLimits = {
  pendingTasksPerGroup: 48,
  pendingReadsPerGroup: 3,
  logCacheBytesPerStore: 8 * MIB,
  shardQueueBytes: 2 * MIB,
  bulkInFlightBytes: 4 * MIB,
  controlQueueBytes: 200,
}

const FEW_CALLS = 4

export type Shape = keyof typeof SHAPES

/**
 * Of fifteen seeds two each are mixed, damaged, deposed and fallen, and one each is of any other shape; none is outgrown, whose
 * runs are long.
 */
export function shapeOf(seed: number): Shape {
  return ORDER[seed % ORDER.length]!
}

/** An odd number of them, for other things are drawn by powers of two. */
const ORDER: readonly Shape[] = [
  'deposed',
  'mixed',
  'patient',
  'damaged',
  'noisy',
  'deposed',
  'worn',
  'fallen',
  'crowded',
  'damaged',
  'restless',
  'mixed',
  'cramped',
  'fallen',
  'decayed',
]

/**
 * How the large values of a crowd come: at once, for about as long as a disk may stand still, or a few after each other; or
 * so many smaller ones that calls which travel together are taken in part.
 */
const CROWD_BURSTS = {
  'at once': { everyMs: 1_000, calls: 40, gapMs: 0.02, valueBytes: MIB },
  'for a while': { everyMs: 1_000, calls: 40, gapMs: 6, valueBytes: MIB },
  'one by one': { everyMs: 500, calls: 8, gapMs: 1.5, valueBytes: MIB / 2 },
  'in part': { everyMs: 1_500, calls: 220, gapMs: 0.002, valueBytes: 100_000 },
} as const
const CROWDS = ['at once', 'for a while', 'one by one', 'in part'] as const

/** The run of a seed in fast motion. */
export function fastPlan(seed: number, limits: PlanLimits = {}, shape: Shape = shapeOf(seed)): RunPlan {
  return SHAPES[shape](seed, limits)
}

function deposedPlan(seed: number, limits: PlanLimits, ambush: Ambush): RunPlan {
  const parts = ambush.strikes.some(({ what }) => what === 'pair-off')
  const stores = parts ? FIVE : 3 + (seed % 3)
  const plan = densePlan(drawPlan(seed, { stores, ...FAST_LIMITS, ...limits }))
  const faults = {
    kills: { everyMs: 3_000, forMs: 200 },
    pauses: { everyMs: 2_000, forMs: 300 },
    slowDisk: { everyMs: 1_200, forMs: 300 },
    maxDown: plan.storeIds.length,
    ambushes: [ambush],
  }
  return {
    ...plan,
    kvMembers: plan.storeIds,
    faults,
    callsPerSecond: seed % 3 === 0 ? 25 : 150,
    callTimeoutMs: 2_000,
    livenessMs: 8_000,
  }
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
    limits: null,
    machineFailRate: 0,
    valueBytes: { mean: 100, max: 2_000 },
    faultsFromMs: 300,
    hangsMachine: false,
    // A link that a burst fills for longer than an election timeout leaves no time to come to rest.
    network: { ...plan.network, bytesPerMs: 0, splitRate: (plan.network.splitRate ?? 0) * DENSITY },
    bursts: plan.bursts === null ? null : { ...plan.bursts, everyMs: plan.bursts.everyMs / BURST_DENSITY },
  }
}

function denser({ everyMs, forMs }: FaultRate): FaultRate {
  return { everyMs: everyMs / DENSITY, forMs: forMs / SHORTNESS }
}
