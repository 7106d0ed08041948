/**
 * Many byte strings as one transferable ArrayBuffer and their lengths: what crosses between threads. A Buffer that is
 * posted as it is would arrive as a Uint8Array and drag its whole pool along.
 */
export interface Packed {
  /** One for each item; -1 stands for null. */
  readonly lengths: Int32Array
  readonly bytes: ArrayBuffer
}

export const ABSENT = -1

export function pack(items: ReadonlyArray<Buffer | null>): Packed {
  const lengths = new Int32Array(items.length)
  let total = 0
  for (let i = 0; i < items.length; i++) {
    const item = items[i]
    lengths[i] = item ? item.length : ABSENT
    if (item) total += item.length
  }
  const bytes = newSlab(total)
  let at = 0
  for (const item of items) {
    if (!item) continue
    bytes.set(item, at)
    at += item.length
  }
  return { lengths, bytes: bytes.buffer }
}

/** Views on the packed bytes, in order. */
export function unpack(packed: Packed): Array<Buffer | null> {
  const items: Array<Buffer | null> = new Array(packed.lengths.length)
  let at = 0
  for (let i = 0; i < items.length; i++) {
    const length = packed.lengths[i]!
    if (length === ABSENT) {
      items[i] = null
      continue
    }
    items[i] = Buffer.from(packed.bytes, at, length)
    at += length
  }
  return items
}

/** The ArrayBuffers to transfer with `packed`. */
export function packedTransfer(packed: Packed): ArrayBuffer[] {
  return [packed.bytes, packed.lengths.buffer as ArrayBuffer]
}

/** Bytes of an ArrayBuffer of their own, so that it can be transferred. Not zeroed: the caller fills it. */
export function newSlab(length: number): Buffer & { readonly buffer: ArrayBuffer } {
  return Buffer.allocUnsafeSlow(length) as Buffer & { readonly buffer: ArrayBuffer }
}
