/**
 * Bytes that were compressed in Snappy's raw format: their length as a varint, then literals and copies of what came
 * before. Null when they are not that, or longer than `maxBytes` unpacked.
 */
export function unpackSnappy(packed: Buffer, maxBytes: number): Buffer | null {
  let at = 0
  let length = 0
  for (let factor = 1; ; factor *= 128) {
    const byte = packed[at++]
    if (byte === undefined || factor > 2 ** 28) return null
    length += (byte & 0x7f) * factor
    if (byte < 0x80) break
  }
  if (length > maxBytes) return null
  const out = Buffer.alloc(length)
  let end = 0
  while (at < packed.length) {
    const tag = packed[at++]!
    const kind = tag & 3
    if (kind === 0) {
      let count = (tag >>> 2) + 1
      if (count > 60) {
        const bytes = count - 60
        if (at + bytes > packed.length) return null
        count = packed.readUIntLE(at, bytes) + 1
        at += bytes
      }
      if (at + count > packed.length || end + count > length) return null
      packed.copy(out, end, at, at + count)
      at += count
      end += count
      continue
    }
    const bytes = kind === 3 ? 4 : kind
    if (at + bytes > packed.length) return null
    const count = kind === 1 ? ((tag >>> 2) & 7) + 4 : (tag >>> 2) + 1
    const back = packed.readUIntLE(at, bytes) + (kind === 1 ? (tag >>> 5) * 256 : 0)
    at += bytes
    if (back === 0 || back > end || end + count > length) return null
    // Byte by byte: a copy may repeat what it has just written.
    for (let i = 0; i < count; i++, end++) out[end] = out[end - back]!
  }
  return end === length ? out : null
}
