import { SPACE_BYTES } from '../storage/space-key.ts'
import { assert } from '../util/assert.ts'
import { crc32 } from '../util/crc.ts'

/**
 * Keys of the data RocksDB: space u32 BE | user key. Space 0 is the shard's own: u8 kind | space u32 BE. A user's value
 * lies behind a CRC-32 over its key (the space left out) and itself. It lies on disk: it may never change.
 */
export const VALUE_HEADER_BYTES = 4
export const MAX_SPACE = 0xfffffffe

const META_APPLIED = 1
const META_MARKER = 2
const META_CONFIGURATION = 3
const META_DATABASE = 4
/** Kind of the numbers of the state's batches: keys as those of the log, under slot 0, which here is space 0. */
export const META_BATCH_NUMBER = 5
const META_KEY_BYTES = SPACE_BYTES + 1 + 4

/** The applied index and term of a space. */
export function appliedKey(space: number): Buffer {
  return metaKey(META_APPLIED, space)
}

/** The configuration applied last in a space. */
export function configurationKey(space: number): Buffer {
  return metaKey(META_CONFIGURATION, space)
}

/** Put with sync, it makes everything written before it durable. */
export function markerKey(): Buffer {
  return metaKey(META_MARKER, 0)
}

/** The id of the log that the state was built from. */
export function databaseKey(): Buffer {
  return metaKey(META_DATABASE, 0)
}

function metaKey(kind: number, space: number): Buffer {
  const key = Buffer.allocUnsafe(META_KEY_BYTES)
  key.writeUInt32BE(0, 0)
  key[SPACE_BYTES] = kind
  key.writeUInt32BE(space, SPACE_BYTES + 1)
  return key
}

/** A user's key as the data RocksDB has it. */
export function dataKey(space: number, key: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(SPACE_BYTES + key.length)
  bytes.writeUInt32BE(space, 0)
  bytes.set(key, SPACE_BYTES)
  return bytes
}

/** The first key of a space, and of the one behind it. */
export function spaceBounds(space: number): { gte: Buffer; lt: Buffer } {
  assert(space > 0 && space <= MAX_SPACE, 'a space is 32 bits')
  const gte = Buffer.allocUnsafe(SPACE_BYTES)
  const lt = Buffer.allocUnsafe(SPACE_BYTES)
  gte.writeUInt32BE(space, 0)
  lt.writeUInt32BE(space + 1, 0)
  return { gte, lt }
}

/** The user's value in a stored one; null when key and value are not what was written. `key` is a whole data key. */
export function openValue(key: Buffer, stored: Buffer): Buffer | null {
  if (stored.length < VALUE_HEADER_BYTES) return null
  const value = stored.subarray(VALUE_HEADER_BYTES)
  if (crc32(value, crc32(key.subarray(SPACE_BYTES))) !== stored.readUInt32LE(0)) return null
  return value
}
