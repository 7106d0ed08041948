import { Option } from 'commander'
import type { Client } from '../api/client.ts'
import type { Kv } from '../client/kv.ts'
import type { CallOptions } from '../client/pending-call.ts'
import { DEFAULT_KEYSPACE } from '../kv/keyspace.ts'
import { type ClusterFlags, clusterOptions } from './cluster-options.ts'
import { keyText } from './kv-text.ts'
import { UsageError } from './usage-error.ts'

export type KeyEncoding = 'utf8' | 'hex' | 'base64'

export interface KvFlags extends ClusterFlags {
  readonly keyspace: string
}

export interface EncodedFlags extends KvFlags {
  readonly encoding: KeyEncoding
}

export function keyspaceOption(): Option {
  return new Option('--keyspace <name>', 'the keyspace').default(DEFAULT_KEYSPACE)
}

export function encodingOption(what: string): Option {
  return new Option('--encoding <name>', what).choices(['utf8', 'hex', 'base64']).default('utf8')
}

/** The flags of a verb that takes keys on its command line. */
export function kvOptions(encodes: string): Option[] {
  return [keyspaceOption(), encodingOption(encodes), ...clusterOptions()]
}

/** The keyspace as bytes. */
export function openKeyspace(client: Client, name: string, { timeoutMs }: CallOptions): Kv<Buffer, Buffer> {
  return client.kv<Buffer, Buffer>(name, { keyEncoding: 'buffer', valueEncoding: 'buffer', timeoutMs })
}

/** The bytes that an argument means. Throws UsageError. */
export function argumentBytes(text: string, encoding: KeyEncoding, what: string): Buffer {
  if (encoding === 'utf8') return Buffer.from(text, 'utf8')
  const bytes = Buffer.from(text, encoding)
  // Node passes over what it cannot decode.
  const padded = encoding === 'hex' ? text.toLowerCase() : text.replace(/=+$/, '')
  const back = encoding === 'hex' ? bytes.toString('hex') : bytes.toString('base64').replace(/=+$/, '')
  if (back !== padded) throw new UsageError(`${what} ${JSON.stringify(text)} is no ${encoding}`)
  return bytes
}

/** Bytes for people, in the encoding that they asked for. */
export function shownBytes(bytes: Buffer, encoding: KeyEncoding): string {
  return encoding === 'utf8' ? keyText(bytes) : bytes.toString(encoding)
}
