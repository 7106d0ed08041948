import type { ToWorkerCall } from '../storage/shard-protocol.ts'
import { MAX_AWAITED_DIGESTS } from '../util/limits.ts'

export type DigestCall = Extract<ToWorkerCall, { t: 'digest' }>

/**
 * Digests that are asked for at an applied index to come, so that replicas can be compared under load: an apply that would
 * pass one ends there, and goes on once the view is made. Nobody need come for one: of too many the oldest is let go.
 */
export class AwaitedDigests {
  readonly #appliedIndex: (slot: number) => number
  #waiting: DigestCall[] = []

  /** `appliedIndex` is that of a slot's state as it is applied, written or not. */
  constructor(appliedIndex: (slot: number) => number) {
    this.#appliedIndex = appliedIndex
  }

  /** The one that has to make way, or undefined. */
  add(call: DigestCall): DigestCall | undefined {
    this.#waiting.push(call)
    return this.#waiting.length > MAX_AWAITED_DIGESTS ? this.#waiting.shift() : undefined
  }

  /** Lets no target of `pairs` (slot, toIndex) pass an index at which a digest is awaited. */
  clip(pairs: Float64Array): void {
    for (const { slot, at } of this.#waiting) {
      if (at <= this.#appliedIndex(slot)) continue
      for (let i = 0; i < pairs.length; i += 2) {
        if (pairs[i] === slot && pairs[i + 1]! > at) pairs[i + 1] = at
      }
    }
  }

  /** Those whose index is reached, or passed, and those no more. To be asked between two applies. */
  take(): readonly DigestCall[] {
    if (this.#waiting.length === 0) return NONE
    const due = this.#waiting.filter(({ slot, at }) => this.#appliedIndex(slot) >= at)
    if (due.length > 0) this.#waiting = this.#waiting.filter((call) => !due.includes(call))
    return due
  }

  takeAll(): readonly DigestCall[] {
    const all = this.#waiting
    this.#waiting = []
    return all
  }
}

const NONE: readonly DigestCall[] = []
