import { FlotillaError } from '../util/errors.ts'
import { MAX_KEYSPACE_NAME_BYTES } from '../util/limits.ts'

/** The keyspace that a bare split key and a bare `store.kv()` mean. */
export const DEFAULT_KEYSPACE = 'default'

/**
 * A named part of the one ordered key space. Every key of it begins with
 *
 * ```
 * u8   bytes of the name, 1 to 255
 * name UTF-8
 * ```
 *
 * The length comes first, so no prefix is the beginning of another: keyspaces are contiguous and never overlap, and the
 * order within one is that of the user's keys. It lies on disk: it may never change.
 */
export class Keyspace {
  readonly name: string
  readonly prefix: Buffer
  /** The first key behind the keyspace; null when there is none. */
  readonly end: Buffer | null

  /** Throws INVALID_ARGUMENT when the name is empty or too long. */
  constructor(name: string) {
    const bytes = Buffer.from(String(name), 'utf8')
    if (typeof name !== 'string' || bytes.length === 0 || bytes.length > MAX_KEYSPACE_NAME_BYTES) {
      const text = `a keyspace's name is a string of 1 to ${MAX_KEYSPACE_NAME_BYTES} bytes, not ${JSON.stringify(name)}`
      throw new FlotillaError('INVALID_ARGUMENT', text)
    }
    this.name = name
    this.prefix = Buffer.concat([Buffer.from([bytes.length]), bytes])
    this.end = keyAfterPrefix(this.prefix)
  }

  /** The key in the one key space. */
  fullKey(key: Uint8Array): Buffer {
    const full = Buffer.allocUnsafe(this.prefix.length + key.length)
    full.set(this.prefix, 0)
    full.set(key, this.prefix.length)
    return full
  }

  /** The user's part of a key of this keyspace; a view. */
  userKey(fullKey: Buffer): Buffer {
    return fullKey.subarray(this.prefix.length)
  }
}

/** The first key that does not begin with `prefix` and lies behind it; null when there is none. */
export function keyAfterPrefix(prefix: Buffer): Buffer | null {
  let length = prefix.length
  while (length > 0 && prefix[length - 1] === 0xff) length--
  if (length === 0) return null
  const after = Buffer.from(prefix.subarray(0, length))
  after[length - 1]!++
  return after
}
