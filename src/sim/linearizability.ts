import { MAX_CHECKER_MEMO_WORDS, MAX_CHECKER_STEPS } from '../util/limits.ts'
import type { Model, ModelState, Operation } from './history-model.ts'
import { LinearizationSearch } from './linearization-search.ts'

export interface CheckLimits {
  /** Operations that are tried, all partitions together. Default MAX_CHECKER_STEPS. */
  readonly maxSteps?: number
  /** Words of memory for what was tried, all partitions together. Default MAX_CHECKER_MEMO_WORDS. */
  readonly maxMemoWords?: number
}

/** `undecided`: the limits ended the search. It is never taken for `ok`. */
export interface CheckResult<I, O> {
  readonly verdict: 'ok' | 'violation' | 'undecided'
  readonly steps: number
  readonly operations: number
  /** The partition that broke, or the first that is undecided; '' when the model has none. */
  readonly partition: string
  /** Of a violation: the operation that no order found room for, when the search was at its furthest. */
  readonly stuckAt: Operation<I, O> | null
}

/** Steps of the first round; each round has eight times as many, so that an easy violation is found before hard luck. */
const FIRST_ROUND_STEPS = 2_000
const ROUND_GROWTH = 8

/**
 * Whether one order of the operations, each somewhere between its call and its return, explains every answer (Wing and
 * Gong, with Lowe's memo). Partitions are searched in turn with growing budgets.
 */
export function checkLinearizable<I, O, S extends ModelState>(
  history: readonly Operation<I, O>[],
  model: Model<I, O, S>,
  limits: CheckLimits = {},
): CheckResult<I, O> {
  const { maxSteps = MAX_CHECKER_STEPS, maxMemoWords = MAX_CHECKER_MEMO_WORDS } = limits
  let open = [...partitionsOf(history, model)].map(([partition, operations]) => {
    return { partition, search: new LinearizationSearch(operations, model) }
  })
  let steps = 0
  const operations = history.length
  for (let budget = FIRST_ROUND_STEPS; open.length > 0; budget *= ROUND_GROWTH) {
    const left: typeof open = []
    for (const one of open) {
      const words = maxMemoWords - open.reduce((sum, { search }) => sum + search.memoWords, 0)
      const before = one.search.steps
      const verdict = one.search.run(Math.min(budget, maxSteps - steps), words + one.search.memoWords)
      steps += one.search.steps - before
      if (verdict === 'violation') {
        return { verdict, steps, operations, partition: one.partition, stuckAt: one.search.stuckAt }
      }
      if (verdict === 'undecided') left.push(one)
      else one.search.forget()
    }
    open = left
    const exhausted = steps >= maxSteps || open.some(({ search }) => search.outOfMemory)
    if (exhausted && open.length > 0) {
      return { verdict: 'undecided', steps, operations, partition: open[0]!.partition, stuckAt: null }
    }
  }
  return { verdict: 'ok', steps, operations, partition: '', stuckAt: null }
}

function partitionsOf<I, O, S extends ModelState>(
  history: readonly Operation<I, O>[],
  model: Model<I, O, S>,
): Map<string, Operation<I, O>[]> {
  const partitions = new Map<string, Operation<I, O>[]>()
  for (const operation of history) {
    const name = model.partition?.(operation.input) ?? ''
    const list = partitions.get(name)
    if (list === undefined) partitions.set(name, [operation])
    else list.push(operation)
  }
  return partitions
}
