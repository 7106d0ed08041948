import type { Clock, Timers } from '../env/ports.ts'
import { FlotillaError } from '../util/errors.ts'
import { MAX_CALL_TIMEOUT_MS } from '../util/limits.ts'
import { abortError, type CallOptions, refusalOfSignal } from './pending-call.ts'

/** The deadline and the signal of a call that is made of many. Such calls change nothing: their outcome is certain. */
export class CallTime {
  readonly what: string
  readonly #clock: Clock
  readonly #timers: Timers
  readonly #deadlineMs: number
  readonly #signal: AbortSignal | null

  /** Throws INVALID_ARGUMENT, and ABORTED when the signal has spoken already. */
  constructor(
    { clock, timers }: { readonly clock: Clock; readonly timers: Timers },
    what: string,
    options: CallOptions | undefined,
    defaultMs: number,
  ) {
    const timeoutMs = options?.timeoutMs ?? defaultMs
    // Written so that NaN and other types fail it too.
    if (!(typeof timeoutMs === 'number' && timeoutMs > 0 && timeoutMs <= MAX_CALL_TIMEOUT_MS)) {
      const text = `timeoutMs must be a number above 0 and at most ${MAX_CALL_TIMEOUT_MS}, not ${String(timeoutMs)}`
      throw new FlotillaError('INVALID_ARGUMENT', text)
    }
    const signal = options?.signal ?? null
    const refusal = signal === null ? null : refusalOfSignal(signal)
    if (refusal !== null) throw refusal
    this.what = what
    this.#clock = clock
    this.#timers = timers
    this.#signal = signal
    this.#deadlineMs = clock.monotonicMs() + timeoutMs
    if (signal?.aborted === true) throw abortError(what, signal, false)
  }

  /** Nobody waits any more: there is nothing to go on for. */
  get over(): boolean {
    return this.#signal?.aborted === true || this.#deadlineMs <= this.#clock.monotonicMs()
  }

  /** At least a millisecond, so that a last try fails by itself. */
  remainingMs(): number {
    return Math.max(1, this.#deadlineMs - this.#clock.monotonicMs())
  }

  /** Longer than the deadline no pause is. */
  pause(ms: number): Promise<void> {
    return new Promise((resolve) => this.#timers.setTimeout(resolve, Math.min(ms, this.remainingMs())))
  }

  /** `work`, or ABORTED as soon as the signal speaks: what is under way ends unheard. */
  async guard<T>(work: Promise<T>): Promise<T> {
    const signal = this.#signal
    if (signal === null) return await work
    let onAbort = (): void => {}
    const aborted = new Promise<never>((_resolve, reject) => {
      onAbort = () => reject(abortError(this.what, signal, false))
      signal.addEventListener('abort', onAbort, { once: true })
    })
    try {
      return await Promise.race([work, aborted])
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
  }

  timeout(why: string): FlotillaError {
    return new FlotillaError('TIMEOUT', `${this.what} did not end in its time: ${why}`, {
      outcome: 'not-applied',
    })
  }
}
