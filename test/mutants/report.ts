import { formatTable } from '../../src/cli/table.ts'
import { WAITING_MUTANTS } from './catalogue.ts'
import type { Hunt, Search } from './hunt.ts'
import type { Mutant } from './mutant.ts'

export interface HuntedMutant {
  readonly mutant: Mutant
  readonly hunt: Hunt
}

export type Verdict = 'found' | 'survives' | 'not quiet'

export function verdictOf({ notQuiet, searches }: Hunt): Verdict {
  if (notQuiet !== null) return 'not quiet'
  return searches.every(({ seeds }) => seeds !== null) ? 'found' : 'survives'
}

/** Median seeds over the starting points; a search that found nothing is the longest. */
export function medianSeeds(searches: readonly Search[]): number | null {
  const sorted = searches.map(({ seeds }) => seeds ?? Number.POSITIVE_INFINITY).sort((a, b) => a - b)
  const median = sorted[(sorted.length - 1) >> 1] ?? Number.POSITIVE_INFINITY
  return Number.isFinite(median) ? median : null
}

function finders(searches: readonly Search[]): string {
  return [...new Set(searches.filter(({ seeds }) => seeds !== null).map(({ by }) => by))].join('; ')
}

function seedsOf(searches: readonly Search[]): string {
  return searches.map(({ seeds }) => seeds ?? '-').join(', ')
}

/** One row: name, seeds from each start and their median, what found it. */
function row({ mutant, hunt }: HuntedMutant): string[] {
  const { searches } = hunt
  const median = medianSeeds(searches)
  const by = finders(searches) || verdictOf(hunt)
  return [mutant.name, seedsOf(searches), median === null ? '-' : String(median), by]
}

export function formatReport(hunted: readonly HuntedMutant[], showsWaiting: boolean): string {
  const lines = [formatTable(['mutant', 'seeds', 'median', 'found by'], hunted.map(row))]
  for (const { mutant, hunt } of hunted) {
    if (hunt.notQuiet !== null) lines.push(`${mutant.name} is no mutant: ${hunt.notQuiet}`)
    for (const crash of hunt.crashes) lines.push(`${mutant.name}: a run ended otherwise: ${crash}`)
  }
  if (showsWaiting)
    for (const { name, waitsFor } of WAITING_MUTANTS) lines.push(`${name} waits for ${waitsFor}`)
  const verdicts = hunted.map(({ hunt }) => verdictOf(hunt))
  const count = (wanted: Verdict): number => verdicts.filter((verdict) => verdict === wanted).length
  lines.push(
    `${hunted.length} mutants: ${count('found')} found, ${count('survives')} survive, ${count('not quiet')} not quiet`,
  )
  return `${lines.join('\n')}\n`
}

/** The rows for docs/testing.md. */
export function formatMarkdown(hunted: readonly HuntedMutant[]): string {
  const rows = hunted.map((one) => {
    const [name, seeds, median, by] = row(one)
    return `| ${name} | ${one.mutant.what} | ${seeds} | ${median} | ${by} |`
  })
  const head = ['| mutant | what is wrong | seeds | median | found by |', '| --- | --- | --- | ---: | --- |']
  return `${[...head, ...rows].join('\n')}\n`
}
