import { assert } from '../util/assert.ts'
import { WheelTimeout } from './hashed-wheel-timer.ts'
import type { HashedWheelTimer } from './hashed-wheel-timer.ts'

export interface RepeatedTimerOptions {
  /** Milliseconds, asked again at each arming, so that a changed option takes effect. */
  readonly periodMs: () => number
  /** Spreads timers of equal period: gives the timeout to use for one arming. Default: the period itself. */
  readonly jitter?: (periodMs: number) => number
  readonly onTrigger: () => void
}

/**
 * Calls `onTrigger` after each timeout without a touch, until stopped. After a trigger it arms itself again
 * with a fresh timeout, unless it was stopped inside. A touch only moves the deadline, a field; the wheel
 * learns of it when the old deadline comes round. So a timer that is touched a thousand times a second costs
 * one wheel operation per timeout.
 */
export class RepeatedTimer {
  readonly #wheel: HashedWheelTimer
  readonly #options: RepeatedTimerOptions
  readonly #timeout: WheelTimeout
  #running = false
  #timeoutMs = 0
  #deadlineMs = 0

  constructor(wheel: HashedWheelTimer, options: RepeatedTimerOptions) {
    this.#wheel = wheel
    this.#options = options
    this.#timeout = new WheelTimeout(() => this.#onSlot())
  }

  get running(): boolean {
    return this.#running
  }

  /** When it triggers unless touched, in monotonic milliseconds; infinite when stopped. */
  get deadlineMs(): number {
    return this.#running ? this.#deadlineMs : Number.POSITIVE_INFINITY
  }

  /** The timeout drawn at the last arming, in milliseconds. */
  get timeoutMs(): number {
    return this.#timeoutMs
  }

  /** Arms the timer; a running one goes on as it is. */
  start(): void {
    if (this.#running) return
    this.#running = true
    this.#arm()
  }

  /** Nothing triggers after it returns. */
  stop(): void {
    this.#running = false
    this.#wheel.cancel(this.#timeout)
  }

  /** Starts, or starts anew with a fresh timeout. */
  restart(): void {
    this.stop()
    this.start()
  }

  /** The deadline is a full timeout from now again. */
  touch(): void {
    if (this.#running) this.touchAt(this.#wheel.nowMs())
  }

  /** As `touch`, with the turn's reading of the monotonic clock. An older reading changes nothing. */
  touchAt(nowMs: number): void {
    const deadlineMs = nowMs + this.#timeoutMs
    if (deadlineMs > this.#deadlineMs) this.#deadlineMs = deadlineMs
  }

  #arm(): void {
    const periodMs = this.#options.periodMs()
    const timeoutMs = this.#options.jitter?.(periodMs) ?? periodMs
    assert(timeoutMs > 0 && Number.isFinite(timeoutMs), 'a timeout is positive')
    this.#timeoutMs = timeoutMs
    this.#deadlineMs = this.#wheel.nowMs() + timeoutMs
    this.#wheel.scheduleAt(this.#timeout, this.#deadlineMs)
  }

  #onSlot(): void {
    if (this.#wheel.nowMs() < this.#deadlineMs) {
      this.#wheel.scheduleAt(this.#timeout, this.#deadlineMs)
      return
    }
    try {
      this.#options.onTrigger()
    } finally {
      // A start or restart inside the trigger has armed it already.
      if (this.#running && !this.#timeout.scheduled) this.#arm()
    }
  }
}
