import { crc32c } from '../../src/util/crc32c.ts'
import { KEY_FLUSH_NUMBER, logKey, SHARD_SLOT } from '../../src/storage/log-keys.ts'
import { maskCrc, WAL_BLOCK_BYTES, WAL_HEADER_BYTES } from '../../src/storage/wal-format.ts'

/** A WriteBatch of RocksDB: one put of a flush number, and one of `size` bytes. It counts as two operations. */
export function batchBytes(sequence: number, flush: number, size: number): Buffer {
  const head = Buffer.alloc(12)
  head.writeUInt32LE(sequence, 0)
  head.writeUInt32LE(2, 8)
  const value = Buffer.alloc(size)
  for (let i = 0; i < size; i++) value[i] = (i * 31 + flush) & 0xff
  const put = (key: Buffer, bytes: Buffer): Buffer =>
    Buffer.concat([Buffer.from([1]), varint(key.length), key, varint(bytes.length), bytes])
  return Buffer.concat([head, put(Buffer.from('key'), value), put(flushKey(flush), Buffer.alloc(4))])
}

function flushKey(flush: number): Buffer {
  return logKey(SHARD_SLOT, KEY_FLUSH_NUMBER, flush)
}

function varint(value: number): Buffer {
  const bytes: number[] = []
  let rest = value
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest & 127) | 128)
  return Buffer.from([...bytes, rest])
}

/** Writes a file as RocksDB does. With a number its records are of the recyclable kind. */
export class WalWriter {
  readonly starts: number[] = []
  #bytes = Buffer.alloc(0)
  readonly #number: number | null

  constructor(number: number | null = null) {
    this.#number = number
  }

  get bytes(): Buffer {
    return Buffer.from(this.#bytes)
  }

  add(payload: Buffer): this {
    const header = this.#number === null ? WAL_HEADER_BYTES : WAL_HEADER_BYTES + 4
    let at = 0
    let first = true
    do {
      let room = WAL_BLOCK_BYTES - (this.#bytes.length % WAL_BLOCK_BYTES)
      if (room < header) {
        this.#bytes = Buffer.concat([this.#bytes, Buffer.alloc(room)])
        room = WAL_BLOCK_BYTES
      }
      if (first) this.starts.push(this.#bytes.length)
      const end = Math.min(payload.length, at + room - header)
      const last = end === payload.length
      const type = first ? (last ? 1 : 2) : last ? 4 : 3
      this.#bytes = Buffer.concat([this.#bytes, this.#record(type, payload.subarray(at, end))])
      at = end
      first = false
    } while (at < payload.length)
    return this
  }

  #record(type: number, payload: Buffer): Buffer {
    const tail = [Buffer.from([this.#number === null ? type : type + 4])]
    if (this.#number !== null) {
      const number = Buffer.alloc(4)
      number.writeUInt32LE(this.#number, 0)
      tail.push(number)
    }
    const head = Buffer.alloc(6)
    const rest = Buffer.concat([...tail, payload])
    head.writeUInt32LE(maskCrc(crc32c(rest)), 0)
    head.writeUInt16LE(payload.length, 4)
    return Buffer.concat([head, rest])
  }
}

/** Batches of these sizes with flush numbers from `flush` on and sequences that follow `sequence`. */
export function walOf(
  sizes: readonly number[],
  flush = 1,
  sequence = 1,
  number: number | null = null,
): WalWriter {
  const writer = new WalWriter(number)
  sizes.forEach((size, i) => writer.add(batchBytes(sequence + 2 * i, flush + i, size)))
  return writer
}
