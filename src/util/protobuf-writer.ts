/**
 * A minimal protobuf writer for hand-written codecs, for messages small enough to be built from parts. Integers up to
 * 2^53 - 1. Fields must be written in ascending order to be equal to what protobufjs writes.
 */
export class ProtobufWriter {
  readonly #bytes: number[] = []

  /** Proto3 leaves zeros out. */
  uint(field: number, value: number): void {
    if (value === 0) return
    this.#varint(field * 8)
    this.#varint(value)
  }

  bytes(field: number, value: Uint8Array): void {
    this.#varint(field * 8 + 2)
    this.#varint(value.length)
    for (const byte of value) this.#bytes.push(byte)
  }

  text(field: number, value: string): void {
    if (value !== '') this.bytes(field, Buffer.from(value, 'utf8'))
  }

  finish(): Buffer {
    return Buffer.from(this.#bytes)
  }

  #varint(value: number): void {
    let rest = value
    while (rest > 127) {
      this.#bytes.push((rest % 128) + 128)
      rest = Math.floor(rest / 128)
    }
    this.#bytes.push(rest)
  }
}

/** Walks the fields of a protobuf message of varints and length-delimited fields. Throws RangeError on a bad one. */
export class ProtobufReader {
  readonly #bytes: Buffer
  #at = 0
  field = 0
  /** Set when the field is a varint. */
  number = 0
  /** Set when the field is length-delimited; a view. */
  value: Buffer = EMPTY

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  next(): boolean {
    if (this.#at >= this.#bytes.length) return false
    const key = this.#varint()
    this.field = Math.floor(key / 8)
    this.number = 0
    this.value = EMPTY
    if (key % 8 === 0) {
      this.number = this.#varint()
    } else if (key % 8 === 2) {
      const length = this.#varint()
      if (this.#at + length > this.#bytes.length)
        throw new RangeError('field runs past the end of its message')
      this.value = this.#bytes.subarray(this.#at, this.#at + length)
      this.#at += length
    } else {
      throw new RangeError(`wire type ${key % 8} is not used here`)
    }
    return true
  }

  #varint(): number {
    let value = 0
    let scale = 1
    for (let i = 0; i < 8; i++) {
      const byte = this.#bytes[this.#at]
      if (byte === undefined) throw new RangeError('varint runs past the end of its message')
      this.#at++
      value += (byte & 0x7f) * scale
      if (byte < 128) {
        if (!Number.isSafeInteger(value)) break
        return value
      }
      scale *= 128
    }
    throw new RangeError('varint too large')
  }
}

const EMPTY = Buffer.alloc(0)
