import { crc32 as zlibCrc32 } from 'node:zlib'

/** Up to here zlib's call and the view it needs cost more than the bytes (measured: 0.5 µs against 2.5 ns a byte). */
const SHORT_BYTES = 128
/** IEEE's polynomial, bits reversed. */
const POLYNOMIAL = 0xedb88320
const TABLE = makeTable()

/** CRC-32 (IEEE) of `bytes`, continued from `seed`. One call per block or frame, never per entry. */
export function crc32(bytes: Uint8Array, seed = 0): number {
  return zlibCrc32(bytes, seed)
}

/** The same of `bytes[from … to)`, continued from `seed`, for what is mostly short: entries, headers, blocks of a turn with little to do. */
export function crc32Range(bytes: Uint8Array, from: number, to: number, seed = 0): number {
  if (to - from > SHORT_BYTES) return zlibCrc32(bytes.subarray(from, to), seed)
  let crc = ~seed
  for (let at = from; at < to; at++) crc = (crc >>> 8) ^ TABLE[(crc ^ bytes[at]!) & 0xff]!
  return ~crc >>> 0
}

function makeTable(): Int32Array {
  const table = new Int32Array(256)
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1
    table[byte] = crc
  }
  return table
}
