import { simulate, type SimulateOptions, type SimulationResult } from './simulate.ts'

export interface ExploreOptions extends Omit<SimulateOptions, 'seed'> {
  /** How many seeds. */
  readonly seeds: number
  /** The first of them. Default 1. */
  readonly from?: number
  /** Called after each seed that found nothing. */
  readonly onSeed?: (result: SimulationResult) => void
}

/** What the seeds did, all together. */
export interface ExplorationResult {
  readonly seeds: number
  readonly steps: number
  readonly simulatedMs: number
  readonly faultsByClass: Readonly<Record<string, number>>
  readonly marks: Readonly<Record<string, number>>
  readonly calls: number
  /** Key-value histories of which the checker could not decide within its limits whether they are linearizable. */
  readonly undecided: number
}

/** {@link simulate} with one seed after the other. Rejects with the SimulationFailure of the first that fails. */
export async function explore(options: ExploreOptions): Promise<ExplorationResult> {
  const { seeds, from = 1, onSeed, ...run } = options
  const faultsByClass: Record<string, number> = {}
  const marks: Record<string, number> = {}
  let steps = 0
  let simulatedMs = 0
  let calls = 0
  let undecided = 0
  for (let seed = from; seed < from + seeds; seed++) {
    const result = await simulate({ ...run, seed })
    steps += result.steps
    simulatedMs += result.simulatedMs
    calls += result.history.length
    undecided += result.kvHistory?.undecided ?? 0
    add(faultsByClass, result.faultsByClass)
    add(marks, result.marks)
    onSeed?.(result)
  }
  return { seeds, steps, simulatedMs, faultsByClass, marks, calls, undecided }
}

function add(into: Record<string, number>, counts: Readonly<Record<string, number>>): void {
  for (const [name, count] of Object.entries(counts)) into[name] = (into[name] ?? 0) + count
}
