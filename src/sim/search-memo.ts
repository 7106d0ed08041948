import type { ModelState } from './history-model.ts'

const EMPTY = 0
const FIRST_SLOTS = 256
const FIRST_WORDS = 1024

/**
 * The configurations that a search has seen: the set of operations placed, and the state after them. The set is kept
 * incrementally, with a hash that each operation is folded into and out of; a hit is compared in full, for a false one
 * would make a violation out of a correct history.
 */
export class SearchMemo<S extends ModelState> {
  readonly #setWords: number
  readonly #set: Uint32Array
  readonly #stateNumbers = new Map<S, number>()
  /** Configuration number + 1 by hash, EMPTY where none is. A power of two. */
  #slots: Int32Array
  /** Of each configuration: its set, then hash and state number. */
  #pool: Uint32Array
  #count = 0
  #hash = 0x9e3779b9

  constructor(operations: number) {
    this.#setWords = (operations + 31) >>> 5
    this.#set = new Uint32Array(this.#setWords)
    this.#slots = new Int32Array(FIRST_SLOTS)
    this.#pool = new Uint32Array(FIRST_WORDS)
  }

  /** Memory in use, in words of 32 bits. */
  get words(): number {
    return this.#slots.length + this.#pool.length
  }

  has(op: number): boolean {
    return (this.#set[op >>> 5]! & (1 << (op & 31))) !== 0
  }

  /** Puts `op` into the set, or takes it out. */
  flip(op: number): void {
    this.#set[op >>> 5]! ^= 1 << (op & 31)
    this.#hash = (this.#hash ^ mix(op + 1)) >>> 0
  }

  /** Remembers the present set with `state`; false when it was known. */
  add(state: S): boolean {
    const number = this.#numberOf(state)
    const hash = mix(this.#hash ^ mix(number + 0x51ed270b))
    if (this.#find(hash, number)) return false
    if ((this.#count + 1) * 2 > this.#slots.length) this.#growSlots()
    const stride = this.#setWords + 2
    const at = this.#count * stride
    if (at + stride > this.#pool.length) {
      const pool = new Uint32Array(Math.max(this.#pool.length * 2, at + stride))
      pool.set(this.#pool)
      this.#pool = pool
    }
    this.#pool.set(this.#set, at)
    this.#pool[at + this.#setWords] = hash
    this.#pool[at + this.#setWords + 1] = number
    this.#insert(hash, ++this.#count)
    return true
  }

  clear(): void {
    this.#slots = new Int32Array(FIRST_SLOTS)
    this.#pool = new Uint32Array(FIRST_WORDS)
    this.#stateNumbers.clear()
    this.#count = 0
  }

  #numberOf(state: S): number {
    let number = this.#stateNumbers.get(state)
    if (number === undefined) {
      number = this.#stateNumbers.size
      this.#stateNumbers.set(state, number)
    }
    return number
  }

  #find(hash: number, number: number): boolean {
    const mask = this.#slots.length - 1
    for (let slot = hash & mask; this.#slots[slot] !== EMPTY; slot = (slot + 1) & mask) {
      if (this.#equals(this.#slots[slot]! - 1, hash, number)) return true
    }
    return false
  }

  #equals(configuration: number, hash: number, number: number): boolean {
    const at = configuration * (this.#setWords + 2)
    const pool = this.#pool
    if (pool[at + this.#setWords] !== hash || pool[at + this.#setWords + 1] !== number) return false
    for (let i = 0; i < this.#setWords; i++) if (pool[at + i] !== this.#set[i]) return false
    return true
  }

  #insert(hash: number, entry: number): void {
    const mask = this.#slots.length - 1
    let slot = hash & mask
    while (this.#slots[slot] !== EMPTY) slot = (slot + 1) & mask
    this.#slots[slot] = entry
  }

  #growSlots(): void {
    this.#slots = new Int32Array(this.#slots.length * 2)
    const stride = this.#setWords + 2
    for (let i = 0; i < this.#count; i++) this.#insert(this.#pool[i * stride + this.#setWords]!, i + 1)
  }
}

function mix(value: number): number {
  let z = (value + 0x9e3779b9) | 0
  z = Math.imul(z ^ (z >>> 16), 0x85ebca6b)
  z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35)
  return (z ^ (z >>> 16)) >>> 0
}
