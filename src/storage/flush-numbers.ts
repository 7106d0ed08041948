import type { EngineBatch, EngineDb } from '../env/ports.ts'
import type { FlotillaError } from '../util/errors.ts'
import { FLUSH_NUMBER_OVERHEAD_BYTES, FLUSH_NUMBER_WINDOW_BYTES } from '../util/limits.ts'
import { missingFlushes } from './log-damage.ts'
import { LOG_KEY_BYTES, logKey, SHARD_SLOT, writeLogKey } from './log-keys.ts'

const PAGE_KEYS = 1_000
/** The ring of sizes is packed together once this many at its front are gone. */
const PACK_AFTER = 4_096
/** The index under which the head lies; numbers begin at 1. */
const HEAD = 0
/** Highest number u48 LE | lowest number kept u48 LE | witness u48 LE. */
const HEAD_BYTES = 18
/** Of a number: size of its batch u32 LE. */
const SIZE_BYTES = 4

/** Which numbers, and what to throw when they are not as they should be. */
export interface FlushNumbersOptions {
  /** Kind of their keys, under slot 0. */
  readonly kind: number
  damaged(what: string): FlotillaError
}

/**
 * Every WriteBatch carries its own number under a key of its own. Recovery that lost a batch (RocksDB skips damage without
 * a word) lost its number with it, and the hole is seen. Numbers are kept for as long as their batch may lie in the
 * write-ahead log only, counted in bytes. The head, in every batch too, says which numbers there are; so all of them are
 * read by gets, which verify what they read: iterators pass over damage, or end the process.
 */
export class FlushNumbers {
  /** Sizes of the batches whose numbers are kept, from #head on; the last is that of number #highest. */
  #sizes: number[] = []
  #head = 0
  #kept = 0
  #highest = 0
  #witness = 0
  readonly #kind: number
  readonly #key = Buffer.allocUnsafe(LOG_KEY_BYTES)
  readonly #size = Buffer.alloc(SIZE_BYTES)
  readonly #headValue = Buffer.alloc(HEAD_BYTES)

  private constructor(kind: number) {
    this.#kind = kind
  }

  get highest(): number {
    return this.#highest
  }

  /** What the newest batch was stamped with. */
  get witness(): number {
    return this.#witness
  }

  /** Reads the numbers kept in `db`. Throws what `damaged` makes when they are not without a hole. */
  static async load(db: EngineDb, options: FlushNumbersOptions): Promise<FlushNumbers> {
    const { kind, damaged } = options
    const numbers = new FlushNumbers(kind)
    const [head, first] = await db.getMany([logKey(SHARD_SLOT, kind, HEAD), logKey(SHARD_SLOT, kind, 1)])
    if (!head) {
      if (first) throw damaged('the head of its flush numbers is gone')
      return numbers
    }
    if (head.length !== HEAD_BYTES) throw damaged('the head of its flush numbers is not what was written')
    const highest = head.readUIntLE(0, 6)
    const lowest = head.readUIntLE(6, 6)
    numbers.#witness = head.readUIntLE(12, 6)
    if (lowest < 1 || lowest > highest) throw damaged('the head of its flush numbers is not what was written')
    let missingFrom = 0
    // One beyond the end: a number above the head is of a batch whose head was lost.
    for (let from = lowest; from <= highest + 1; from += PAGE_KEYS) {
      const until = Math.min(from + PAGE_KEYS - 1, highest + 1)
      const keys: Buffer[] = []
      for (let number = from; number <= until; number++) keys.push(logKey(SHARD_SLOT, kind, number))
      const values = await db.getMany(keys)
      for (let i = 0; i < values.length; i++) {
        const number = from + i
        const value = values[i]
        if (value && number > highest)
          throw damaged(`flush ${number} is there but the head ends at ${highest}`)
        if (missingFrom > 0 && (value || number > highest)) {
          throw damaged(`${missingFlushes(missingFrom, number - 1)} among others that are there`)
        }
        if (value)
          numbers.#add(value.length === SIZE_BYTES ? value.readUInt32LE(0) : FLUSH_NUMBER_OVERHEAD_BYTES)
        else if (missingFrom === 0 && number <= highest) missingFrom = number
      }
      // A head that is not what was written may name more numbers than could ever be looked for.
      if (missingFrom > 0)
        throw damaged(`${missingFlushes(missingFrom, until)} among others that its head names`)
    }
    numbers.#highest = highest
    return numbers
  }

  #add(size: number): void {
    this.#sizes.push(size)
    this.#kept += size
  }

  /** Puts the number of `batch` into it, and takes out those that the window has left behind. */
  stamp(batch: EngineBatch, witness = 0): void {
    const size = batch.byteLength + batch.count * FLUSH_NUMBER_OVERHEAD_BYTES + FLUSH_NUMBER_OVERHEAD_BYTES
    this.#highest++
    this.#add(size)
    while (this.#kept - this.#sizes[this.#head]! >= FLUSH_NUMBER_WINDOW_BYTES) {
      batch.del(writeLogKey(this.#key, SHARD_SLOT, this.#kind, this.#lowest()))
      this.#kept -= this.#sizes[this.#head++]!
    }
    this.#witness = witness
    this.#size.writeUInt32LE(size, 0)
    batch.put(writeLogKey(this.#key, SHARD_SLOT, this.#kind, this.#highest), this.#size)
    this.#headValue.writeUIntLE(this.#highest, 0, 6)
    this.#headValue.writeUIntLE(this.#lowest(), 6, 6)
    this.#headValue.writeUIntLE(witness, 12, 6)
    batch.put(writeLogKey(this.#key, SHARD_SLOT, this.#kind, HEAD), this.#headValue)
    if (this.#head >= PACK_AFTER && this.#head * 2 > this.#sizes.length) {
      this.#sizes = this.#sizes.slice(this.#head)
      this.#head = 0
    }
  }

  #lowest(): number {
    return this.#highest - (this.#sizes.length - 1 - this.#head)
  }
}
