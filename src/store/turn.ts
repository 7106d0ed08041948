import type { Clock, Timers } from '../env/ports.ts'

/** Something that gathered work in this turn. */
export interface TurnWork {
  endOfTurn(): void
}

/**
 * One turn of the event loop is one batch. Work marks itself dirty while callbacks run; when the loop has done its I/O
 * callbacks, all of it is done at once: blocks are packed, then handed to the disks, then written to the sockets. The
 * clock is read at most once per turn.
 */
export class Turn {
  readonly #clock: Clock
  readonly #timers: Timers
  readonly #finish: () => void
  readonly #onError: (error: unknown) => void
  readonly #onEnd = () => this.#end()
  #dirty: TurnWork[] = []
  #scheduled = false
  #ending = false
  /** Asked for while the turn was ending: too late for this one. */
  #again = false
  #nowMs = 0
  #closed = false
  /** Rises after the turn's frames were encoded. */
  number = 1

  /**
   * `finish` posts to the disks and writes the frames, in this order. `onError` is told what a piece of work threw: the
   * turn goes on with the others, and comes to its end.
   */
  constructor(clock: Clock, timers: Timers, finish: () => void, onError: (error: unknown) => void) {
    this.#clock = clock
    this.#timers = timers
    this.#finish = finish
    this.#onError = onError
  }

  /** Monotonic time of this turn. */
  nowMs(): number {
    if (this.#scheduled) return this.#nowMs
    this.schedule()
    return this.#scheduled ? this.#nowMs : this.#clock.monotonicMs()
  }

  /** Makes sure that this turn has an end. */
  schedule(): void {
    if (this.#ending) this.#again = true
    if (this.#scheduled || this.#closed) return
    this.#scheduled = true
    this.#nowMs = this.#clock.monotonicMs()
    this.#timers.setImmediate(this.#onEnd)
  }

  markDirty(work: TurnWork): void {
    this.#dirty.push(work)
    this.schedule()
  }

  #end(): void {
    if (this.#closed) return
    this.#ending = true
    this.#again = false
    const dirty = this.#dirty
    this.#dirty = []
    for (const work of dirty) {
      try {
        work.endOfTurn()
      } catch (error) {
        this.#onError(error)
      }
    }
    if (this.#closed) return
    try {
      this.#finish()
    } catch (error) {
      this.#onError(error)
    }
    this.number++
    this.#ending = false
    this.#scheduled = false
    if (this.#again || this.#dirty.length > 0) this.schedule()
  }

  /** Nothing runs any more. */
  close(): void {
    this.#closed = true
    this.#dirty = []
  }
}
