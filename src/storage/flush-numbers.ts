import type { EngineBatch, EngineDb } from '../env/ports.ts'
import type { FlotillaError } from '../util/errors.ts'
import { FLUSH_NUMBER_OVERHEAD_BYTES, FLUSH_NUMBER_WINDOW_BYTES } from '../util/limits.ts'
import { missingFlushes } from './log-damage.ts'
import { LOG_KEY_BYTES, logKey, logKeyIndex, SHARD_SLOT, writeLogKey } from './log-keys.ts'

const PAGE_ROWS = 1_000
/** The ring of sizes is packed together once this many at its front are gone. */
const PACK_AFTER = 4_096
/** Size of the batch u32 LE | lowest number kept after it u48 LE | witness u48 LE. */
const VALUE_BYTES = 16

/** Which numbers, and what to throw when they are not as they should be. */
export interface FlushNumbersOptions {
  /** Kind of their keys, under slot 0. */
  readonly kind: number
  damaged(what: string): FlotillaError
}

/**
 * Every WriteBatch carries its own number under a key of its own. Recovery that lost a batch (RocksDB skips damage without
 * a word) lost its number with it, and the hole is seen. Numbers are kept for as long as their batch may lie in the
 * write-ahead log only, counted in bytes; each says which the lowest kept one is, so that a hole at the beginning is seen
 * too.
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
  readonly #value = Buffer.alloc(VALUE_BYTES)

  private constructor(kind: number) {
    this.#kind = kind
  }

  get highest(): number {
    return this.#highest
  }

  /** What the highest number was stamped with. */
  get witness(): number {
    return this.#witness
  }

  /** Reads the numbers kept in `db`. Throws what `damaged` makes when they are not without a hole. */
  static async load(db: EngineDb, options: FlushNumbersOptions): Promise<FlushNumbers> {
    const numbers = new FlushNumbers(options.kind)
    // A wrong size only moves the time when a number goes, so the iterator's unverified values are good enough.
    const rows = db.iterator({
      gte: logKey(SHARD_SLOT, options.kind, 0),
      lt: logKey(SHARD_SLOT, options.kind + 1, 0),
    })
    try {
      for (;;) {
        const page = await rows.next(PAGE_ROWS)
        if (page.length === 0) break
        for (const [key, value] of page) numbers.#recover(logKeyIndex(key), value, options)
      }
    } finally {
      await rows.close()
    }
    await numbers.#checkEnds(db, options)
    return numbers
  }

  #recover(number: number, value: Buffer, options: FlushNumbersOptions): void {
    if (this.#sizes.length > 0 && number !== this.#highest + 1) {
      throw options.damaged(`${missingFlushes(this.#highest + 1, number - 1)} between others that are there`)
    }
    const size = value.length === VALUE_BYTES ? value.readUInt32LE(0) : FLUSH_NUMBER_OVERHEAD_BYTES
    this.#highest = number
    this.#sizes.push(size)
    this.#kept += size
  }

  /** An iterator may pass over what it cannot read; a get may not. */
  async #checkEnds(db: EngineDb, { kind, damaged }: FlushNumbersOptions): Promise<void> {
    const [value, above] = await db.getMany([
      logKey(SHARD_SLOT, kind, this.#highest),
      logKey(SHARD_SLOT, kind, this.#highest + 1),
    ])
    if (above) throw damaged(`flush ${this.#highest + 1} is there but is not listed`)
    if (this.#highest === 0) return
    if (value?.length !== VALUE_BYTES)
      throw damaged(`the mark of flush ${this.#highest} is not what was written`)
    const lowest = value.readUIntLE(4, 6)
    const found = this.#highest - this.#sizes.length + 1
    if (lowest < found) throw damaged(`${missingFlushes(lowest, found - 1)} below others that are there`)
    this.#witness = value.readUIntLE(10, 6)
  }

  /** Puts the number of `batch` into it, and takes out those that the window has left behind. */
  stamp(batch: EngineBatch, witness = 0): void {
    const size = batch.byteLength + batch.count * FLUSH_NUMBER_OVERHEAD_BYTES + FLUSH_NUMBER_OVERHEAD_BYTES
    this.#highest++
    this.#sizes.push(size)
    this.#kept += size
    while (this.#kept - this.#sizes[this.#head]! >= FLUSH_NUMBER_WINDOW_BYTES) {
      batch.del(writeLogKey(this.#key, SHARD_SLOT, this.#kind, this.#lowest()))
      this.#kept -= this.#sizes[this.#head++]!
    }
    this.#witness = witness
    this.#value.writeUInt32LE(size, 0)
    this.#value.writeUIntLE(this.#lowest(), 4, 6)
    this.#value.writeUIntLE(witness, 10, 6)
    batch.put(writeLogKey(this.#key, SHARD_SLOT, this.#kind, this.#highest), this.#value)
    if (this.#head >= PACK_AFTER && this.#head * 2 > this.#sizes.length) {
      this.#sizes = this.#sizes.slice(this.#head)
      this.#head = 0
    }
  }

  #lowest(): number {
    return this.#highest - (this.#sizes.length - 1 - this.#head)
  }
}
