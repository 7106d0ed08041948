import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { InvalidArgumentError, Option } from 'commander'
import { DEFAULT_KEYSPACE } from '../kv/keyspace.ts'
import { withCluster } from './cluster-client.ts'
import { clusterOptions } from './cluster-options.ts'
import type { StepProgress } from './display.ts'
import { EXIT_DONE, EXIT_FAILED } from './exit-codes.ts'
import { formatBytes, formatMs, formatRate, plural } from './format.ts'
import { importLines, importTree } from './kv-import.ts'
import type { ImportSource } from './kv-import.ts'
import { openKeyspace } from './kv-options.ts'
import { KvWriter } from './kv-writer.ts'
import type { KvFlags } from './kv-options.ts'
import type { LeftOut } from './left-out.ts'
import { readStdin } from './stdin.ts'
import { UsageError } from './usage-error.ts'
import { defineVerb, type VerbContext } from './verb.ts'

interface Flags extends Omit<KvFlags, 'keyspace'> {
  readonly keyspace?: string
  readonly fromLine?: number
}

export const KV_IMPORT = defineVerb<Flags>({
  usage: 'import <from>',
  summary: 'write the keys and values of a file, or the files of a directory',
  description: [
    'Write keys and values from a file as "flotilla kv export" makes it ("-": from stdin): a JSON object in each line, ' +
      '{"key":"a","value":"1"}, bytes that are no UTF-8 in base64 under "key64" and "value64". Or write the files of a ' +
      'directory: their paths below it are the keys, with "/".',
    'What was written stays when the command fails or is interrupted; it says how far it came. It may simply be run again, ' +
      'for the same keys get the same values, or go on with --from-line.',
  ],
  options: () => [
    new Option(
      '--keyspace <name>',
      `the keyspace (default: the one that the file names, else ${DEFAULT_KEYSPACE})`,
    ),
    new Option('--from-line <n>', 'pass over the lines before this one; the first line is 1').argParser(
      parseLine,
    ),
    ...clusterOptions(),
  ],
  jsonHelp: 'print one JSON value at the end: keyspace, keys, bytes, what was left out',
  examples: [
    'flotilla kv import dump.jsonl',
    'flotilla kv import ./photos --keyspace photos',
    'gunzip -c users.jsonl.gz | flotilla kv import - --keyspace users',
  ],
  run: importKeys,
})

async function importKeys(context: VerbContext<Flags>): Promise<number> {
  const { args, flags, cwd, output } = context
  const from = args[0]!
  const size = from === '-' ? null : await sizeOf(resolve(cwd, from))
  if (size === 'directory' && flags.fromLine !== undefined) {
    throw new UsageError('--from-line goes with a file, not with a directory')
  }
  const startedAtMs = performance.now()
  return await withCluster(context as VerbContext<KvFlags>, async (client, call) => {
    const { signal } = call
    let keyspace = flags.keyspace ?? DEFAULT_KEYSPACE
    let kv = openKeyspace(client, keyspace, call)
    const writer = new KvWriter((key, value) => kv.put(key, value, call), signal)
    const source: ImportSource = {
      path: from === '-' ? 'stdin' : resolve(cwd, from),
      writer,
      signal,
      fromLine: flags.fromLine ?? 1,
      fraction: 0,
      onKeyspace(named) {
        if (flags.keyspace !== undefined) return
        keyspace = named
        kv = openKeyspace(client, keyspace, call)
      },
    }
    output.progress.begin('import', () => progressOf(source, startedAtMs))
    let leftOut: LeftOut | null = null
    try {
      if (size === 'directory') leftOut = await importTree(source)
      else await importLines(source, inputOf(source, size), size)
    } catch (error) {
      output.note(whatWasDone(source, size === 'directory'))
      throw error
    }
    const left = leftOut?.groups() ?? []
    for (const line of leftOut?.lines() ?? []) output.note(`left out: ${line}`)
    const { rows: keys, bytes } = writer
    const took = formatMs(performance.now() - startedAtMs)
    const text = `${plural(keys, 'key')}, ${formatBytes(bytes)} written to keyspace ${keyspace} in ${took}`
    await output.answer({ keyspace, keys, bytes, leftOut: left }, text)
    // Links and special files have no bytes that could have been written; all else should have been.
    return left.some(({ reason }) => reason !== 'notAFile') ? EXIT_FAILED : EXIT_DONE
  })
}

/** Bytes of a file; null of what is no regular file: a pipe. */
async function sizeOf(path: string): Promise<number | null | 'directory'> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(error.code === 'ENOENT' ? `${path} does not exist` : error.message)
  })
  if (found.isDirectory()) return 'directory'
  return found.isFile() ? found.size : null
}

function inputOf({ path, signal }: ImportSource, size: number | null): AsyncIterable<Buffer> {
  return size !== null || path !== 'stdin' ? createReadStream(path, { signal }) : readStdin(signal)
}

function progressOf({ writer, fraction }: ImportSource, startedAtMs: number): StepProgress {
  const seconds = Math.max(0.001, (performance.now() - startedAtMs) / 1_000)
  const rate = formatRate(writer.rows / seconds, writer.bytes / seconds)
  const text = `${plural(writer.rows, 'key')}, ${rate}`
  return fraction === null ? { text } : { fraction, text }
}

function whatWasDone({ writer, fromLine }: ImportSource, tree: boolean): string {
  const written = `${plural(writer.rows, 'key')} written for certain, others that were under way maybe`
  if (tree) return `${written}. Run it again to write the rest; what is there already gets the same value.`
  const next = Math.max(fromLine, writer.doneUpTo + 1)
  return `${written}. To go on: --from-line ${next}`
}

function parseLine(text: string): number {
  const value = Number(text)
  if (/^\d+$/.test(text) && value >= 1 && Number.isSafeInteger(value)) return value
  throw new InvalidArgumentError('The number of a line is wanted, from 1 on.')
}
