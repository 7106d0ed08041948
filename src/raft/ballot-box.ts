import { assert } from '../util/assert.ts'
import type { ConfigurationEntry, Member } from './configuration.ts'
import { quorumIndex } from './quorum.ts'

/**
 * Decides what is committed. JRaft keeps a ballot per entry; what a majority holds follows from one index per voter,
 * so that is all we keep. Only entries of the leader's own term are counted (paper, section 5.4.2): nothing below
 * `pendingIndex`, the first entry of its term, commits but by an entry above it.
 */
export class BallotBox {
  lastCommittedIndex: number
  /** First index of the leader's term; 0 when not leading. */
  #pendingIndex = 0

  constructor(lastCommittedIndex: number) {
    this.lastCommittedIndex = lastCommittedIndex
  }

  resetPendingIndex(firstIndexOfTerm: number): void {
    assert(this.#pendingIndex === 0, 'one leadership at a time')
    assert(firstIndexOfTerm > this.lastCommittedIndex, 'a leader holds all that is committed')
    this.#pendingIndex = firstIndexOfTerm
  }

  clearPendingIndex(): void {
    this.#pendingIndex = 0
  }

  /** Whether an entry of the leader's own term is committed: only then may it answer reads. */
  get ownTermCommitted(): boolean {
    return this.#pendingIndex !== 0 && this.lastCommittedIndex >= this.#pendingIndex
  }

  /** Recounts; true when the commit index rose. `heldBy` is the durable index of each voter, one's own included. */
  recount(entry: ConfigurationEntry, heldBy: (voter: Member) => number): boolean {
    if (this.#pendingIndex === 0) return false
    const index = quorumIndex(entry, heldBy)
    if (!Number.isFinite(index) || index < this.#pendingIndex || index <= this.lastCommittedIndex)
      return false
    this.lastCommittedIndex = index
    return true
  }

  /** A follower learnt that entries up to `index` are committed and holds them. True when the index rose. */
  setLastCommittedIndex(index: number): boolean {
    assert(this.#pendingIndex === 0, 'a leader decides by its own count')
    if (index <= this.lastCommittedIndex) return false
    this.lastCommittedIndex = index
    return true
  }
}
