/** A place in the log. (0, 0) is the place before the first entry. */
export interface LogId {
  readonly index: number
  readonly term: number
}

/** Raft's order of logs (paper, section 5.4.1): by the last term, then by length. */
export function compareLogIds(a: LogId, b: LogId): number {
  return a.term !== b.term ? a.term - b.term : a.index - b.index
}
