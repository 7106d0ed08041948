import type { OpenFile } from '../env/ports.ts'
import { MAX_MANIFEST_RECORD_BYTES } from '../util/limits.ts'
import {
  PART_FIRST,
  PART_FULL,
  PART_LAST,
  readWalRecord,
  WAL_BLOCK_BYTES,
  WAL_HEADER_BYTES,
} from './wal-format.ts'

/** Not recyclable ones: those have the number of their file in them. */
const PLAIN_TYPES = 4

/**
 * Hands the payload of each record of `file`, which is in RocksDB's log format, to `take`, until that says false. True when
 * all were taken and nothing is behind them but what a crash leaves: a record without its end, or zeros. RocksDB passes
 * over these without a word.
 */
export function takeRecords(file: OpenFile, take: (payload: Buffer) => boolean): boolean {
  const size = file.size()
  const block = Buffer.allocUnsafe(WAL_BLOCK_BYTES)
  let parts: Buffer[] = []
  let bytes = 0
  for (let offset = 0; offset < size; offset += WAL_BLOCK_BYTES) {
    const end = file.read(block.subarray(0, Math.min(WAL_BLOCK_BYTES, size - offset)), offset)
    for (let at = 0; at < end && WAL_BLOCK_BYTES - at >= WAL_HEADER_BYTES; ) {
      const record = readWalRecord(block, at, WAL_BLOCK_BYTES, end, 0)
      if (typeof record === 'string') return offset + end === size && isTornEnd(block, at, end)
      const begins = record.part === PART_FULL || record.part === PART_FIRST
      bytes += record.end - record.payloadAt
      if (
        block[at + 6]! > PLAIN_TYPES ||
        begins !== (parts.length === 0) ||
        bytes > MAX_MANIFEST_RECORD_BYTES
      )
        return false
      parts.push(Buffer.from(block.subarray(record.payloadAt, record.end)))
      at = record.end
      if (record.part !== PART_FULL && record.part !== PART_LAST) continue
      if (!take(Buffer.concat(parts))) return false
      parts = []
      bytes = 0
    }
  }
  return true
}

/** Whether `bytes[at … end)`, the last of a file, are no whole record. */
function isTornEnd(bytes: Buffer, at: number, end: number): boolean {
  if (end - at < WAL_HEADER_BYTES) return true
  if (bytes.subarray(at, end).every((byte) => byte === 0)) return true
  const recordEnd = at + WAL_HEADER_BYTES + bytes.readUInt16LE(at + 4)
  return recordEnd > end && recordEnd <= WAL_BLOCK_BYTES
}
