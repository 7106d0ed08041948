import { assert } from '../util/assert.ts'

/** Terms of a log as runs: a few numbers for any number of entries. Runs ascend in index and term. */
export class TermRuns {
  /** First index of each run, and its term. */
  #firsts: number[] = []
  #terms: number[] = []

  get count(): number {
    return this.#firsts.length
  }

  append(firstIndex: number, term: number): void {
    const n = this.#terms.length
    if (n > 0) {
      assert(term >= this.#terms[n - 1]!, 'terms never fall along a log')
      if (this.#terms[n - 1] === term) return
      assert(firstIndex > this.#firsts[n - 1]!, 'runs ascend')
    }
    this.#firsts.push(firstIndex)
    this.#terms.push(term)
  }

  /** Term at `index`, which must not lie before the first run. */
  termAt(index: number): number {
    return this.#terms[this.#find(index)]!
  }

  /** First index of the run that holds `index`. */
  runStart(index: number): number {
    return this.#firsts[this.#find(index)]!
  }

  /** Last index at or below `limit` whose term is at most `term`; 0 when every run is of a higher term. */
  lastIndexAtOrBelowTerm(term: number, limit: number): number {
    for (let i = this.#terms.length - 1; i >= 0; i--) {
      if (this.#terms[i]! > term) continue
      const end = i + 1 < this.#firsts.length ? this.#firsts[i + 1]! - 1 : limit
      if (this.#firsts[i]! <= limit) return Math.min(end, limit)
    }
    return 0
  }

  /** Forgets all above `lastKept`. */
  cutAfter(lastKept: number): void {
    let n = this.#firsts.length
    while (n > 0 && this.#firsts[n - 1]! > lastKept) n--
    this.#firsts.length = n
    this.#terms.length = n
  }

  /** Forgets all below `firstKept`. */
  cutBefore(firstKept: number): void {
    let n = 0
    while (n + 1 < this.#firsts.length && this.#firsts[n + 1]! <= firstKept) n++
    if (n > 0) {
      this.#firsts = this.#firsts.slice(n)
      this.#terms = this.#terms.slice(n)
    }
    if (this.#firsts.length > 0 && this.#firsts[0]! < firstKept) this.#firsts[0] = firstKept
  }

  #find(index: number): number {
    let low = 0
    let high = this.#firsts.length - 1
    assert(high >= 0 && index >= this.#firsts[0]!, 'index lies in the log')
    // Nearly every question is about the end of a log.
    if (index >= this.#firsts[high]!) return high
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if (this.#firsts[middle]! <= index) low = middle
      else high = middle - 1
    }
    return low
  }
}
