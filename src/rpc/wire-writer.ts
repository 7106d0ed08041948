import { assert } from '../util/assert.ts'

const INITIAL_BYTES = 4096
const TWO_28 = 0x10000000
const MAX_VARINT_BYTES = 8

/**
 * Writes protobuf fields into one growing buffer that is used again and again. Numbers are varints of non-negative
 * integers up to 2^53 - 1. The field methods take the whole tag byte(s) and write nothing for the default value, as
 * proto3 wants it, so that the bytes equal those of the generated code.
 */
export class WireWriter {
  buffer: Buffer
  /** Bytes written. */
  length = 0

  constructor(initialBytes = INITIAL_BYTES) {
    this.buffer = Buffer.allocUnsafeSlow(initialBytes)
  }

  /** Makes room for `bytes` more. */
  reserve(bytes: number): void {
    const needed = this.length + bytes
    if (needed <= this.buffer.length) return
    const bigger = Buffer.allocUnsafeSlow(Math.max(needed, this.buffer.length * 2))
    this.buffer.copy(bigger, 0, 0, this.length)
    this.buffer = bigger
  }

  byte(value: number): void {
    if (this.length === this.buffer.length) this.reserve(1)
    this.buffer[this.length++] = value
  }

  /** A varint. */
  uint(value: number): void {
    if (this.length + MAX_VARINT_BYTES > this.buffer.length) this.reserve(MAX_VARINT_BYTES)
    const buffer = this.buffer
    let at = this.length
    if ((value & 0x7f) === value) {
      buffer[at] = value
      this.length = at + 1
      return
    }
    assert(Number.isSafeInteger(value) && value >= 0, 'a number on the wire is a non-negative safe integer')
    let low = value
    if (value > 0xffffffff) {
      // Bit operators know 32 bits only: the low 28 bits go first, what remains has at most 25.
      low = value % TWO_28
      buffer[at++] = (low & 0x7f) | 0x80
      buffer[at++] = ((low >>> 7) & 0x7f) | 0x80
      buffer[at++] = ((low >>> 14) & 0x7f) | 0x80
      buffer[at++] = (low >>> 21) | 0x80
      low = (value - low) / TWO_28
    }
    while (low > 0x7f) {
      buffer[at++] = (low & 0x7f) | 0x80
      low >>>= 7
    }
    buffer[at++] = low
    this.length = at
  }

  uintField(tag: number, value: number): void {
    if (value === 0) return
    this.byte(tag)
    this.uint(value)
  }

  boolField(tag: number, value: boolean): void {
    if (!value) return
    this.byte(tag)
    this.byte(1)
  }

  stringField(tag: number, value: string): void {
    if (value.length !== 0) this.string(tag, value)
  }

  private string(tag: number, value: string): void {
    // Room for the worst case: three bytes per UTF-16 unit, its length and the tag.
    this.reserve(value.length * 3 + MAX_VARINT_BYTES + 1)
    this.byte(tag)
    const mark = this.beginLength()
    this.length += this.buffer.write(value, this.length, 'utf8')
    this.endLength(mark)
  }

  /** Always written, also when empty: an element of a repeated field, or a field that the caller knows to be set. */
  bytesElement(tag: number, value: Uint8Array): void {
    this.reserve(value.length + MAX_VARINT_BYTES + 1)
    this.byte(tag)
    this.uint(value.length)
    this.buffer.set(value, this.length)
    this.length += value.length
  }

  bytesField(tag: number, value: Uint8Array): void {
    if (value.length !== 0) this.bytesElement(tag, value)
  }

  /** Bytes as they are. */
  raw(source: Buffer, start: number, end: number): void {
    this.reserve(end - start)
    source.copy(this.buffer, this.length, start, end)
    this.length += end - start
  }

  /** Starts something that is preceded by its length: one byte is kept free for it. */
  beginLength(): number {
    this.byte(0)
    return this.length
  }

  /** Writes the length of what came since `mark`; moves it when one byte does not hold the length. */
  endLength(mark: number): void {
    const size = this.length - mark
    if (size < 0x80) {
      this.buffer[mark - 1] = size
      return
    }
    const more = varintBytes(size) - 1
    this.reserve(more)
    this.buffer.copyWithin(mark + more, mark, this.length)
    const end = this.length + more
    this.length = mark - 1
    this.uint(size)
    this.length = end
  }

  /** A copy of what was written, and starts again. */
  take(): Buffer {
    const bytes = Buffer.from(this.buffer.subarray(0, this.length))
    this.length = 0
    return bytes
  }

  /** Starts again, and gives up a buffer that has grown beyond `keepBytes`. */
  reset(keepBytes: number): void {
    this.length = 0
    if (this.buffer.length > keepBytes) this.buffer = Buffer.allocUnsafeSlow(INITIAL_BYTES)
  }
}

/** Bytes of `value` as a varint. */
export function varintBytes(value: number): number {
  let bytes = 1
  for (let rest = value; rest > 0x7f; rest = Math.floor(rest / 128)) bytes++
  return bytes
}
