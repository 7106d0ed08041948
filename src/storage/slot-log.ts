import type { LogBlock } from '../block/log-block.ts'
import { assert } from '../util/assert.ts'
import { hash32 } from '../util/hash.ts'

/** What a cut does to the disk: blocks to delete, by first index, and the block that is kept in part. */
export interface CutEffect {
  readonly deleted: readonly number[]
  /** The block at `first` is kept up to `to`; `body` is the whole of it when it is in memory. */
  readonly trimmed: { readonly first: number; readonly to: number; readonly body: LogBlock | null } | null
}

const FIRST_CAPACITY = 4

/**
 * Where the blocks of one replica lie: the worker's index of them, and the bodies it still has in memory. It runs ahead
 * of the disk by the flushes that were posted and are not done; their bodies are always in memory. A body may hold more
 * entries than the index says: the rest was cut, or is about to be. Readers go by the index.
 */
export class SlotLog {
  readonly slot: number
  readonly groupId: string
  readonly groupTag: number
  readonly space: number
  firstIndex: number
  prevTerm: number
  lastIndex: number
  /** Raised by each cut and reset: who read from disk meanwhile looks again. */
  version = 0
  #firsts: Float64Array | null = null
  readonly #bodies: Array<LogBlock | null> = []
  #count = 0

  constructor(slot: number, groupId: string, space: number, firstIndex: number, prevTerm: number) {
    this.slot = slot
    this.groupId = groupId
    this.groupTag = hash32(groupId)
    this.space = space
    this.firstIndex = firstIndex
    this.prevTerm = prevTerm
    this.lastIndex = firstIndex - 1
  }

  get blockCount(): number {
    return this.#count
  }

  firstAt(position: number): number {
    assert(position >= 0 && position < this.#count, 'a block position is in the index')
    return this.#firsts![position]!
  }

  lastAt(position: number): number {
    return position === this.#count - 1 ? this.lastIndex : this.firstAt(position + 1) - 1
  }

  bodyAt(position: number): LogBlock | null {
    return this.#bodies[position]!
  }

  /** Position of the block that holds `index`; -1 when the log does not. */
  find(index: number): number {
    if (index < this.firstIndex || index > this.lastIndex) return -1
    let low = 0
    let high = this.#count - 1
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if (this.#firsts![middle]! <= index) low = middle
      else high = middle - 1
    }
    return low
  }

  append(firstIndex: number, count: number, body: LogBlock | null): void {
    assert(firstIndex === this.lastIndex + 1, 'a block begins where its log ends')
    let firsts = this.#firsts
    if (firsts === null || this.#count === firsts.length) {
      const larger = new Float64Array(firsts === null ? FIRST_CAPACITY : firsts.length * 2)
      if (firsts !== null) larger.set(firsts)
      this.#firsts = firsts = larger
    }
    firsts[this.#count++] = firstIndex
    this.#bodies.push(body)
    this.lastIndex = firstIndex + count - 1
  }

  /** Removes the entries above `cutAfter`; null when there are none. */
  cut(cutAfter: number): CutEffect | null {
    assert(cutAfter >= this.firstIndex - 1, "a cut stays above the log's beginning")
    if (cutAfter >= this.lastIndex) return null
    const deleted: number[] = []
    let trimmed: CutEffect['trimmed'] = null
    while (this.#count > 0 && this.lastIndex > cutAfter) {
      const first = this.#firsts![this.#count - 1]!
      if (first <= cutAfter) {
        trimmed = { first, to: cutAfter, body: this.#bodies[this.#count - 1]! }
        this.lastIndex = cutAfter
        break
      }
      deleted.push(first)
      this.#bodies.pop()
      this.#count--
      this.lastIndex = first - 1
    }
    this.version++
    return { deleted, trimmed }
  }

  /** Forgets `body` when it still is what the block at its first index has in memory. */
  evict(body: LogBlock): void {
    const position = this.find(body.firstIndex)
    if (position >= 0 && this.#bodies[position] === body) this.#bodies[position] = null
  }

  /** An empty log that begins behind (index, term). The first indexes of the blocks that were in it are returned. */
  reset(index: number, term: number): number[] {
    const deleted: number[] = []
    for (let i = 0; i < this.#count; i++) deleted.push(this.#firsts![i]!)
    this.#firsts = null
    this.#bodies.length = 0
    this.#count = 0
    this.firstIndex = index + 1
    this.prevTerm = term
    this.lastIndex = index
    this.version++
    return deleted
  }
}
