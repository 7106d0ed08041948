import { assert } from '../util/assert.ts'

/**
 * Keys of the log RocksDB: replica slot u32 | kind u8 | index u48, big-endian, so that they sort by slot, then the
 * replica's record, then its blocks by first index. Slot 0 is the shard's own. It lies on disk: it may never change.
 */
export const LOG_KEY_BYTES = 11
export const SHARD_SLOT = 0
export const MAX_SLOT = 0xfffffffe

/** Of slot 0. */
export const KEY_FORMAT = 0
export const KEY_COUNTERS = 1
export const KEY_FLUSH_NUMBER = 2

/** Of a replica's slot. */
export const KEY_RECORD = 1
export const KEY_BLOCK = 2

/** Writes the key into `target`, which the caller may use again once the engine has taken it. */
export function writeLogKey(target: Buffer, slot: number, kind: number, index: number): Buffer {
  assert(slot >= 0 && slot <= MAX_SLOT, 'a slot is 32 bits')
  target.writeUInt32BE(slot, 0)
  target[4] = kind
  target.writeUIntBE(index, 5, 6)
  return target
}

export function logKey(slot: number, kind: number, index: number): Buffer {
  return writeLogKey(Buffer.allocUnsafe(LOG_KEY_BYTES), slot, kind, index)
}

export function logKeySlot(key: Buffer): number {
  return key.readUInt32BE(0)
}

export function logKeyKind(key: Buffer): number {
  return key[4]!
}

export function logKeyIndex(key: Buffer): number {
  return key.readUIntBE(5, 6)
}
