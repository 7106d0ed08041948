import { crc32 } from '../util/crc.ts'

/** A small file that people may read: JSON with the value under `name`, and its CRC-32 beside it. */
export function encodeCheckedText(name: string, value: object): Buffer {
  const crc = crc32(Buffer.from(JSON.stringify(value)))
  return Buffer.from(`${JSON.stringify({ [name]: value, crc }, null, 2)}\n`)
}

/** The value; null when the bytes are not what was written. */
export function decodeCheckedText<T>(name: string, bytes: Buffer): T | null {
  try {
    const file = JSON.parse(bytes.toString('utf8')) as Record<string, unknown>
    const sound = crc32(Buffer.from(JSON.stringify(file[name]))) === file.crc
    return sound ? (file[name] as T) : null
  } catch {
    return null
  }
}
