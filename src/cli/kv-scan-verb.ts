import { InvalidArgumentError, Option } from 'commander'
import { keyAfterPrefix } from '../kv/keyspace.ts'
import { MAX_SCAN_PAGE_ROWS } from '../util/limits.ts'
import { withCluster } from './cluster-client.ts'
import { plural } from './format.ts'
import { argumentBytes, type EncodedFlags, kvOptions, openKeyspace, shownBytes } from './kv-options.ts'
import { jsonBytes } from './kv-text.ts'
import { UsageError } from './usage-error.ts'
import { defineVerb, type VerbContext } from './verb.ts'

const BOUNDS = ['gte', 'gt', 'lte', 'lt'] as const

interface Flags extends EncodedFlags {
  readonly gte?: string
  readonly gt?: string
  readonly lte?: string
  readonly lt?: string
  readonly prefix?: string
  readonly limit?: number
  readonly reverse?: true
  readonly keysOnly?: true
}

type Range = { [bound in (typeof BOUNDS)[number]]?: Buffer }

export const KV_SCAN = defineVerb<Flags>({
  usage: 'scan',
  summary: 'list keys and values in the order of their keys',
  description: [
    'List keys and values in the order of their keys, a line each, with a tab between; bytes that are no UTF-8 appear in ' +
      'hex behind 0x. One consistent view within each region of the key space, not across regions.',
  ],
  options: () => [
    new Option('--prefix <key>', 'keys that begin so'),
    new Option('--gte <key>', 'from this key on'),
    new Option('--gt <key>', 'behind this key'),
    new Option('--lte <key>', 'up to this key'),
    new Option('--lt <key>', 'before this key'),
    new Option('--limit <n>', 'this many at most').argParser(parseLimit),
    new Option('--reverse', 'from the last key to the first'),
    new Option('--keys-only', 'keys without their values'),
    ...kvOptions('how keys are written, on the command line and in the list'),
  ],
  jsonHelp:
    'print one JSON value in each line: key and value (key64 and value64 in base64 where they are no UTF-8)',
  examples: [
    'flotilla kv scan',
    'flotilla kv scan --prefix user: --limit 10',
    'flotilla kv scan --keys-only --json',
  ],
  run: scan,
})

async function scan(context: VerbContext<Flags>): Promise<undefined> {
  const { flags, output } = context
  const { encoding, limit = -1, reverse = false, keysOnly = false } = flags
  const range = rangeOf(flags)
  await withCluster(context, async (client, call) => {
    const kv = openKeyspace(client, flags.keyspace, call)
    const rows = kv.iterator({ ...range, limit, reverse, values: !keysOnly, ...call })
    let count = 0
    try {
      for (;;) {
        output.progress.begin('scan', () => ({ text: plural(count, 'key') }))
        const page = await rows.nextv(MAX_SCAN_PAGE_ROWS)
        if (page.length === 0) return
        count += page.length
        const lines = page.map(([key, value]) =>
          output.json
            ? jsonLine(key, keysOnly ? null : value)
            : textLine(key, keysOnly ? null : value, encoding),
        )
        await output.bytes(lines.join(''))
      }
    } finally {
      await rows.close()
    }
  })
}

function jsonLine(key: Buffer, value: Buffer | null): string {
  return `${JSON.stringify({ ...jsonBytes('key', key), ...(value && jsonBytes('value', value)) })}\n`
}

function textLine(key: Buffer, value: Buffer | null, encoding: EncodedFlags['encoding']): string {
  const shown = shownBytes(key, encoding)
  return value === null ? `${shown}\n` : `${shown}\t${shownBytes(value, encoding)}\n`
}

function rangeOf(flags: Flags): Range {
  const { encoding, prefix } = flags
  const given = BOUNDS.filter((bound) => flags[bound] !== undefined)
  if (flags.gte !== undefined && flags.gt !== undefined) throw new UsageError('--gte or --gt, not both')
  if (flags.lte !== undefined && flags.lt !== undefined) throw new UsageError('--lte or --lt, not both')
  if (prefix === undefined) {
    const bounds = given.map((bound) => [bound, argumentBytes(flags[bound]!, encoding, `--${bound}`)])
    return Object.fromEntries(bounds) as Range
  }
  if (given.length > 0) throw new UsageError(`--prefix or --${given[0]}, not both`)
  const gte = argumentBytes(prefix, encoding, '--prefix')
  const lt = keyAfterPrefix(gte)
  return lt === null ? { gte } : { gte, lt }
}

function parseLimit(text: string): number {
  const value = Number(text)
  if (/^\d+$/.test(text) && Number.isSafeInteger(value)) return value
  throw new InvalidArgumentError('A whole number is wanted.')
}
