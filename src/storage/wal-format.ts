import { crc32c } from '../util/crc32c.ts'

/**
 * RocksDB's log format: blocks of 32 KiB; in them records of u32 LE masked CRC-32C | u16 LE length | u8 type | payload.
 * The CRC is over type and payload. A record that does not fit is written in parts; no record begins in the last bytes of
 * a block that could not hold a header. The recyclable types have the file's number (u32 LE) behind the type, under the
 * CRC too.
 */
export const WAL_BLOCK_BYTES = 32_768
export const WAL_HEADER_BYTES = 7
const RECYCLABLE_HEADER_BYTES = 11

export const PART_FULL = 0
export const PART_FIRST = 1
export const PART_MIDDLE = 2
export const PART_LAST = 3
export type WalPart = typeof PART_FULL | typeof PART_FIRST | typeof PART_MIDDLE | typeof PART_LAST

const LAST_TYPE = 8
const FIRST_RECYCLABLE_TYPE = 5

/** Sequence u64 LE | count of operations u32 LE: what the payload of every record begins with. */
export const BATCH_HEADER_BYTES = 12

/** A physical record: what it is and where its payload lies in the bytes that it was read from. */
export interface WalRecord {
  readonly part: WalPart
  readonly payloadAt: number
  readonly end: number
}

/** Why there is no record at a place. */
export type WalProblem = string

/**
 * The record at `at`; `blockEnd` is where its block ends, `end` where the bytes do. `fileNumber` is that of the file, for
 * records of an older life of a recycled one.
 */
export function readWalRecord(
  bytes: Buffer,
  at: number,
  blockEnd: number,
  end: number,
  fileNumber: number,
): WalRecord | WalProblem {
  if (end - at < WAL_HEADER_BYTES) return 'it ends within the header of a record'
  const type = bytes[at + 6]!
  if (type === 0 || type > LAST_TYPE)
    return type === 0 ? 'there is no record' : 'a record is of no known type'
  const recyclable = type >= FIRST_RECYCLABLE_TYPE
  const payloadAt = at + (recyclable ? RECYCLABLE_HEADER_BYTES : WAL_HEADER_BYTES)
  const recordEnd = payloadAt + bytes.readUInt16LE(at + 4)
  if (recordEnd > blockEnd) return 'a record is longer than its block'
  if (recordEnd > end) return 'it ends within a record'
  if (unmaskCrc(bytes.readUInt32LE(at)) !== crc32c(bytes, at + 6, recordEnd)) {
    return 'the checksum of a record is wrong'
  }
  if (recyclable && bytes.readUInt32LE(at + WAL_HEADER_BYTES) !== fileNumber >>> 0) {
    return 'a record is of an older file'
  }
  return { part: ((type - 1) % 4) as WalPart, payloadAt, end: recordEnd }
}

/**
 * Where the payload lies, if a whole record or the first part of one may begin at `at`; -1 when none can. Cheap, and -1
 * for almost every place where none does.
 */
export function possiblePayload(bytes: Buffer, at: number, blockEnd: number, end: number): number {
  const type = bytes[at + 6]!
  if (type === 0 || type > LAST_TYPE || (type - 1) % 4 > PART_FIRST) return -1
  const payloadAt = at + (type >= FIRST_RECYCLABLE_TYPE ? RECYCLABLE_HEADER_BYTES : WAL_HEADER_BYTES)
  const recordEnd = payloadAt + bytes.readUInt16LE(at + 4)
  if (recordEnd > end || recordEnd > blockEnd) return -1
  // A first part always fills its block: the rest of it is in the next.
  const fits =
    (type - 1) % 4 === PART_FIRST ? recordEnd === blockEnd : recordEnd - payloadAt >= BATCH_HEADER_BYTES
  return fits ? payloadAt : -1
}

/** The sequence number of the batch at `at`; NaN past what a number holds, which no database reaches. */
export function batchSequence(bytes: Buffer, at: number): number {
  const high = bytes.readUInt32LE(at + 4)
  return high >= 0x200000 ? Number.NaN : high * 0x1_0000_0000 + bytes.readUInt32LE(at)
}

export function batchCount(bytes: Buffer, at: number): number {
  return bytes.readUInt32LE(at + 8)
}

/** The stored form of a CRC. */
export function maskCrc(crc: number): number {
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0
}

export function unmaskCrc(masked: number): number {
  const rotated = (masked - 0xa282ead8) >>> 0
  return ((rotated >>> 17) | (rotated << 15)) >>> 0
}
