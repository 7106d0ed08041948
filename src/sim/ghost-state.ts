import type { NodeImpl } from '../raft/node-impl.ts'

/** An entry of a log as the checker knows it. */
export interface LogEntry {
  readonly term: number
  /** Of the entry before it. */
  readonly prevTerm: number
  /** False for a configuration. */
  readonly isData: boolean
  /** CRC-32 of the payload. */
  readonly hash: number
  readonly payload: Buffer
}

export interface CommittedEntry {
  readonly entry: LogEntry
  /** Term of the leader that was first seen to have committed it. */
  readonly committedIn: number
}

/** What one replica has promised, over all its lives on one store. */
export class ReplicaGhost {
  readonly storeId: string
  /** `store#replica`. */
  readonly name: string
  /** Candidate by term. */
  readonly votes = new Map<number, number>()
  /** Highest term in which it promised anything. */
  promisedTerm = 0
  /** The last entry that it acknowledged and no later leader took back; its term. */
  ackedIndex = 0
  ackedTerm = 0
  /** The term that it was in when it acknowledged that. */
  ackedIn = 0
  /** The last entry of each term that it ever acknowledged. */
  readonly ackedOfTerm = new Map<number, number>()
  /** When a life that is over last heard from the leader that it followed. */
  followedAtMs = Number.NEGATIVE_INFINITY
  /** Where its log began after the last truncation; later it may begin anew, behind a state that a crash left ahead of it. */
  truncatedTo = 1
  /** What its disk has forgotten of its promises, in words; null while it has all. */
  amnesia: string | null = null

  constructor(storeId: string, number: number) {
    this.storeId = storeId
    this.name = `${storeId}#${number}`
  }

  /** A later leader has cut off what was acknowledged to an earlier one: what is committed stands. */
  takeBack({ log }: NodeImpl, committedBefore: number): void {
    const { ackedIndex } = this
    if (ackedIndex < log.firstIndex) return
    if (ackedIndex <= log.lastIndex && log.termAt(ackedIndex) === this.ackedTerm) return
    // Not what is known as committed by now: that may be on the disks of others alone.
    this.ackedIndex = Math.max(Math.min(ackedIndex, committedBefore), log.firstIndex - 1)
    this.ackedTerm = log.termAt(this.ackedIndex)
    this.ackedIn = 0
  }

  acknowledge(index: number, term: number, inTerm: number): void {
    if (index > (this.ackedOfTerm.get(term) ?? 0)) this.ackedOfTerm.set(term, index)
    if (index < this.ackedIndex) return
    this.ackedIndex = index
    this.ackedTerm = term
    this.ackedIn = inTerm
  }
}

/** What a group's ghost remembers, as the checks read and write it. */
export interface GroupRecord {
  readonly groupId: string
  /** Who led, by term. */
  readonly leaders: Map<number, string>
  /** By index, from 1. It only grows. */
  readonly committed: readonly (CommittedEntry | undefined)[]
  readonly lastCommitted: number
}

/** What a disk holds durably of a replica. */
export interface DurableLog {
  readonly term: number
  readonly votedFor: number
  entryAt(index: number): LogEntry | null
  holds(index: number, term: number): boolean
}
