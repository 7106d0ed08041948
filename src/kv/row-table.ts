import type { EngineBatch } from '../env/ports.ts'
import { SPACE_BYTES } from '../storage/space-key.ts'
import { assert } from '../util/assert.ts'
import { crc32Range } from '../util/crc.ts'
import { MAX_ROW_PROBES } from '../util/limits.ts'
import { VALUE_HEADER_BYTES } from './data-keys.ts'
import { orderByWords } from './row-order.ts'
import { copyBytes, Scratch } from './scratch.ts'

const FIRST_ROWS = 256
const FIRST_BYTES = 16 * 1024
/** Places of the hash table for each row that there is room for. */
const PLACES_PER_ROW = 2
/** Bytes of a key, behind what all keys of its space share, that decide on its place in a batch. */
const ORDER_BYTES = 6

/** What the rows of one space have in common. */
interface SpaceRows {
  readonly space: number
  readonly number: number
  readonly firstRow: number
  /** Bytes with which all their keys begin. */
  shared: number
}

/**
 * Rows of the state that are not in the engine yet: for each key what was put there last, or that it was deleted. Bytes lie
 * one behind the other in one Buffer, and numbers in typed arrays: an object for each row would cost more than the row.
 */
export class RowTable {
  #bytes = Buffer.allocUnsafeSlow(FIRST_BYTES)
  #used = 0
  #count = 0
  #crowded = false
  /** Row number + 1 at the place that its hash says or one of the next; 0: free. */
  #places = new Int32Array(FIRST_ROWS * PLACES_PER_ROW)
  /** Numbers of the rows for which none of the places looked at was free, by space and key. */
  #others = new Map<string, number>()
  #hashes = new Uint32Array(FIRST_ROWS)
  #starts = new Uint32Array(FIRST_ROWS)
  #valueStarts = new Uint32Array(FIRST_ROWS)
  /** That of the value; a deleted row has none, not even its header. */
  #ends = new Uint32Array(FIRST_ROWS)
  #spaceNumbers = new Uint32Array(FIRST_ROWS)
  #spaces = new Map<number, SpaceRows>()
  #space: SpaceRows | null = null
  readonly #keys = new Scratch()
  readonly #values = new Scratch()

  get count(): number {
    return this.#count
  }

  /** Of keys and values, also of those that were put over since. */
  get byteLength(): number {
    return this.#used
  }

  /** Keys fall on few places of the table: it is better begun anew than searched. */
  get crowded(): boolean {
    return this.#crowded
  }

  clear(): void {
    this.#used = 0
    this.#count = 0
    this.#crowded = false
    this.#places.fill(0)
    this.#others.clear()
    this.#spaces.clear()
    this.#space = null
  }

  /** The key is `source[keyStart … valueStart)`, and the value follows it up to `valueEnd`. */
  put(space: number, source: Buffer, keyStart: number, valueStart: number, valueEnd: number): void {
    const keyCrc = crc32Range(source, keyStart, valueStart)
    const row = this.#rowOf(space, source, keyStart, valueStart, keyCrc)
    const at = this.#reserve(row, VALUE_HEADER_BYTES + valueEnd - valueStart)
    this.#bytes.writeUInt32LE(crc32Range(source, valueStart, valueEnd, keyCrc), at)
    copyBytes(source, valueStart, valueEnd, this.#bytes, at + VALUE_HEADER_BYTES)
  }

  del(space: number, source: Buffer, keyStart: number, keyEnd: number): void {
    const row = this.#rowOf(space, source, keyStart, keyEnd, crc32Range(source, keyStart, keyEnd))
    this.#reserve(row, 0)
  }

  /** A copy of what is stored under a whole data key; null when it was deleted, undefined when nothing is known of it. */
  find(key: Buffer): Buffer | null | undefined {
    if (this.#count === 0) return undefined
    const space = key.readUInt32BE(0)
    const hash = hashOf(space, crc32Range(key, SPACE_BYTES, key.length))
    const row = this.#known(hash, space, key, SPACE_BYTES, key.length)
    if (row < 0) return undefined
    const from = this.#valueStarts[row]!
    const to = this.#ends[row]!
    return from === to ? null : Buffer.from(this.#bytes.subarray(from, to))
  }

  /**
   * All rows in an order in which the engine finds most of them next to the one before: by space, and in it by the bytes that
   * follow what its keys share. What lies beyond those may be out of order, which costs a little time.
   */
  order(): Uint32Array {
    const high = new Uint32Array(this.#count)
    const low = new Uint32Array(this.#count)
    const spaces = [...this.#spaces.values()]
    for (let row = 0; row < this.#count; row++) {
      const { shared, number } = spaces[this.#spaceNumbers[row]!]!
      const end = this.#valueStarts[row]!
      let at = this.#starts[row]! + SPACE_BYTES + shared
      let word = number & 0xffff
      for (let i = 0; i < ORDER_BYTES; i++, at++) {
        if (i === 2) {
          high[row] = word
          word = 0
        }
        word = (word << 8) | (at < end ? this.#bytes[at]! : 0)
      }
      low[row] = word
    }
    return orderByWords(high, low, this.#count)
  }

  /** The rows `order[from … to)` into a batch. */
  write(batch: EngineBatch, order: Uint32Array, from: number, to: number): void {
    for (let i = from; i < to; i++) {
      const row = order[i]!
      const start = this.#starts[row]!
      const valueStart = this.#valueStarts[row]!
      const end = this.#ends[row]!
      const key = this.#keys.take(valueStart - start)
      copyBytes(this.#bytes, start, valueStart, key, 0)
      if (valueStart === end) {
        batch.del(key)
        continue
      }
      const value = this.#values.take(end - valueStart)
      copyBytes(this.#bytes, valueStart, end, value, 0)
      batch.put(key, value)
    }
  }

  /** The number of the key's row, which is made when there is none. */
  #rowOf(space: number, source: Buffer, keyStart: number, keyEnd: number, keyCrc: number): number {
    const hash = hashOf(space, keyCrc)
    const known = this.#known(hash, space, source, keyStart, keyEnd)
    if (known >= 0) {
      this.#copyKey(known, space, source, keyStart, keyEnd)
      return known
    }
    if (this.#count === this.#hashes.length) this.#addRoom()
    const row = this.#count++
    this.#hashes[row] = hash
    this.#copyKey(row, space, source, keyStart, keyEnd)
    this.#enter(row)
    this.#noteSpace(row, space)
    return row
  }

  /** The number of the key's row; -1 when there is none. */
  #known(hash: number, space: number, source: Buffer, keyStart: number, keyEnd: number): number {
    const mask = this.#places.length - 1
    for (let probe = 0; probe < MAX_ROW_PROBES; probe++) {
      const row = this.#places[(hash + probe) & mask]! - 1
      if (row < 0) return -1
      if (this.#hashes[row] === hash && this.#hasKey(row, space, source, keyStart, keyEnd)) return row
    }
    return this.#others.get(nameOf(space, source, keyStart, keyEnd)) ?? -1
  }

  /**
   * Whoever chooses keys can choose all of an entry's so that they fall on one place, and an entry is not divided: beyond so
   * many probes V8 finds them, whose hash nobody knows.
   */
  #enter(row: number): void {
    const mask = this.#places.length - 1
    const hash = this.#hashes[row]!
    for (let probe = 0; probe < MAX_ROW_PROBES; probe++) {
      const place = (hash + probe) & mask
      if (this.#places[place] !== 0) continue
      this.#places[place] = row + 1
      return
    }
    this.#crowded = true
    const start = this.#starts[row]!
    const space = this.#bytes.readUInt32BE(start)
    this.#others.set(nameOf(space, this.#bytes, start + SPACE_BYTES, this.#valueStarts[row]!), row)
  }

  #hasKey(row: number, space: number, source: Buffer, keyStart: number, keyEnd: number): boolean {
    const start = this.#starts[row]!
    const bytes = this.#bytes
    if (this.#valueStarts[row]! - start !== SPACE_BYTES + keyEnd - keyStart) return false
    if (bytes.readUInt32BE(start) !== space) return false
    for (let i = keyStart, j = start + SPACE_BYTES; i < keyEnd; i++, j++)
      if (source[i] !== bytes[j]) return false
    return true
  }

  #copyKey(row: number, space: number, source: Buffer, keyStart: number, keyEnd: number): void {
    const start = this.#take(SPACE_BYTES + keyEnd - keyStart)
    this.#bytes.writeUInt32BE(space, start)
    copyBytes(source, keyStart, keyEnd, this.#bytes, start + SPACE_BYTES)
    this.#starts[row] = start
    this.#valueStarts[row] = this.#used
  }

  /** Room for the stored value of `row`, whose key was copied just now. Answers where it is. */
  #reserve(row: number, length: number): number {
    const at = this.#take(length)
    assert(at === this.#valueStarts[row], 'a value follows its key')
    this.#ends[row] = this.#used
    return at
  }

  #noteSpace(row: number, space: number): void {
    let rows = this.#space
    if (rows === null || rows.space !== space) {
      rows = this.#spaces.get(space) ?? null
      if (rows === null) {
        const shared = this.#valueStarts[row]! - this.#starts[row]! - SPACE_BYTES
        rows = { space, number: this.#spaces.size, firstRow: row, shared }
        this.#spaces.set(space, rows)
      }
      this.#space = rows
    }
    this.#spaceNumbers[row] = rows.number
    rows.shared = this.#sharedWith(row, rows)
  }

  /** How many of the bytes that the keys of a space share `row` shares, too. */
  #sharedWith(row: number, { firstRow, shared }: SpaceRows): number {
    const bytes = this.#bytes
    const start = this.#starts[row]! + SPACE_BYTES
    const first = this.#starts[firstRow]! + SPACE_BYTES
    const limit = Math.min(shared, this.#valueStarts[row]! - start)
    let same = 0
    while (same < limit && bytes[start + same] === bytes[first + same]) same++
    return same
  }

  /** Takes the next `length` bytes; answers where they begin. */
  #take(length: number): number {
    const at = this.#used
    this.#used += length
    if (this.#used > this.#bytes.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(2 * this.#bytes.length, this.#used))
      this.#bytes.copy(larger, 0, 0, at)
      this.#bytes = larger
    }
    return at
  }

  #addRoom(): void {
    const rows = 2 * this.#count
    this.#hashes = longer(this.#hashes, rows)
    this.#starts = longer(this.#starts, rows)
    this.#valueStarts = longer(this.#valueStarts, rows)
    this.#ends = longer(this.#ends, rows)
    this.#spaceNumbers = longer(this.#spaceNumbers, rows)
    this.#places = new Int32Array(rows * PLACES_PER_ROW)
    this.#others.clear()
    for (let row = 0; row < this.#count; row++) this.#enter(row)
  }
}

/** The CRC is made anyway; it is multiplied, for keys that differ in a few bits differ in a few bits of it. */
function hashOf(space: number, keyCrc: number): number {
  const mixed = Math.imul(keyCrc ^ Math.imul(space, 0x9e3779b1), 0x85ebca6b)
  return (mixed ^ (mixed >>> 15)) >>> 0
}

function nameOf(space: number, source: Buffer, keyStart: number, keyEnd: number): string {
  return `${space}/${source.toString('latin1', keyStart, keyEnd)}`
}

function longer(words: Uint32Array, length: number): Uint32Array<ArrayBuffer> {
  const copy = new Uint32Array(length)
  copy.set(words)
  return copy
}
