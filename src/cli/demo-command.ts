import { existsSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { InvalidArgumentError, Option } from 'commander'
import { STORE_IDS } from './demo-settings.ts'
import type { DemoSummary } from './demo-summary.ts'
import { Display, displayOptionsFor } from './display.ts'
import { EXIT_DONE, EXIT_FAILED } from './exit-codes.ts'
import { formatCount, formatMs, plural } from './format.ts'
import { checkScratchDir } from './scratch-dir.ts'
import { UsageError } from './usage-error.ts'
import { defineVerb, type VerbContext } from './verb.ts'

/** Of the default tree so much is imported: enough to see rates, little enough for two minutes on two cores. */
const DEFAULT_MAX_BYTES = 64 * 1024 * 1024
const UNITS: Readonly<Record<string, number>> = { '': 1, kib: 1024, mib: 1024 ** 2, gib: 1024 ** 3 }

interface Flags {
  readonly import?: string
  readonly maxBytes?: number
}

interface Source {
  readonly root: string
  readonly maxBytes: number
  readonly ignoreAtTop?: (name: string) => boolean
}

const DESCRIPTION = [
  'Show three stores on this machine take real data, lose a process and lose nothing.',
  'Three store processes with 16 groups import the files of a directory. Half way the store that leads the most groups ' +
    'is killed (SIGKILL); the others go on. It is started again and catches up. Then every file is read back from ' +
    "each store's own state and compared, and so are the digests of all replicas. Exit 0 only when every byte matched " +
    'on every store.',
  'All data lies under the temporary directory (TMPDIR) and is removed at the end.',
]

export const DEMO = defineVerb<Flags>({
  usage: 'demo',
  summary: 'show three stores take real data, lose a process and lose nothing',
  description: DESCRIPTION,
  options: () => [
    new Option(
      '--import <dir>',
      "import the files of this directory (default: this project's own node_modules)",
    ),
    new Option(
      '--max-bytes <n>',
      'import no more than this; KiB, MiB and GiB are understood (default: 64MiB without --import, else no limit)',
    ).argParser(parseBytes),
  ],
  jsonHelp: 'print one JSON value, the summary',
  examples: [
    'flotilla demo',
    'flotilla demo --import ~/photos --max-bytes 256MiB',
    'flotilla demo --json > summary.json',
  ],
  run: demo,
})

async function demo({ flags, json, signal, env, cwd, output }: VerbContext<Flags>): Promise<number> {
  const out = json ? process.stderr : process.stdout
  const display = new Display(out, displayOptionsFor(out, env))
  const source = findSource(flags, cwd)
  checkScratchDir()
  display.text(
    `${display.strong('Flotilla')}: ${STORE_IDS.length} stores, 16 groups, and a process that dies.\n`,
  )
  await warnOfMemory(display)
  const { runDemo } = await import('./demo.ts')
  const summary = await runDemo({ ...source, display, signal })
  await conclude(summary, display)
  if (json) await output.answer(summary, '')
  return summary.ok ? EXIT_DONE : EXIT_FAILED
}

async function conclude(summary: DemoSummary, display: Display): Promise<void> {
  const { formatDifferences, formatSummary } = await import('./demo-summary.ts')
  display.text(`\n${formatSummary(summary)}\n`)
  const files = plural(summary.keys, 'file')
  if (summary.ok) {
    const took = formatMs(summary.totalMs)
    display.text(`${display.good('OK')}: every byte of ${files} matched on every store. (${took})`)
    return
  }
  const count = formatCount(summary.differences.count)
  display.text(`${display.bad('NOT OK')}: ${count} of the comparisons of ${files} do not match:`)
  for (const line of formatDifferences(summary.differences)) display.text(`  ${line}`)
}

async function warnOfMemory(display: Display): Promise<void> {
  const { machineInfo } = await import('../bench/machine.ts')
  const { dataDirInMemory } = await machineInfo()
  if (!dataDirInMemory) return
  display.line(
    'warning',
    `${tmpdir()} is memory, where fsync costs nothing: point TMPDIR at a disk for true figures`,
  )
}

function findSource(flags: Flags, cwd: string): Source {
  if (flags.import !== undefined) {
    const root = resolve(cwd, flags.import)
    if (statSync(root, { throwIfNoEntry: false })?.isDirectory() !== true) {
      throw new UsageError(`--import: ${root} is no directory`)
    }
    return { root, maxBytes: flags.maxBytes ?? Number.POSITIVE_INFINITY }
  }
  // What begins with a dot at the top are the package manager's and the tools' own notes: they may change meanwhile.
  const ignoreAtTop = (name: string): boolean => name.startsWith('.')
  return { root: ownPackages(), maxBytes: flags.maxBytes ?? DEFAULT_MAX_BYTES, ignoreAtTop }
}

/** This package's node_modules, or the one that it lies in. */
function ownPackages(): string {
  let dir = fileURLToPath(new URL('../../../', import.meta.url))
  for (;;) {
    const candidate = join(dir, 'node_modules')
    if (existsSync(candidate)) return candidate
    const above = dirname(dir)
    if (above === dir)
      throw new UsageError('there is no node_modules to import: name a directory with --import')
    dir = above
  }
}

function parseBytes(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*(|[kmg]ib)$/i.exec(text)
  const bytes = match === null ? 0 : Math.floor(Number(match[1]) * UNITS[match[2]!.toLowerCase()]!)
  if (bytes >= 1 && Number.isSafeInteger(bytes)) return bytes
  throw new InvalidArgumentError('A number of bytes is wanted, such as 1048576 or 64MiB.')
}
