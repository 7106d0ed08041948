import { MAX_SCRATCH_BYTES } from '../util/limits.ts'

/**
 * Buffers that are used again, one of each length: for what a batch of the engine copies at once. Making a Buffer costs
 * more than filling a short one. What was given out is good until the same length is asked for again.
 */
export class Scratch {
  readonly #byLength: (Buffer | undefined)[] = new Array(MAX_SCRATCH_BYTES + 1).fill(undefined)

  take(length: number): Buffer {
    if (length > MAX_SCRATCH_BYTES) return Buffer.allocUnsafe(length)
    const kept = this.#byLength[length]
    if (kept !== undefined) return kept
    const made = Buffer.alloc(length)
    this.#byLength[length] = made
    return made
  }
}

/** `source[from … to)` to `target` at `at`. A short stretch is quicker byte by byte than by the view that `set` needs. */
export function copyBytes(source: Buffer, from: number, to: number, target: Buffer, at: number): void {
  if (to - from > SHORT_COPY_BYTES) {
    source.copy(target, at, from, to)
    return
  }
  for (let i = from, j = at; i < to; i++, j++) target[j] = source[i]!
}

const SHORT_COPY_BYTES = 64
