import { BATCH_HEADER_BYTES } from './wal-format.ts'

const OP_DELETE = 0
const OP_PUT = 1

/**
 * Walks the operations of a RocksDB WriteBatch as the write-ahead log holds it: for each put `onPut` gets the key. False
 * when the bytes are not such a batch, or hold operations that Flotilla never writes.
 */
export function walkBatch(bytes: Buffer, onPut: (key: Buffer) => void): boolean {
  let at = BATCH_HEADER_BYTES
  let length = 0
  /** Reads a varint into `length`; false when there is none. */
  const readLength = (): boolean => {
    length = 0
    for (let shift = 0; shift < 32 && at < bytes.length; shift += 7) {
      const byte = bytes[at++]!
      length += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) return at + length <= bytes.length
    }
    return false
  }
  while (at < bytes.length) {
    const op = bytes[at++]!
    if (op !== OP_PUT && op !== OP_DELETE) return false
    if (!readLength()) return false
    const key = bytes.subarray(at, at + length)
    at += length
    if (op === OP_DELETE) continue
    if (!readLength()) return false
    at += length
    onPut(key)
  }
  return true
}
