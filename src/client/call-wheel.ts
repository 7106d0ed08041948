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
import { ParkedGroup } from './parked-group.ts'
import {
  abortError,
  type CallKeeper,
  type CallOptions,
  type PendingCall,
  refusalOfSignal,
  type WaitingCall,
} from './pending-call.ts'
import type { WheelEntry } from './wheel-entry.ts'

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
  readonly #slots: (WheelEntry | null)[] = new Array(CALL_SLOTS).fill(null)
  readonly #parked = new Map<string, ParkedGroup>()
  #count = 0
  #timer: TimerHandle | null = null
  /** The last tick that was swept, and when the next sweep is due. */
  #tick = 0
  #dueMs = 0
  #sweeping = false
  #closed: FlotillaError | null = null

  constructor(host: CallWheelHost) {
    this.#host = host
  }

  /** Calls that are not settled (and groups that wait). */
  get count(): number {
    return this.#count
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
      const refusal = refusalOfSignal(signal)
      if (refusal !== null) return refusal
      if (signal.aborted) return abortError(call.describeCall(), signal, false)
      call.signal = signal
      signal.addEventListener('abort', call, { once: true })
    }
    // Not the time of this turn: whoever has computed for seconds in it has all of the call's time before him.
    call.deadlineMs = this.#host.clock.monotonicMs() + timeoutMs
    this.#insert(call, call.deadlineMs)
    return null
  }

  // ---- calls that nobody could take ------------------------------------------------------------------------------------

  park(call: WaitingCall, refusal: FlotillaError): void {
    call.backoffMs = Math.min(RETRY_MAX_MS, Math.max(RETRY_MIN_MS, call.backoffMs * 2))
    let group = this.#parked.get(call.groupId)
    if (group === undefined) {
      group = new ParkedGroup(call.groupId, refusal, (released) => this.#onRelease(released))
      this.#parked.set(call.groupId, group)
      const pauseMs = call.backoffMs * (0.5 + this.#host.random() * 0.5)
      this.#insert(group, this.#host.nowMs() + pauseMs)
    }
    group.add(call)
  }

  /** What the calls of this group were refused with while they wait; null when none waits. */
  parkedRefusal(groupId: string): FlotillaError | null {
    return this.#parked.get(groupId)?.refusal ?? null
  }

  /** The group may have a leader now: who waits for it need not wait for the end of the pause. */
  release(groupId: string): void {
    this.#parked.get(groupId)?.onWake()
  }

  #onRelease(group: ParkedGroup): void {
    this.remove(group)
    this.#parked.delete(group.groupId)
  }

  // ---- the wheel -------------------------------------------------------------------------------------------------------

  remove(entry: WheelEntry): void {
    if (entry.slot < 0) return
    const { previous, following } = entry
    if (previous === null) this.#slots[entry.slot] = following
    else previous.following = following
    if (following !== null) following.previous = previous
    entry.slot = -1
    entry.previous = null
    entry.following = null
    this.#count--
  }

  #insert(entry: WheelEntry, wakeMs: number): void {
    // A sweep under way arms the timer itself; to move the tick under it would skip slots for a whole round.
    if (this.#timer === null && !this.#sweeping) this.#arm()
    // A slot that this round has passed would be seen one round late.
    const slot = Math.max(Math.ceil(wakeMs / CALL_TICK_MS), this.#tick + 1) % CALL_SLOTS
    const head = this.#slots[slot] ?? null
    entry.wakeMs = wakeMs
    entry.slot = slot
    entry.previous = null
    entry.following = head
    if (head !== null) head.previous = entry
    this.#slots[slot] = entry
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
    if (this.#count === 0 || this.#closed !== null) return
    const nowMs = this.#host.clock.monotonicMs()
    const tick = Math.floor(nowMs / CALL_TICK_MS)
    const due: WheelEntry[] = []
    const from = Math.max(this.#tick + 1, tick - CALL_SLOTS + 1)
    for (let t = from; t <= tick; t++) this.#collect(t % CALL_SLOTS, nowMs, due)
    this.#tick = tick
    this.#sweeping = true
    for (const entry of due) {
      // An earlier one of this sweep may have settled it.
      if (entry.slot >= 0) entry.onWake(nowMs)
    }
    this.#sweeping = false
    if (this.#count > 0 && this.#closed === null) this.#armNext(nowMs)
  }

  #collect(slot: number, nowMs: number, due: WheelEntry[]): void {
    for (let entry = this.#slots[slot] ?? null; entry !== null; entry = entry.following) {
      if (entry.wakeMs <= nowMs) due.push(entry)
    }
  }

  /** Settles every call with CLOSED, and refuses what comes. Idempotent. */
  close(why: string, cause?: FlotillaError): void {
    if (this.#closed !== null) return
    const error = new FlotillaError('CLOSED', why, { outcome: 'not-applied', cause })
    this.#closed = error
    for (let slot = 0; slot < CALL_SLOTS; slot++) {
      for (let entry = this.#slots[slot] ?? null; entry !== null; entry = this.#slots[slot] ?? null) {
        entry.onWheelClosed(error)
      }
    }
    if (this.#timer !== null) this.#host.timers.clearTimeout(this.#timer)
    this.#timer = null
  }
}
