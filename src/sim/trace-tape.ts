import { MAX_SIM_TAPE } from '../util/limits.ts'
import type { Trace } from './trace.ts'

/** Two runs of one seed went different ways. */
export interface Divergence {
  /** Number of the event, counted from 0. */
  readonly at: number
  readonly first: string
  readonly second: string
}

/** The event log of one run, against which a second run of the same seed is held, event by event. */
export class TraceTape {
  readonly #lines: string[] = []
  /** The first difference; null while there is none. */
  divergence: Divergence | null = null

  record(trace: Trace): void {
    trace.onLine = (line) => {
      if (this.#lines.length < MAX_SIM_TAPE) this.#lines.push(line)
    }
  }

  /** `onDiverged` is called within the event that differs. */
  compare(trace: Trace, onDiverged: () => void): void {
    let at = 0
    trace.onLine = (second) => {
      const first = this.#lines[at++]
      if (this.divergence !== null || first === second || at > MAX_SIM_TAPE) return
      this.divergence = { at: at - 1, first: first ?? 'the end', second }
      onDiverged()
    }
  }
}
