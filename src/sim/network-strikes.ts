import type { SimProcess } from './process.ts'
import type { StrikeContext } from './strike-context.ts'

type Pair = readonly [from: string, to: string]

const PARTITION_SHAPES = ['halves', 'isolate', 'isolate-send', 'isolate-receive', 'matrix'] as const

/** Faults of the network. */
export class NetworkStrikes {
  readonly strikes = {
    partitions: (forMs: number) => this.#partition(forMs),
    bridges: (forMs: number) => this.#bridge(forMs),
    clogs: (forMs: number) => this.#clog(forMs),
    swizzles: (forMs: number) => this.#swizzle(forMs),
    resets: () => this.#reset(),
  }
  readonly #context: StrikeContext
  #partitionNumber = 0

  constructor(context: StrikeContext) {
    this.#context = context
  }

  /** A new partition replaces the one that stands. */
  #partition(forMs: number): void {
    const { world, random, processes } = this.#context
    const { network } = world
    const names = random.shuffle(processes.map((process) => process.name))
    // A leader that is cut off goes on taking entries that nobody else will ever see.
    const leader = this.#someLeader()
    const first = leader?.name ?? names[0]!
    network.heal()
    const shape = PARTITION_SHAPES[random.below(PARTITION_SHAPES.length)]!
    world.note(`partition, ${shape}: ${names.join(' ')}`)
    this.#context.count(`partitions/${shape}`)
    if (shape === 'halves')
      network.partition(names.slice(0, names.length >> 1), names.slice(names.length >> 1))
    else if (shape === 'isolate') network.isolate(first)
    else if (shape === 'isolate-send') network.isolate(first, 'send')
    else if (shape === 'isolate-receive') network.isolate(first, 'receive')
    else for (const [from, to] of this.#pairs()) if (random.chance(0.3)) network.block(from, to)
    if (leader !== null && shape.startsWith('isolate')) this.#context.hooks.onCutOff?.(leader)
    this.#healLater(forMs)
  }

  #someLeader(): SimProcess | null {
    const { ownRandom, processes, hooks } = this.#context
    const leaders = processes.filter((process) => hooks.leads?.(process))
    return leaders.length > 0 && ownRandom.chance(0.6) ? ownRandom.pick(leaders) : null
  }

  /** Each sees its two neighbours only; or two halves see each other through one process alone. */
  #bridge(forMs: number): void {
    const { world, ownRandom, processes } = this.#context
    const names = ownRandom.shuffle(processes.map((process) => process.name))
    const ring = ownRandom.chance(0.5)
    const place = new Map(names.map((name, i) => [name, i]))
    const middle = names.length >> 1
    world.note(`${ring ? 'ring' : 'bridge'}: ${names.join(' ')}`)
    this.#context.count(ring ? 'bridges/ring' : 'bridges/bridge')
    world.network.setMatrix((from, to) => {
      const a = place.get(from)
      const b = place.get(to)
      if (a === undefined || b === undefined) return true
      const distance = Math.abs(a - b)
      if (ring) return distance === 1 || distance === names.length - 1
      return a === middle || b === middle || a < middle === b < middle
    })
    this.#healLater(forMs)
  }

  #healLater(forMs: number): void {
    const number = ++this.#partitionNumber
    this.#context.later(forMs, () => {
      if (number !== this.#partitionNumber) return
      this.#context.world.note('all cuts end')
      this.#context.world.network.heal()
    })
  }

  #clog(forMs: number): void {
    const { random } = this.#context
    const pairs = this.#pairs()
    if (pairs.length === 0) return
    const [from, to] = random.pick(pairs)
    this.#context.count('clogs')
    this.#clogLink(from, to)
    this.#releaseLater(from, to, forMs)
  }

  #clogLink(from: string, to: string): void {
    const { world } = this.#context
    world.note(`clog ${from}>${to}`)
    world.network.clog(from, to)
  }

  #releaseLater(from: string, to: string, ms: number): void {
    this.#context.later(ms, () => {
      const { world } = this.#context
      world.note(`release ${from}>${to}`)
      world.network.release(from, to)
    })
  }

  #swizzle(forMs: number): void {
    const { world, ownRandom, processes } = this.#context
    const half = ownRandom
      .shuffle(processes.map(({ name }) => name))
      .slice(0, Math.ceil(processes.length / 2))
    const links = this.#pairs().filter(([from, to]) => half.includes(from) || half.includes(to))
    world.note(`swizzle: ${half.join(' ')}`)
    this.#context.count('swizzles')
    for (const [from, to] of links) {
      const clogsAt = ownRandom.between(0, forMs)
      this.#context.later(clogsAt, () => this.#clogLink(from, to))
      this.#releaseLater(from, to, clogsAt + ownRandom.between(0, forMs))
    }
  }

  #reset(): void {
    const { world, random } = this.#context
    const pairs = this.#pairs()
    if (pairs.length === 0) return
    const [a, b] = random.pick(pairs)
    this.#context.count('resets')
    world.network.reset(a, b)
  }

  #pairs(): Pair[] {
    const names = this.#context.processes.map((process) => process.name)
    return names.flatMap((from) => names.filter((to) => to !== from).map((to) => [from, to] as const))
  }
}
