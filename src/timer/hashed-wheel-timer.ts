import { assert } from '../util/assert.ts'
import { WHEEL_SLOTS, WHEEL_TICK_MS } from '../util/limits.ts'
import type { Clock, TimerHandle, Timers } from '../env/ports.ts'

export interface WheelOptions {
  /** Width of a slot in milliseconds: a timer fires at most this much after its deadline. */
  readonly tickMs?: number
  readonly slots?: number
  /**
   * The wheel came more than one tick late: the event loop stood still for about `lateMs`. It is called
   * before the late timers fire, and they fire only after one more pass through the loop's waiting sockets.
   */
  readonly onStall?: (lateMs: number) => void
  /**
   * Gets what a timer's callback threw. Default: the wheel throws the first error itself, after all due
   * timers ran.
   */
  readonly onError?: (error: unknown) => void
}

/**
 * A place in the wheel. Made once by its owner and scheduled as often as it likes; it is in the wheel or it
 * is not.
 */
export class WheelTimeout {
  readonly callback: () => void
  /** Monotonic milliseconds: never fires before. */
  deadlineMs = 0
  /** For the wheel: the tick at or after the deadline. */
  tick = 0
  next: WheelTimeout | null = null
  previous: WheelTimeout | null = null
  list: WheelList | null = null

  constructor(callback: () => void) {
    this.callback = callback
  }

  get scheduled(): boolean {
    return this.list !== null
  }
}

/** An intrusive list in the order of insertion. A timeout is in at most one. */
class WheelList {
  head: WheelTimeout | null = null
  #tail: WheelTimeout | null = null

  push(timeout: WheelTimeout): void {
    timeout.list = this
    timeout.previous = this.#tail
    if (this.#tail) this.#tail.next = timeout
    else this.head = timeout
    this.#tail = timeout
  }

  remove(timeout: WheelTimeout): void {
    if (timeout.previous) timeout.previous.next = timeout.next
    else this.head = timeout.next
    if (timeout.next) timeout.next.previous = timeout.previous
    else this.#tail = timeout.previous
    timeout.next = null
    timeout.previous = null
    timeout.list = null
  }

  clear(): void {
    while (this.head) this.remove(this.head)
  }
}

/**
 * The timers of a whole store on one timer of the event loop. Scheduling and cancelling cost the same however
 * many there are. The wheel wakes only for slots that hold a timer, so an idle one costs nothing; it never
 * drifts, for ticks are counted from its origin and missed ones are caught up in order.
 *
 * Invariant: every timeout in a slot has a tick beyond `#doneTick`, and while any is scheduled the wheel has
 * exactly one of: an armed env timer, a catch-up under way.
 */
export class HashedWheelTimer {
  readonly tickMs: number
  readonly #clock: Clock
  readonly #timers: Timers
  readonly #slots: WheelList[]
  readonly #due = new WheelList()
  readonly #onStall: ((lateMs: number) => void) | undefined
  readonly #onError: ((error: unknown) => void) | undefined
  readonly #originMs: number
  readonly #wake = () => this.#onWake()
  readonly #afterPoll = () => this.#catchUp()
  /** All ticks up to this one are done. */
  #doneTick = 0
  #size = 0
  #handle: TimerHandle | null = null
  #armedTick = 0
  /** When the armed wake is due: its tick's time, or the time of arming when that had passed. */
  #armedForMs = 0
  /** The wheel is between a wake and the end of its callbacks: it arms itself at the end. */
  #busy = false
  #closed = false

  constructor(clock: Clock, timers: Timers, options: WheelOptions = {}) {
    this.tickMs = options.tickMs ?? WHEEL_TICK_MS
    const slots = options.slots ?? WHEEL_SLOTS
    assert(this.tickMs > 0 && Number.isSafeInteger(slots) && slots > 0, 'a wheel has slots of some width')
    this.#clock = clock
    this.#timers = timers
    this.#slots = Array.from({ length: slots }, () => new WheelList())
    this.#onStall = options.onStall
    this.#onError = options.onError
    this.#originMs = clock.monotonicMs()
  }

  /** Timers scheduled and not yet fired. */
  get size(): number {
    return this.#size
  }

  /** The wheel's clock, monotonic milliseconds. */
  nowMs(): number {
    return this.#clock.monotonicMs()
  }

  /** Calls `callback` once, `delayMs` from now or up to a tick later. After `close` it is never called. */
  schedule(delayMs: number, callback: () => void): WheelTimeout {
    const timeout = new WheelTimeout(callback)
    this.scheduleAt(timeout, this.#clock.monotonicMs() + delayMs)
    return timeout
  }

  /**
   * Puts `timeout` into the wheel for `deadlineMs` on the monotonic clock; moves it when it is already in.
   */
  scheduleAt(timeout: WheelTimeout, deadlineMs: number): void {
    assert(Number.isFinite(deadlineMs), 'a deadline is a finite number')
    if (timeout.list) this.#unlink(timeout)
    if (this.#closed) return
    if (this.#size === 0 && !this.#busy) this.#skipIdleTime()
    timeout.deadlineMs = deadlineMs
    timeout.tick = Math.max(this.#tickFor(deadlineMs), this.#doneTick + 1)
    this.#slots[timeout.tick % this.#slots.length]!.push(timeout)
    this.#size++
    if (!this.#busy && (this.#handle === null || timeout.tick < this.#armedTick)) this.#arm(timeout.tick)
  }

  /** True when it was scheduled: it will not fire now. */
  cancel(timeout: WheelTimeout): boolean {
    if (!timeout.list) return false
    this.#unlink(timeout)
    if (this.#size === 0) this.#disarm()
    return true
  }

  /** Drops every timer. Nothing is called afterwards and nothing keeps the process alive. */
  close(): void {
    this.#closed = true
    this.#disarm()
    for (const slot of this.#slots) slot.clear()
    this.#due.clear()
    this.#size = 0
  }

  #unlink(timeout: WheelTimeout): void {
    timeout.list!.remove(timeout)
    this.#size--
  }

  /** The first tick that is not before the deadline. */
  #tickFor(deadlineMs: number): number {
    const tick = Math.ceil((deadlineMs - this.#originMs) / this.tickMs)
    return this.#timeOf(tick) < deadlineMs ? tick + 1 : tick
  }

  /** The last tick that is not after now. */
  #tickAt(nowMs: number): number {
    const tick = Math.floor((nowMs - this.#originMs) / this.tickMs)
    return this.#timeOf(tick) > nowMs ? tick - 1 : tick
  }

  #timeOf(tick: number): number {
    return this.#originMs + tick * this.tickMs
  }

  /** Ticks in which nothing was scheduled need no catching up. */
  #skipIdleTime(): void {
    this.#doneTick = Math.max(this.#doneTick, this.#tickAt(this.#clock.monotonicMs()))
  }

  #arm(tick: number): void {
    this.#disarm()
    this.#armedTick = tick
    const nowMs = this.#clock.monotonicMs()
    this.#armedForMs = Math.max(nowMs, this.#timeOf(tick))
    this.#handle = this.#timers.setTimeout(this.#wake, this.#armedForMs - nowMs)
  }

  #disarm(): void {
    if (this.#handle === null) return
    this.#timers.clearTimeout(this.#handle)
    this.#handle = null
  }

  #onWake(): void {
    this.#handle = null
    if (this.#closed) return
    this.#busy = true
    const lateMs = this.#clock.monotonicMs() - this.#armedForMs
    if (lateMs <= this.tickMs) {
      this.#catchUp()
      return
    }
    // The loop stood still, and what its sockets hold has not been read: that is no proof of a silent peer.
    this.#timers.setImmediate(this.#afterPoll)
    this.#guarded(() => this.#onStall?.(lateMs))
  }

  #catchUp(): void {
    if (this.#closed) return
    const nowTick = this.#tickAt(this.#clock.monotonicMs())
    this.#collectDue(nowTick)
    let failure: { readonly error: unknown } | null = null
    while (this.#due.head) {
      const timeout = this.#due.head
      this.#unlink(timeout)
      const failed = this.#guarded(timeout.callback)
      failure ??= failed
    }
    this.#busy = false
    if (this.#closed) return
    if (this.#size > 0) this.#arm(this.#nextTick())
    if (failure && !this.#onError) throw failure.error
  }

  /** One callback's failure must not cost the others their turn. */
  #guarded(callback: () => void): { readonly error: unknown } | null {
    try {
      callback()
      return null
    } catch (error) {
      this.#onError?.(error)
      return { error }
    }
  }

  /** Moves what is due from the slots to `#due`, by tick and within a tick by insertion. */
  #collectDue(nowTick: number): void {
    const slots = this.#slots.length
    const missed = nowTick - this.#doneTick
    if (missed <= slots) {
      while (this.#doneTick < nowTick) {
        this.#doneTick++
        this.#takeDue(this.#slots[this.#doneTick % slots]!, nowTick, null)
      }
      return
    }
    // More than a whole turn was missed: a slot now mixes due ticks, so order is made by sorting (a stable
    // sort).
    const late: WheelTimeout[] = []
    for (const slot of this.#slots) this.#takeDue(slot, nowTick, late)
    late.sort((a, b) => a.tick - b.tick)
    for (const timeout of late) this.#due.push(timeout)
    this.#doneTick = nowTick
  }

  #takeDue(slot: WheelList, nowTick: number, into: WheelTimeout[] | null): void {
    let timeout = slot.head
    while (timeout) {
      const next = timeout.next
      if (timeout.tick <= nowTick) {
        slot.remove(timeout)
        if (into) into.push(timeout)
        else this.#due.push(timeout)
      }
      timeout = next
    }
  }

  /** The next tick whose slot holds anything; it may hold only timers of a later round. */
  #nextTick(): number {
    const slots = this.#slots.length
    for (let tick = this.#doneTick + 1; tick <= this.#doneTick + slots; tick++) {
      if (this.#slots[tick % slots]!.head) return tick
    }
    throw new Error('unreachable: a scheduled timeout is in a slot')
  }
}
