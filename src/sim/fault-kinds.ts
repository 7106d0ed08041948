import type { Ambush } from './ambush.ts'
import type { SimRandom } from './random.ts'

/** One kind of fault: `everyMs` is the mean of an exponential pause between two, `forMs` the mean of its length. */
export interface FaultRate {
  readonly everyMs: number
  readonly forMs: number
}

/** How often each kind strikes unless it says otherwise. */
export const DEFAULT_RATES = {
  /** Killed and restarted after `forMs`. Never more than `maxDown` processes are down or paused at once. */
  kills: { everyMs: 5_000, forMs: 1_000 },
  /** Killed, and then again and again within the first 200 ms of each start. */
  crashLoops: { everyMs: 20_000, forMs: 0 },
  /** Closed in order and started again. */
  restarts: { everyMs: 15_000, forMs: 0 },
  pauses: { everyMs: 5_000, forMs: 1_000 },
  /** Halves, one process alone, one direction only, or a random matrix. */
  partitions: { everyMs: 5_000, forMs: 2_000 },
  /** A ring, or two halves with one process that both see. */
  bridges: { everyMs: 10_000, forMs: 2_000 },
  /** One direction of one pair. */
  clogs: { everyMs: 2_000, forMs: 500 },
  /** The links of a random half of the processes are clogged one after the other and released in another order. */
  swizzles: { everyMs: 15_000, forMs: 2_000 },
  /** All connections of one pair, at a random byte. */
  resets: { everyMs: 2_000, forMs: 0 },
  /** A disk is slow by 1 to 50 ms an operation, or (one time in four) stalls. */
  slowDisk: { everyMs: 5_000, forMs: 1_000 },
  /** The next synced write of a disk fails, or the next write, or its background flushes do. */
  diskErrors: { everyMs: 20_000, forMs: 0 },
  /** The wall clock of a process jumps, by up to a day either way. */
  wallJumps: { everyMs: 5_000, forMs: 0 },
  /** A directory is emptied, or is put back as it was some time ago, under the same name. */
  damage: { everyMs: 25_000, forMs: 1_000 },
  /** A worker thread of a process dies, and the process lives. */
  threadDeaths: { everyMs: 30_000, forMs: 0 },
  /** A disk stands still for a moment, and then its process is killed: of what was under way some is there. */
  gasps: { everyMs: 10_000, forMs: 500 },
  /** The state of a store is damaged while it is down, or a slot of its ledger; its log is whole. */
  rot: { everyMs: 25_000, forMs: 500 },
  /** A disk takes no writes, or none that are synced, or cannot be read, also by whoever starts meanwhile. */
  brokenDisks: { everyMs: 25_000, forMs: 1_500 },
  /** A block of a table has another bit while its store runs: reads by key refuse it, iterators show what is there. */
  bitRot: { everyMs: 25_000, forMs: 0 },
} as const satisfies Record<string, FaultRate>

export type FaultKind = keyof typeof DEFAULT_RATES
export const FAULT_KINDS = Object.keys(DEFAULT_RATES) as readonly FaultKind[]

/** Drawn from a randomness of their own: they came later, and must not disturb what the others draw. */
export const LATE_KINDS: readonly FaultKind[] = ['gasps', 'rot', 'brokenDisks', 'bitRot']

/** Directories are other than their stores left them: of no group may a majority be damaged. */
export const DAMAGING_KINDS: readonly FaultKind[] = ['damage', 'rot', 'bitRot']

/** A fault is off when left out or false. `true` takes the rate of {@link DEFAULT_RATES}. */
export type NemesisOptions = {
  readonly [kind in FaultKind]?: boolean | Partial<FaultRate>
} & {
  /** Probability that a piece on any link has one bit flipped; `true` is 0.001. */
  readonly corrupt?: boolean | number
  /** Probability that before a write on any link something comes that was sent before. */
  readonly stale?: number
  /** Probability that a write on any link never arrives, while what follows it does. */
  readonly loss?: number
  /** Probability that a piece on any link comes before the one that was sent before it. */
  readonly reorder?: number
  /** Strikes that wait until a store reaches a mark: these, or drawn from the seed. */
  readonly ambushes?: boolean | readonly Ambush[]
  /** How many processes strikes may hold down or paused at once, beside those that end by themselves. Default: a minority. */
  readonly maxDown?: number
}

export const DEFAULT_CORRUPT_RATE = 0.001
export const DEFAULT_STALE_RATE = 0.0005
const DEFAULT_LOSS_RATE = 0.001
const DEFAULT_REORDER_RATE = 0.005
/** Of the seeds, for each of the two. */
const BROKEN_ORDER_SHARE = 0.15

/** Kinds that need nothing but processes; the others need a cluster that knows what its stores may suffer. */
const PLAIN_KINDS = ['kills', 'pauses', 'partitions', 'clogs', 'resets', 'slowDisk'] as const

/** Swarm testing: each of `kinds` is in or out by a coin, at a rate between a third and three times the default one. */
export function drawNemesisOptions(
  random: SimRandom,
  kinds: readonly FaultKind[] = PLAIN_KINDS,
): NemesisOptions {
  const drawn: { -readonly [name in keyof NemesisOptions]: NemesisOptions[name] } = {}
  for (const kind of kinds) {
    const rate = drawRate(random, kind)
    drawn[kind] = random.chance(0.5) && rate
  }
  drawn.stale = random.chance(0.3) ? DEFAULT_STALE_RATE * 3 ** random.between(-1, 1) : 0
  drawn.corrupt = random.chance(0.5) ? DEFAULT_CORRUPT_RATE * 3 ** random.between(-1, 1) : 0
  return drawn
}

/** What TCP itself never does comes in few seeds: connections break for it, and the others should live longer. */
export function drawBrokenOrder(random: SimRandom): Pick<NemesisOptions, 'loss' | 'reorder'> {
  const loss = random.chance(BROKEN_ORDER_SHARE) ? DEFAULT_LOSS_RATE * 3 ** random.between(-1, 1) : 0
  const reorder = random.chance(BROKEN_ORDER_SHARE) ? DEFAULT_REORDER_RATE * 3 ** random.between(-1, 1) : 0
  return { loss, reorder }
}

/** Between a third and three times the default. */
export function drawRate(random: SimRandom, kind: FaultKind): FaultRate {
  const everyMs = DEFAULT_RATES[kind].everyMs * 3 ** random.between(-1, 1)
  const forMs = DEFAULT_RATES[kind].forMs * 3 ** random.between(-1, 1)
  return { everyMs, forMs }
}

export function rateOf(kind: FaultKind, wanted: boolean | Partial<FaultRate>): FaultRate {
  return { ...DEFAULT_RATES[kind], ...(typeof wanted === 'boolean' ? {} : wanted) }
}
