import type { EngineBatch, EngineDb } from '../env/ports.ts'
import { FLUSH_NUMBER_OVERHEAD_BYTES, FLUSH_NUMBER_WINDOW_BYTES } from '../util/limits.ts'
import { corruptShard } from './log-damage.ts'
import { KEY_FLUSH_NUMBER, LOG_KEY_BYTES, logKey, logKeyIndex, SHARD_SLOT, writeLogKey } from './log-keys.ts'

const PAGE_ROWS = 1_000
/** The ring of sizes is packed together once this many at its front are gone. */
const PACK_AFTER = 4_096

/**
 * Every WriteBatch of the log carries its own number under a key of its own. Recovery that lost a batch in the middle
 * (RocksDB skips damage without a word) lost its number with it, and the hole is seen. Numbers are kept for as long as
 * their batch may lie in the write-ahead log only, counted in bytes.
 */
export class FlushNumbers {
  /** Sizes of the batches whose numbers are kept, from #head on; the last is that of number #highest. */
  #sizes: number[] = []
  #head = 0
  #kept = 0
  #highest = 0
  readonly #key = Buffer.allocUnsafe(LOG_KEY_BYTES)
  readonly #value = Buffer.allocUnsafe(4)

  get highest(): number {
    return this.#highest
  }

  /** Reads the numbers kept in `db`. Throws CORRUPT when they have a hole. */
  static async load(db: EngineDb, dir: string): Promise<FlushNumbers> {
    const numbers = new FlushNumbers()
    // A wrong size only moves the time when a number goes, so the iterator's unverified values are good enough.
    const rows = db.iterator({
      gte: logKey(SHARD_SLOT, KEY_FLUSH_NUMBER, 0),
      lt: logKey(SHARD_SLOT, KEY_FLUSH_NUMBER + 1, 0),
    })
    try {
      for (;;) {
        const page = await rows.next(PAGE_ROWS)
        if (page.length === 0) return numbers
        for (const [key, value] of page) numbers.#recover(logKeyIndex(key), value, dir)
      }
    } finally {
      await rows.close()
    }
  }

  #recover(number: number, value: Buffer, dir: string): void {
    if (this.#sizes.length > 0 && number !== this.#highest + 1) {
      throw corruptShard(
        dir,
        `writes ${this.#highest + 1} to ${number - 1} are missing between others that are there`,
      )
    }
    const size = value.length === 4 ? value.readUInt32LE(0) : FLUSH_NUMBER_OVERHEAD_BYTES
    this.#highest = number
    this.#sizes.push(size)
    this.#kept += size
  }

  /** Puts the number of `batch` into it, and takes out those that the window has left behind. */
  stamp(batch: EngineBatch): void {
    const size = batch.byteLength + batch.count * FLUSH_NUMBER_OVERHEAD_BYTES + FLUSH_NUMBER_OVERHEAD_BYTES
    this.#highest++
    this.#sizes.push(size)
    this.#kept += size
    this.#value.writeUInt32LE(size, 0)
    batch.put(writeLogKey(this.#key, SHARD_SLOT, KEY_FLUSH_NUMBER, this.#highest), this.#value)
    while (this.#kept - this.#sizes[this.#head]! >= FLUSH_NUMBER_WINDOW_BYTES) {
      const number = this.#highest - (this.#sizes.length - 1 - this.#head)
      batch.del(writeLogKey(this.#key, SHARD_SLOT, KEY_FLUSH_NUMBER, number))
      this.#kept -= this.#sizes[this.#head++]!
    }
    if (this.#head >= PACK_AFTER && this.#head * 2 > this.#sizes.length) {
      this.#sizes = this.#sizes.slice(this.#head)
      this.#head = 0
    }
  }
}
