/**
 * Work of one kind, done one piece at a time in the order it came. What waits is bounded by who posts it: each kind has
 * its limit on the main side.
 */
export class Lane<T> {
  readonly #work: (item: T) => Promise<void>
  readonly #onIdle: () => void
  readonly #onError: (error: unknown) => void
  #waiting: T[] = []
  #running = false

  /** `onError` is told what `work` rejected with; nothing of the lane runs after that. */
  constructor(work: (item: T) => Promise<void>, onIdle: () => void, onError: (error: unknown) => void) {
    this.#work = work
    this.#onIdle = onIdle
    this.#onError = onError
  }

  get idle(): boolean {
    return !this.#running && this.#waiting.length === 0
  }

  push(item: T): void {
    this.#waiting.push(item)
  }

  /** Drops what waits. */
  clear(): void {
    this.#waiting = []
  }

  start(): void {
    if (this.#running || this.#waiting.length === 0) return
    this.#running = true
    this.#run().then(
      () => this.#onIdle(),
      (error) => {
        this.#running = false
        this.#waiting = []
        this.#onError(error)
      },
    )
  }

  async #run(): Promise<void> {
    for (;;) {
      const item = this.#waiting.shift()
      if (item === undefined) {
        // Here, not when the promise settles: what comes in between must start the lane again.
        this.#running = false
        return
      }
      await this.#work(item)
    }
  }
}
