import type { LogBlock } from '../block/log-block.ts'

/**
 * The messages of one group, as raft/ sees them. rpc/messages.ts declares the same shapes: the two rooms know nothing
 * of each other, and the compiler holds them equal where store/ joins them.
 */
export interface TransferToken {
  readonly leaderReplica: number
  readonly term: number
  readonly targetReplica: number
}

export interface VoteRequest {
  readonly preVote: boolean
  readonly round: number
  readonly term: number
  readonly lastLogIndex: number
  readonly lastLogTerm: number
  readonly firstConfigurationHash: number
  readonly token: TransferToken | null
}

export const VOTE_GRANTED = 0
export const VOTE_REFUSED_TERM = 1
export const VOTE_REFUSED_LOG = 2
export const VOTE_REFUSED_LEASE = 3
export const VOTE_REFUSED_VOTED = 4
export const VOTE_REFUSED_CONFIGURATION = 5
export const VOTE_REFUSED_NOT_VOTING = 6

export interface VoteResponse {
  readonly preVote: boolean
  readonly round: number
  readonly term: number
  readonly answer: number
}

export interface AppendRequest {
  readonly term: number
  readonly prevIndex: number
  readonly prevTerm: number
  readonly lastIndex: number
  readonly commit: number
  /** Every member holds entries up to here durably, as far as the leader knows. */
  readonly heldByAll: number
  readonly blocks: readonly LogBlock[]
}

export const APPEND_OK = 0
export const APPEND_MISMATCH = 1
export const APPEND_OLD_TERM = 2
export const APPEND_BUSY = 3

export interface AppendResponse {
  readonly term: number
  readonly answer: number
  readonly index: number
  readonly lastIndex: number
  readonly hintIndex: number
  readonly hintTerm: number
  /** The sender's state is gone: its log is whole from its first index on, but it serves nothing without a snapshot. */
  readonly waitsForSnapshot: boolean
}

export const HEARTBEAT_OK = 0
export const HEARTBEAT_OLD_TERM = 1
export const HEARTBEAT_BEHIND = 2
export const HEARTBEAT_NO_REPLICA = 3
export const HEARTBEAT_NOT_FOLLOWING = 4

export interface HeartbeatAnswer {
  answer: number
  term: number
  lastIndex: number
}

export const READ_OK = 0
export const READ_NOT_LEADER = 1
export const READ_BUSY = 2

export interface ReadIndexRequest {
  readonly requestId: number
}

export interface ReadIndexResponse {
  readonly requestId: number
  readonly answer: number
  readonly index: number
}
