import type { OpenFile } from '../env/ports.ts'
import { assert } from '../util/assert.ts'
import { readWalRecord, WAL_BLOCK_BYTES, WAL_HEADER_BYTES } from './wal-format.ts'

/** The payload of the sound record whose parts lie at `from … to` of a write-ahead log file. */
export function readRecordPayload(file: OpenFile, from: number, to: number): Buffer {
  const base = from - (from % WAL_BLOCK_BYTES)
  const bytes = Buffer.allocUnsafe(to - base)
  assert(file.read(bytes, base) === bytes.length, 'what was read once is there')
  const parts: Buffer[] = []
  let header = WAL_HEADER_BYTES
  for (let at = from - base; at < bytes.length; ) {
    const blockEnd = at - (at % WAL_BLOCK_BYTES) + WAL_BLOCK_BYTES
    if (blockEnd - at < header) {
      at = blockEnd
      continue
    }
    const number = bytes.readUInt32LE(Math.min(at + WAL_HEADER_BYTES, bytes.length - 4))
    const record = readWalRecord(bytes, at, blockEnd, bytes.length, number)
    assert(typeof record !== 'string', 'what was sound once is sound')
    header = record.payloadAt - at
    parts.push(bytes.subarray(record.payloadAt, record.end))
    at = record.end
  }
  return Buffer.concat(parts)
}
