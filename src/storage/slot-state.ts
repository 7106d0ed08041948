import { KIND_CONFIGURATION } from '../block/log-block.ts'
import type { LogBlock } from '../block/log-block.ts'
import { assert } from '../util/assert.ts'
import { hash32 } from '../util/hash.ts'
import { MAX_MIRRORED_CONFIGURATIONS } from '../util/limits.ts'
import type { ReplicaRecord, ReplicaWrite } from './replica-write.ts'

const UNKNOWN_TERM = -1

/** What the main side knows of a replica: its record and where its log ends. No more, for there are ten thousand. */
export class SlotState {
  record: ReplicaRecord
  lastIndex: number
  readonly #groupTag: number
  /** Of the entry at lastIndex; unknown after a cut. */
  #lastTerm: number
  /** Entries up to here are with the worker and will not be cut by what still waits. */
  postedIndex: number
  /** The highest beginning that a plan has found for the log: the state holds all below it, durably. */
  plannedFirstIndex = 0
  /** The last gathering that holds something of this replica, and its place there. */
  gathering = 0
  place = 0
  /** The last gathering that puts its record. */
  recordGathering = 0
  /** The last gathering with a cut that still waits (0: none does), and the lowest index that such cuts leave. */
  #cutGathering = 0
  #cutFloor = 0
  appliedIndex: number
  applyTo: number
  applyQueued = false
  applyStopped = false

  constructor(record: ReplicaRecord, lastIndex: number, lastTerm: number, appliedIndex: number) {
    this.record = record
    this.lastIndex = lastIndex
    this.#groupTag = hash32(record.groupId)
    this.#lastTerm = lastTerm
    this.postedIndex = lastIndex
    this.appliedIndex = appliedIndex
    this.applyTo = appliedIndex
  }

  /** Throws when `write` does not fit what is known; nothing has changed then. */
  check(write: ReplicaWrite): void {
    const { cutAfter, hardState, blocks } = write
    const cuts = cutAfter >= 0 && cutAfter < this.lastIndex
    if (cuts) assert(cutAfter >= this.record.firstIndex - 1, "a cut stays above the log's beginning")
    if (cuts) assert(cutAfter >= this.applyTo, 'an applied entry is never cut')
    if (hardState) assert(hardState.term >= this.record.term, 'a term never falls')
    const term = hardState ? hardState.term : this.record.term
    let lastIndex = cuts ? cutAfter : this.lastIndex
    let lastTerm = cuts ? UNKNOWN_TERM : this.#lastTerm
    for (const block of blocks) {
      assert(block.groupTag === this.#groupTag, 'a block is of its group')
      assert(block.firstIndex === lastIndex + 1, 'a block begins where its log ends')
      assert(
        lastTerm === UNKNOWN_TERM || block.prevTerm === lastTerm,
        'a block continues the term of its log',
      )
      assert(block.term <= term, "no entry is of a term above its replica's")
      lastIndex = block.lastIndex
      lastTerm = block.term
    }
  }

  /** Takes a checked write that goes into gathering `id`. True when the record changes with it. */
  take(write: ReplicaWrite, id: number): boolean {
    let changed = false
    const { hardState, cutAfter } = write
    if (hardState && (hardState.term !== this.record.term || hardState.votedFor !== this.record.votedFor)) {
      this.record = { ...this.record, term: hardState.term, votedFor: hardState.votedFor }
      changed = true
    }
    if (cutAfter >= 0 && cutAfter < this.lastIndex) changed = this.#cut(cutAfter, id) || changed
    for (const block of write.blocks) {
      if (block.kind === KIND_CONFIGURATION) changed = this.#mirror(block) || changed
      this.lastIndex = block.lastIndex
      this.#lastTerm = block.term
    }
    return changed
  }

  /**
   * The log begins at `firstIndex` from now on, behind an entry of `prevTerm`. The number of entries that are gone: 0 when
   * it began there or above already. Throws when that would take what the state has not.
   */
  truncate(firstIndex: number, prevTerm: number): number {
    const { record } = this
    if (firstIndex <= record.firstIndex) return 0
    assert(firstIndex <= this.lastIndex + 1, 'a log is truncated up to its end at most')
    assert(record.space === 0 || firstIndex <= this.plannedFirstIndex, 'what a log loses, its state holds')
    assert(prevTerm >= record.prevTerm && prevTerm <= record.term, 'terms of a log never fall')
    if (firstIndex > this.lastIndex && this.#lastTerm !== UNKNOWN_TERM)
      assert(prevTerm === this.#lastTerm, 'a log begins behind the entry it was truncated at')
    this.record = { ...record, firstIndex, prevTerm }
    return firstIndex - record.firstIndex
  }

  /** Gathering `id` was posted; in it the log ended at `lastIndex`. */
  posted(id: number, lastIndex: number): void {
    if (this.#cutGathering > id) {
      this.postedIndex = Math.min(lastIndex, this.#cutFloor)
      return
    }
    this.#cutGathering = 0
    this.postedIndex = lastIndex
  }

  #cut(cutAfter: number, id: number): boolean {
    this.#cutFloor = this.#cutGathering === 0 ? cutAfter : Math.min(cutAfter, this.#cutFloor)
    this.#cutGathering = id
    this.postedIndex = Math.min(this.postedIndex, cutAfter)
    this.lastIndex = cutAfter
    this.#lastTerm = UNKNOWN_TERM
    const kept = this.record.configurations.filter((configuration) => configuration.index <= cutAfter)
    if (kept.length === this.record.configurations.length) return false
    this.record = { ...this.record, configurations: kept }
    return true
  }

  /** A configuration that is the same as the one before it (each leader's first entry) is not worth a record. */
  #mirror(block: LogBlock): boolean {
    const bytes = block.entry(block.firstIndex)
    const known = this.record.configurations
    if (bytes.equals(known.at(-1)?.bytes ?? this.record.firstConfiguration)) return false
    const configuration = { index: block.firstIndex, term: block.term, bytes: Buffer.from(bytes) }
    const configurations = [...known, configuration].slice(-MAX_MIRRORED_CONFIGURATIONS)
    this.record = { ...this.record, configurations }
    return true
  }
}
