import { MAX_SIM_TAPE } from '../util/limits.ts'
import type { Trace } from './trace.ts'

/** Two runs of one seed went different ways. */
export interface Divergence {
  /** Number of the event, counted from 0. */
  readonly at: number
  readonly first: string
  readonly second: string
}

const THE_END = 'the end'
const AFTER_THE_LAST = 'what came after the last event that is kept'
const OTHERWISE = ' (in the same words, but the code decided otherwise since the event before)'

/** The event log of one run, against which a second run of the same seed is held, event by event. */
export class TraceTape {
  readonly #lines: string[] = []
  /** Of the trace up to each line, decisions that have no line included. */
  readonly #fingerprints: number[] = []
  #compared = 0
  /** The first difference; null while there is none. */
  divergence: Divergence | null = null

  record(trace: Trace): void {
    trace.onLine = (line) => {
      if (this.#lines.length >= MAX_SIM_TAPE) return
      this.#lines.push(line)
      this.#fingerprints.push(trace.fingerprint)
    }
  }

  /** `onDiverged` is called within the event that differs. */
  compare(trace: Trace, onDiverged: () => void): void {
    trace.onLine = (second) => {
      const at = this.#compared++
      if (this.divergence !== null || at >= MAX_SIM_TAPE) return
      const first = this.#lines[at] ?? THE_END
      if (first === second && this.#fingerprints[at] === trace.fingerprint) return
      this.divergence = { at, first, second: first === second ? second + OTHERWISE : second }
      onDiverged()
    }
  }

  /** Both runs are over: the second may have ended before the first, or differ behind their last event. */
  end(areEqual: boolean): void {
    if (this.divergence !== null || areEqual) return
    const at = Math.min(this.#compared, this.#lines.length)
    const first = this.#lines[at]
    this.divergence =
      first === undefined
        ? { at, first: AFTER_THE_LAST, second: AFTER_THE_LAST }
        : { at, first, second: THE_END }
  }
}
