import { FlotillaError } from '../util/errors.ts'

const TWO_28 = 0x10000000

/** The bytes from another store break the protocol. */
export function protocolError(text: string): FlotillaError {
  return new FlotillaError('PROTOCOL', text)
}

/**
 * Reads protobuf fields from a part of a buffer. Every method throws FLOTILLA_PROTOCOL when the bytes end too early or
 * cannot be what they should be; nothing is read beyond `end`.
 */
export class WireReader {
  buffer: Buffer = Buffer.alloc(0)
  pos = 0
  end = 0
  /** The alias of the group message that was decoded last. */
  slot = 0

  set(buffer: Buffer, start: number, end: number): this {
    this.buffer = buffer
    this.pos = start
    this.end = end
    return this
  }

  byte(): number {
    if (this.pos >= this.end) throw protocolError('a message ends too early')
    return this.buffer[this.pos++]!
  }

  /** A varint up to 2^53 - 1. */
  uint(): number {
    const buffer = this.buffer
    let at = this.pos
    let value = at < this.end ? buffer[at++]! : 0x80
    if (value < 0x80) {
      this.pos = at
      return value
    }
    value &= 0x7f
    // Bit operators hold the first four bytes, a multiplication the rest.
    for (let shift = 7; shift < 28; shift += 7) {
      if (at >= this.end) throw protocolError('a number ends too early')
      const next = buffer[at++]!
      value |= (next & 0x7f) << shift
      if (next < 0x80) {
        this.pos = at
        return value
      }
    }
    let scale = TWO_28
    for (let i = 0; i < 4; i++) {
      if (at >= this.end) throw protocolError('a number ends too early')
      const next = buffer[at++]!
      value += (next & 0x7f) * scale
      if (next < 0x80) {
        if (value > Number.MAX_SAFE_INTEGER) break
        this.pos = at
        return value
      }
      scale *= 128
    }
    throw protocolError('a number is beyond 2^53 - 1')
  }

  /** A varint of at most 32 bits. */
  uint32(): number {
    const value = this.uint()
    if (value > 0xffffffff) throw protocolError('a 32 bit number is beyond its range')
    return value
  }

  bool(): boolean {
    return this.uint() !== 0
  }

  /** A length and that many bytes: returns where they end and leaves `pos` at their start. */
  limit(): number {
    const length = this.uint()
    if (length > this.end - this.pos) throw protocolError('a field is longer than its message')
    return this.pos + length
  }

  string(): string {
    const end = this.limit()
    const text = this.buffer.toString('utf8', this.pos, end)
    this.pos = end
    return text
  }

  /** A view on the buffer. */
  bytes(): Buffer {
    const end = this.limit()
    const view = this.buffer.subarray(this.pos, end)
    this.pos = end
    return view
  }

  /** A view on what is left. */
  rest(): Buffer {
    const view = this.buffer.subarray(this.pos, this.end)
    this.pos = this.end
    return view
  }

  /** Adds the numbers of a packed field (or the single one of an unpacked) to `into`. */
  packed(tag: number, into: number[]): void {
    if ((tag & 7) === 0) {
      into.push(this.uint())
      return
    }
    const end = this.limit()
    const outer = this.end
    this.end = end
    while (this.pos < end) into.push(this.uint())
    this.end = outer
  }

  /** Like {@link packed}, into a column of fixed length from `at` on. Returns how many numbers are in it now. */
  column(tag: number, into: Float64Array, at: number): number {
    const unpacked = (tag & 7) === 0
    const end = unpacked ? this.end : this.limit()
    const outer = this.end
    this.end = end
    let count = at
    while (this.pos < end) {
      if (count === into.length) throw protocolError('a column is too long')
      into[count++] = this.uint()
      if (unpacked) break
    }
    this.end = outer
    return count
  }

  /** Steps over a field that this version does not know. */
  skip(tag: number): void {
    const type = tag & 7
    if (type === 0) this.uint()
    else if (type === 2) this.pos = this.limit()
    else if (type === 1) this.jump(8)
    else if (type === 5) this.jump(4)
    else throw protocolError(`a field of wire type ${type}`)
  }

  private jump(bytes: number): void {
    if (bytes > this.end - this.pos) throw protocolError('a message ends too early')
    this.pos += bytes
  }
}
