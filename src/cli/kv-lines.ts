import { isUtf8 } from 'node:buffer'
import { jsonBytes } from './kv-text.ts'

/**
 * The format of `kv export` and `kv import`: one JSON object in a line.
 *
 * ```
 * {"flotilla":"kv-export","version":1,"keyspace":"users"}       the first line; a file made by hand may go without
 * {"key":"user:1","value":"Ada"}                                 one for each key; bytes that are no UTF-8
 * {"key64":"AP8=","value64":""}                                  stand in base64, under key64 and value64
 * {"end":true,"keys":2}                                          the last line: the export is whole
 * ```
 */
const KIND = 'kv-export'
const VERSION = 1
/** The largest key and value, with every byte escaped as JSON does it. */
export const MAX_LINE_BYTES = 8 * 1024 * 1024

export function headLine(keyspace: string): string {
  return `${JSON.stringify({ flotilla: KIND, version: VERSION, keyspace })}\n`
}

export function rowLine(key: Buffer, value: Buffer): string {
  return `${JSON.stringify({ ...jsonBytes('key', key), ...jsonBytes('value', value) })}\n`
}

export function endLine(keys: number): string {
  return `${JSON.stringify({ end: true, keys })}\n`
}

export type ParsedLine =
  | { readonly kind: 'head'; readonly keyspace: string }
  | { readonly kind: 'row'; readonly key: Buffer; readonly value: Buffer }
  | { readonly kind: 'end'; readonly keys: number }
  | { readonly kind: 'empty' }

/** A line is not what the format says; the message says why. */
export class LineError extends Error {
  override name = 'LineError'
}

/** Throws LineError. */
export function parseLine(line: Buffer): ParsedLine {
  if (!isUtf8(line)) throw new LineError('it is no UTF-8')
  // An editor may have put a byte order mark before the first line.
  const text = line
    .toString('utf8')
    .replace(/^\ufeff/, '')
    .trim()
  if (text === '') return { kind: 'empty' }
  let fields: unknown
  try {
    fields = JSON.parse(text)
  } catch (error) {
    throw new LineError(`it is no JSON (${(error as Error).message})`)
  }
  if (typeof fields !== 'object' || fields === null || Array.isArray(fields)) {
    throw new LineError('a JSON object is wanted, such as {"key":"a","value":"1"}')
  }
  return parseFields(fields as Record<string, unknown>)
}

function parseFields(fields: Record<string, unknown>): ParsedLine {
  if ('flotilla' in fields) return parseHead(fields)
  if (fields.end === true) {
    if (typeof fields.keys !== 'number') throw new LineError('the last line has no number of keys')
    return { kind: 'end', keys: fields.keys }
  }
  const strange = Object.keys(fields).find((name) => !['key', 'key64', 'value', 'value64'].includes(name))
  if (strange !== undefined) throw new LineError(`unknown field ${JSON.stringify(strange)}`)
  return { kind: 'row', key: bytesOf(fields, 'key'), value: bytesOf(fields, 'value') }
}

function parseHead({ flotilla, version, keyspace }: Record<string, unknown>): ParsedLine {
  if (flotilla !== KIND || version !== VERSION || typeof keyspace !== 'string') {
    throw new LineError(`it is not the first line of a ${KIND} of version ${VERSION}`)
  }
  return { kind: 'head', keyspace }
}

function bytesOf(fields: Record<string, unknown>, name: 'key' | 'value'): Buffer {
  const text = fields[name]
  const encoded = fields[`${name}64`]
  if ((text === undefined) === (encoded === undefined)) {
    throw new LineError(`one of "${name}" and "${name}64" is wanted`)
  }
  const given = text ?? encoded
  if (typeof given !== 'string') throw new LineError(`its ${name} must be a string`)
  if (text !== undefined) return textBytes(given, name)
  const bytes = Buffer.from(given, 'base64')
  if (bytes.toString('base64') !== given) throw new LineError(`its ${name}64 is no base64`)
  return bytes
}

/** Half of a surrogate pair has no bytes: Node would write another character. */
function textBytes(text: string, name: string): Buffer {
  const bytes = Buffer.from(text, 'utf8')
  if (bytes.toString('utf8') !== text) throw new LineError(`its ${name} is no well-formed text`)
  return bytes
}

/** Lines of a stream, without their ends. Throws LineError for a line above the limit, before it is read whole. */
export async function* linesOf(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let parts: Buffer[] = []
  let bytes = 0
  for await (const chunk of chunks) {
    let from = 0
    for (let end = chunk.indexOf(0x0a); end >= 0; end = chunk.indexOf(0x0a, from)) {
      parts.push(chunk.subarray(from, end))
      yield parts.length === 1 ? parts[0]! : Buffer.concat(parts)
      parts = []
      bytes = 0
      from = end + 1
    }
    if (from === chunk.length) continue
    parts.push(chunk.subarray(from))
    bytes += chunk.length - from
    if (bytes > MAX_LINE_BYTES) throw new LineError(`it is longer than ${MAX_LINE_BYTES} bytes`)
  }
  if (parts.length > 0) yield Buffer.concat(parts)
}
