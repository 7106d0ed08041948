import type { RandomSource } from '../env/ports.ts'
import { hash32 } from '../util/hash.ts'

/**
 * The generator of a simulated world: xoshiro128** (Blackman and Vigna), 128 bits of state, filled from the seed's text
 * by a splitmix mixer. Streams are forked by name and not from the state of their parent: who draws how often in one
 * stream changes nothing in another, so that a new fault does not reshuffle the whole run.
 */
export class SimRandom implements RandomSource {
  readonly seed: string
  #a: number
  #b: number
  #c: number
  #d: number

  constructor(seed: string) {
    this.seed = seed
    let mixed = hash32(seed)
    const other = hash32(`${seed}'`)
    const next = (): number => {
      mixed = (mixed + 0x9e3779b9) | 0
      let z = mixed ^ other
      z = Math.imul(z ^ (z >>> 16), 0x85ebca6b)
      z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35)
      return (z ^ (z >>> 16)) >>> 0
    }
    this.#a = next()
    this.#b = next()
    this.#c = next()
    // All zero is the one state that the generator never leaves.
    this.#d = next() | 1
  }

  /** An independent stream named `label`. */
  fork(label: string): SimRandom {
    return new SimRandom(`${this.seed}/${label}`)
  }

  uint32(): number {
    const scrambled = Math.imul(this.#b, 5)
    const result = Math.imul((scrambled << 7) | (scrambled >>> 25), 9) >>> 0
    const shifted = this.#b << 9
    this.#c ^= this.#a
    this.#d ^= this.#b
    this.#b ^= this.#c
    this.#a ^= this.#d
    this.#c ^= shifted
    this.#d = (this.#d << 11) | (this.#d >>> 21)
    return result
  }

  float(): number {
    return ((this.uint32() >>> 5) * 67_108_864 + (this.uint32() >>> 6)) / 9_007_199_254_740_992
  }

  bytes(length: number): Buffer {
    const bytes = Buffer.alloc(length)
    for (let i = 0; i < length; i++) bytes[i] = this.uint32() >>> 24
    return bytes
  }

  /** A whole number in [0, bound). */
  below(bound: number): number {
    return Math.floor(this.float() * bound)
  }

  /** A number in [low, high). */
  between(low: number, high: number): number {
    return low + this.float() * (high - low)
  }

  /** Draws nothing when the answer is certain, so that a fault of rate 0 leaves the stream as it is. */
  chance(probability: number): boolean {
    if (probability <= 0) return false
    return probability >= 1 || this.float() < probability
  }

  exponential(mean: number): number {
    return mean <= 0 ? 0 : -Math.log(1 - this.float()) * mean
  }

  pick<T>(items: readonly T[]): T {
    if (items.length === 0) throw new RangeError('nothing to pick from')
    return items[this.below(items.length)] as T
  }

  /** A new array with the items in random order. */
  shuffle<T>(items: readonly T[]): T[] {
    const shuffled = [...items]
    for (let i = shuffled.length - 1; i > 0; i--) {
      const j = this.below(i + 1)
      const item = shuffled[i] as T
      shuffled[i] = shuffled[j] as T
      shuffled[j] = item
    }
    return shuffled
  }
}
