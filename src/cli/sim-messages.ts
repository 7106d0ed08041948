import type { PlanLimits } from '../sim/run-plan.ts'
import type { RunReport } from '../sim/run-seed.ts'

/** What a campaign's main thread and its workers say to each other. */
export interface SimTask {
  readonly seed: number
  readonly limits: PlanLimits
}

/** A SimulationFailure as it crosses threads. */
export interface FailedSeed {
  readonly seed: string
  readonly invariant: string
  readonly message: string
  readonly trace: readonly string[]
  readonly replay: string
}

export type SimResult =
  | { readonly report: RunReport; readonly failure: null }
  | { readonly report: null; readonly failure: FailedSeed }

/** Played when no number is given. */
export const DEFAULT_SEEDS = 100
