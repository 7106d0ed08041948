import { assert } from '../util/assert.ts'

/**
 * What a KV entry of the log holds: operations one after the other, to be done all or none. Integers are little-endian.
 *
 * ```
 * u8  op        1 put, 2 delete
 * u32 keyLen    at least 1
 * u32 valueLen  0 for a delete
 * key, value
 * ```
 *
 * Keys are whole keys of the ordered key space, the keyspace's prefix inside. An empty command changes nothing.
 */
export const OP_PUT = 1
export const OP_DEL = 2
const OP_HEADER_BYTES = 9

export type KvOperation =
  | { readonly type: 'put'; readonly key: Uint8Array; readonly value: Uint8Array }
  | { readonly type: 'del'; readonly key: Uint8Array }

const NO_VALUE = new Uint8Array(0)

export function encodePut(key: Uint8Array, value: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(OP_HEADER_BYTES + key.length + value.length)
  writeOperation(bytes, 0, OP_PUT, key, value)
  return bytes
}

export function encodeDel(key: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(OP_HEADER_BYTES + key.length)
  writeOperation(bytes, 0, OP_DEL, key, NO_VALUE)
  return bytes
}

/** Later operations win over earlier ones on the same key. */
export function encodeBatch(operations: readonly KvOperation[]): Buffer {
  let size = 0
  for (const operation of operations) size += operationBytes(operation)
  const bytes = Buffer.allocUnsafe(size)
  let at = 0
  for (const operation of operations) {
    const put = operation.type === 'put'
    at = writeOperation(bytes, at, put ? OP_PUT : OP_DEL, operation.key, put ? operation.value : NO_VALUE)
  }
  return bytes
}

/** What `operation` takes in an encoded batch. */
export function operationBytes(operation: KvOperation): number {
  return OP_HEADER_BYTES + operation.key.length + (operation.type === 'put' ? operation.value.length : 0)
}

function writeOperation(bytes: Buffer, at: number, op: number, key: Uint8Array, value: Uint8Array): number {
  assert(key.length > 0, 'a key is not empty')
  bytes[at] = op
  bytes.writeUInt32LE(key.length, at + 1)
  bytes.writeUInt32LE(value.length, at + 5)
  bytes.set(key, at + OP_HEADER_BYTES)
  bytes.set(value, at + OP_HEADER_BYTES + key.length)
  return at + OP_HEADER_BYTES + key.length + value.length
}

/**
 * Walks the operations of a command that lies in `bytes[from … to)`, without allocating: the fields are good after each
 * `next()` that returned true. Only for a command that {@link commandProblem} found sound.
 */
export class CommandReader {
  op = 0
  keyStart = 0
  valueStart = 0
  valueEnd = 0
  #bytes: Buffer = Buffer.alloc(0)
  #next = 0
  #to = 0

  start(bytes: Buffer, from: number, to: number): void {
    this.#bytes = bytes
    this.#next = from
    this.#to = to
  }

  next(): boolean {
    const at = this.#next
    if (at === this.#to) return false
    this.op = this.#bytes[at]!
    this.keyStart = at + OP_HEADER_BYTES
    this.valueStart = this.keyStart + this.#bytes.readUInt32LE(at + 1)
    this.valueEnd = this.valueStart + this.#bytes.readUInt32LE(at + 5)
    this.#next = this.valueEnd
    return true
  }
}

/** Why `bytes[from … to)` is not a command, in words; null when it is one. */
export function commandProblem(bytes: Buffer, from = 0, to = bytes.length): string | null {
  let at = from
  while (at < to) {
    if (at + OP_HEADER_BYTES > to) return `it ends within the header of the operation at byte ${at - from}`
    const op = bytes[at]!
    const keyLength = bytes.readUInt32LE(at + 1)
    const valueLength = bytes.readUInt32LE(at + 5)
    if (op !== OP_PUT && op !== OP_DEL) return `unknown operation ${op} at byte ${at - from}`
    if (keyLength === 0) return `empty key at byte ${at - from}`
    if (op === OP_DEL && valueLength > 0) return `a delete with a value at byte ${at - from}`
    const end = at + OP_HEADER_BYTES + keyLength + valueLength
    if (end > to) return `it ends within the operation at byte ${at - from}`
    at = end
  }
  return null
}
