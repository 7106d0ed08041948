import { assert } from '../util/assert.ts'
import { FlotillaError } from '../util/errors.ts'
import type { ApplySink } from './ports.ts'

/** Callers of one block: the entries firstIndex … firstIndex + sinks.length - 1 were proposed here in `term`. */
interface PendingRun {
  firstIndex: number
  readonly term: number
  readonly sinks: ApplySink[]
  readonly positions: number[]
  /** Of what they proposed. */
  readonly bytes: number
  /** Callers before this one are settled. */
  from: number
}

/**
 * The callers of entries that were given an index (JRaft: ClosureQueue). Each is settled by that index, also after a
 * step-down: applied in its term is done, another entry applied there is not applied. Runs of different terms may
 * overlap when a suffix was cut in between.
 */
export class PendingTasks {
  #runs: PendingRun[] = []
  #count = 0
  #bytes = 0

  get count(): number {
    return this.#count
  }

  /** Bytes of the entries that wait: of a turn's all, until its last one is settled. */
  get bytes(): number {
    return this.#bytes
  }

  add(firstIndex: number, term: number, sinks: ApplySink[], positions: number[], bytes: number): void {
    assert(sinks.length === positions.length, 'each caller has its position')
    this.#runs.push({ firstIndex, term, sinks, positions, bytes, from: 0 })
    this.#bytes += bytes
    this.#count += sinks.length
  }

  /**
   * Entries from … to (all of `term`) were applied. `results` is one per entry from `from` on, or null when none has a
   * result.
   */
  settle(from: number, to: number, term: number, results: readonly (Buffer | null)[] | null): void {
    if (this.#count === 0) return
    const newestTerm = this.#runs[this.#runs.length - 1]!.term
    let finished = 0
    for (const run of this.#runs) {
      if (run.term < term) {
        // Terms never fall along a log: nothing of an older term can be committed above an entry of this one, even
        // where the log is still too short to hold another entry at its index.
        this.#settleRun(run, from, Number.POSITIVE_INFINITY, term, null)
        finished++
        continue
      }
      if (run.firstIndex + run.from > to) {
        // Runs of one term ascend; those of a later term may lie below what a cut has left behind.
        if (run.term === newestTerm) break
        continue
      }
      this.#settleRun(run, from, to, term, results)
      if (run.from === run.sinks.length) finished++
    }
    if (finished > 0) this.#forgetSettled()
  }

  #forgetSettled(): void {
    this.#runs = this.#runs.filter((run) => run.from < run.sinks.length)
    this.#bytes = 0
    for (const run of this.#runs) this.#bytes += run.bytes
  }

  #settleRun(
    run: PendingRun,
    from: number,
    to: number,
    term: number,
    results: readonly (Buffer | null)[] | null,
  ): void {
    const stop = Math.min(to - run.firstIndex + 1, run.sinks.length)
    const lost = run.term === term ? null : lostError()
    while (run.from < stop) {
      const i = run.from++
      const index = run.firstIndex + i
      assert(index >= from, 'callers are settled in order')
      this.#count--
      const sink = run.sinks[i]!
      if (lost === null)
        sink.onDone(run.positions[i]!, index, term, results === null ? null : results[index - from]!)
      else sink.onRefused(run.positions[i]!, lost)
    }
  }

  /** The replica stops: what becomes of these entries is not known here. */
  failAll(error: FlotillaError): void {
    const runs = this.#runs
    this.#runs = []
    this.#count = 0
    this.#bytes = 0
    for (const run of runs) {
      // A run whose callers are being told their outcome right now ends there.
      while (run.from < run.sinks.length) {
        const i = run.from++
        run.sinks[i]!.onRefused(run.positions[i]!, error)
      }
    }
  }
}

function lostError(): FlotillaError {
  return new FlotillaError(
    'LEADERSHIP_LOST',
    'another leader leads with a log that does not hold this entry: not applied',
  )
}
