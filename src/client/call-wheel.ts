import type { Clock, TimerHandle, Timers } from '../env/ports.ts'
import { FlotillaError } from '../util/errors.ts'
import {
  CALL_SLOTS,
  CALL_TICK_MS,
  DEFAULT_CALL_TIMEOUT_MS,
  MAX_CALL_TIMEOUT_MS,
  MAX_CLIENT_CALLS,
  RETRY_MAX_MS,
  RETRY_MIN_MS,
} from '../util/limits.ts'
import {
  abortError,
  type CallKeeper,
  type CallOptions,
  type PendingCall,
  type WaitingCall,
} from './pending-call.ts'

export interface CallWheelHost {
  readonly clock: Clock
  readonly timers: Timers
  nowMs(): number
  random(): number
}

/**
 * All calls of a router that wait, by the time at which they must be looked at: a hashed wheel of linked lists that run
 * through the calls themselves, so that beginning and settling one allocates nothing. One timer serves them all; it runs
 * only while there are calls, so it keeps no idle process alive.
 */
export class CallWheel implements CallKeeper {
  readonly #host: CallWheelHost
  readonly #slots: (WaitingCall | null)[] = new Array(CALL_SLOTS).fill(null)
  #count = 0
  #timer: TimerHandle | null = null
  /** The last tick that was swept, and when the next sweep is due. */
  #tick = 0
  #dueMs = 0
  #closed: FlotillaError | null = null

  constructor(host: CallWheelHost) {
    this.#host = host
  }

  get count(): number {
    return this.#count
  }

  get closed(): boolean {
    return this.#closed !== null
  }

  /** Gives the call its promise and makes its first try. */
  run<T>(call: PendingCall<T>, options: CallOptions | undefined): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      call.resolve = resolve
      call.reject = reject
      const refusal = this.#begin(call, options)
      if (refusal === null) call.attempt()
      else call.fail(refusal)
    })
  }

  #begin(call: WaitingCall, options: CallOptions | undefined): FlotillaError | null {
    let timeoutMs = DEFAULT_CALL_TIMEOUT_MS
    const signal = options?.signal
    if (options?.timeoutMs !== undefined) {
      timeoutMs = options.timeoutMs
      // Written so that NaN and other types fail it too.
      if (!(typeof timeoutMs === 'number' && timeoutMs > 0 && timeoutMs <= MAX_CALL_TIMEOUT_MS)) {
        const text = `timeoutMs must be a number above 0 and at most ${MAX_CALL_TIMEOUT_MS}, not ${String(timeoutMs)}`
        return new FlotillaError('INVALID_ARGUMENT', text)
      }
    }
    if (this.#closed !== null) return this.#closed
    if (this.#count >= MAX_CLIENT_CALLS) return new FlotillaError('BUSY', `${this.#count} calls wait already`)
    if (signal !== undefined && signal !== null) {
      if (signal.aborted) return abortError(call.describeCall(), signal, false)
      call.signal = signal
      signal.addEventListener('abort', call, { once: true })
    }
    call.deadlineMs = this.#host.nowMs() + timeoutMs
    this.#insert(call, call.deadlineMs)
    return null
  }

  /** Puts the call to sleep until its next try, or its deadline when that comes first. */
  pause(call: WaitingCall): void {
    call.backoffMs = Math.min(RETRY_MAX_MS, Math.max(RETRY_MIN_MS, call.backoffMs * 2))
    const pauseMs = call.backoffMs * (0.5 + this.#host.random() * 0.5)
    this.remove(call)
    this.#insert(call, Math.min(call.deadlineMs, this.#host.nowMs() + pauseMs))
  }

  remove(call: WaitingCall): void {
    if (call.slot < 0) return
    const { previous, following } = call
    if (previous === null) this.#slots[call.slot] = following
    else previous.following = following
    if (following !== null) following.previous = previous
    call.slot = -1
    call.previous = null
    call.following = null
    this.#count--
  }

  #insert(call: WaitingCall, wakeMs: number): void {
    if (this.#timer === null) this.#arm()
    // A slot that this round has passed would be seen one round late.
    const slot = Math.max(Math.ceil(wakeMs / CALL_TICK_MS), this.#tick + 1) % CALL_SLOTS
    const head = this.#slots[slot] ?? null
    call.wakeMs = wakeMs
    call.slot = slot
    call.previous = null
    call.following = head
    if (head !== null) head.previous = call
    this.#slots[slot] = call
    this.#count++
  }

  #arm(): void {
    const nowMs = this.#host.clock.monotonicMs()
    this.#tick = Math.floor(nowMs / CALL_TICK_MS)
    this.#armNext(nowMs)
  }

  #armNext(nowMs: number): void {
    this.#dueMs = nowMs + CALL_TICK_MS
    this.#timer = this.#host.timers.setTimeout(() => this.#onTimer(), CALL_TICK_MS)
  }

  #onTimer(): void {
    const lateMs = this.#host.clock.monotonicMs() - this.#dueMs
    // The loop stood still: answers may wait in the sockets. They are read before anyone is told that none came.
    if (lateMs > CALL_TICK_MS) this.#host.timers.setImmediate(() => this.#sweep())
    else this.#sweep()
  }

  #sweep(): void {
    this.#timer = null
    if (this.#count === 0) return
    const nowMs = this.#host.clock.monotonicMs()
    const tick = Math.floor(nowMs / CALL_TICK_MS)
    const due: WaitingCall[] = []
    for (let t = Math.max(this.#tick + 1, tick - CALL_SLOTS + 1); t <= tick; t++)
      this.#collect(t % CALL_SLOTS, nowMs, due)
    this.#tick = tick
    for (const call of due) this.#wake(call, nowMs)
    if (this.#count > 0 && this.#timer === null) this.#armNext(nowMs)
  }

  #collect(slot: number, nowMs: number, due: WaitingCall[]): void {
    for (let call = this.#slots[slot] ?? null; call !== null; call = call.following) {
      if (call.wakeMs <= nowMs) due.push(call)
    }
  }

  #wake(call: WaitingCall, nowMs: number): void {
    // An earlier one of this sweep may have settled it.
    if (call.settled) return
    if (call.deadlineMs <= nowMs) {
      call.expire()
      return
    }
    this.remove(call)
    this.#insert(call, call.deadlineMs)
    call.attempt()
  }

  /** Settles every call with CLOSED, and refuses what comes. Idempotent. */
  close(why: string, cause?: FlotillaError): void {
    if (this.#closed !== null) return
    this.#closed = new FlotillaError('CLOSED', why, { outcome: 'not-applied', cause })
    const unknown = new FlotillaError('CLOSED', `${why}; the outcome of the call is unknown`, { cause })
    for (let slot = 0; slot < CALL_SLOTS; slot++) {
      for (let call = this.#slots[slot] ?? null; call !== null; call = this.#slots[slot] ?? null) {
        call.fail(call.handedOver ? unknown : this.#closed)
      }
    }
    if (this.#timer !== null) this.#host.timers.clearTimeout(this.#timer)
    this.#timer = null
  }
}
