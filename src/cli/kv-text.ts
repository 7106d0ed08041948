import { isUtf8 } from 'node:buffer'
import { printable } from './format.ts'

/** Bytes in JSON: `{ key: 'text' }`, or `{ key64: 'base64' }` where they are no UTF-8. */
export function jsonBytes(name: string, bytes: Buffer): Record<string, string> {
  return isUtf8(bytes) ? { [name]: bytes.toString('utf8') } : { [`${name}64`]: bytes.toString('base64') }
}

/** A key or value on a terminal, in one line: text, or hex where it is no UTF-8. */
export function keyText(bytes: Buffer): string {
  return isUtf8(bytes) ? printable(bytes.toString('utf8')) : `0x${bytes.toString('hex')}`
}
