import type { PlanLimits } from '../../src/sim/run-plan.ts'

/** What the main thread and its workers say to each other. */
export interface PlayTask {
  /** A compiled tree. */
  readonly tree: string
  readonly seed: number
  /** Nothing is injected, nothing is slow: the seed must stay green. */
  readonly faultFree: boolean
  readonly limits: PlanLimits
  /** See fastPlan. */
  readonly dense: boolean
}

/** How a seed ended under a mutant. */
export type PlayResult =
  | { readonly end: 'green' }
  /** A general invariant or the check of the history fired; `by` is its number, or the assertion of production code. */
  | { readonly end: 'found'; readonly by: string; readonly detail: string }
  /** The run ended in another way, which counts for nothing. */
  | { readonly end: 'crashed'; readonly detail: string }
