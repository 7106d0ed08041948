import { assert } from '../util/assert.ts'
import { MAX_FLUSH_BYTES, MAX_POSTED_FLUSHES } from '../util/limits.ts'
import { FlushGathering } from './flush-gathering.ts'

/** The flushes of a shard on their way: one gathers, full ones wait, and some are with the worker. */
export class FlushQueue {
  #gathering = new FlushGathering(1)
  #nextId = 2
  /** Full, oldest first. */
  #sealed: FlushGathering[] = []
  /** With the worker and not yet durable, oldest first. */
  #posted: FlushGathering[] = []

  get posted(): number {
    return this.#posted.length
  }

  /** Nothing waits to be posted. */
  get empty(): boolean {
    return this.#gathering.empty && this.#sealed.length === 0
  }

  /** The one that gathers, with room for `cost`. */
  gathering(cost: number): FlushGathering {
    if (!this.#gathering.empty && this.#gathering.cost + cost > MAX_FLUSH_BYTES) this.#seal()
    return this.#gathering
  }

  /** At most MAX_POSTED_FLUSHES are with the worker: one on the disk, one ready behind it; the rest goes on gathering. */
  next(): FlushGathering | null {
    if (this.#posted.length >= MAX_POSTED_FLUSHES) return null
    if (this.#sealed.length === 0) {
      if (this.#gathering.empty) return null
      this.#seal()
    }
    const flush = this.#sealed.shift()!
    this.#posted.push(flush)
    return flush
  }

  returned(id: number): FlushGathering {
    const flush = this.#posted.shift()
    assert(flush?.id === id, 'flushes come back in the order they were posted')
    return flush
  }

  clear(): void {
    this.#sealed = []
    this.#posted = []
  }

  #seal(): void {
    this.#gathering.seal()
    this.#sealed.push(this.#gathering)
    this.#gathering = new FlushGathering(this.#nextId++)
  }
}
