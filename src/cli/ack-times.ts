/** The longest time without an acknowledged write, between two that were. */
export interface AckGap {
  readonly ms: number
  /** When it began, on the clock of the times recorded. */
  readonly startedAtMs: number
}

/** When each write was acknowledged, from several processes and in no order. */
export class AckTimes {
  #times: Float64Array
  #count = 0

  constructor(expected: number) {
    this.#times = new Float64Array(Math.max(1, expected))
  }

  get count(): number {
    return this.#count
  }

  record(atMs: number): void {
    if (this.#count === this.#times.length) {
      const larger = new Float64Array(this.#times.length * 2)
      larger.set(this.#times)
      this.#times = larger
    }
    this.#times[this.#count++] = atMs
  }

  /** Zero with fewer than two writes. */
  longestGap(): AckGap {
    const sorted = this.#times.slice(0, this.#count).sort()
    let best = { ms: 0, startedAtMs: sorted[0] ?? 0 }
    for (let i = 1; i < sorted.length; i++) {
      const ms = sorted[i]! - sorted[i - 1]!
      if (ms > best.ms) best = { ms, startedAtMs: sorted[i - 1]! }
    }
    return best
  }

  /** When the last one was acknowledged; 0 when none was. */
  get lastMs(): number {
    let last = 0
    for (let i = 0; i < this.#count; i++) last = Math.max(last, this.#times[i]!)
    return last
  }
}

/** Milliseconds of the system-wide monotonic clock: the same in every process of this machine. */
export function machineMs(): number {
  return Number(process.hrtime.bigint()) / 1e6
}
