import type { Clock, TimerHandle, Timers } from '../../src/env/ports.ts'

interface Entry {
  readonly dueMs: number
  readonly order: number
  readonly callback: () => void
}

/** A clock that stands still until it is told, and an event loop of timers and immediates on it. */
export class FakeTime implements Clock, Timers {
  #nowMs: number
  #order = 0
  readonly #entries = new Set<Entry>()
  readonly #immediates: Array<() => void> = []
  /** Stands for the poll phase: called between the timers and the immediates of a turn. */
  onPoll: () => void = () => {}

  constructor(startMs = 0) {
    this.#nowMs = startMs
  }

  /** Timers set and not yet run. */
  get armed(): number {
    return this.#entries.size
  }

  monotonicMs(): number {
    return this.#nowMs
  }

  wallMs(): number {
    return this.#nowMs
  }

  setTimeout(callback: () => void, delayMs: number): TimerHandle {
    const entry = { dueMs: this.#nowMs + delayMs, order: this.#order++, callback }
    this.#entries.add(entry)
    return entry
  }

  clearTimeout(handle: TimerHandle): void {
    this.#entries.delete(handle as Entry)
  }

  setImmediate(callback: () => void): void {
    this.#immediates.push(callback)
  }

  /** Lets time pass: every timer runs at its own due time. */
  advance(ms: number): void {
    const endMs = this.#nowMs + ms
    for (let next = this.#nextDue(endMs); next; next = this.#nextDue(endMs)) {
      this.#nowMs = Math.max(this.#nowMs, next.dueMs)
      this.#entries.delete(next)
      next.callback()
      this.#finishTurn()
    }
    this.#nowMs = endMs
  }

  /** The event loop stands still for `ms`, then runs what is due, all of it late. */
  stall(ms: number): void {
    this.#nowMs += ms
    this.advance(0)
  }

  #nextDue(endMs: number): Entry | null {
    let first: Entry | null = null
    for (const entry of this.#entries) {
      if (entry.dueMs > endMs) continue
      if (!first || entry.dueMs < first.dueMs || (entry.dueMs === first.dueMs && entry.order < first.order))
        first = entry
    }
    return first
  }

  #finishTurn(): void {
    this.onPoll()
    for (const callback of this.#immediates.splice(0)) callback()
  }
}
