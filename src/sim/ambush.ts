import type { Mark } from './mark-table.ts'
import type { SimProcess } from './process.ts'
import { CRASH_MODES } from './process-strikes.ts'
import type { SimRandom } from './random.ts'
import type { StrikeContext } from './strike-context.ts'

/** What is done to a store that has just reached a mark, or to another at that moment. */
export type AmbushStrikeKind = (typeof STRIKE_KINDS)[number]

/** A strike of an ambush: on whom, when, and for how long. Times are in election timeouts. */
export interface AmbushStrike {
  /** The store that reached the mark, any other one, or any other one that leads. */
  readonly who: 'self' | 'other' | 'rival'
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

const STRIKE_KINDS = ['kill', 'pause', 'stall', 'drag', 'cut-off', 'mute', 'deaf', 'reset', 'rush'] as const
const WHOM = ['self', 'self', 'self', 'other', 'rival'] as const

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
  'cut/acknowledged',
  'commit/ahead-of-own-disk',
  'commit/many',
  'truncation',
  'read/no-leader',
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
/** Of clusters that do not say. */
const DEFAULT_TIMEOUT_MS = 1_000

/** Two to six of them, each of one to three strikes. */
export function drawAmbushes(random: SimRandom): Ambush[] {
  return Array.from({ length: MIN_AMBUSHES + random.below(MORE_AMBUSHES) }, () => ({
    mark: random.pick(AMBUSHED_MARKS),
    chance: random.pick([1, 0.5]),
    restMs: random.exponential(REST_MS),
    strikes: Array.from({ length: 1 + random.below(MAX_STRIKES) }, () => drawStrike(random)),
  }))
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
    const victim = this.#victim(store, who)
    if (victim === null) return
    this.#context.later(after * this.#timeoutMs, () => {
      if (!this.#strike(victim, what, length * this.#timeoutMs)) return
      this.#context.world.note(`ambush at ${mark} of ${store.name}: ${what} ${victim.name}`)
      this.#context.count(`ambushes/${what}`)
    })
  }

  #victim(store: SimProcess, who: AmbushStrike['who']): SimProcess | null {
    if (who === 'self') return store
    const { processes, hooks } = this.#context
    const others = processes.filter(
      (process) => process !== store && (who === 'other' || hooks.leads?.(process) === true),
    )
    return others.length === 0 ? null : this.#random.pick(others)
  }

  /** False when it may not be, or would change nothing. */
  #strike(victim: SimProcess, what: AmbushStrikeKind, forMs: number): boolean {
    switch (what) {
      case 'kill':
        return this.#kill(victim, forMs)
      case 'pause':
        if (!this.#mayGoDown(victim)) return false
        victim.pause(forMs)
        return true
      case 'stall':
      case 'drag':
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

  /** It stands still, or each of its operations takes a good part of an election timeout. */
  #troubleDisk(victim: SimProcess, what: 'stall' | 'drag', forMs: number): boolean {
    const { disk } = victim
    if (victim.alive) this.#context.hooks.onDiskTrouble?.(victim)
    if (what === 'stall') disk.stall()
    else disk.slow(this.#random.between(0.2, 0.9) * this.#timeoutMs)
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

  #cutOff(victim: SimProcess, what: 'cut-off' | 'mute' | 'deaf', forMs: number): boolean {
    const { world, processes, hooks } = this.#context
    const { network } = world
    const links = processes
      .filter((process) => process !== victim)
      .flatMap(({ name }): Array<readonly [string, string]> => {
        const out = [victim.name, name] as const
        const back = [name, victim.name] as const
        return what === 'cut-off' ? [out, back] : [what === 'mute' ? out : back]
      })
    for (const [from, to] of links) network.block(from, to)
    this.#context.later(forMs, () => {
      for (const [from, to] of links) network.unblock(from, to)
    })
    if (hooks.leads?.(victim)) hooks.onCutOff?.(victim)
    return links.length > 0
  }
}
