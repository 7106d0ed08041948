/** Castagnoli's polynomial, bits reversed. */
const POLYNOMIAL = 0x82f63b78

function firstTable(): Int32Array {
  const table = new Int32Array(256)
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1
    table[byte] = crc
  }
  return table
}

/** What a byte does to the CRC when `count` further bytes follow it. */
function tableBehind(count: number): Int32Array {
  const table = firstTable()
  for (let k = 0; k < count; k++) {
    for (let byte = 0; byte < 256; byte++) table[byte] = (table[byte]! >>> 8) ^ T0[table[byte]! & 0xff]!
  }
  return table
}

const T0 = firstTable()
const T1 = tableBehind(1)
const T2 = tableBehind(2)
const T3 = tableBehind(3)
const T4 = tableBehind(4)
const T5 = tableBehind(5)
const T6 = tableBehind(6)
const T7 = tableBehind(7)
const T8 = tableBehind(8)
const T9 = tableBehind(9)
const T10 = tableBehind(10)
const T11 = tableBehind(11)
const T12 = tableBehind(12)
const T13 = tableBehind(13)
const T14 = tableBehind(14)
const T15 = tableBehind(15)

/**
 * CRC-32C (Castagnoli) of `bytes[from … to)`, continued from `seed`: the checksum of RocksDB's files, which zlib does not
 * have. Sixteen bytes a step, read as little-endian words: above a gigabyte a second.
 */
export function crc32c(bytes: Buffer, from = 0, to = bytes.length, seed = 0): number {
  let crc = ~seed
  let at = from
  for (; at < to && ((bytes.byteOffset + at) & 3) !== 0; at++)
    crc = (crc >>> 8) ^ T0[(crc ^ bytes[at]!) & 0xff]!
  const words = new Int32Array(bytes.buffer, bytes.byteOffset + at, (to - at) >> 2)
  const count = words.length & ~3
  for (let i = 0; i < count; i += 4) {
    const a = crc ^ words[i]!
    const b = words[i + 1]!
    const c = words[i + 2]!
    const d = words[i + 3]!
    crc =
      T15[a & 0xff]! ^
      T14[(a >>> 8) & 0xff]! ^
      T13[(a >>> 16) & 0xff]! ^
      T12[a >>> 24]! ^
      T11[b & 0xff]! ^
      T10[(b >>> 8) & 0xff]! ^
      T9[(b >>> 16) & 0xff]! ^
      T8[b >>> 24]! ^
      T7[c & 0xff]! ^
      T6[(c >>> 8) & 0xff]! ^
      T5[(c >>> 16) & 0xff]! ^
      T4[c >>> 24]! ^
      T3[d & 0xff]! ^
      T2[(d >>> 8) & 0xff]! ^
      T1[(d >>> 16) & 0xff]! ^
      T0[d >>> 24]!
  }
  for (at += count * 4; at < to; at++) crc = (crc >>> 8) ^ T0[(crc ^ bytes[at]!) & 0xff]!
  return ~crc >>> 0
}
