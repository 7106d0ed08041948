import { assert } from '../util/assert.ts'
import type { SlotState } from './slot-state.ts'

/**
 * Which replicas have committed entries to apply. One message is with the worker at a time; what comes meanwhile goes
 * with the next, and entries that are not posted yet wait for their flush.
 */
export class ApplyQueue {
  #waiting: SlotState[] = []
  #inFlight = false

  get empty(): boolean {
    return this.#waiting.length === 0
  }

  /** A message is with the worker. */
  get inFlight(): boolean {
    return this.#inFlight
  }

  /** False when there is nothing new in it. */
  want(state: SlotState, toIndex: number): boolean {
    assert(state.record.space > 0, 'the shard applies only what is kept in it')
    assert(toIndex <= state.lastIndex, 'what is applied was handed over before')
    if (state.applyStopped || toIndex <= state.applyTo) return false
    state.applyTo = toIndex
    this.#push(state)
    return true
  }

  /** Pairs `slot, toIndex` for the next message; null when none is to be sent now. */
  take(): Float64Array<ArrayBuffer> | null {
    if (this.#inFlight || this.#waiting.length === 0) return null
    const pairs: number[] = []
    const unposted: SlotState[] = []
    for (const state of this.#waiting) {
      const to = Math.min(state.applyTo, state.postedIndex)
      if (to <= state.appliedIndex) {
        unposted.push(state)
        continue
      }
      state.applyQueued = false
      pairs.push(state.record.slot, to)
    }
    this.#waiting = unposted
    if (pairs.length === 0) return null
    this.#inFlight = true
    return Float64Array.from(pairs)
  }

  /** The message that was with the worker came back. */
  returned(): void {
    this.#inFlight = false
  }

  /** The worker came as far as `index`, perhaps short of what was wanted. The number of entries it took. */
  advance(state: SlotState, index: number): number {
    const entries = index - state.appliedIndex
    state.appliedIndex = index
    if (!state.applyStopped && state.applyTo > index) this.#push(state)
    return entries
  }

  clear(): void {
    this.#waiting = []
  }

  #push(state: SlotState): void {
    if (state.applyQueued) return
    state.applyQueued = true
    this.#waiting.push(state)
  }
}
