import type { flotilla } from './generated/wire-types.ts'
import { flotilla as generated } from './generated/wire.js'

/**
 * The generated codecs of the wire contract (`proto/`), for everything that is not hot: `wire.admin.QueryRequest.encode(…)`.
 * All 64 bit fields are plain numbers. Bytes of a decoded message are views on the decoded buffer.
 */
export const wire = generated as unknown as typeof flotilla
export type { flotilla as Wire } from './generated/wire-types.ts'

interface Encoder<T> {
  encode(message: T): { finish(): Uint8Array }
}

/** One message as a Buffer of its own. */
export function encodeWire<T>(type: Encoder<T>, message: T): Buffer {
  const bytes = type.encode(message).finish()
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
