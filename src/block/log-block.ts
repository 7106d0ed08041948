import { assert } from '../util/assert.ts'
import { crc32Range } from '../util/crc.ts'
import { MAX_BLOCK_BYTES, MAX_BLOCK_ENTRIES, MAX_ENTRY_BYTES } from '../util/limits.ts'

/**
 * A LogBlock is consecutive entries of one term, packed. The same bytes go to the wire and to disk, on the leader and
 * on followers: encoded once, never re-encoded. All integers are little-endian.
 *
 * ```
 *  0  u32 crc        CRC-32 over bytes 4 … length
 *  4  u32 length     of the whole block, header included
 *  8  u32 groupTag   hash32 of the groupId
 * 12  u8  kind       1 data, 2 configuration (alone in its block)
 * 13  u8  version    1
 * 14  u16 zero
 * 16  u32 count
 * 20  u48 term
 * 26  u48 firstIndex
 * 32  u48 prevTerm   term of entry firstIndex - 1 (0 before the first entry)
 * 38  u16 zero
 * 40  u32 × count    end of each payload, counted from the first payload's start
 *  …  payloads
 * ```
 */
export const BLOCK_HEADER_BYTES = 40
export const BLOCK_VERSION = 1
export const KIND_DATA = 1
export const KIND_CONFIGURATION = 2
export type BlockKind = typeof KIND_DATA | typeof KIND_CONFIGURATION

/** A block's largest size: its limit of payload (or one entry), its table and its header. */
export const MAX_BLOCK_TOTAL_BYTES =
  Math.max(MAX_BLOCK_BYTES, MAX_ENTRY_BYTES) + MAX_BLOCK_ENTRIES * 4 + BLOCK_HEADER_BYTES

export class LogBlock {
  readonly bytes: Buffer
  readonly groupTag: number
  readonly kind: BlockKind
  readonly term: number
  readonly firstIndex: number
  readonly count: number
  readonly prevTerm: number

  /** Reads the header. Throws {@link BlockFormatError} when the header cannot be one; the CRC is not looked at. */
  constructor(bytes: Buffer) {
    if (bytes.length < BLOCK_HEADER_BYTES) throw new BlockFormatError('shorter than its header')
    if (bytes.readUInt32LE(4) !== bytes.length) throw new BlockFormatError('length differs from its header')
    const kind = bytes[12]!
    if (kind !== KIND_DATA && kind !== KIND_CONFIGURATION) throw new BlockFormatError(`unknown kind ${kind}`)
    if (bytes[13] !== BLOCK_VERSION) throw new BlockFormatError(`unknown version ${bytes[13]}`)
    this.bytes = bytes
    this.groupTag = bytes.readUInt32LE(8)
    this.kind = kind
    this.count = bytes.readUInt32LE(16)
    this.term = bytes.readUIntLE(20, 6)
    this.firstIndex = bytes.readUIntLE(26, 6)
    this.prevTerm = bytes.readUIntLE(32, 6)
    if (this.count === 0 || this.count > MAX_BLOCK_ENTRIES) throw new BlockFormatError(`count ${this.count}`)
    if (BLOCK_HEADER_BYTES + this.count * 4 > bytes.length)
      throw new BlockFormatError('shorter than its table')
    if (this.firstIndex === 0 || this.term === 0) throw new BlockFormatError('index and term start at 1')
    if (this.prevTerm > this.term) throw new BlockFormatError('terms run backwards')
  }

  get lastIndex(): number {
    return this.firstIndex + this.count - 1
  }

  get byteLength(): number {
    return this.bytes.length
  }

  /** Payload of the entry at `index`, a view on the block. */
  entry(index: number): Buffer {
    const i = index - this.firstIndex
    assert(i >= 0 && i < this.count, 'entry lies in its block')
    const base = BLOCK_HEADER_BYTES + this.count * 4
    const start = i === 0 ? 0 : this.bytes.readUInt32LE(BLOCK_HEADER_BYTES + (i - 1) * 4)
    const end = this.bytes.readUInt32LE(BLOCK_HEADER_BYTES + i * 4)
    return this.bytes.subarray(base + start, base + end)
  }

  /** Bytes of payload, tables and headers left out. */
  get payloadBytes(): number {
    return this.bytes.readUInt32LE(BLOCK_HEADER_BYTES + (this.count - 1) * 4)
  }
}

/** The bytes are not a block. Callers turn it into CORRUPT (disk) or PROTOCOL (wire). */
export class BlockFormatError extends Error {
  override readonly name = 'BlockFormatError'
}

/**
 * True when the CRC matches and the table is sound (ends never fall and reach the block's end exactly). Done once where
 * bytes come from outside: a frame, the disk.
 */
export function verifyBlock(block: LogBlock): boolean {
  const bytes = block.bytes
  if (crc32Range(bytes, 4, bytes.length) !== bytes.readUInt32LE(0)) return false
  let end = 0
  for (let i = 0, at = BLOCK_HEADER_BYTES; i < block.count; i++, at += 4) {
    const next = bytes.readUInt32LE(at)
    if (next < end) return false
    end = next
  }
  return BLOCK_HEADER_BYTES + block.count * 4 + end === bytes.length
}

/** Parses and verifies; throws {@link BlockFormatError}. */
export function parseBlock(bytes: Buffer): LogBlock {
  const block = new LogBlock(bytes)
  if (!verifyBlock(block)) throw new BlockFormatError('bad CRC or table')
  return block
}

/** What a block is about; see the layout for the meaning of each field. */
export interface BlockPlace {
  readonly groupTag: number
  readonly kind: BlockKind
  readonly term: number
  readonly firstIndex: number
  readonly prevTerm: number
}

/**
 * What `count` entries of `bytes` take at most once {@link entriesForBlock} has cut them into blocks: two blocks in a row hold
 * more than one may, or one of them as many entries as one may.
 */
export function blockBytesAtMost(count: number, bytes: number): number {
  const blocks = 1 + Math.floor(count / MAX_BLOCK_ENTRIES) + Math.floor((2 * bytes) / MAX_BLOCK_BYTES)
  return bytes + 4 * count + BLOCK_HEADER_BYTES * blocks
}

/** How many of `payloads` from `from` on fit the next block: by count and bytes, at least one. */
export function entriesForBlock(payloads: readonly Uint8Array[], from: number): number {
  let bytes = 0
  let count = 0
  for (let i = from; i < payloads.length && count < MAX_BLOCK_ENTRIES; i++, count++) {
    bytes += payloads[i]!.length
    if (count > 0 && bytes > MAX_BLOCK_BYTES) break
  }
  return count
}

/** Packs `payloads[from … from + count)` into one block. Copies the payloads: the caller may reuse its buffers. */
export function packBlock(
  place: BlockPlace,
  payloads: readonly Uint8Array[],
  from: number,
  count: number,
): LogBlock {
  let size = 0
  for (let i = from; i < from + count; i++) size += payloads[i]!.length
  const base = BLOCK_HEADER_BYTES + count * 4
  const bytes = Buffer.allocUnsafe(base + size)
  let end = 0
  for (let i = 0; i < count; i++) {
    const payload = payloads[from + i]!
    bytes.set(payload, base + end)
    end += payload.length
    bytes.writeUInt32LE(end, BLOCK_HEADER_BYTES + i * 4)
  }
  return seal(bytes, place, count)
}

/**
 * The part `from … to` of a block under a header of its own: where replicas cut the same entries differently, and where
 * a suffix is cut off. `from … to` must lie in the block.
 */
export function sliceBlock(block: LogBlock, from: number, to: number): LogBlock {
  if (from === block.firstIndex && to === block.lastIndex) return block
  assert(from >= block.firstIndex && to <= block.lastIndex && from <= to, 'slice lies in its block')
  const skip = from - block.firstIndex
  const count = to - from + 1
  const source = block.bytes
  const start = skip === 0 ? 0 : source.readUInt32LE(BLOCK_HEADER_BYTES + (skip - 1) * 4)
  const end = source.readUInt32LE(BLOCK_HEADER_BYTES + (skip + count - 1) * 4)
  const base = BLOCK_HEADER_BYTES + count * 4
  const bytes = Buffer.allocUnsafe(base + end - start)
  for (let i = 0; i < count; i++) {
    const at = BLOCK_HEADER_BYTES + i * 4
    bytes.writeUInt32LE(source.readUInt32LE(BLOCK_HEADER_BYTES + (skip + i) * 4) - start, at)
  }
  const sourceBase = BLOCK_HEADER_BYTES + block.count * 4
  source.copy(bytes, base, sourceBase + start, sourceBase + end)
  const place: BlockPlace = {
    groupTag: block.groupTag,
    kind: block.kind,
    term: block.term,
    firstIndex: from,
    prevTerm: skip === 0 ? block.prevTerm : block.term,
  }
  return seal(bytes, place, count)
}

function seal(bytes: Buffer, place: BlockPlace, count: number): LogBlock {
  bytes.writeUInt32LE(bytes.length, 4)
  bytes.writeUInt32LE(place.groupTag, 8)
  bytes[12] = place.kind
  bytes[13] = BLOCK_VERSION
  bytes[14] = 0
  bytes[15] = 0
  bytes.writeUInt32LE(count, 16)
  bytes.writeUIntLE(place.term, 20, 6)
  bytes.writeUIntLE(place.firstIndex, 26, 6)
  bytes.writeUIntLE(place.prevTerm, 32, 6)
  bytes[38] = 0
  bytes[39] = 0
  bytes.writeUInt32LE(crc32Range(bytes, 4, bytes.length), 0)
  return new LogBlock(bytes)
}
