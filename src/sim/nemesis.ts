import { assert } from '../util/assert.ts'
import { Ambushes, drawAmbushes } from './ambush.ts'
import {
  DEFAULT_CORRUPT_RATE,
  FAULT_KINDS,
  type FaultKind,
  type FaultRate,
  type NemesisOptions,
  rateOf,
} from './fault-kinds.ts'
import type { Mark } from './mark-table.ts'
import { NetworkStrikes } from './network-strikes.ts'
import type { SimProcess } from './process.ts'
import { ProcessStrikes } from './process-strikes.ts'
import type { SimRandom } from './random.ts'
import type { NemesisHooks, StrikeContext } from './strike-context.ts'
import type { SimWorld } from './world.ts'

export { drawNemesisOptions, type NemesisOptions } from './fault-kinds.ts'

/** Faults at random times, until `stop`. */
export interface Nemesis {
  /** How often each kind struck. */
  readonly counts: Readonly<Record<FaultKind, number>>
  /** The same by class: `kills/power`, `partitions/isolate`. */
  readonly classes: ReadonlyMap<string, number>
  /** The same for reports, in order, with what struck single writes and timers. */
  faultsByClass(): Record<string, number>
  /** Ends all faults: links heal, paused processes go on, dead ones restart, disks are well. Idempotent. */
  stop(): void
  /** A process reaches a mark: strikes that wait for it come. */
  onMark(mark: Mark, process: SimProcess): void
  /** Somebody else struck. */
  count(className: string): void
  /** No new faults begin; those that stand stay. */
  cease(): void
}

/** Starts faults on `processes`; everything about them comes from the world's seed. */
export function startNemesis(
  world: SimWorld,
  processes: readonly SimProcess[],
  options: NemesisOptions,
  hooks: NemesisHooks = {},
): Nemesis {
  return new SimNemesis(world, processes, options, hooks)
}

class SimNemesis implements Nemesis, StrikeContext {
  readonly counts = Object.fromEntries(FAULT_KINDS.map((kind) => [kind, 0])) as Record<FaultKind, number>
  readonly classes = new Map<string, number>()
  readonly world: SimWorld
  readonly processes: readonly SimProcess[]
  readonly random: SimRandom
  readonly ownRandom: SimRandom
  readonly hooks: NemesisHooks
  readonly maxDown: number
  readonly #strikes: Readonly<Record<FaultKind, (forMs: number) => void>>
  readonly #ambushes: Ambushes | null
  #ceased = false
  #stopped = false

  constructor(
    world: SimWorld,
    processes: readonly SimProcess[],
    options: NemesisOptions,
    hooks: NemesisHooks,
  ) {
    assert(processes.length > 0, 'a nemesis has processes to trouble')
    this.world = world
    this.processes = processes
    this.hooks = hooks
    this.random = world.random.fork(`nemesis/${world.nowUs}`)
    this.ownRandom = this.random.fork('own')
    this.maxDown = options.maxDown ?? Math.floor((processes.length - 1) / 2)
    this.#strikes = { ...new NetworkStrikes(this).strikes, ...new ProcessStrikes(this).strikes }
    const { ambushes = false } = options
    const drawn = ambushes === true ? drawAmbushes(this.random.fork('drawn')) : ambushes || []
    this.#ambushes = drawn.length > 0 ? new Ambushes(this, drawn) : null
    for (const kind of FAULT_KINDS) {
      const wanted = options[kind]
      if (wanted) this.#scheduleNext(kind, rateOf(kind, wanted))
    }
    const corruptRate = options.corrupt === true ? DEFAULT_CORRUPT_RATE : options.corrupt || 0
    const { stale: staleRate = 0, loss: lossRate = 0, reorder: reorderRate = 0 } = options
    world.network.configure({ corruptRate, staleRate, lossRate, reorderRate })
  }

  onMark(mark: Mark, process: SimProcess): void {
    if (!this.#ceased) this.#ambushes?.onMark(mark, process)
  }

  cease(): void {
    this.#ceased = true
  }

  stop(): void {
    if (this.#stopped) return
    this.#ceased = true
    this.#stopped = true
    const network = this.world.network
    this.world.note('the nemesis stops')
    network.configure({ corruptRate: 0, staleRate: 0, lossRate: 0, reorderRate: 0 })
    network.heal()
    network.releaseAll()
    for (const process of this.processes) {
      if (!process.alive) process.restart()
      process.resume()
      process.disk.slow(0)
      process.disk.unstall()
      process.disk.mend()
    }
  }

  later(ms: number, run: () => void): void {
    this.world.schedule(ms * 1000, null, 'fault', 0, () => {
      if (!this.#stopped) run()
    })
  }

  count(className: string): void {
    this.classes.set(className, (this.classes.get(className) ?? 0) + 1)
  }

  faultsByClass(): Record<string, number> {
    const small = Object.entries(this.world.smallFaults).filter(([, count]) => count > 0)
    return Object.fromEntries([...this.classes, ...small].sort(([a], [b]) => (a < b ? -1 : 1)))
  }

  #scheduleNext(kind: FaultKind, rate: FaultRate): void {
    this.later(this.random.exponential(rate.everyMs), () => {
      if (this.#ceased) return
      this.counts[kind]++
      this.#strikes[kind](this.random.exponential(rate.forMs))
      this.#scheduleNext(kind, rate)
    })
  }
}
