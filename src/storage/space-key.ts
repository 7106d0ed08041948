import { newSlab } from './packed.ts'
import type { Packed } from './packed.ts'

/** Every key of the data RocksDB begins with its space, u32 big-endian. */
export const SPACE_BYTES = 4

/** Packs user keys as keys of the data RocksDB; `spaces[i]` is the space of `keys[i]`. */
export function packDataKeys(spaces: readonly number[], keys: readonly Uint8Array[]): Packed {
  const lengths = new Int32Array(keys.length)
  let total = 0
  for (let i = 0; i < keys.length; i++) total += lengths[i] = SPACE_BYTES + keys[i]!.length
  const bytes = newSlab(total)
  let at = 0
  for (let i = 0; i < keys.length; i++) {
    bytes.writeUInt32BE(spaces[i]!, at)
    bytes.set(keys[i]!, at + SPACE_BYTES)
    at += lengths[i]!
  }
  return { lengths, bytes: bytes.buffer }
}
