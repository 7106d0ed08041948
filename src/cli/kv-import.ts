import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { FlotillaError } from '../util/errors.ts'
import { MAX_KEY_BYTES, MAX_VALUE_BYTES } from '../util/limits.ts'
import { scanTree } from './file-tree.ts'
import { LineError, linesOf, type ParsedLine, parseLine } from './kv-lines.ts'
import type { KvWriter } from './kv-writer.ts'
import type { LeftOut } from './left-out.ts'

export interface ImportSource {
  /** Of the file or directory; 'stdin'. */
  readonly path: string
  readonly writer: KvWriter
  readonly signal: AbortSignal
  /** Lines before it are passed over. */
  readonly fromLine: number
  /** How much of the source has been read; null when unknown. */
  fraction: number | null
  /** The file says which keyspace it was made from. */
  onKeyspace(name: string): void
}

/** Reads and writes a file line by line. Rejects with INVALID_ARGUMENT, which names the line, or what a write rejects with. */
export async function importLines(
  source: ImportSource,
  input: AsyncIterable<Buffer>,
  size: number | null,
): Promise<void> {
  const reader = new LineReader(source)
  source.fraction = size === null ? null : 0
  try {
    for await (const line of linesOf(counted(source, input, size))) {
      source.signal.throwIfAborted()
      await reader.take(line)
    }
    reader.end()
  } catch (error) {
    if (!(error instanceof LineError)) throw error
    // What stands before the bad line is written all the same, so that it is known how far it went.
    await source.writer.drain()
    throw new FlotillaError('INVALID_ARGUMENT', `${reader.place}: ${error.message}`)
  }
  await source.writer.drain()
}

class LineReader {
  readonly #source: ImportSource
  #number = 0
  #rows = 0
  #headed = false
  #ended = false

  constructor(source: ImportSource) {
    this.#source = source
  }

  /** The line that is being read. */
  get place(): string {
    return `${this.#source.path}:${Math.max(1, this.#number)}`
  }

  async take(line: Buffer): Promise<void> {
    this.#number++
    const parsed = this.#parse(line)
    if (parsed.kind === 'empty') return
    if (this.#ended) throw new LineError('something follows the last line')
    if (parsed.kind === 'head') this.#takeHead(parsed.keyspace)
    else if (parsed.kind === 'end') this.#takeEnd(parsed.keys)
    else await this.#takeRow(parsed.key, parsed.value)
  }

  /** A file that names itself an export is whole only with its last line. */
  end(): void {
    if (this.#headed && !this.#ended) throw new LineError('the file ends early: the export was cut short')
  }

  #parse(line: Buffer): ParsedLine {
    // A line that is passed over is not looked at, but for the first, which names the keyspace.
    if (this.#number < this.#source.fromLine && this.#number > 1) {
      this.#rows++
      return { kind: 'empty' }
    }
    return parseLine(line)
  }

  #takeHead(keyspace: string): void {
    if (this.#number > 1) throw new LineError('it is the first line of an export')
    this.#headed = true
    this.#source.onKeyspace(keyspace)
  }

  #takeEnd(keys: number): void {
    this.#ended = true
    // Lines that were passed over may have been empty.
    if (this.#source.fromLine > 1 || keys === this.#rows) return
    throw new LineError(`the export has ${keys} keys, but ${this.#rows} lines of them are here`)
  }

  async #takeRow(key: Buffer, value: Buffer): Promise<void> {
    this.#rows++
    if (this.#number < this.#source.fromLine) return
    if (key.length > MAX_KEY_BYTES) throw new LineError(`its key has more than ${MAX_KEY_BYTES} bytes`)
    if (value.length > MAX_VALUE_BYTES)
      throw new LineError(`its value has more than ${MAX_VALUE_BYTES} bytes`)
    await this.#source.writer.add({ key, value, place: this.place, number: this.#number })
  }
}

async function* counted(
  source: ImportSource,
  input: AsyncIterable<Buffer>,
  size: number | null,
): AsyncGenerator<Buffer> {
  let read = 0
  for await (const chunk of input) {
    read += chunk.length
    yield chunk
    if (size !== null) source.fraction = size === 0 ? 1 : Math.min(1, read / size)
  }
}

/** Writes the files of a directory. Resolves with those that cannot be. */
export async function importTree(source: ImportSource): Promise<LeftOut> {
  const { path: root, writer, signal } = source
  source.fraction = null
  const tree = await scanTree(root, {
    maxBytes: Number.POSITIVE_INFINITY,
    maxKeyBytes: MAX_KEY_BYTES,
    signal,
  })
  const { leftOut } = tree
  let read = 0
  for (const [i, { key, size }] of tree.files.entries()) {
    signal.throwIfAborted()
    const value = await readFile(join(root, key)).catch(() => null)
    if (value === null) leftOut.add('unreadable', key)
    else if (value.length > MAX_VALUE_BYTES) leftOut.add('tooLarge', key)
    else await writer.add({ key: Buffer.from(key), value, place: join(root, key), number: i + 1 })
    read += size
    source.fraction = tree.bytes === 0 ? 1 : Math.min(1, read / tree.bytes)
  }
  await writer.drain()
  return leftOut
}
