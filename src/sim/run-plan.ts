import type { GroupRequest } from '../api/group-request.ts'
import { type Ambush, drawAmbushes } from './ambush.ts'
import type { DiskTimings } from './disk.ts'
import {
  DAMAGING_KINDS,
  drawBrokenOrder,
  drawNemesisOptions,
  drawRate,
  FAULT_KINDS,
  type FaultKind,
  LATE_KINDS,
  type NemesisOptions,
} from './fault-kinds.ts'
import { KNOWN_AMBUSHES } from './known-ambushes.ts'
import type { NetworkOptions } from './link.ts'
import { SimRandom } from './random.ts'
import { MIN_MAX_LOG_BYTES } from '../util/limits.ts'
import type { QueueLimits } from '../util/queue-limits.ts'

/** How often clients do what, relative to each other. */
export interface ClientMix {
  readonly put: number
  readonly get: number
  readonly del: number
  readonly batch: number
  readonly getMany: number
  readonly scan: number
  readonly apply: number
  readonly query: number
}

/** `calls` writes to one group, one every `gapMs`, each time after a pause with the mean `everyMs`. */
export interface BurstPlan {
  readonly everyMs: number
  readonly calls: number
  readonly gapMs: number
  /** Mean size of the values. */
  readonly valueBytes: number
}

/** What one store's clocks are like. */
export interface ClockPlan {
  readonly clockRate: number
  readonly lateTimers: { readonly rate: number; readonly maxMs: number }
}

/** One direction between two stores that takes its own time. */
export interface LinkPlan {
  readonly from: string
  readonly to: string
  readonly minDelayMs: number
  readonly meanDelayMs: number
}

/** Everything about a run that is drawn from its seed, as plain data: a smaller plan of the same seed is still a run. */
export interface RunPlan {
  readonly seed: string
  readonly storeIds: readonly string[]
  readonly shards: number
  readonly electionTimeoutMs: number
  /** Heartbeats in an election timeout. */
  readonly heartbeats: number
  /** Where the key-value regions part, and who holds them. */
  readonly splitKeys: readonly string[]
  readonly kvMembers: readonly string[]
  readonly counters: readonly GroupRequest[]
  readonly keysPerRegion: number
  /** Mean and largest size of a value. */
  readonly valueBytes: { readonly mean: number; readonly max: number }
  readonly mix: ClientMix
  /** Calls of clients per simulated second, and how many may be under way. */
  readonly callsPerSecond: number
  readonly maxInFlight: number
  /** How many of them one caller makes in one turn. */
  readonly callsAtOnce: number
  readonly callTimeoutMs: number
  readonly faults: NemesisOptions
  /** When the faults begin, and for how long they go on. */
  readonly faultsFromMs: number
  readonly faultsForMs: number
  readonly livenessMs: number
  readonly network: Partial<NetworkOptions>
  /** Whose delays are others than those of `network`, until the faults end. */
  readonly links: readonly LinkPlan[]
  readonly disk: DiskTimings
  readonly clocks: Readonly<Record<string, ClockPlan>>
  /** In the second phase one counter on one store of the core never answers its store again. */
  readonly hangsMachine: boolean
  /** Share of the turns of a counter in which it throws: its replica stops there until its store starts again. */
  readonly machineFailRate: number
  /** See StoreOptions.maxLogBytes; null for the default, which no run reaches. */
  readonly maxLogBytes: number | null
  /** What the queues of its stores hold; null for as much as those of real ones, which few runs fill. */
  readonly limits: QueueLimits | null
  /** Now and then very many writes to one group at once; null for never. */
  readonly bursts: BurstPlan | null
  /** At the end, when nobody writes any more, a store of the core is started again, and every group is read. */
  readonly readsAtRest: boolean
  /** Nothing is injected and nothing breaks for good: whatever fails, fails by itself. */
  readonly faultFree?: boolean
}

const MIB = 1024 * 1024
const MAX_STORES = 7
/** The least that have a majority without one of them: most of what can go wrong goes wrong among so many, at the least cost. */
const COMMON_STORES = 3
const MIN_GROUPS = 3
const MIN_DAMAGED_GROUP = 3
const MAX_GROUPS = 64
/** Declared bound of the drift of a monotonic clock. */
export const MAX_CLOCK_DRIFT = 0.05
const ELECTION_TIMEOUTS_MS = [200, 300, 500, 500, 1_000, 1_000] as const

/**
 * What costs most is drawn seldom: a heartbeat of each store to each other, and what a call costs that comes alone, though
 * both show little in most seeds. A hundred calls at once are as much load, at a quarter of the price.
 */
const HEARTBEATS = [3, 3, 3, 3, 3, 3, 5, 10] as const
const MACHINE_FAIL_RATES = [0, 0, 0, 0.002] as const
const CALLS_AT_ONCE = [1, 8, 32, 100, 100, 100, 100, 100, 100, 100, 100, 100] as const

/** Bounds for the draw: a test may ask for small runs, a measurement for one shape. */
export interface PlanLimits {
  readonly stores?: number
  readonly maxGroups?: number
  readonly faultsForMs?: number
  readonly livenessMs?: number
}

/** Swarm testing: not only what happens when is drawn, but what may happen at all, and to what. */
export function drawPlan(seed: number | string, limits: PlanLimits = {}): RunPlan {
  const random = new SimRandom(`plan/${seed}`)
  const storeCount = limits.stores ?? drawStoreCount(random, seed)
  const storeIds = Array.from({ length: storeCount }, (_, i) => `s${i + 1}`)
  const groupCount = Math.round(
    MIN_GROUPS * ((limits.maxGroups ?? MAX_GROUPS) / MIN_GROUPS) ** (random.float() ** 1.5),
  )
  const regionCount = 1 + random.below(groupCount - 1)
  // Directories are damaged only where every group stays with a majority of sound ones.
  const damage = storeCount >= MIN_DAMAGED_GROUP && random.chance(0.3)
  const least = damage ? MIN_DAMAGED_GROUP : 1
  const kvMembers = drawMembers(random, storeIds, least)
  const counters = Array.from({ length: groupCount - regionCount }, (_, i): GroupRequest => {
    const members = drawMembers(random, storeIds, least)
    return { groupId: `counter-${i}`, type: 'counter', members, preferredLeader: random.pick(members) }
  })
  // Of their own, so that they do not disturb what else is drawn.
  const heartbeats = new SimRandom(`heartbeats/${seed}`).pick(HEARTBEATS)
  const callsAtOnce = new SimRandom(`gathering/${seed}`).pick(CALLS_AT_ONCE)
  const drawn = {
    seed: String(seed),
    storeIds,
    shards: random.chance(0.7) ? 1 : 2,
    electionTimeoutMs: random.pick(ELECTION_TIMEOUTS_MS),
    heartbeats,
    splitKeys: Array.from({ length: regionCount - 1 }, (_, i) => regionPrefix(i + 1)),
    kvMembers,
    counters,
    keysPerRegion: random.pick([3, 8, 20]),
    valueBytes: random.pick([
      { mean: 16, max: 64 },
      { mean: 100, max: 2_000 },
      { mean: 2_000, max: 100_000 },
    ]),
    mix: drawMix(random),
    callsPerSecond: 100,
    maxInFlight: Math.max(random.pick([10, 40, 100]), 3 * callsAtOnce),
    callsAtOnce,
    callTimeoutMs: random.pick([1_000, 2_000, 5_000]),
    faults: {
      ...drawFaults(random, storeCount, damage),
      ...drawLateFaults(seed, damage),
      ...drawBrokenOrder(new SimRandom(`broken-order/${seed}`)),
      ambushes: drawAmbushesOf(seed),
    },
    faultsFromMs: random.chance(0.3) ? 0 : random.between(500, 3_000),
    faultsForMs: limits.faultsForMs ?? 60_000,
    livenessMs: limits.livenessMs ?? 20_000,
    network: drawNetwork(random),
    links: drawLinks(seed, storeIds),
    disk: drawDisk(random),
    clocks: Object.fromEntries(storeIds.map((storeId) => [storeId, drawClock(random)])),
    hangsMachine: random.chance(0.3),
  }
  const hasSmallLogs = random.chance(0.6)
  const bursts = random.chance(0.3) ? drawBursts(random, drawn) : null
  return {
    ...drawn,
    machineFailRate: new SimRandom(`machines/${seed}`).pick(MACHINE_FAIL_RATES),
    limits: drawLimits(seed),
    maxLogBytes: hasSmallLogs ? roomForLogs(drawn, bursts) : null,
    bursts,
    readsAtRest: random.chance(0.5),
  }
}

function drawStoreCount(random: SimRandom, seed: number | string): number {
  const any = 1 + random.below(MAX_STORES)
  return new SimRandom(`stores/${seed}`).chance(0.75) ? COMMON_STORES : any
}

/** Very many writes, or few whose bytes fill the caches; these not where they would fill the links for a minute too. */
function drawBursts(
  random: SimRandom,
  { seed, network, valueBytes }: Pick<RunPlan, 'seed' | 'network' | 'valueBytes'>,
): BurstPlan {
  const gapMs = random.pick([0.2, 1])
  // Of its own, so that it does not disturb what is drawn behind it.
  const isLarge = new SimRandom(`bursts/${seed}`).chance(0.15) && network.bytesPerMs === 0
  if (isLarge) return { everyMs: 80_000, calls: 40, gapMs: 0.02, valueBytes: MIB }
  return { everyMs: 20_000, calls: 600, gapMs, valueBytes: valueBytes.mean }
}

/** Bytes of an entry beside its value: a block's header, a record and a number now and then, the key. */
const ENTRY_BYTES = 200
const MEAN_BATCH = 3

/**
 * About half as much again as a run writes. Logs are truncated whenever a quarter of it has been written, up to what all
 * members hold; beyond the budget whoever lags would be left behind, and no snapshot brings it up yet.
 */
function roomForLogs(
  plan: Pick<RunPlan, 'mix' | 'callsPerSecond' | 'valueBytes' | 'faultsForMs' | 'livenessMs' | 'shards'>,
  bursts: BurstPlan | null,
): number {
  const { mix, callsPerSecond, valueBytes, faultsForMs, livenessMs, shards } = plan
  const all = Object.values(mix).reduce((sum, weight) => sum + weight, 0)
  const written = (mix.put + MEAN_BATCH * mix.batch) * valueBytes.mean
  const entries = mix.put + mix.del + mix.batch + mix.apply
  const seconds = (faultsForMs + livenessMs) / 1_000
  const perCall = (written + entries * ENTRY_BYTES) / all
  const inBursts =
    bursts === null
      ? 0
      : (2 + (1_000 * seconds) / bursts.everyMs) * bursts.calls * (bursts.valueBytes + ENTRY_BYTES)
  const bytes = 1.5 * (seconds * callsPerSecond * perCall + inBursts)
  return Math.round(Math.max(MIN_MAX_LOG_BYTES, bytes)) * shards
}

/** The same run in a world where nothing goes wrong, and nothing takes longer now than then. */
export function withoutFaults(plan: RunPlan): RunPlan {
  const clocks = Object.fromEntries(
    plan.storeIds.map((storeId) => [storeId, { clockRate: 1, lateTimers: { rate: 0, maxMs: 0 } }]),
  )
  return {
    ...plan,
    faults: {},
    network: { minDelayMs: 1, meanDelayMs: 1, splitRate: 0 },
    links: [],
    disk: { writeMs: 0, syncMs: 0, readMs: 0, openMs: 0 },
    clocks,
    hangsMachine: false,
    machineFailRate: 0,
    bursts: null,
    // It starts a store again, and that is an election.
    readsAtRest: false,
    faultFree: true,
  }
}

/** Keys of a region begin so: the regions are in the order of their numbers. */
export function regionPrefix(region: number): string {
  return `r${String(region).padStart(3, '0')}/`
}

/** All of them most of the time, else an odd number that leaves some stores without the group. */
function drawMembers(random: SimRandom, storeIds: readonly string[], least: number): string[] {
  if (random.chance(0.6)) return [...storeIds]
  const count = least + 2 * random.below(Math.ceil((storeIds.length - least + 1) / 2))
  return random.shuffle(storeIds).slice(0, count).sort()
}

function drawMix(random: SimRandom): ClientMix {
  const weight = (mean: number): number => (random.chance(0.85) ? random.exponential(mean) : 0)
  return {
    put: weight(4) + 0.5,
    get: weight(4) + 0.5,
    del: weight(1),
    batch: weight(1),
    getMany: weight(1),
    scan: weight(1),
    apply: weight(4) + 0.5,
    query: weight(2),
  }
}

const KNOWN_AMBUSHES_SHARE = 0.15
/** They were made for runs in fast motion. */
const KNOWN_AMBUSHES_REST = 5

/** Of its own, so that it does not disturb what else is drawn. */
function drawAmbushesOf(seed: number | string): readonly Ambush[] {
  const random = new SimRandom(`ambushes/${seed}`)
  const drawn = random.chance(0.7) ? drawAmbushes(random) : []
  const known = new SimRandom(`known-ambushes/${seed}`)
  if (!known.chance(KNOWN_AMBUSHES_SHARE)) return drawn
  const ambush = known.pick(KNOWN_AMBUSHES)
  return [...drawn, { ...ambush, restMs: ambush.restMs * KNOWN_AMBUSHES_REST }]
}

/** At least one kill, whatever the coins say: a run without a crash proves little. */
function drawFaults(random: SimRandom, storeCount: number, damages: boolean): NemesisOptions {
  const kinds = FAULT_KINDS.filter((kind) => !LATE_KINDS.includes(kind))
  const drawn = drawNemesisOptions(random, kinds)
  const minority = Math.floor((storeCount - 1) / 2)
  const maxDown = random.pick([Math.max(1, minority), storeCount])
  return { ...drawn, damage: damages, kills: drawn.kills || { everyMs: 15_000, forMs: 500 }, maxDown }
}

/** Of the seeds, where it is not two in five. */
const LATE_SHARES: Partial<Record<FaultKind, number>> = { brokenDisks: 0.25 }

function drawLateFaults(seed: number | string, damages: boolean): NemesisOptions {
  const random = new SimRandom(`late-faults/${seed}`)
  const kinds = LATE_KINDS.filter((kind) => damages || !DAMAGING_KINDS.includes(kind))
  return Object.fromEntries(
    kinds.map((kind) => [kind, random.chance(LATE_SHARES[kind] ?? 0.4) && drawRate(random, kind)]),
  )
}

function drawNetwork(random: SimRandom): Partial<NetworkOptions> {
  return {
    minDelayMs: random.pick([0.05, 0.5, 5]),
    meanDelayMs: random.pick([0.2, 1, 10]),
    bytesPerMs: random.chance(0.8) ? 0 : random.pick([1_000, 10_000]),
    splitRate: random.pick([0, 0.02, 0.1]),
    tcpTimeoutMs: random.pick([2_000, 10_000, 30_000]),
  }
}

/** The ways there and back are drawn apart. Of its own, so that it does not disturb what else is drawn. */
function drawLinks(seed: number | string, storeIds: readonly string[]): LinkPlan[] {
  const random = new SimRandom(`links/${seed}`)
  if (!random.chance(0.2)) return []
  const share = random.pick([0.2, 0.5])
  const links: LinkPlan[] = []
  for (const from of storeIds) {
    for (const to of storeIds) {
      if (from === to || !random.chance(share)) continue
      links.push({
        from,
        to,
        minDelayMs: random.pick([0.05, 5, 30]),
        meanDelayMs: random.pick([0.2, 10, 30]),
      })
    }
  }
  return links
}

/** Of its own, so that it does not disturb what else is drawn. */
function drawLimits(seed: number | string): QueueLimits | null {
  const random = new SimRandom(`limits/${seed}`)
  if (!random.chance(0.25)) return null
  return {
    pendingTasksPerGroup: random.pick([4, 32, 256]),
    pendingReadsPerGroup: random.pick([2, 8, 64]),
    // What is durable and applied may fill half of it, and what comes then in one append is up to a mebibyte.
    logCacheBytesPerStore: random.pick([4, 8]) * MIB,
    shardQueueBytes: random.pick([2, 4]) * MIB,
    bulkInFlightBytes: random.pick([MIB / 16, MIB, 4 * MIB]),
    controlQueueBytes: random.pick([300, 2_000]),
  }
}

function drawDisk(random: SimRandom): DiskTimings {
  return {
    writeMs: 0.02,
    syncMs: random.pick([0.1, 0.3, 2, 10]),
    readMs: random.pick([0.02, 0.2]),
    openMs: 2,
  }
}

function drawClock(random: SimRandom): ClockPlan {
  const clockRate = random.chance(0.5) ? 1 : 1 + random.between(-MAX_CLOCK_DRIFT, MAX_CLOCK_DRIFT)
  const lateTimers = random.chance(0.8)
    ? { rate: 0, maxMs: 0 }
    : { rate: 0.01, maxMs: random.between(1, 300) }
  return { clockRate, lateTimers }
}
