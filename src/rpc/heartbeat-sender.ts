import { MAX_HEARTBEAT_SUBJECTS, MAX_HEARTBEATS_IN_FLIGHT } from '../util/limits.ts'
import type { FrameQueue } from './frame-queue.ts'
import { encodeHeartbeat, type HeartbeatColumns, type HeartbeatExceptions } from './link-codecs.ts'
import { MSG_HEARTBEAT } from './message-types.ts'
import { HEARTBEAT_NO_REPLICA, type HeartbeatSubject } from './messages.ts'
import { protocolError } from './wire-reader.ts'
import { WireWriter } from './wire-writer.ts'

/** A subject as the link knows it. Frames in flight hold these, so that a removed subject is never called again. */
interface Entry {
  readonly subject: HeartbeatSubject
  /** Place in the list of every interval, -1 when the subject was only asked for once. */
  place: number
  live: boolean
  /** The queue whose other end knows the subject's alias, and that queue's version then: the alias is not looked up again. */
  aliasQueue: FrameQueue | null
  aliasVersion: number
}

/** One heartbeat message that was sent and not answered yet. */
interface Flight {
  sequence: number
  sentAtMs: number
  /** Used places of the arrays. They never shrink: to empty an array would give up its memory at every beat. */
  count: number
  readonly entries: Entry[]
  /** Term of each subject when it was sent: an answer counts for that term only. */
  readonly terms: number[]
}

function makeEntry(subject: HeartbeatSubject, place: number): Entry {
  return { subject, place, live: true, aliasQueue: null, aliasVersion: 0 }
}

/**
 * The leader's side of one link's heartbeats: which groups go into each, and what became of those in flight. Answers
 * come in the order of the heartbeats, so the flights are a ring.
 */
export class HeartbeatSender {
  /** Of the heartbeat that is encoded next. Never starts again, also not with a new connection. */
  nextSequence = 1
  private readonly entries = new Map<HeartbeatSubject, Entry>()
  private readonly list: Entry[] = []
  /** Asked for since the last heartbeat. */
  private readonly requested = new Map<HeartbeatSubject, Entry>()
  /** The interval has come round. */
  private due = false
  private readonly ring: Flight[] = []
  private oldest = 0
  private inFlight = 0
  private readonly columns: HeartbeatColumns = {
    slots: new WireWriter(),
    terms: new WireWriter(),
    commits: new WireWriter(),
  }

  get subjects(): number {
    return this.list.length
  }

  get pending(): boolean {
    return this.due || this.requested.size > 0
  }

  add(subject: HeartbeatSubject): void {
    if (this.entries.has(subject)) return
    const entry = makeEntry(subject, this.list.length)
    this.entries.set(subject, entry)
    this.list.push(entry)
  }

  /** The subject is not called any more, also not for heartbeats in flight. */
  remove(subject: HeartbeatSubject): void {
    const asked = this.requested.get(subject)
    if (asked !== undefined) {
      asked.live = false
      this.requested.delete(subject)
    }
    const entry = this.entries.get(subject)
    if (entry === undefined) return
    entry.live = false
    this.entries.delete(subject)
    const last = this.list.pop()!
    if (last === entry) return
    this.list[entry.place] = last
    last.place = entry.place
  }

  /** Puts the subject into the next heartbeat; returns the sequence from which on an answer counts. */
  request(subject: HeartbeatSubject): number {
    if (!this.requested.has(subject)) {
      const entry = this.entries.get(subject) ?? makeEntry(subject, -1)
      this.requested.set(subject, entry)
    }
    return this.nextSequence
  }

  onInterval(): void {
    this.due = true
  }

  /** The link is down: nothing in flight will be answered. What is registered stays. */
  reset(): void {
    this.due = false
    this.requested.clear()
    while (this.inFlight > 0) this.dropOldest()
  }

  /** Writes the heartbeats that are due or asked for. Returns how many messages that made. */
  encode(queue: FrameQueue, nowMs: number): number {
    if (!this.pending) return 0
    const before = this.nextSequence
    let flight: Flight | null = null
    if (this.due) {
      for (let i = 0; i < this.list.length; i++) flight = this.write(queue, flight, this.list[i]!, nowMs)
    }
    for (const entry of this.requested.values()) {
      // On an interval the registered ones are in already.
      if (!this.due || entry.place < 0) flight = this.write(queue, flight, entry, nowMs)
    }
    if (flight === null) flight = this.start(nowMs)
    this.end(queue, flight)
    this.due = false
    this.requested.clear()
    return this.nextSequence - before
  }

  private write(queue: FrameQueue, open: Flight | null, entry: Entry, nowMs: number): Flight {
    let flight = open
    if (flight !== null && flight.count === MAX_HEARTBEAT_SUBJECTS) {
      this.end(queue, flight)
      flight = null
    }
    if (flight === null) flight = this.start(nowMs)
    const subject = entry.subject
    if (entry.aliasQueue !== queue || entry.aliasVersion !== queue.aliasVersion) this.alias(queue, entry)
    const term = subject.term
    this.columns.slots.uint(subject.slot)
    this.columns.terms.uint(term)
    this.columns.commits.uint(subject.commit)
    flight.entries[flight.count] = entry
    flight.terms[flight.count++] = term
    return flight
  }

  private alias(queue: FrameQueue, entry: Entry): void {
    const writer = queue.begin()
    const length = writer.length
    queue.alias(entry.subject)
    if (writer.length !== length) queue.finish(null, 0)
    entry.aliasQueue = queue
    entry.aliasVersion = queue.aliasVersion
  }

  private start(nowMs: number): Flight {
    if (this.inFlight === MAX_HEARTBEATS_IN_FLIGHT) this.dropOldest()
    const index = (this.oldest + this.inFlight) % MAX_HEARTBEATS_IN_FLIGHT
    let flight = this.ring[index]
    if (flight === undefined) {
      flight = { sequence: 0, sentAtMs: 0, count: 0, entries: [], terms: [] }
      this.ring[index] = flight
    }
    this.inFlight++
    flight.sequence = this.nextSequence++
    flight.sentAtMs = nowMs
    flight.count = 0
    this.columns.slots.length = 0
    this.columns.terms.length = 0
    this.columns.commits.length = 0
    return flight
  }

  private end(queue: FrameQueue, flight: Flight): void {
    const writer = queue.begin()
    const mark = queue.open(MSG_HEARTBEAT)
    encodeHeartbeat(writer, flight.sequence, this.columns)
    queue.close(mark)
    queue.finish(null, 0)
  }

  private dropOldest(): void {
    this.oldest = (this.oldest + 1) % MAX_HEARTBEATS_IN_FLIGHT
    this.inFlight--
  }

  /**
   * Tells every subject of that heartbeat. Subjects may add, remove and ask while they are told.
   */
  onAck(ack: HeartbeatExceptions, forgetAlias: (slot: number) => void): void {
    while (this.inFlight > 0 && this.ring[this.oldest]!.sequence < ack.sequence) this.dropOldest()
    if (this.inFlight === 0 || this.ring[this.oldest]!.sequence !== ack.sequence) return
    const { entries, terms, count, sequence, sentAtMs } = this.ring[this.oldest]!
    const exceptions = ack.positions.length
    let next = 0
    for (let i = 0; i < count; i++) {
      const entry = entries[i]!
      const subject = entry.subject
      const counts = entry.live && subject.term === terms[i]
      if (next < exceptions && ack.positions[next] === i) {
        const answer = ack.answers[next]!
        if (answer === HEARTBEAT_NO_REPLICA) forgetAlias(subject.slot)
        if (counts) subject.onHeartbeatException(answer, ack.terms[next]!, ack.lastIndexes[next]!)
        next++
      } else if (counts) subject.onHeartbeatAck(sequence, sentAtMs)
      if (this.inFlight === 0) return
    }
    if (next < exceptions) throw protocolError('a heartbeat answer names a group that was not asked')
    this.dropOldest()
  }
}
