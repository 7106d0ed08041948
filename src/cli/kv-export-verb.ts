import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import type { WriteStream } from 'node:fs'
import { open, realpath, rename, rm, stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Kv } from '../client/kv.ts'
import type { CallOptions } from '../client/pending-call.ts'
import { FlotillaError } from '../util/errors.ts'
import { MAX_SCAN_PAGE_ROWS } from '../util/limits.ts'
import { withCluster } from './cluster-client.ts'
import { clusterOptions } from './cluster-options.ts'
import { formatBytes, formatMs, plural } from './format.ts'
import { endLine, headLine, rowLine } from './kv-lines.ts'
import { keyspaceOption, type KvFlags, openKeyspace } from './kv-options.ts'
import type { Output } from './output.ts'
import { UsageError } from './usage-error.ts'
import { defineVerb, type VerbContext } from './verb.ts'

const PART_SUFFIX = '.part'

export const KV_EXPORT = defineVerb<KvFlags>({
  usage: 'export <file>',
  summary: 'write all keys and values of a keyspace to a file',
  description: [
    'Write all keys and values of a keyspace to a file, or with "-" to stdout, in the order of their keys: a JSON object in ' +
      'each line, {"key":"a","value":"1"}; bytes that are no UTF-8 stand in base64 under "key64" and "value64". The first line ' +
      'names the keyspace, the last one ({"end":true,"keys":N}) says that the export is whole. "flotilla kv import" reads it.',
    'The file gets its name, and replaces one of that name, when it is whole. One consistent view within each region of the ' +
      'key space, not across regions.',
  ],
  options: () => [keyspaceOption(), ...clusterOptions()],
  jsonHelp:
    'print one JSON value at the end: keyspace, keys, bytes (not with "-", where stdout is the export)',
  examples: [
    'flotilla kv export dump.jsonl',
    'flotilla kv export - --keyspace users | gzip > users.jsonl.gz',
  ],
  run: exportKeys,
})

interface Exported {
  keys: number
  /** Of keys and values. */
  bytes: number
}

async function exportKeys(context: VerbContext<KvFlags>): Promise<undefined> {
  const { args, flags, cwd, output, signal } = context
  const { keyspace } = flags
  const toStdout = args[0] === '-'
  const sink = toStdout ? new StdoutSink(output) : await FileSink.create(resolve(cwd, args[0]!), signal)
  const done: Exported = { keys: 0, bytes: 0 }
  const startedAtMs = performance.now()
  const told = (): string => `${plural(done.keys, 'key')}, ${formatBytes(done.bytes)}`
  try {
    await withCluster(context, async (client, call) => {
      const show = (): void => output.progress.begin('export', () => ({ text: told() }))
      show()
      await sink.write(headLine(keyspace))
      await writeRows(openKeyspace(client, keyspace, call), call, sink, done, show)
      await sink.write(endLine(done.keys))
      await sink.finish()
    })
  } catch (error) {
    await sink.abandon()
    output.note(`${told()} read; ${toStdout ? 'the export has no last line' : 'no file was made'}`)
    throw error
  }
  const text = `${told()} in ${formatMs(performance.now() - startedAtMs)}`
  if (toStdout) output.note(text)
  else await output.answer({ keyspace, ...done }, text)
}

async function writeRows(
  kv: Kv<Buffer, Buffer>,
  call: Required<CallOptions>,
  sink: Sink,
  done: Exported,
  show: () => void,
): Promise<void> {
  const rows = kv.iterator(call)
  try {
    for (;;) {
      const page = await rows.nextv(MAX_SCAN_PAGE_ROWS)
      if (page.length === 0) return
      for (const [key, value] of page) {
        // Line by line: a page of escaped values may be large.
        await sink.write(rowLine(key, value))
        done.keys++
        done.bytes += key.length + value.length
      }
      if (sink.endsProgress) show()
    }
  } finally {
    await rows.close()
  }
}

interface Sink {
  /** Writing to it takes the progress off the screen. */
  readonly endsProgress: boolean
  /** Resolves when it takes more. */
  write(text: string): Promise<void>
  finish(): Promise<void>
  /** Leaves nothing behind. */
  abandon(): Promise<void>
}

class StdoutSink implements Sink {
  readonly endsProgress = true
  readonly #output: Output

  constructor(output: Output) {
    this.#output = output
  }

  write(text: string): Promise<void> {
    return this.#output.bytes(text)
  }

  async finish(): Promise<void> {}

  async abandon(): Promise<void> {}
}

/** A file that gets its name when it is whole and on the disk. */
class FileSink implements Sink {
  readonly endsProgress = false
  readonly #path: string
  readonly #stream: WriteStream
  readonly #signal: AbortSignal
  #error: Error | null = null

  /** Rejects when the file cannot be made. */
  static async create(path: string, signal: AbortSignal): Promise<FileSink> {
    // A link stays one, and what it names is replaced.
    const target = await realpath(path).catch(() => path)
    const found = await stat(target).catch(() => null)
    if (found?.isDirectory()) throw new UsageError(`${path} is a directory`)
    // A device or a pipe would be gone from its place.
    if (found?.isFile() === false) throw new UsageError(`${path} is no file: "-" writes to stdout`)
    const part = target + PART_SUFFIX
    const file = await open(part, 'w').catch((error: Error) => {
      throw cannot('INVALID_ARGUMENT', 'make', part, error)
    })
    return new FileSink(target, createWriteStream(part, { fd: file, autoClose: true, flush: true }), signal)
  }

  private constructor(path: string, stream: WriteStream, signal: AbortSignal) {
    this.#path = path
    this.#stream = stream
    this.#signal = signal
    stream.on('error', (error) => {
      this.#error ??= error
    })
  }

  async write(text: string): Promise<void> {
    this.#check()
    if (this.#stream.write(text)) return
    await once(this.#stream, 'drain', { signal: this.#signal }).catch(() => {})
    this.#check()
  }

  async finish(): Promise<void> {
    // The stream syncs the file before it closes it.
    this.#stream.end()
    if (!this.#stream.closed) await once(this.#stream, 'close').catch(() => {})
    this.#check()
    await rename(this.#path + PART_SUFFIX, this.#path).catch((error: Error) => {
      throw cannot('OUTPUT_FAILED', 'make', this.#path, error)
    })
  }

  async abandon(): Promise<void> {
    this.#stream.destroy()
    if (!this.#stream.closed) await once(this.#stream, 'close').catch(() => {})
    await rm(this.#path + PART_SUFFIX, { force: true })
  }

  #check(): void {
    this.#signal.throwIfAborted()
    if (this.#error !== null) throw cannot('OUTPUT_FAILED', 'write', this.#path, this.#error)
  }
}

function cannot(
  name: 'INVALID_ARGUMENT' | 'OUTPUT_FAILED',
  what: string,
  path: string,
  cause: Error,
): FlotillaError {
  return new FlotillaError(name, `cannot ${what} ${path}: ${cause.message}`, {
    cause,
    outcome: 'not-applied',
  })
}
