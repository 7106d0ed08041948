import { readdir } from 'node:fs/promises'
import { resolve } from 'node:path'
import { InvalidArgumentError, Option } from 'commander'
import { EXIT_DONE, EXIT_FAILED } from './exit-codes.ts'
import { UsageError } from './usage-error.ts'
import { defineVerb, type VerbContext } from './verb.ts'

/** Keys read in each region unless all are asked for: some seconds. */
const COUNTED_KEYS = 1_000_000
const LISTED_KEYS = 100
/** A list is held in memory and printed at once. */
const MAX_LISTED_KEYS = 1_000_000

interface Flags {
  readonly keys?: number | true
  readonly full?: true
}

export const INSPECT = defineVerb<Flags>({
  usage: 'inspect <dir>',
  summary: "show what is in a stopped store's directory, and whether it is sound",
  description: [
    "Show what is in a stopped store's directory: its identity, what it knows of other stores, and for each shard the " +
      'groups with their terms, votes, logs, applied indexes and keys; and make the checks that a start would make.',
    'Not a byte of the directory changes. A store that runs there is not disturbed: its directory is refused ' +
      '(FLOTILLA_DATA_DIR_LOCKED). While a directory is inspected no store starts in it. Of a damaged directory what can be ' +
      'read is shown, with the file that is bad and what to do, and the exit code is 1.',
  ],
  options: () => [
    new Option('--keys [n]', `list the first n keys of each region (default: ${LISTED_KEYS})`).argParser(
      parseCount,
    ),
    new Option('--full', `read every key and value, not only the first million of each region`),
  ],
  jsonHelp: 'print one JSON value: all that is shown',
  examples: [
    'flotilla inspect ./data/s1',
    'flotilla inspect ./data/s1 --keys 20',
    'flotilla inspect ./data/s1 --json',
  ],
  run: inspect,
})

async function inspect(context: VerbContext<Flags>): Promise<number> {
  const { args, flags, cwd, output, signal } = context
  const dir = resolve(cwd, args[0]!)
  await checkDirectory(dir)
  const [{ runInspection }, { inspectionJson }, { formatInspection }] = await Promise.all([
    import('./inspect-run.ts'),
    import('./inspect-json.ts'),
    import('./inspect-report.ts'),
  ])
  let reading = `reading ${dir}`
  output.progress.begin('inspect', () => ({ text: reading }))
  const store = await runInspection({
    dir,
    maxCounted: flags.full === true ? Number.MAX_SAFE_INTEGER : COUNTED_KEYS,
    maxListed: flags.keys === true ? LISTED_KEYS : (flags.keys ?? 0),
    signal,
    onProgress: (text) => (reading = text),
  })
  await output.answer(inspectionJson(store), formatInspection(store))
  return store.verdict === 'sound' ? EXIT_DONE : EXIT_FAILED
}

async function checkDirectory(dir: string): Promise<void> {
  let names: string[]
  try {
    names = await readdir(dir)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') throw new UsageError(`${dir} does not exist`)
    throw new UsageError(code === 'ENOTDIR' ? `${dir} is no directory` : message)
  }
  const { looksLikeStore } = await import('../admin/inspect-store.ts')
  if (looksLikeStore(names)) return
  throw new UsageError(`${dir} is no store's data directory: it holds neither identity.json nor shard-00`)
}

function parseCount(text: string): number {
  const value = Number(text)
  if (/^\d+$/.test(text) && value >= 1 && value <= MAX_LISTED_KEYS) return value
  throw new InvalidArgumentError(`A number from 1 to ${MAX_LISTED_KEYS} is wanted.`)
}
