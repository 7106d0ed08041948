import { MAX_GHOST_ENTRIES } from '../util/limits.ts'
import { assert } from '../util/assert.ts'
import { type CommittedEntry, type GroupRecord, type LogEntry, ReplicaGhost } from './ghost-state.ts'
import { InvariantViolation, logMatching } from './invariants.ts'

/** The ghost of one group: what was ever true of it. */
export class GroupGhost implements GroupRecord {
  readonly groupId: string
  /** Who led, by term. */
  readonly leaders = new Map<number, string>()
  /** By index, from 1. It only grows. */
  readonly committed: (CommittedEntry | undefined)[] = [undefined]
  readonly replicas = new Map<string, ReplicaGhost>()
  /** Every entry that was ever on a disk, by term and index. */
  readonly #entries = new Map<number, Map<number, LogEntry>>()
  #entryCount = 0
  /** Called with each newly committed entry. */
  readonly #onCommitted: (index: number, entry: LogEntry) => void

  constructor(groupId: string, onCommitted: (group: GroupGhost, index: number, entry: LogEntry) => void) {
    this.groupId = groupId
    this.#onCommitted = (index, entry) => onCommitted(this, index, entry)
  }

  get lastCommitted(): number {
    return this.committed.length - 1
  }

  replica(storeId: string, number: number): ReplicaGhost {
    const name = `${storeId}#${number}`
    let replica = this.replicas.get(name)
    if (replica === undefined) {
      replica = new ReplicaGhost(storeId, number)
      this.replicas.set(name, replica)
    }
    return replica
  }

  /** An entry lies on a disk. */
  see(index: number, entry: LogEntry): LogEntry {
    let ofTerm = this.#entries.get(entry.term)
    if (ofTerm === undefined) {
      ofTerm = new Map()
      this.#entries.set(entry.term, ofTerm)
    }
    const known = ofTerm.get(index)
    if (known === undefined) {
      assert(this.#entryCount++ < MAX_GHOST_ENTRIES, 'a simulated run writes a bounded number of entries')
      ofTerm.set(index, entry)
      return entry
    }
    logMatching(this, index, known, entry)
    return known
  }

  entry(index: number, term: number): LogEntry | undefined {
    return this.#entries.get(term)?.get(index)
  }

  /** A replica says that `index`, the one behind the last, is committed with an entry of `term`. */
  commit(index: number, term: number, committedIn: number, storeId: string): void {
    assert(index === this.committed.length, 'commits are taken in order')
    const entry = this.entry(index, term)
    if (entry === undefined) {
      const text = `${this.groupId}: ${storeId} committed ${index} of term ${term}, which was never on any disk`
      throw new InvariantViolation('I-8', text)
    }
    this.committed.push({ entry, committedIn })
    this.#onCommitted(index, entry)
  }
}
