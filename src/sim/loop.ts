import type { Clock, TimerHandle, Timers } from '../env/ports.ts'
import { assert } from '../util/assert.ts'
import type { EventKind, EventOwner, SimEvent } from './event-queue.ts'
import type { SimRandom } from './random.ts'
import type { Timeline } from './timeline.ts'

/** Beyond it the platform would fire at once; Node's timers are cut here. */
const MAX_DELAY_MS = 2 ** 31 - 1
/** The longest time from a callback to the check phase of its turn. */
const MAX_TURN_US = 20
/** Wall time at the start of every world: a date in 2026. */
const WALL_EPOCH_MS = 1_790_000_000_000

/** Clocks of a process that are not as they should be; see SimProcessOptions. */
export interface ClockFaults {
  readonly clockRate?: number
  readonly lateTimers?: { readonly rate: number; readonly maxMs: number }
}

/**
 * The event loop of one simulated thread: a process's main thread, or a shard's worker below it. Its events die with it
 * and wait while its process is paused.
 */
export class SimLoop implements EventOwner {
  readonly timeline: Timeline
  readonly name: string
  readonly id: number
  readonly root: SimLoop
  readonly timers: Timers
  readonly clock: Clock
  /** Events that came due while the process was paused, in the order in which they did. */
  readonly deferred: SimEvent[] = []
  paused = false
  /** Added to the wall clock; the monotonic one does not know it. */
  wallOffsetMs = 0
  #dead = false
  #checkPhaseUs = -1

  /** Simulated microseconds in a millisecond of this thread's clock. */
  readonly #usPerMs: number
  readonly #lateTimers: { readonly rate: number; readonly maxMs: number }
  readonly #lateness: SimRandom | null

  constructor(timeline: Timeline, name: string, parent: SimLoop | null = null, faults: ClockFaults = {}) {
    this.timeline = timeline
    this.name = name
    this.id = timeline.nextLoopId()
    this.root = parent ?? this
    this.timers = {
      setTimeout: (callback, delayMs) => this.#setTimeout(callback, delayMs),
      clearTimeout: (handle) => {
        const event = handle as unknown as SimEvent
        event.run = null
      },
      setImmediate: (callback) => this.setImmediate(callback),
    }
    const { clockRate = 1, lateTimers = { rate: 0, maxMs: 0 } } = faults
    this.#usPerMs = parent === null ? 1000 / clockRate : parent.#usPerMs
    this.#lateTimers = lateTimers
    this.#lateness = lateTimers.rate > 0 ? timeline.random.fork(`late/${name}`) : null
    // Counts from the start of the process, as Node's does: to compare the clocks of two processes is a bug.
    const origin =
      timeline.nowMs - (parent === null ? timeline.random.fork(`clock/${name}`).between(20, 100) : 0)
    this.clock = parent?.clock ?? {
      monotonicMs: () => (timeline.nowMs - origin) * clockRate,
      wallMs: () => WALL_EPOCH_MS + timeline.nowMs + this.wallOffsetMs,
    }
  }

  get alive(): boolean {
    return !this.#dead && !this.root.#dead
  }

  /** Nothing of this thread runs any more. */
  kill(): void {
    this.#dead = true
    this.deferred.length = 0
  }

  /** Runs `run` in this thread after `delayUs`; never, when the thread is dead by then. */
  schedule(delayUs: number, kind: EventKind, detail: number, run: () => void, note = ''): SimEvent {
    return this.timeline.schedule(delayUs, this, kind, detail, run, note)
  }

  /** Callbacks of one turn run in their order, each its own event, after what the turn's I/O still brings. */
  setImmediate(callback: () => void): void {
    const now = this.timeline.nowUs
    if (this.#checkPhaseUs <= now) this.#checkPhaseUs = now + 1 + this.timeline.turnRandom.below(MAX_TURN_US)
    this.schedule(this.#checkPhaseUs - now, 'immediate', 0, callback)
  }

  #setTimeout(callback: () => void, delayMs: number): TimerHandle {
    assert(!Number.isNaN(delayMs), 'a delay is a number')
    const delay = Math.min(Math.max(Math.ceil(delayMs), 1), MAX_DELAY_MS)
    const isLate = this.timeline.timersMayBeLate && this.#lateness?.chance(this.#lateTimers.rate)
    const late = isLate ? this.#lateness!.between(0, this.#lateTimers.maxMs) : 0
    if (isLate) this.timeline.smallFaults.lateTimers++
    return this.schedule(delay * this.#usPerMs + late * 1000, 'timer', 0, callback)
  }
}

/** What a call of dead code answers: nothing, ever. */
export function never<T>(): Promise<T> {
  return new Promise(() => {})
}
