import { assert } from '../util/assert.ts'
import type { SimProcess } from './process.ts'
import type { SimRandom } from './random.ts'
import type { SimWorld } from './world.ts'

/** One kind of fault: `everyMs` is the mean of an exponential pause between two, `forMs` the mean of its length. */
export interface FaultRate {
  readonly everyMs: number
  readonly forMs: number
}

/** A fault is off when left out. `true` takes the rate of {@link DEFAULT_RATES}. */
export interface NemesisOptions {
  /** Killed and restarted after `forMs`. Never more than `maxDown` processes are down or paused at once. */
  readonly kills?: boolean | Partial<FaultRate>
  readonly pauses?: boolean | Partial<FaultRate>
  /** Halves, one process alone, one direction only, or a random matrix. */
  readonly partitions?: boolean | Partial<FaultRate>
  /** One direction of one pair. */
  readonly clogs?: boolean | Partial<FaultRate>
  /** All connections of one pair, at a random byte. */
  readonly resets?: boolean | Partial<FaultRate>
  /** Probability that a piece on any link has one bit flipped; `true` is 0.001. */
  readonly corrupt?: boolean | number
  /** A disk is slow by 1 to 50 ms an operation, or (one time in four) stalls. */
  readonly slowDisk?: boolean | Partial<FaultRate>
  /** Default: a minority of the processes. */
  readonly maxDown?: number
}

type Fault = 'kills' | 'pauses' | 'partitions' | 'clogs' | 'resets' | 'slowDisk'

export const DEFAULT_RATES: Readonly<Record<Fault, FaultRate>> = {
  kills: { everyMs: 5_000, forMs: 1_000 },
  pauses: { everyMs: 5_000, forMs: 1_000 },
  partitions: { everyMs: 5_000, forMs: 2_000 },
  clogs: { everyMs: 2_000, forMs: 500 },
  resets: { everyMs: 2_000, forMs: 0 },
  slowDisk: { everyMs: 5_000, forMs: 1_000 },
}
const FAULTS = Object.keys(DEFAULT_RATES) as Fault[]
const DEFAULT_CORRUPT_RATE = 0.001

/** Faults at random times, until `stop`. */
export interface Nemesis {
  /** How often each fault struck. */
  readonly counts: Readonly<Record<Fault, number>>
  /** Ends all faults: links heal, paused processes go on, dead ones restart, disks are well. Idempotent. */
  stop(): void
}

/** Starts faults on `processes`; everything about them comes from the world's seed. */
export function startNemesis(
  world: SimWorld,
  processes: readonly SimProcess[],
  options: NemesisOptions,
): Nemesis {
  return new SimNemesis(world, processes, options)
}

/** Swarm testing: each fault is in or out by a coin, at a rate between a third and three times the default one. */
export function drawNemesisOptions(random: SimRandom): NemesisOptions {
  const drawn: { -readonly [name in keyof NemesisOptions]: NemesisOptions[name] } = {}
  for (const fault of FAULTS) {
    const everyMs = DEFAULT_RATES[fault].everyMs * 3 ** random.between(-1, 1)
    const forMs = DEFAULT_RATES[fault].forMs * 3 ** random.between(-1, 1)
    drawn[fault] = random.chance(0.5) && { everyMs, forMs }
  }
  drawn.corrupt = random.chance(0.5) ? DEFAULT_CORRUPT_RATE * 3 ** random.between(-1, 1) : 0
  return drawn
}

class SimNemesis implements Nemesis {
  readonly counts: Record<Fault, number> = {
    kills: 0,
    pauses: 0,
    partitions: 0,
    clogs: 0,
    resets: 0,
    slowDisk: 0,
  }
  readonly #world: SimWorld
  readonly #processes: readonly SimProcess[]
  readonly #random: SimRandom
  readonly #maxDown: number
  readonly #strikes: Readonly<Record<Fault, (forMs: number) => void>>
  #partitionNumber = 0
  #stopped = false

  constructor(world: SimWorld, processes: readonly SimProcess[], options: NemesisOptions) {
    assert(processes.length > 0, 'a nemesis has processes to trouble')
    this.#world = world
    this.#processes = processes
    this.#random = world.random.fork(`nemesis/${world.nowUs}`)
    this.#maxDown = options.maxDown ?? Math.floor((processes.length - 1) / 2)
    this.#strikes = {
      kills: (forMs) => this.#kill(forMs),
      pauses: (forMs) => this.#pause(forMs),
      partitions: (forMs) => this.#partition(forMs),
      clogs: (forMs) => this.#clog(forMs),
      resets: () => this.#reset(),
      slowDisk: (forMs) => this.#slowDisk(forMs),
    }
    for (const fault of FAULTS) {
      const wanted = options[fault]
      if (!wanted) continue
      this.#scheduleNext(fault, { ...DEFAULT_RATES[fault], ...(wanted === true ? {} : wanted) })
    }
    const corruptRate = options.corrupt === true ? DEFAULT_CORRUPT_RATE : options.corrupt || 0
    if (corruptRate > 0) world.network.configure({ corruptRate })
  }

  stop(): void {
    if (this.#stopped) return
    this.#stopped = true
    const network = this.#world.network
    this.#world.note('the nemesis stops')
    network.configure({ corruptRate: 0 })
    network.heal()
    network.releaseAll()
    for (const process of this.#processes) {
      if (!process.alive) process.restart()
      process.resume()
      process.disk.slow(0)
      process.disk.unstall()
    }
  }

  #scheduleNext(fault: Fault, rate: FaultRate): void {
    this.#later(this.#random.exponential(rate.everyMs), () => {
      this.counts[fault]++
      this.#strikes[fault](this.#random.exponential(rate.forMs))
      this.#scheduleNext(fault, rate)
    })
  }

  #later(ms: number, run: () => void): void {
    this.#world.schedule(ms * 1000, null, 'fault', 0, () => {
      if (!this.#stopped) run()
    })
  }

  /** A process that may go down now, or null. */
  #victim(): SimProcess | null {
    const well = this.#processes.filter((process) => process.alive && !process.paused)
    if (well.length === 0 || this.#processes.length - well.length >= this.#maxDown) return null
    return this.#random.pick(well)
  }

  #kill(forMs: number): void {
    const victim = this.#victim()
    if (victim === null) return
    victim.kill()
    this.#later(forMs, () => {
      if (!victim.alive) victim.restart()
    })
  }

  #pause(forMs: number): void {
    this.#victim()?.pause(forMs)
  }

  /** A new partition replaces the one that stands. */
  #partition(forMs: number): void {
    const { network } = this.#world
    const names = this.#random.shuffle(this.#processes.map((process) => process.name))
    const first = names[0]!
    network.heal()
    const shape = this.#random.below(5)
    this.#world.note(`partition of shape ${shape}: ${names.join(' ')}`)
    if (shape === 0) network.partition(names.slice(0, names.length >> 1), names.slice(names.length >> 1))
    else if (shape === 1) network.isolate(first)
    else if (shape === 2) network.isolate(first, 'send')
    else if (shape === 3) network.isolate(first, 'receive')
    else for (const [from, to] of this.#pairs()) if (this.#random.chance(0.3)) network.block(from, to)
    const number = ++this.#partitionNumber
    this.#later(forMs, () => {
      if (number === this.#partitionNumber) network.heal()
    })
  }

  #clog(forMs: number): void {
    const pairs = this.#pairs()
    if (pairs.length === 0) return
    const [from, to] = this.#random.pick(pairs)
    this.#world.note(`clog ${from}>${to}`)
    this.#world.network.clog(from, to)
    this.#later(forMs, () => this.#world.network.release(from, to))
  }

  #reset(): void {
    const pairs = this.#pairs()
    if (pairs.length === 0) return
    const [a, b] = this.#random.pick(pairs)
    this.#world.network.reset(a, b)
  }

  #slowDisk(forMs: number): void {
    const { disk, name } = this.#random.pick(this.#processes)
    const stalls = this.#random.chance(0.25)
    this.#world.note(`${stalls ? 'stall' : 'slow'} the disk of ${name}`)
    if (stalls) disk.stall()
    else disk.slow(this.#random.between(1, 50))
    this.#later(forMs, () => {
      disk.slow(0)
      disk.unstall()
    })
  }

  #pairs(): Array<readonly [from: string, to: string]> {
    const names = this.#processes.map((process) => process.name)
    return names.flatMap((from) => names.filter((to) => to !== from).map((to) => [from, to] as const))
  }
}
