import type { MemoryOperation } from '../env/memory-disk.ts'
import {
  BATCH_HEADER_BYTES,
  batchSequence,
  maskCrc,
  unmaskCrc,
  WAL_BLOCK_BYTES,
  WAL_HEADER_BYTES,
} from '../storage/wal-format.ts'
import { crc32c } from '../util/crc32c.ts'

/**
 * RocksDB's write-ahead log as bytes: how it writes one, and what it makes of one that is damaged. With paranoid checks
 * off, as the binding has them, it passes over what is bad to the end of the 32 KiB block and goes on behind it without a
 * word. `npm run disk-model` holds this against the real thing.
 */
const FULL = 1
const FIRST = 2
const MIDDLE = 3
const LAST = 4
const RECYCLABLE = 5
const LAST_TYPE = 8
const RECYCLABLE_HEADER_BYTES = 11
const OP_DELETE = 0
const OP_PUT = 1

export interface EncodedWal {
  readonly bytes: Buffer
  /** Where each batch ends. */
  readonly ends: readonly number[]
  readonly nextSequence: number
}

/** What a log is made of. */
export interface WalBatch {
  readonly operations: readonly MemoryOperation[]
  /** Its write was refused, and its bytes went out with those of the next: both have the same sequence number. */
  readonly failed: boolean
}

/** The file that holds `batches`, the first of which has the sequence number `sequence`. */
export function encodeWal(batches: readonly WalBatch[], sequence: number): EncodedWal {
  const payloads = batches.map(({ operations, failed }) => {
    const payload = encodeBatch(operations, sequence)
    if (!failed) sequence += operations.length
    return payload
  })
  let room = 0
  for (const { length } of payloads)
    room += length + (Math.ceil(length / (WAL_BLOCK_BYTES - WAL_HEADER_BYTES)) + 1) * 2 * WAL_HEADER_BYTES
  const bytes = Buffer.alloc(room)
  let at = 0
  const ends: number[] = []
  for (const payload of payloads) {
    at = writeRecord(bytes, at, payload)
    ends.push(at)
  }
  return { bytes: bytes.subarray(0, at), ends, nextSequence: sequence }
}

function writeRecord(bytes: Buffer, at: number, payload: Buffer): number {
  let from = 0
  // A part may be empty: just a header fits into the end of the block.
  let begins = true
  do {
    const left = WAL_BLOCK_BYTES - (at % WAL_BLOCK_BYTES)
    if (left < WAL_HEADER_BYTES) at += left
    const room = WAL_BLOCK_BYTES - (at % WAL_BLOCK_BYTES) - WAL_HEADER_BYTES
    const to = Math.min(payload.length, from + room)
    const end = to === payload.length
    const type = begins ? (end ? FULL : FIRST) : end ? LAST : MIDDLE
    begins = false
    bytes[at + 6] = type
    payload.copy(bytes, at + WAL_HEADER_BYTES, from, to)
    bytes.writeUInt16LE(to - from, at + 4)
    bytes.writeUInt32LE(maskCrc(crc32c(bytes, at + 6, at + WAL_HEADER_BYTES + to - from)), at)
    at += WAL_HEADER_BYTES + to - from
    from = to
  } while (from < payload.length)
  return at
}

function encodeBatch(operations: readonly MemoryOperation[], sequence: number): Buffer {
  let size = BATCH_HEADER_BYTES
  for (const [key, value] of operations) {
    size += 1 + varintBytes(key.length) + key.length
    if (value !== null) size += varintBytes(value.length) + value.length
  }
  const bytes = Buffer.alloc(size)
  bytes.writeUIntLE(sequence, 0, 6)
  bytes.writeUInt32LE(operations.length, 8)
  let at = BATCH_HEADER_BYTES
  const putLength = (length: number): void => {
    for (; length > 127; length = Math.floor(length / 128)) bytes[at++] = (length & 127) | 128
    bytes[at++] = length
  }
  for (const [key, value] of operations) {
    bytes[at++] = value === null ? OP_DELETE : OP_PUT
    putLength(key.length)
    at += bytes.write(key, at, 'latin1')
    if (value === null) continue
    putLength(value.length)
    at += value.copy(bytes, at)
  }
  return bytes
}

function varintBytes(length: number): number {
  let count = 1
  for (; length > 127; length = Math.floor(length / 128)) count++
  return count
}

/** A batch as the reader finds it. */
export interface ReplayedBatch extends WalBatch {
  /** Of its first operation. */
  readonly sequence: number
}

/** The batches that RocksDB finds in a file, in order; `number` is the one in its name. */
export function replayWal(bytes: Buffer, number: number): ReplayedBatch[] {
  const batches: ReplayedBatch[] = []
  for (const payload of readPayloads(bytes, number)) {
    if (payload.length < BATCH_HEADER_BYTES) continue
    const operations = decodeBatch(payload)
    if (operations !== null) batches.push({ operations, failed: false, sequence: batchSequence(payload, 0) })
  }
  return batches
}

/**
 * What counts of batches that were replayed: of the operations of a key the one with the highest sequence number. Null
 * when two of them have the same: RocksDB ends the process that opens such a log, each time.
 */
export function mergeReplayed(batches: readonly ReplayedBatch[]): Array<readonly MemoryOperation[]> | null {
  if (hasTwins(batches)) return null
  const newest = new Map<string, number>()
  const merged: Array<readonly MemoryOperation[]> = []
  for (const { operations, sequence } of batches) {
    const counted: MemoryOperation[] = []
    for (let i = 0; i < operations.length; i++) {
      const [key] = operations[i]!
      const before = newest.get(key) ?? 0
      if (before > sequence + i) continue
      newest.set(key, sequence + i)
      counted.push(operations[i]!)
    }
    merged.push(counted)
  }
  return merged
}

/** Whether two operations of a key have one sequence number; only after a refused batch do numbers come twice at all. */
function hasTwins(batches: readonly ReplayedBatch[]): boolean {
  let next = 0
  const comeTwice = batches.some(({ operations, sequence }) => {
    const again = sequence < next
    next = Math.max(next, sequence + operations.length)
    return again
  })
  if (!comeTwice) return false
  const seen = new Set<string>()
  for (const { operations, sequence } of batches) {
    for (let i = 0; i < operations.length; i++) {
      const twin = `${sequence + i} ${operations[i]![0]}`
      if (seen.has(twin)) return true
      seen.add(twin)
    }
  }
  return false
}

/** What the reader makes of the bytes at one place. */
type Found = { readonly type: number; readonly payload: Buffer; readonly end: number } | 'bad' | 'old' | 'end'

function* readPayloads(bytes: Buffer, number: number): Generator<Buffer> {
  let parts: Buffer[] | null = null
  let at = 0
  while (at < bytes.length) {
    const blockEnd = at - (at % WAL_BLOCK_BYTES) + WAL_BLOCK_BYTES
    const found = findRecord(bytes, at, blockEnd, number)
    if (found === 'end' || found === 'old') {
      // An unfinished record at the end was never reported; one that seems to be of an older file counts as the end.
      if (found === 'old' || blockEnd >= bytes.length) return
      at = blockEnd
      continue
    }
    if (found === 'bad') {
      parts = null
      at = blockEnd
      continue
    }
    at = found.end
    const { payload } = found
    if (found.type === FULL) {
      parts = null
      yield payload
    } else if (found.type === FIRST) parts = [payload]
    else if (parts !== null) {
      parts.push(payload)
      if (found.type === MIDDLE) continue
      yield Buffer.concat(parts)
      parts = null
    }
  }
}

function findRecord(bytes: Buffer, at: number, blockEnd: number, number: number): Found {
  const end = Math.min(blockEnd, bytes.length)
  if (end - at < WAL_HEADER_BYTES) return 'end'
  const type = bytes[at + 6]!
  const recyclable = type >= RECYCLABLE && type <= LAST_TYPE
  const payloadAt = at + (recyclable ? RECYCLABLE_HEADER_BYTES : WAL_HEADER_BYTES)
  if (recyclable) {
    if (payloadAt > end) return 'end'
    if (bytes.readUInt32LE(at + WAL_HEADER_BYTES) !== number) return 'old'
  }
  const recordEnd = payloadAt + bytes.readUInt16LE(at + 4)
  if (recordEnd > end) return end === blockEnd ? 'bad' : 'end'
  if (type === 0 && recordEnd === payloadAt) return 'bad'
  if (unmaskCrc(bytes.readUInt32LE(at)) !== crc32c(bytes, at + 6, recordEnd)) return 'bad'
  const part = recyclable ? type - LAST : type
  if (part > LAST) return 'bad'
  return { type: part, payload: bytes.subarray(payloadAt, recordEnd), end: recordEnd }
}

/** Null when the bytes are no batch, or hold operations that Flotilla never writes. */
function decodeBatch(bytes: Buffer): MemoryOperation[] | null {
  const operations: MemoryOperation[] = []
  let at = BATCH_HEADER_BYTES
  const take = (): Buffer | null => {
    let length = 0
    for (let scale = 1; at < bytes.length; scale *= 128) {
      const byte = bytes[at++]!
      length += (byte & 127) * scale
      if (byte < 128) break
    }
    at += length
    return at <= bytes.length ? bytes.subarray(at - length, at) : null
  }
  while (at < bytes.length) {
    const kind = bytes[at++]!
    const key = kind === OP_PUT || kind === OP_DELETE ? take() : null
    const value = key === null || kind === OP_DELETE ? null : take()
    if (key === null || (kind === OP_PUT && value === null)) return null
    operations.push([key.toString('latin1'), value])
  }
  return operations
}
