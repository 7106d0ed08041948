/** `npm run sim:mutants`: plants known bugs one at a time and counts the seeds that the simulator takes to find each. */
import { mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import path from 'node:path'
import { Command, InvalidArgumentError } from 'commander'
import { Display, displayOptionsFor } from '../../src/cli/display.ts'
import { EXIT_DONE, EXIT_FAILED } from '../../src/cli/exit-codes.ts'
import { Interrupted, Interruption } from '../../src/cli/interruption.ts'
import { runCampaign } from '../cli/run-campaign.ts'
import { MUTANTS } from './catalogue.ts'
import { hunt, type HuntOptions } from './hunt.ts'
import type { Mutant } from './mutant.ts'
import { mutatedFiles, plant, readSource } from './planting.ts'
import { Players } from './players.ts'
import { formatMarkdown, formatReport, type HuntedMutant, medianSeeds, verdictOf } from './report.ts'

interface Flags {
  readonly mutant?: readonly string[]
  readonly maxSeeds?: number
  readonly faultFreeSeeds: number
  readonly quick: boolean
  readonly whole: boolean
  readonly markdown: boolean
  readonly jobs: number
  readonly list: boolean
}

const STARTS = [1, 1_000_001, 2_000_001]
const MAX_SEEDS = 2_000
const FAULT_FREE_SEEDS = 20
const QUICK_MAX_SEEDS = 60
/** What needs no fault to be seen is seen soon. */
const FAULT_FREE_LIMITS = { maxGroups: 3, faultsForMs: 2_000, livenessMs: 3_000 }

function count(text: string): number {
  const value = Number(text)
  if (Number.isInteger(value) && value >= 1) return value
  throw new InvalidArgumentError('It must be a whole number of at least 1.')
}

function mutantName(text: string, before: readonly string[] = []): readonly string[] {
  if (MUTANTS.some(({ name }) => name === text)) return [...before, text]
  throw new InvalidArgumentError('There is no such mutant; --list names them.')
}

function optionsOf({ quick, whole, maxSeeds, faultFreeSeeds }: Flags): HuntOptions {
  return {
    starts: quick ? STARTS.slice(0, 1) : STARTS,
    maxSeeds: maxSeeds ?? (quick ? QUICK_MAX_SEEDS : MAX_SEEDS),
    faultFreeSeeds,
    faultFreeLimits: FAULT_FREE_LIMITS,
    limits: {},
    dense: !whole,
  }
}

async function huntAll(flags: Flags, display: Display, signal: AbortSignal): Promise<HuntedMutant[]> {
  const wanted = MUTANTS.filter(({ name }) => flags.mutant?.includes(name) ?? true)
  // All of them before the first is played: a stale one must not be found out after hours.
  for (const mutant of wanted) mutatedFiles(mutant, readSource)
  const dir = mkdtempSync(path.join(tmpdir(), 'flotilla-mutants-'))
  const players = new Players(flags.jobs)
  const hunted: HuntedMutant[] = []
  try {
    for (const [i, mutant] of wanted.entries()) {
      const one = await huntOne(mutant, dir, players, optionsOf(flags), display, signal, i / wanted.length)
      hunted.push(one)
      const { searches } = one.hunt
      const by = searches.find(({ seeds }) => seeds !== null)
      const seeds = searches.map((search) => search.seeds ?? '-').join(' ')
      display.line(
        verdictOf(one.hunt),
        `${mutant.name}: ${one.hunt.notQuiet ?? `${seeds} seeds, median ${medianSeeds(searches) ?? '-'}`}`,
      )
      if (by !== undefined) display.text(`             ${by.detail.split('\n')[0]!.slice(0, 200)}`)
      rmSync(path.join(dir, mutant.name), { recursive: true, force: true })
    }
  } finally {
    display.end()
    await players.close()
    rmSync(dir, { recursive: true, force: true })
  }
  return hunted
}

async function huntOne(
  mutant: Mutant,
  dir: string,
  players: Players,
  options: HuntOptions,
  display: Display,
  signal: AbortSignal,
  fraction: number,
): Promise<HuntedMutant> {
  let where = 'is planted'
  display.begin('mutant', () => ({ fraction, text: `${mutant.name}, ${where}` }))
  const tree = plant(mutant, dir)
  const found = await hunt(tree, players, options, signal, (start, seeds) => {
    where = start === null ? `${seeds} seeds without faults` : `${seeds} seeds from ${start}`
  })
  display.end()
  return { mutant, hunt: found }
}

async function run(flags: Flags): Promise<number> {
  if (flags.list) {
    for (const { name, what } of MUTANTS) process.stdout.write(`${name}: ${what}\n`)
    return EXIT_DONE
  }
  const interruption = new Interruption()
  const display = new Display(process.stderr, displayOptionsFor(process.stderr, process.env))
  try {
    const hunted = await huntAll(flags, display, interruption.signal)
    process.stdout.write(formatReport(hunted, flags.mutant === undefined))
    if (flags.markdown) process.stdout.write(formatMarkdown(hunted))
    return hunted.every((one) => verdictOf(one.hunt) === 'found') ? EXIT_DONE : EXIT_FAILED
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error
    process.stderr.write(`sim:mutants: ${error.message}\n`)
    return error.exitCode
  } finally {
    interruption.dispose()
  }
}

const program = new Command('sim:mutants')
  .description(
    'Plant known bugs in the production code, one at a time, and count the seeds that the simulator takes to find each, ' +
      'from three starting points.',
  )
  .option('--mutant <name>', 'only this one; may be given again', mutantName)
  .option('--max-seeds <n>', `seeds from each starting point (default: ${MAX_SEEDS})`, count)
  .option('--fault-free-seeds <n>', 'seeds that must be green before', count, FAULT_FREE_SEEDS)
  .option('--quick', `one starting point, ${QUICK_MAX_SEEDS} seeds`, false)
  .option('--whole', 'seeds as `npm run sim` draws them, instead of small runs in fast motion', false)
  .option('--jobs <n>', 'processes', count, availableParallelism())
  .option('--markdown', 'print the table of docs/testing.md too', false)
  .option('--list', 'name the mutants and end', false)

await runCampaign(program, run)
