/** As much of a stream as a progress line needs. */
export interface ProgressStream {
  readonly isTTY?: boolean
  write(text: string): unknown
}

/** In a pipe a line appears this often: seldom enough to read, often enough to see that something lives. */
const PIPE_INTERVAL_MS = 1_400

/**
 * What happens now, in one line: rewritten in place on a terminal, repeated now and then in a pipe. It uses no colours
 * and no escape sequences; on a terminal a carriage return is enough.
 */
export class ProgressLine {
  readonly #stream: ProgressStream
  #shownLength = 0
  #shownAtMs = Number.NEGATIVE_INFINITY

  constructor(stream: ProgressStream) {
    this.#stream = stream
  }

  show(line: string): void {
    if (this.#stream.isTTY === true) {
      this.#stream.write(`\r${line.padEnd(this.#shownLength)}`)
      this.#shownLength = line.length
      return
    }
    const now = performance.now()
    if (now - this.#shownAtMs < PIPE_INTERVAL_MS) return
    this.#shownAtMs = now
    this.#stream.write(`${line}\n`)
  }

  /** A line that stays. */
  note(line: string): void {
    this.clear()
    this.#stream.write(`${line}\n`)
  }

  /** Clears the way for other output. */
  clear(): void {
    if (this.#shownLength === 0) return
    this.#stream.write(`\r${''.padEnd(this.#shownLength)}\r`)
    this.#shownLength = 0
  }
}
