import type { Mark } from './mark-table.ts'
import type { SimProcess } from './process.ts'
import { CRASH_MODES } from './process-strikes.ts'
import type { SimRandom } from './random.ts'
import type { StrikeContext } from './strike-context.ts'

/** What is done to a store that has just reached a mark, or to another at that moment. */
export type AmbushStrikeKind = (typeof STRIKE_KINDS)[number] | 'gasp' | 'pair-off'

/** A strike of an ambush: on whom, when, and for how long. Times are in election timeouts. */
export interface AmbushStrike {
  /**
   * The store that reached the mark, all others, any other one, any other one that leads, or any other one that leads when
   * the strike comes.
   */
  readonly who: 'self' | 'rest' | 'other' | 'rival' | 'heir'
  readonly what: AmbushStrikeKind
  readonly after: number
  readonly for: number
}

/** Lies in wait for a mark, and strikes when a store reaches it. */
export interface Ambush {
  readonly mark: Mark
  /** Of the times that the mark is reached; after a strike it rests for `restMs`. */
  readonly chance: number
  readonly restMs: number
  readonly strikes: readonly AmbushStrike[]
}

type CutOff = 'cut-off' | 'mute' | 'deaf' | 'estrange' | 'pair-off'

const STRIKE_KINDS = [
  'kill',
  'pause',
  'stall',
  'drag',
  'slow',
  'cut-off',
  'mute',
  'deaf',
  'estrange',
  'reset',
  'rush',
] as const
const WHOM = ['self', 'self', 'self', 'rest', 'other', 'rival'] as const

/** Marks that a store reaches while it works, so that what comes next may be disturbed. */
const AMBUSHED_MARKS: readonly Mark[] = [
  'candidacy',
  'vote/granted',
  'pre-vote/granted',
  'election/again',
  'election/older-entries',
  'election/two-at-once',
  'step-down/no-quorum',
  'step-down/higher-term',
  'step-down/lost-election',
  'step-down/stuck-disk',
  'append/many-blocks',
  'append/two-terms',
  'append/mismatch-shorter',
  'append/mismatch-term',
  'append/older-term',
  'cut/suffix',
  'cut/many',
  'cut/acknowledged',
  'commit/ahead-of-own-disk',
  'commit/many',
  'truncation',
  'read/no-leader',
  'forward/asked',
  'forward/not-leader',
  'start/in-time',
  'start/uncommitted-tail',
  'start/own-vote',
  'start/vote',
  'start/state-behind',
  'start/state-ahead',
]

const MIN_AMBUSHES = 2
const MORE_AMBUSHES = 5
const MAX_STRIKES = 3
const REST_MS = 4_000
const GASP_MS = 20
/** Of clusters that do not say. */
const DEFAULT_TIMEOUT_MS = 1_000

/** Of an election timeout, for each operation of a disk. */
const DRAG: Range = [0.2, 0.9]
const SLOW: Range = [0.02, 0.15]

type Range = readonly [low: number, high: number]

/** An ambush whose strikes belong together; only their times are drawn. */
interface Scheme {
  readonly mark: Mark
  readonly strikes: ReadonlyArray<{
    readonly who: AmbushStrike['who']
    readonly what: AmbushStrikeKind
    readonly after: Range
    readonly for: Range
  }>
}

/** What it takes two or three strikes in the right order to reach. */
const SCHEMES: readonly Scheme[] = [
  // Who was cut far back leads next, before its log is as long again, and its disk is slower than others.
  {
    mark: 'cut/many',
    strikes: [
      { who: 'rival', what: 'kill', after: [0, 0.1], for: [2, 4] },
      { who: 'self', what: 'slow', after: [0, 0.1], for: [3, 6] },
    ],
  },
  // A candidate hears nobody, and its next attempt is written behind the first on a slow disk.
  {
    mark: 'candidacy',
    strikes: [
      { who: 'self', what: 'deaf', after: [0, 0.01], for: [0.5, 1.2] },
      { who: 'self', what: 'drag', after: [0, 0.1], for: [2, 4] },
    ],
  },
  // A leader sleeps through the election of another, and wakes among its callers.
  {
    mark: 'commit/ahead-of-own-disk',
    strikes: [{ who: 'self', what: 'pause', after: [0, 1], for: [1.2, 3] }],
  },
  // The same, and what it was answered before comes when it wakes.
  {
    mark: 'append/many-blocks',
    strikes: [
      { who: 'self', what: 'deaf', after: [0, 0.05], for: [1.2, 2.5] },
      { who: 'self', what: 'pause', after: [0.05, 0.1], for: [2, 3.5] },
    ],
  },
  // All but one, which does not hear its leader any more and soon stands, fail for a moment.
  {
    mark: 'forward/not-leader',
    strikes: [
      { who: 'self', what: 'estrange', after: [0, 0.1], for: [2, 4] },
      { who: 'rest', what: 'kill', after: [0.4, 1.1], for: [0, 0.02] },
    ],
  },
  // Sent and stored, but the answers are lost: it is sent again.
  {
    mark: 'append/many-blocks',
    strikes: [
      { who: 'self', what: 'deaf', after: [0, 0.02], for: [0.1, 0.6] },
      { who: 'self', what: 'reset', after: [0.05, 0.3], for: [0, 0] },
      { who: 'other', what: 'kill', after: [0.3, 1], for: [0.5, 1] },
    ],
  },
  // What a store asked a leader is under way for long; meanwhile it dies and asks again, twice, in lives as short as that.
  {
    mark: 'forward/asked',
    strikes: [
      { who: 'rest', what: 'drag', after: [0, 0.1], for: [1, 2] },
      { who: 'rival', what: 'rush', after: [0.05, 0.2], for: [0.8, 1.5] },
      { who: 'self', what: 'kill', after: [0, 0.05], for: [0, 0.02] },
      { who: 'self', what: 'kill', after: [0.3, 0.7], for: [0, 0.02] },
    ],
  },
]
/** Share of the ambushes that are schemes. */
const SCHEMED = 0.4

/** Two to six of them, each of one to three strikes. */
export function drawAmbushes(random: SimRandom): Ambush[] {
  return Array.from({ length: MIN_AMBUSHES + random.below(MORE_AMBUSHES) }, () => {
    const scheme = random.chance(SCHEMED) ? random.pick(SCHEMES) : null
    return {
      mark: scheme?.mark ?? random.pick(AMBUSHED_MARKS),
      chance: random.pick([1, 0.5]),
      restMs: random.exponential(REST_MS),
      strikes:
        scheme === null
          ? Array.from({ length: 1 + random.below(MAX_STRIKES) }, () => drawStrike(random))
          : scheme.strikes.map((strike) => ({
              ...strike,
              after: random.between(...strike.after),
              for: random.between(...strike.for),
            })),
    }
  })
}

function drawStrike(random: SimRandom): AmbushStrike {
  const soon = random.chance(0.5)
  return {
    who: random.pick(WHOM),
    what: random.pick(STRIKE_KINDS),
    after: soon ? random.exponential(0.01) : random.between(0, 2),
    for: random.chance(0.3) ? random.exponential(0.1) : random.between(0.2, 3),
  }
}

/** The ambushes of a run. A random time seldom meets a state that stands for a millisecond; these meet it. */
export class Ambushes {
  readonly #context: StrikeContext
  readonly #random: SimRandom
  readonly #timeoutMs: number
  readonly #byMark = new Map<Mark, Ambush[]>()
  readonly #restsUntilMs = new Map<Ambush, number>()

  constructor(context: StrikeContext, ambushes: readonly Ambush[]) {
    this.#context = context
    this.#random = context.random.fork('ambushes')
    this.#timeoutMs = context.hooks.electionTimeoutMs ?? DEFAULT_TIMEOUT_MS
    for (const ambush of ambushes)
      this.#byMark.set(ambush.mark, [...(this.#byMark.get(ambush.mark) ?? []), ambush])
  }

  /** `store` reaches `mark` in the step under way: strikes come after it. */
  onMark(mark: Mark, store: SimProcess): void {
    for (const ambush of this.#byMark.get(mark) ?? []) {
      const { nowMs } = this.#context.world
      if (nowMs < (this.#restsUntilMs.get(ambush) ?? 0) || !this.#random.chance(ambush.chance)) continue
      this.#restsUntilMs.set(ambush, nowMs + ambush.restMs)
      for (const strike of ambush.strikes) this.#prepare(mark, store, strike)
    }
  }

  #prepare(mark: Mark, store: SimProcess, { who, what, after, for: length }: AmbushStrike): void {
    const chosen = who === 'heir' ? null : this.#victims(store, who)
    this.#context.later(after * this.#timeoutMs, () => {
      for (const victim of chosen ?? this.#victims(store, 'rival')) {
        if (!this.#strike(victim, what, length * this.#timeoutMs)) continue
        this.#context.world.note(`ambush at ${mark} of ${store.name}: ${what} ${victim.name}`)
        this.#context.count(`ambushes/${what}`)
      }
    })
  }

  #victims(store: SimProcess, who: AmbushStrike['who']): readonly SimProcess[] {
    if (who === 'self') return [store]
    const { processes, hooks } = this.#context
    const others = processes.filter((process) => process !== store)
    if (who === 'rest') return others
    const able = who === 'other' ? others : others.filter((process) => hooks.leads?.(process))
    return able.length === 0 ? [] : [this.#random.pick(able)]
  }

  /** False when it may not be, or would change nothing. */
  #strike(victim: SimProcess, what: AmbushStrikeKind, forMs: number): boolean {
    switch (what) {
      case 'kill':
        return this.#kill(victim, forMs)
      case 'gasp':
        return this.#gasp(victim, forMs)
      case 'pause':
        return this.#pause(victim, forMs)
      case 'stall':
      case 'drag':
      case 'slow':
        return this.#troubleDisk(victim, what, forMs)
      case 'reset':
        return this.#reset(victim)
      case 'rush':
        this.#context.hooks.onRush?.(victim, forMs)
        return true
      default:
        return this.#cutOff(victim, what, forMs)
    }
  }

  #mayGoDown(victim: SimProcess): boolean {
    const { processes, maxDown } = this.#context
    const down = processes.filter(({ alive, paused }) => !alive || paused).length
    return victim.alive && !victim.paused && down < maxDown
  }

  #kill(victim: SimProcess, forMs: number): boolean {
    if (!this.#mayGoDown(victim)) return false
    victim.kill(this.#random.pick(CRASH_MODES))
    this.#context.later(forMs, () => {
      if (!victim.alive) victim.restart()
    })
    return true
  }

  /** Its callers go on: what they are told when it does, it may not know any more. */
  #pause(victim: SimProcess, forMs: number): boolean {
    if (!this.#mayGoDown(victim)) return false
    this.#context.hooks.onRush?.(victim, forMs)
    victim.pause(forMs)
    return true
  }

  /** What is synced waits for a moment, and then the process dies with it. */
  #gasp(victim: SimProcess, forMs: number): boolean {
    if (!this.#mayGoDown(victim)) return false
    const { life, disk } = victim
    disk.stall('syncs')
    this.#context.later(this.#random.exponential(GASP_MS), () => {
      if (victim.life === life && !this.#kill(victim, forMs)) disk.unstall()
    })
    return true
  }

  /** It stands still, or each of its operations takes a part of an election timeout: a good one, or a small one. */
  #troubleDisk(victim: SimProcess, what: 'stall' | 'drag' | 'slow', forMs: number): boolean {
    const { disk } = victim
    if (victim.alive) this.#context.hooks.onDiskTrouble?.(victim)
    if (what === 'stall') disk.stall()
    else disk.slow(this.#random.between(...(what === 'drag' ? DRAG : SLOW)) * this.#timeoutMs)
    this.#context.later(forMs, () => {
      if (what === 'stall') disk.unstall()
      else disk.slow(0)
    })
    return true
  }

  #reset(victim: SimProcess): boolean {
    const { processes, world } = this.#context
    const others = processes.filter((process) => process !== victim)
    if (others.length === 0) return false
    world.network.reset(victim.name, this.#random.pick(others).name)
    return true
  }

  /** From all others, in one direction or both, or together with one; or from one that leads, while the rest hears both. */
  #cutOff(victim: SimProcess, what: CutOff, forMs: number): boolean {
    const { world, processes, hooks } = this.#context
    const others = processes.filter((process) => process !== victim)
    const leaders = others.filter((process) => hooks.leads?.(process))
    if (what === 'estrange' && leaders.length === 0) return false
    const far = what === 'estrange' ? [this.#random.pick(leaders)] : others
    const mate = what === 'pair-off' && others.length > 1 ? this.#random.pick(others) : null
    const links = [victim, ...(mate === null ? [] : [mate])].flatMap((near) =>
      far
        .filter((process) => process !== mate)
        .flatMap(({ name }): Array<readonly [string, string]> => {
          const out = [near.name, name] as const
          const back = [name, near.name] as const
          if (what === 'mute') return [out]
          return what === 'deaf' ? [back] : [out, back]
        }),
    )
    for (const [from, to] of links) world.network.block(from, to)
    this.#context.later(forMs, () => {
      for (const [from, to] of links) world.network.unblock(from, to)
    })
    if (what !== 'estrange' && hooks.leads?.(victim)) hooks.onCutOff?.(victim)
    return links.length > 0
  }
}
