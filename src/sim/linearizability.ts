import { MAX_CHECKER_MEMO_WORDS, MAX_CHECKER_STEPS } from '../util/limits.ts'
import { LinearizationSearch } from './linearization-search.ts'

/**
 * One call of a client. Times are any numbers that order calls and returns, a sequence number or a clock; a return and a
 * call at the same time overlap.
 */
export interface Operation<I, O> {
  readonly input: I
  /** Undefined when the outcome is unknown: it took effect at any time after the call, or never will. */
  readonly output: O | undefined
  readonly calledAt: number
  /** Infinity for a call that was given up: it need not be placed. Not looked at when the outcome is unknown. */
  readonly returnedAt: number
  /** A guess at its place in the order: the search tries lower ones first. A wrong guess costs time, nothing else. */
  readonly hint?: number | undefined
  /** For the report. */
  readonly client?: string | number
}

/** States are compared with `===` and kept in maps: a primitive says it all. */
export type ModelState = string | number | boolean | null

/** What an object does when it is used by one caller at a time. */
export interface Model<I, O, S extends ModelState> {
  readonly initial: S
  /**
   * The state after `input` on `state`; undefined when it cannot have answered `output`. With an undefined output any
   * answer is right.
   */
  apply(state: S, input: I, output: O | undefined): S | undefined
  /**
   * Whether what answered `output` can have changed nothing, whatever the state was. Where such an operation fits it is
   * placed at once, and no other order is tried: that makes the search short. Default: none.
   */
  isRead?(input: I, output: O): boolean
  /** Operations of different partitions have nothing to do with each other: each is searched alone. Default: one for all. */
  partition?(input: I): string
}

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
