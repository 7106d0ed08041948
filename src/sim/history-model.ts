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
