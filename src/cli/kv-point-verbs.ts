import { MAX_VALUE_BYTES } from '../util/limits.ts'
import { withCluster } from './cluster-client.ts'
import { EXIT_DONE, EXIT_FAILED } from './exit-codes.ts'
import { formatBytes, plural } from './format.ts'
import { argumentBytes, type EncodedFlags, kvOptions, openKeyspace, shownBytes } from './kv-options.ts'
import { jsonBytes } from './kv-text.ts'
import { readStdin } from './stdin.ts'
import { UsageError } from './usage-error.ts'
import { defineVerb, type VerbContext } from './verb.ts'

/** Deletes under way at once. */
const DELETES_AT_ONCE = 64

export const KV_PUT = defineVerb<EncodedFlags>({
  usage: 'put <key> <value>',
  summary: 'write a value under a key',
  description: [
    'Write a value under a key. Done when a majority of the stores holds it on disk.',
    'The value "-" stands for the bytes of stdin, as they are. A key or value that begins with a dash comes behind "--".',
  ],
  options: () => kvOptions('how key and value are written on the command line'),
  jsonHelp: 'print one JSON value: keyspace, key, bytes of the value',
  examples: [
    'flotilla kv put greeting hello',
    'flotilla kv put --keyspace files readme - < README.md',
    'flotilla kv put --encoding hex 00ff 0102',
    'flotilla kv put -- temperature -5',
  ],
  run: put,
})

async function put(context: VerbContext<EncodedFlags>): Promise<undefined> {
  const { args, flags, output } = context
  const { keyspace, encoding } = flags
  const key = argumentBytes(args[0]!, encoding, 'key')
  const value = args[1] === '-' ? await valueOfStdin(context) : argumentBytes(args[1]!, encoding, 'value')
  await withCluster(context, async (client, call) => {
    output.progress.begin('put', () => ({ text: 'waiting for a majority' }))
    await openKeyspace(client, keyspace, call).put(key, value, call)
  })
  const text = `${shownBytes(key, encoding)}: ${formatBytes(value.length)} written`
  await output.answer({ keyspace, ...jsonBytes('key', key), bytes: value.length }, text)
}

/** Rejects with UsageError when there is more than a value may have. */
async function valueOfStdin({ signal, output }: VerbContext): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  // Who types sees what he does.
  if (!process.stdin.isTTY) {
    output.progress.begin('stdin', () => ({ text: `${formatBytes(bytes)} read, waiting for the end` }))
  }
  for await (const chunk of readStdin(signal)) {
    bytes += chunk.length
    if (bytes > MAX_VALUE_BYTES) {
      throw new UsageError(`a value may have ${formatBytes(MAX_VALUE_BYTES)}; stdin holds more`)
    }
    chunks.push(chunk)
  }
  signal.throwIfAborted()
  return Buffer.concat(chunks)
}

export const KV_GET = defineVerb<EncodedFlags>({
  usage: 'get <key>',
  summary: 'read the value under a key',
  description: [
    'Read the value under a key: its bytes, as they are, on stdout. The read is linearizable: it sees every write that was ' +
      'acknowledged before it began. Exit 1 when there is no such key.',
  ],
  options: () => kvOptions('how the key is written on the command line'),
  jsonHelp:
    'print one JSON value: keyspace, key, found, value (value64 in base64 where it is no UTF-8), who was asked',
  examples: ['flotilla kv get greeting', 'flotilla kv get greeting --json'],
  run: get,
})

async function get(context: VerbContext<EncodedFlags>): Promise<number> {
  const { args, flags, output, json } = context
  const { keyspace, encoding } = flags
  const key = argumentBytes(args[0]!, encoding, 'key')
  const { value, ...where } = await withCluster(context, async (client, call) => {
    output.progress.begin('get', () => ({ text: 'waiting for an answer' }))
    return await openKeyspace(client, keyspace, call).getDetailed(key, call)
  })
  const found = value !== undefined
  if (json) {
    const shown = found ? jsonBytes('value', value) : { value: null }
    await output.answer({ keyspace, ...jsonBytes('key', key), found, ...shown, ...where }, '')
  } else if (found) {
    // On a terminal the prompt wants a line of its own; in a pipe every byte counts.
    await output.bytes(process.stdout.isTTY ? Buffer.concat([value, Buffer.from('\n')]) : value)
  }
  if (found) return EXIT_DONE
  output.note(`flotilla kv get: no key ${shownBytes(key, encoding)} in keyspace ${keyspace}`)
  return EXIT_FAILED
}

export const KV_DEL = defineVerb<EncodedFlags>({
  usage: 'del <key...>',
  summary: 'delete keys',
  description: [
    'Delete keys. One that is not there is fine. Each is deleted by itself: of several some may be gone when the command ' +
      'fails, and it says how many.',
  ],
  options: () => kvOptions('how the keys are written on the command line'),
  jsonHelp: 'print one JSON value: keyspace and how many keys were deleted',
  examples: ['flotilla kv del greeting', 'flotilla kv del a b c'],
  run: del,
})

async function del(context: VerbContext<EncodedFlags>): Promise<undefined> {
  const { args, flags, output } = context
  const { keyspace, encoding } = flags
  const keys = args.map((arg) => argumentBytes(arg, encoding, 'key'))
  let deleted = 0
  const told = (): string => `${deleted} of ${plural(keys.length, 'key')} deleted`
  await withCluster(context, async (client, call) => {
    const kv = openKeyspace(client, keyspace, call)
    output.progress.begin('delete', () => ({ fraction: deleted / keys.length, text: told() }))
    try {
      for (let from = 0; from < keys.length; from += DELETES_AT_ONCE) {
        const deletes = keys.slice(from, from + DELETES_AT_ONCE).map(async (key) => {
          await kv.del(key, call)
          deleted++
        })
        const failed = (await Promise.allSettled(deletes)).find((one) => one.status === 'rejected')
        if (failed !== undefined) throw failed.reason
      }
    } catch (error) {
      output.note(`${told()}, the others maybe`)
      throw error
    }
  })
  await output.answer({ keyspace, deleted }, `${plural(deleted, 'key')} deleted`)
}
