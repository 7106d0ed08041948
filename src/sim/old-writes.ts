import type { SimRandom } from './random.ts'

const MAX_NEWEST = 16
const MAX_OLDER = 16

/**
 * What a link has carried and may carry once more: the newest writes, which only their sequence numbers give away, and of
 * all that came before them an even sample, so that some are from long ago, over connections and from lives that are gone.
 */
export class OldWrites {
  readonly #newest: Buffer[] = []
  readonly #older: Buffer[] = []
  /** Writes that were among the newest and are no more. */
  #aged = 0

  keep(bytes: Buffer, random: SimRandom): void {
    this.#newest.push(Buffer.from(bytes))
    if (this.#newest.length <= MAX_NEWEST) return
    const aged = this.#newest.shift()!
    this.#aged++
    const place = this.#older.length < MAX_OLDER ? this.#older.length : random.below(this.#aged)
    if (place < MAX_OLDER) this.#older[place] = aged
  }

  /** Null while there is none. */
  pick(random: SimRandom): Buffer | null {
    const count = this.#newest.length + this.#older.length
    if (count === 0) return null
    const at = random.below(count)
    return this.#newest[at] ?? this.#older[at - this.#newest.length]!
  }
}
