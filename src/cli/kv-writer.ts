import { FlotillaError, toFlotillaError } from '../util/errors.ts'

/** Writes in flight: enough that every flush of the stores finds company. */
const MAX_IN_FLIGHT = 256
/** Their bytes: well under what a store takes before it refuses. */
const MAX_BYTES_IN_FLIGHT = 8 * 1024 * 1024
/** Rows behind the oldest one that is not written: past it the others wait for that one. */
const MAX_WINDOW = 16_384
/** A write that cannot be made for this long, though every refusal was a passing one, ends the work. */
const GIVE_UP_MS = 60_000
const RETRY_MIN_MS = 10
const RETRY_MAX_MS = 500

export interface KvRow {
  readonly key: Buffer
  readonly value: Buffer
  /** Where it comes from, for errors: 'dump.jsonl:12'. */
  readonly place: string
  /** Rises from row to row: a line's number. */
  readonly number: number
}

interface Under {
  readonly number: number
  done: boolean
}

/**
 * Writes rows, many at a time and two of one key in their order. One whose outcome is not known is written again: the same
 * key gets the same value, so that changes nothing.
 */
export class KvWriter {
  /** Rows that are written for certain, and the bytes of their keys and values. */
  rows = 0
  bytes = 0
  /** Every row up to this number is written for certain. */
  doneUpTo = 0
  readonly #put: (key: Buffer, value: Buffer) => Promise<void>
  readonly #signal: AbortSignal
  /** In the order in which they came. */
  readonly #order: Under[] = []
  readonly #keys = new Map<string, Promise<void>>()
  #inFlight = 0
  #bytesInFlight = 0
  #failure: unknown = null
  #wake: () => void = () => {}

  constructor(put: (key: Buffer, value: Buffer) => Promise<void>, signal: AbortSignal) {
    this.#put = put
    this.#signal = signal
  }

  /** Resolves when the row is under way, as soon as there is room. Rejects with the first failure of any row. */
  async add(row: KvRow): Promise<void> {
    const bytes = row.key.length + row.value.length
    await this.#until(() => this.#inFlight === 0 || this.#hasRoom(bytes))
    const under: Under = { number: row.number, done: false }
    this.#order.push(under)
    this.#inFlight++
    this.#bytesInFlight += bytes
    const name = row.key.toString('latin1')
    const before = this.#keys.get(name)
    const writing = this.#write(row, before).then(
      () => {
        this.rows++
        this.bytes += bytes
        under.done = true
        this.#advance()
      },
      (error: unknown) => {
        this.#failure ??= error
      },
    )
    const settled = writing.then(() => {
      if (this.#keys.get(name) === settled) this.#keys.delete(name)
      this.#inFlight--
      this.#bytesInFlight -= bytes
      this.#wake()
    })
    this.#keys.set(name, settled)
  }

  /** Resolves when all rows are written. Rejects with the first failure. */
  async drain(): Promise<void> {
    await this.#until(() => this.#inFlight === 0)
  }

  #hasRoom(bytes: number): boolean {
    if (this.#order.length >= MAX_WINDOW) return false
    return this.#inFlight < MAX_IN_FLIGHT && this.#bytesInFlight + bytes <= MAX_BYTES_IN_FLIGHT
  }

  async #until(reached: () => boolean): Promise<void> {
    for (;;) {
      if (this.#failure !== null) throw this.#failure
      if (reached()) return
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  #advance(): void {
    let done = 0
    while (this.#order[done]?.done === true) this.doneUpTo = this.#order[done++]!.number
    if (done > 0) this.#order.splice(0, done)
  }

  async #write({ key, value, place }: KvRow, before: Promise<void> | undefined): Promise<void> {
    await before
    const startedAtMs = performance.now()
    for (let pauseMs = RETRY_MIN_MS; ; pauseMs = Math.min(RETRY_MAX_MS, pauseMs * 2)) {
      if (this.#failure !== null) throw this.#failure
      this.#signal.throwIfAborted()
      try {
        return await this.#put(key, value)
      } catch (raw) {
        const error = toFlotillaError(raw)
        const over = performance.now() - startedAtMs > GIVE_UP_MS
        if (!error.retryable || over || this.#signal.aborted) throw at(place, error)
        await new Promise((resolve) => setTimeout(resolve, pauseMs * (0.5 + Math.random())))
      }
    }
  }
}

function at(place: string, error: FlotillaError): FlotillaError {
  const { shortName, message, outcome, leader, store } = error
  return new FlotillaError(shortName, `${place}: ${message}`, { outcome, leader, store, cause: error })
}
