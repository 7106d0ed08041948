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
/** Of a block: its first index, and where it ends on the log's ruler of bytes. */
const STRIDE = 2

/**
 * Where the blocks of one replica lie: the worker's index of them, and the bodies it still has in memory. It runs ahead
 * of the disk by the flushes that were posted and are not done; their bodies are always in memory. A body may hold more
 * entries than the index says: the rest was cut, or is about to be. Readers go by the index.
 *
 * A position counts blocks from the log's beginning as it is now: a truncation moves them all.
 */
export class SlotLog {
  readonly slot: number
  readonly groupId: string
  readonly groupTag: number
  readonly space: number
  firstIndex: number
  lastIndex: number
  /** Raised by each cut and reset: who read from disk meanwhile looks again. A truncation changes no entry that is left. */
  version = 0
  #blocks: Float64Array | null = null
  readonly #bodies: Array<LogBlock | null> = []
  /** Places in both arrays that truncations have left empty, and blocks behind them. */
  #head = 0
  #count = 0
  /** Where the first block begins on the ruler. */
  #start = 0

  constructor(slot: number, groupId: string, space: number, firstIndex: number) {
    this.slot = slot
    this.groupId = groupId
    this.groupTag = hash32(groupId)
    this.space = space
    this.firstIndex = firstIndex
    this.lastIndex = firstIndex - 1
  }

  get blockCount(): number {
    return this.#count
  }

  firstAt(position: number): number {
    assert(position >= 0 && position < this.#count, 'a block position is in the index')
    return this.#firstAt(position)
  }

  lastAt(position: number): number {
    return position === this.#count - 1 ? this.lastIndex : this.firstAt(position + 1) - 1
  }

  bodyAt(position: number): LogBlock | null {
    return this.#bodies[this.#head + position]!
  }

  /** Position of the block that holds `index`; -1 when the log does not. */
  find(index: number): number {
    if (index < this.firstIndex || index > this.lastIndex) return -1
    let low = 0
    let high = this.#count - 1
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if (this.#firstAt(middle) <= index) low = middle
      else high = middle - 1
    }
    return low
  }

  /** How many blocks hold nothing above `index`. */
  blocksUpTo(index: number): number {
    if (index >= this.lastIndex) return this.#count
    return index < this.firstIndex ? 0 : this.find(index + 1)
  }

  /** Where the log would begin without its first `blocks` blocks. */
  firstIndexBehind(blocks: number): number {
    return blocks === this.#count ? this.lastIndex + 1 : this.firstAt(blocks)
  }

  /** Bytes of the blocks from `position` on; one that was cut counts whole until the next start. */
  bytesFrom(position: number): number {
    return this.#endAt(this.#count - 1) - this.#endAt(position - 1)
  }

  append(firstIndex: number, count: number, byteLength: number, body: LogBlock | null): void {
    assert(firstIndex === this.lastIndex + 1, 'a block begins where its log ends')
    const place = this.#head + this.#count
    if (this.#blocks === null || place * STRIDE === this.#blocks.length) this.#repack()
    const end = this.#endAt(this.#count - 1) + byteLength
    const at = (this.#head + this.#count) * STRIDE
    this.#blocks![at] = firstIndex
    this.#blocks![at + 1] = end
    this.#bodies.push(body)
    this.#count++
    this.lastIndex = firstIndex + count - 1
  }

  /** Removes the entries above `cutAfter`; null when there are none. */
  cut(cutAfter: number): CutEffect | null {
    assert(cutAfter >= this.firstIndex - 1, "a cut stays above the log's beginning")
    if (cutAfter >= this.lastIndex) return null
    const deleted: number[] = []
    let trimmed: CutEffect['trimmed'] = null
    while (this.#count > 0 && this.lastIndex > cutAfter) {
      const first = this.#firstAt(this.#count - 1)
      if (first <= cutAfter) {
        trimmed = { first, to: cutAfter, body: this.bodyAt(this.#count - 1) }
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

  /**
   * Removes the entries below `firstIndex`, which must be the first of a block or the one behind the last. The first
   * indexes of the blocks removed are returned: none when the log begins there or above already.
   */
  truncate(firstIndex: number): number[] {
    if (firstIndex <= this.firstIndex) return []
    assert(firstIndex <= this.lastIndex + 1, 'a log is truncated up to its end at most')
    const blocks = this.blocksUpTo(firstIndex - 1)
    assert(this.firstIndexBehind(blocks) === firstIndex, 'a log is truncated by whole blocks')
    const deleted: number[] = []
    for (let i = 0; i < blocks; i++) {
      deleted.push(this.#firstAt(i))
      this.#bodies[this.#head + i] = null
    }
    this.#start = this.#endAt(blocks - 1)
    this.firstIndex = firstIndex
    this.#head += blocks
    this.#count -= blocks
    if (this.#count === 0) this.#clear()
    else if (this.#head > this.#count) this.#repack()
    return deleted
  }

  /** Forgets `body` when it still is what the block at its first index has in memory. */
  evict(body: LogBlock): void {
    const position = this.find(body.firstIndex)
    if (position >= 0 && this.bodyAt(position) === body) this.#bodies[this.#head + position] = null
  }

  /** An empty log that begins behind `index`. The first indexes of the blocks that were in it are returned. */
  reset(index: number): number[] {
    const deleted: number[] = []
    for (let i = 0; i < this.#count; i++) deleted.push(this.#firstAt(i))
    this.#clear()
    this.firstIndex = index + 1
    this.lastIndex = index
    this.version++
    return deleted
  }

  #firstAt(position: number): number {
    return this.#blocks![(this.#head + position) * STRIDE]!
  }

  /** Of position -1: where the log begins. */
  #endAt(position: number): number {
    return position < 0 ? this.#start : this.#blocks![(this.#head + position) * STRIDE + 1]!
  }

  #clear(): void {
    this.#blocks = null
    this.#bodies.length = 0
    this.#head = 0
    this.#count = 0
    this.#start = 0
  }

  /** Lets go of the places in front, and leaves room for as many blocks again. */
  #repack(): void {
    const capacity = Math.max(FIRST_CAPACITY, this.#count * 2)
    const blocks = new Float64Array(capacity * STRIDE)
    if (this.#blocks !== null) {
      blocks.set(this.#blocks.subarray(this.#head * STRIDE, (this.#head + this.#count) * STRIDE))
    }
    this.#blocks = blocks
    this.#bodies.splice(0, this.#head)
    this.#head = 0
  }
}
