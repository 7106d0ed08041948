/** Rates are of about this much of the past: shorter flickers, longer lies about a stall. */
const WINDOW_MS = 2_000
/** Samples closer than this are folded together, which bounds how many there are. */
const SAMPLE_MS = 100

interface Sample {
  readonly atMs: number
  readonly writes: number
  readonly bytes: number
}

/** The current rate of a growing count of writes and bytes. */
export class RateMeter {
  readonly #samples: Sample[] = []

  /** Totals so far. Returns rates per second over the last two seconds. */
  update(atMs: number, writes: number, bytes: number): { writesPerSecond: number; bytesPerSecond: number } {
    const last = this.#samples.at(-1)
    if (last === undefined || atMs - last.atMs >= SAMPLE_MS) this.#samples.push({ atMs, writes, bytes })
    while (this.#samples.length > 1 && atMs - this.#samples[1]!.atMs >= WINDOW_MS) this.#samples.shift()
    const first = this.#samples[0]!
    const seconds = (atMs - first.atMs) / 1_000
    if (seconds <= 0) return { writesPerSecond: 0, bytesPerSecond: 0 }
    return {
      writesPerSecond: (writes - first.writes) / seconds,
      bytesPerSecond: (bytes - first.bytes) / seconds,
    }
  }
}
