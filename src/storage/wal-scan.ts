import type { OpenFile } from '../env/ports.ts'
import {
  BATCH_HEADER_BYTES,
  batchCount,
  batchSequence,
  PART_FIRST,
  PART_FULL,
  PART_LAST,
  possiblePayload,
  readWalRecord,
  WAL_BLOCK_BYTES,
  WAL_HEADER_BYTES,
} from './wal-format.ts'
import type { WalRecord } from './wal-format.ts'

/** Read at once; whole blocks. */
const CHUNK_BYTES = 32 * WAL_BLOCK_BYTES

/** What one write-ahead log file holds, as far as checksums tell. */
export interface WalScan {
  readonly size: number
  /** Whole records before the first bad place. */
  readonly records: number
  /** Where the last of them begins and ends; an undamaged file ends there too. Both 0 when there is none. */
  readonly lastFrom: number
  readonly goodEnd: number
  /** Sequence of the first record, and the one that follows the last; -1 when there is no record. */
  readonly firstSequence: number
  readonly nextSequence: number
  /** The first place that is not what was written; null when all is. */
  readonly bad: { readonly at: number; readonly what: string } | null
  /** Where, behind the bad place, another record begins that was written later; -1 when there is none. */
  readonly laterAt: number
}

/** Checks every record of `file`. `number` is the number in its name. Throws STORAGE_FAILED. */
export function scanWal(file: OpenFile, number: number): WalScan {
  return new WalScanner(number, file.size()).scan(file)
}

class WalScanner {
  readonly #number: number
  readonly #size: number
  #records = 0
  #lastFrom = 0
  #goodEnd = 0
  #firstSequence = -1
  #nextSequence = -1
  #bad: { at: number; what: string } | null = null
  #laterAt = -1
  /** Of the kind of records that this file has: what is shorter at the end of a block is filled up. */
  #headerBytes = WAL_HEADER_BYTES
  /** Where the record of which parts were read began; -1 between records. */
  #openAt = -1
  /** The first bytes of that record, which may lie in several parts. */
  readonly #head = Buffer.alloc(BATCH_HEADER_BYTES)
  #headBytes = 0

  constructor(number: number, size: number) {
    this.#number = number
    this.#size = size
  }

  scan(file: OpenFile): WalScan {
    const chunk = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, Math.max(this.#size, 1)))
    for (let offset = 0; offset < this.#size && this.#laterAt < 0; offset += chunk.length) {
      const length = file.read(chunk.subarray(0, Math.min(chunk.length, this.#size - offset)), offset)
      for (let at = 0; at < length && this.#laterAt < 0; at += WAL_BLOCK_BYTES) {
        this.#block(chunk, at, Math.min(at + WAL_BLOCK_BYTES, length), offset)
      }
    }
    if (this.#openAt >= 0 && this.#bad === null) {
      this.#bad = { at: this.#openAt, what: 'it ends within a record' }
    }
    return {
      size: this.#size,
      records: this.#records,
      lastFrom: this.#lastFrom,
      goodEnd: this.#goodEnd,
      firstSequence: this.#firstSequence,
      nextSequence: this.#nextSequence,
      bad: this.#bad,
      laterAt: this.#laterAt,
    }
  }

  /** One block, of which `bytes[from … end)` are there; `offset` is where `bytes` begins in the file. */
  #block(bytes: Buffer, from: number, end: number, offset: number): void {
    const blockEnd = from + WAL_BLOCK_BYTES
    let at = from
    while (this.#bad === null && at < end && blockEnd - at >= this.#headerBytes) {
      const record = readWalRecord(bytes, at, blockEnd, end, this.#number)
      if (typeof record === 'string') this.#bad = { at: offset + at, what: record }
      else {
        this.#headerBytes = record.payloadAt - at
        this.#take(bytes, record, offset + at, offset)
        at = record.end
      }
    }
    // The very place that is bad holds no record; one that begins behind it may lie anywhere.
    if (this.#bad !== null && this.#laterAt < 0) this.#search(bytes, at, blockEnd, end, offset)
  }

  #take(bytes: Buffer, record: WalRecord, at: number, offset: number): void {
    const begins = record.part === PART_FULL || record.part === PART_FIRST
    if (begins && this.#openAt >= 0) {
      this.#bad = { at: this.#openAt, what: 'a record is without its end' }
      this.#laterAt = at
      return
    }
    if (!begins && this.#openAt < 0) {
      this.#bad = { at, what: 'a record is without its beginning' }
      return
    }
    if (begins) {
      this.#openAt = at
      this.#headBytes = 0
    }
    if (this.#headBytes < BATCH_HEADER_BYTES) {
      this.#headBytes += bytes.copy(this.#head, this.#headBytes, record.payloadAt, record.end)
    }
    if (record.part === PART_FULL || record.part === PART_LAST) this.#complete(offset + record.end)
  }

  #complete(end: number): void {
    const from = this.#openAt
    this.#openAt = -1
    if (this.#headBytes < BATCH_HEADER_BYTES) {
      this.#bad = { at: from, what: 'a record is too short for a batch' }
      return
    }
    const sequence = batchSequence(this.#head, 0)
    if (this.#records === 0) this.#firstSequence = sequence
    this.#nextSequence = sequence + batchCount(this.#head, 0)
    this.#records++
    this.#lastFrom = from
    this.#goodEnd = end
  }

  /**
   * Looks at every place for the beginning of a record that was written after the good ones. Parts in the middle or at the
   * end of one prove nothing: they may belong to the very record that is bad.
   */
  #search(bytes: Buffer, from: number, blockEnd: number, end: number, offset: number): void {
    for (let at = from; at + WAL_HEADER_BYTES <= end; at++) {
      const payloadAt = possiblePayload(bytes, at, blockEnd, end)
      if (payloadAt < 0 || !this.#mayBeLater(bytes, payloadAt, blockEnd)) continue
      if (typeof readWalRecord(bytes, at, blockEnd, end, this.#number) === 'string') continue
      this.#laterAt = offset + at
      return
    }
  }

  /**
   * A record behind the bad place has a sequence above the good ones and not far above them, for each operation takes a
   * byte of the file at least. What an older file left in the same place of the disk, or what only looks like a record,
   * has not.
   */
  #mayBeLater(bytes: Buffer, payloadAt: number, blockEnd: number): boolean {
    if (blockEnd - payloadAt < BATCH_HEADER_BYTES) return true
    const sequence = batchSequence(bytes, payloadAt)
    if (this.#nextSequence < 0) return sequence >= 0
    return sequence >= this.#nextSequence && sequence <= this.#nextSequence + this.#size
  }
}
