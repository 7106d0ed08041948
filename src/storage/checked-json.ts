import { crc32 } from '../util/crc.ts'

/** A small record as it lies on disk: u32 LE CRC-32 of the rest | JSON in UTF-8. */
export function encodeCheckedJson(value: unknown): Buffer {
  const text = JSON.stringify(value)
  const bytes = Buffer.allocUnsafe(4 + Buffer.byteLength(text))
  bytes.write(text, 4)
  bytes.writeUInt32LE(crc32(bytes.subarray(4)), 0)
  return bytes
}

/** The value, or null when the bytes are not what was written. */
export function decodeCheckedJson(bytes: Buffer): unknown {
  if (bytes.length < 5 || crc32(bytes.subarray(4)) !== bytes.readUInt32LE(0)) return null
  try {
    return JSON.parse(bytes.toString('utf8', 4))
  } catch {
    return null
  }
}
