import { assert } from '../util/assert.ts'
import { MAX_SIM_QUEUED_EVENTS } from '../util/limits.ts'

/** What an event does, for the trace and the report. The order is part of the trace hash. */
export const EVENT_KINDS = [
  'timer',
  'immediate',
  'start',
  'packet',
  'deliver',
  'accept',
  'drain',
  'close',
  'listen',
  'thread',
  'message',
  'ended',
  'disk-write',
  'disk-read',
  'disk-done',
  'file',
  'fault',
  'resume',
  'world',
] as const
export type EventKind = (typeof EVENT_KINDS)[number]

/** The thread that an event belongs to. */
export interface EventOwner {
  readonly id: number
  readonly name: string
  readonly alive: boolean
  /** The main thread of its process: the whole process is paused at once. */
  readonly root: { readonly paused: boolean; readonly deferred: SimEvent[] }
}

export interface SimEvent {
  /** Whole microseconds of simulated time. */
  timeUs: number
  /** Number of the scheduling: breaks ties, so that events of one instant keep their order. */
  seq: number
  /** The thread whose code runs; null for the world itself: network, disks, faults. */
  readonly owner: EventOwner | null
  readonly kind: EventKind
  /** A fingerprint of what is delivered. */
  readonly detail: number
  readonly note: string
  /** Null once run or cancelled. */
  run: (() => void) | null
}

/** A binary heap by (time, sequence). */
export class EventQueue {
  readonly #heap: SimEvent[] = []

  get length(): number {
    return this.#heap.length
  }

  peek(): SimEvent | undefined {
    return this.#heap[0]
  }

  push(event: SimEvent): void {
    assert(this.#heap.length < MAX_SIM_QUEUED_EVENTS, 'a simulated world queues a bounded number of events')
    const heap = this.#heap
    let at = heap.length
    heap.push(event)
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!before(event, heap[parent]!)) break
      heap[at] = heap[parent]!
      at = parent
    }
    heap[at] = event
  }

  pop(): SimEvent | undefined {
    const heap = this.#heap
    const first = heap[0]
    const last = heap.pop()
    if (first === undefined || last === undefined || heap.length === 0) return first
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++
      if (!before(heap[child]!, last)) break
      heap[at] = heap[child]!
      at = child
    }
    heap[at] = last
    return first
  }
}

function before(a: SimEvent, b: SimEvent): boolean {
  return a.timeUs < b.timeUs || (a.timeUs === b.timeUs && a.seq < b.seq)
}
