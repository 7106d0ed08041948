import type { PlanLimits } from '../../src/sim/run-plan.ts'
import { ROOT } from './planting.ts'
import type { PlayResult, PlayTask } from './messages.ts'
import type { Players } from './players.ts'

export interface HuntOptions {
  /** First seeds of the searches. */
  readonly starts: readonly number[]
  readonly maxSeeds: number
  /** Seeds without faults that must be green before. */
  readonly faultFreeSeeds: number
  readonly limits: PlanLimits
  readonly faultFreeLimits: PlanLimits
  /** See fastPlan. */
  readonly dense: boolean
}

/** What became of the search from one starting point. */
export interface Search {
  readonly start: number
  /** How many seeds it took; null when none of them found the mutant. */
  readonly seeds: number | null
  /** What fired: an invariant's number, and the assertion of production code if one led to it. */
  readonly by: string
  readonly detail: string
}

export interface Hunt {
  /** What a seed without faults says against the mutant: it is no mutant then. */
  readonly notQuiet: string | null
  readonly searches: readonly Search[]
  /** Runs that ended in a way that counts for nothing. */
  readonly crashes: readonly string[]
}

/** The tree without a mutant: what a seed says there it says against the simulator, or against the store. */
export const CONTROL_TREE = ROOT

/** Where the seeds without faults are taken from: far from all searches. */
const FAULT_FREE_FROM = 500_000_000

/** Looks for the mutant in `tree`. */
export async function hunt(
  tree: string,
  players: Players,
  options: HuntOptions,
  signal: AbortSignal,
  onSeed: (start: number | null, seeds: number) => void,
): Promise<Hunt> {
  const crashes: string[] = []
  const notQuiet = await findNoise(tree, players, options, signal, onSeed)
  const searches: Search[] = []
  if (notQuiet === null) {
    for (const start of options.starts)
      searches.push(await search(tree, players, start, options, signal, crashes, onSeed))
  }
  await players.dismiss()
  return { notQuiet, searches, crashes }
}

function* tasksFrom(
  tree: string,
  from: number,
  count: number,
  faultFree: boolean,
  limits: PlanLimits,
  dense: boolean,
): Generator<PlayTask> {
  for (let seed = from; seed < from + count; seed++) yield { tree, seed, faultFree, limits, dense }
}

async function findNoise(
  tree: string,
  players: Players,
  { faultFreeSeeds, faultFreeLimits }: HuntOptions,
  signal: AbortSignal,
  onSeed: (start: null, seeds: number) => void,
): Promise<string | null> {
  let played = 0
  let noise: string | null = null
  const tasks = tasksFrom(tree, FAULT_FREE_FROM, faultFreeSeeds, true, faultFreeLimits, false)
  await players.play(tasks, signal, async ({ seed }, result) => {
    onSeed(null, ++played)
    if (result.end === 'green') return 'go-on'
    noise = `seed ${seed} without faults: ${describe(result)}`
    return 'stop'
  })
  return noise
}

async function search(
  tree: string,
  players: Players,
  start: number,
  { maxSeeds, limits, dense }: HuntOptions,
  signal: AbortSignal,
  crashes: string[],
  onSeed: (start: number, seeds: number) => void,
): Promise<Search> {
  let best: { readonly seed: number; readonly by: string; readonly detail: string } | null = null
  let played = 0
  // Seeds are begun in order, and those under way are waited for: the first that finds it is the lowest.
  const tasks = tasksFrom(tree, start, maxSeeds, false, limits, dense)
  await players.play(tasks, signal, async ({ seed }, result) => {
    onSeed(start, ++played)
    if (result.end === 'crashed') crashes.push(`seed ${seed}: ${result.detail}`)
    if (result.end !== 'found') return best === null ? 'go-on' : 'stop'
    const control = await players.playOnce(
      { tree: CONTROL_TREE, seed, faultFree: false, limits, dense },
      signal,
    )
    if (control.end !== 'green') {
      crashes.push(`seed ${seed} fails without any mutant: ${describe(control)}`)
      return 'go-on'
    }
    if (best === null || seed < best.seed) best = { seed, by: result.by, detail: result.detail }
    return 'stop'
  })
  const found = best as { readonly seed: number; readonly by: string; readonly detail: string } | null
  if (found === null) return { start, seeds: null, by: '', detail: '' }
  return { start, seeds: found.seed - start + 1, by: found.by, detail: found.detail }
}

function describe(result: PlayResult): string {
  if (result.end === 'found') return `${result.by}: ${result.detail}`
  return result.end === 'crashed' ? result.detail : result.end
}
