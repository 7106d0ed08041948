import { FlotillaError } from '../util/errors.ts'
import { WheelEntry } from './wheel-entry.ts'

/** How long a caller waits, and what ends the waiting early. */
export interface CallOptions {
  /** Aborting stops the waiting and takes nothing back: the error says whether the call may still take effect. */
  readonly signal?: AbortSignal | undefined
  /** Milliseconds until the call rejects with TIMEOUT. Default 5000, at most a day. */
  readonly timeoutMs?: number | undefined
}

/** Who keeps the calls that wait: see CallWheel. */
export interface CallKeeper {
  remove(entry: WheelEntry): void
  /** Sets the call aside until its group may have a leader; then it tries again. */
  park(call: WaitingCall, refusal: FlotillaError): void
}

function unset(): never {
  throw new Error('the call has not begun')
}

/**
 * A caller's promise that waits for an answer, a leader, or its next try. It is settled exactly once; what arrives after
 * that is ignored. The wheel finds it when its time is over; there is no timer per call.
 */
export abstract class WaitingCall extends WheelEntry {
  declare readonly groupId: string
  declare deadlineMs: number
  declare settled: boolean
  /** A replica has it and may log it: given up now, its outcome would be unknown. Never set for a read. */
  declare handedOver: boolean
  /** Why the last try failed, for the error at the deadline. */
  declare lastRefusal: FlotillaError | null
  declare backoffMs: number
  declare signal: AbortSignal | null
  declare reject: (error: FlotillaError) => void
  declare protected readonly wheel: CallKeeper

  constructor(wheel: CallKeeper, groupId: string) {
    super()
    this.wheel = wheel
    this.groupId = groupId
    this.deadlineMs = 0
    this.settled = false
    this.handedOver = false
    this.lastRefusal = null
    this.backoffMs = 0
    this.signal = null
    this.reject = unset
  }

  /** Tries (again). It ends, maybe within this call, in `succeed`, `fail` or `retry`. */
  abstract attempt(): void

  /** What the call is, for its errors: 'apply to group x'. */
  abstract describeCall(): string

  /** Settled: whatever holds on to this call may let go. */
  protected onSettled(): void {}

  fail(error: FlotillaError): void {
    if (!this.settle()) return
    this.reject(error)
  }

  /** Certainly not done: tries again after a pause, until the deadline. */
  retry(refusal: FlotillaError): void {
    if (this.settled) return
    this.handedOver = false
    this.lastRefusal = refusal
    this.wheel.park(this, refusal)
  }

  /** The deadline has come. */
  override onWake(): void {
    const what = this.handedOver ? 'its outcome is unknown' : 'it was certainly not done'
    const last = this.lastRefusal === null ? '' : `; the last try: ${this.lastRefusal.message}`
    const text = `${this.describeCall()} did not finish in its time, ${what}${last}`
    this.fail(
      new FlotillaError('TIMEOUT', text, {
        outcome: this.handedOver ? 'unknown' : 'not-applied',
        cause: this.lastRefusal ?? undefined,
        leader: this.lastRefusal?.leader,
      }),
    )
  }

  override onWheelClosed(error: FlotillaError): void {
    if (!this.handedOver) this.fail(error)
    else this.fail(new FlotillaError('CLOSED', `${error.message}; the outcome of the call is unknown`))
  }

  /** Makes the call itself the listener of its signal. */
  handleEvent(): void {
    if (!this.settled) this.fail(abortError(this.describeCall(), this.signal, this.handedOver))
  }

  /** Claims the one settlement. False when it came before. */
  protected settle(): boolean {
    if (this.settled) return false
    this.settled = true
    this.wheel.remove(this)
    if (this.signal !== null) this.signal.removeEventListener('abort', this)
    this.onSettled()
    return true
  }
}

/** A waiting call that resolves with a `T`. */
export abstract class PendingCall<T> extends WaitingCall {
  declare resolve: (value: T) => void

  constructor(wheel: CallKeeper, groupId: string) {
    super(wheel, groupId)
    this.resolve = unset
  }

  succeed(value: T): void {
    if (this.settle()) this.resolve(value)
  }
}

/** Null for what behaves as an AbortSignal: it may be of another realm, or of a library. */
export function refusalOfSignal(signal: unknown): FlotillaError | null {
  const { addEventListener, removeEventListener } = Object(signal) as Partial<AbortSignal>
  if (typeof addEventListener === 'function' && typeof removeEventListener === 'function') return null
  return new FlotillaError('INVALID_ARGUMENT', `signal must be an AbortSignal, not ${String(signal)}`)
}

export function abortError(what: string, signal: AbortSignal | null, handedOver: boolean): FlotillaError {
  const outcome = handedOver ? 'unknown' : 'not-applied'
  return new FlotillaError('ABORTED', `${what} was aborted`, { cause: signal?.reason, outcome })
}
