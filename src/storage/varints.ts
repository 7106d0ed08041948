/** Reads RocksDB's variable-length numbers one after the other; past the end they are NaN, and stay so. */
export class Varints {
  readonly #bytes: Buffer
  #at: number

  constructor(bytes: Buffer, at: number) {
    this.#bytes = bytes
    this.#at = at
  }

  get atEnd(): boolean {
    return this.#at === this.#bytes.length
  }

  /** It went past the end. */
  get broken(): boolean {
    return !(this.#at <= this.#bytes.length)
  }

  /** Above 2^53 it is no more than about right. */
  next(): number {
    let value = 0
    for (let factor = 1; factor <= 2 ** 63; factor *= 128) {
      const byte = this.#bytes[this.#at++]
      if (byte === undefined) break
      value += (byte & 0x7f) * factor
      if (byte < 0x80) return value
    }
    this.#at = Number.NaN
    return Number.NaN
  }

  skip(count: number): void {
    this.#at += count
  }

  /** Passes over a length and as many bytes. */
  skipPrefixed(): void {
    this.skip(this.next())
  }
}
