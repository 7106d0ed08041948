import type { LogBlock } from '../block/log-block.ts'

/**
 * What stores say to each other, as plain objects. The wire contract is `proto/`; hot messages have hand-written codecs
 * that are equal to protobuf byte for byte.
 *
 * Every group message travels under an alias: a number of the sender (the slot of its replica), defined once per
 * connection together with the groupId and both replica numbers.
 */
export interface GroupAddress {
  /** The alias: the sender's replica slot, unique in its store. */
  readonly slot: number
  readonly groupId: string
  readonly fromReplica: number
  readonly toReplica: number
}

/** What an alias stands for at the receiver. One object per connection and alias. */
export interface GroupRef {
  /** The store at the other end. */
  readonly storeId: string
  readonly groupId: string
  readonly fromReplica: number
  readonly toReplica: number
  /** Kept by the receiver's handlers: the replica found for this ref, so that no string is looked up per message. */
  target: unknown
}

/** Names a leader that asked `target` to take over: it lifts the leases that protect that leader. */
export interface TransferToken {
  readonly leaderReplica: number
  readonly term: number
  readonly targetReplica: number
}

export interface VoteRequest {
  readonly preVote: boolean
  /** The candidate's attempt; the answer repeats it, so that an old round cannot count in a new one. */
  readonly round: number
  /** For a pre-vote the term that the candidate would have. */
  readonly term: number
  readonly lastLogIndex: number
  readonly lastLogTerm: number
  /** hash32 of the first configuration of the group: a fact from outside that all replicas must share. */
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
  /** One of VOTE_*; 0 is granted. */
  readonly answer: number
}

/** Entries prevIndex + 1 … lastIndex; without blocks it is a probe and lastIndex = prevIndex. */
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
  /** One of APPEND_*. */
  readonly answer: number
  /** OK: the last index that the request proved, durable. MISMATCH: the prevIndex that was refused. */
  readonly index: number
  /** MISMATCH: the sender's last index, and the first index and term of the conflicting run (0, 0 when shorter). */
  readonly lastIndex: number
  readonly hintIndex: number
  readonly hintTerm: number
  /** The sender's state is gone: its log is whole from its first index on, but it serves nothing without a snapshot. */
  readonly waitsForSnapshot: boolean
}

export interface TimeoutNow {
  readonly term: number
}

/** One group in a heartbeat frame, kept up to date in place by its owner (a replicator of a leader). */
export interface HeartbeatSubject extends GroupAddress {
  readonly term: number
  /** The commit index, bounded by what this follower is known to hold. */
  readonly commit: number
  /** The follower confirmed the leader at `sequence`, which was sent at `sentAtMs` (monotonic). */
  onHeartbeatAck(sequence: number, sentAtMs: number): void
  onHeartbeatException(answer: number, term: number, lastIndex: number): void
}

export const HEARTBEAT_OK = 0
/** The follower is in a higher term (in `term`). */
export const HEARTBEAT_OLD_TERM = 1
/** The follower's log is shorter than the commit it was told (its end is in `lastIndex`): probe it. */
export const HEARTBEAT_BEHIND = 2
export const HEARTBEAT_NO_REPLICA = 3
export const HEARTBEAT_NOT_FOLLOWING = 4

export interface HeartbeatAnswer {
  answer: number
  term: number
  lastIndex: number
}

export interface ReadIndexRequest {
  readonly requestId: number
}

export const READ_OK = 0
export const READ_NOT_LEADER = 1
export const READ_BUSY = 2

export interface ReadIndexResponse {
  readonly requestId: number
  readonly answer: number
  readonly index: number
}

/** Proposals of one group for its leader, gathered in one turn. They cross one connection, once. */
export interface ForwardRequest {
  readonly requestId: number
  readonly groupId: string
  /** 0: any term. */
  readonly expectedTerm: number
  readonly payloads: readonly Buffer[]
}

/** Settles calls from … from + count - 1 of a request. Several answers may settle one request. */
export interface ForwardResponse {
  readonly requestId: number
  readonly from: number
  readonly count: number
  /** '' is done; else a name of the error table. */
  readonly error: string
  readonly message: string
  /** The error's outcome; meaningless when done. */
  readonly unknownOutcome: boolean
  /** Store that leads, '' when not known. */
  readonly leader: string
  /** Index of the first settled call; the others follow it without a gap. */
  readonly firstIndex: number
  readonly term: number
  /** Empty, or one per call. */
  readonly results: readonly Buffer[]
}

/** What the multiplexer calls when frames arrive. All synchronous; answers go back through the links. */
export interface RpcHandlers {
  /** Both connections to a store are up, under this incarnation and boot. */
  onLinkUp(storeId: string): void
  /** Messages in flight are lost; nothing of the old connections arrives after this. */
  onLinkDown(storeId: string): void
  /** Finds the replica of a new alias (sets `ref.target`, null when there is none). */
  onAlias(ref: GroupRef): void
  onVoteRequest(ref: GroupRef, message: VoteRequest): void
  onVoteResponse(ref: GroupRef, message: VoteResponse): void
  onAppendRequest(ref: GroupRef, message: AppendRequest): void
  onAppendResponse(ref: GroupRef, message: AppendResponse): void
  onTimeoutNow(ref: GroupRef, message: TimeoutNow): void
  /** One group of a heartbeat. Fills `answer` (preset to OK) when it is an exception. */
  onHeartbeat(ref: GroupRef, term: number, commit: number, answer: HeartbeatAnswer): void
  onReadIndexRequest(ref: GroupRef, message: ReadIndexRequest): void
  onReadIndexResponse(ref: GroupRef, message: ReadIndexResponse): void
  /** The other store hosts no replica for what we sent under this address. */
  onNoSuchReplica(storeId: string, groupId: string, fromReplica: number, toReplica: number): void
  onForwardRequest(storeId: string, message: ForwardRequest): void
  onForwardResponse(storeId: string, message: ForwardResponse): void
  /** A cold call: resolve with the answer's body; a FlotillaError travels with its code, message and outcome. */
  onCall(storeId: string, method: string, body: Buffer): Promise<Buffer>
}

/** Everything that can be said to one other store. Nothing is written before the turn's end ({@link flush}). */
export interface PeerLink {
  readonly storeId: string
  /** Both connections are up and their handshakes done. */
  readonly connected: boolean
  /** Raised with each link-up: in-flight accounting of an older epoch is void. */
  readonly epoch: number
  /** Each `send…` returns false when it was refused: not connected, or a bound is reached (nothing was queued). */
  sendVoteRequest(to: GroupAddress, message: VoteRequest): boolean
  sendVoteResponse(to: GroupAddress, message: VoteResponse): boolean
  /** Charges the blocks' bytes to the pair's window until `releaseBulk`. */
  sendAppendRequest(to: GroupAddress, message: AppendRequest): boolean
  /** One place per group: a newer answer replaces an older one of the same turn. */
  sendAppendResponse(to: GroupAddress, message: AppendResponse): boolean
  sendTimeoutNow(to: GroupAddress, message: TimeoutNow): boolean
  sendReadIndexRequest(to: GroupAddress, message: ReadIndexRequest): boolean
  sendReadIndexResponse(to: GroupAddress, message: ReadIndexResponse): boolean
  sendForwardRequest(message: ForwardRequest): boolean
  sendForwardResponse(message: ForwardResponse): boolean
  /** Bytes of appends that were answered, or given up. Ignored for another epoch. */
  releaseBulk(bytes: number, epoch: number): void
  /** Calls `waiter.onWritable()` once, when a refused append may be tried again (window or connection). */
  waitWritable(waiter: { onWritable(): void }): void
  /** Adds a led group to the pair's heartbeat of every interval, or takes it out. */
  addHeartbeat(subject: HeartbeatSubject): void
  removeHeartbeat(subject: HeartbeatSubject): void
  /**
   * Puts the subject into this turn's heartbeat frame and returns its sequence: an ack at or above it proves that the
   * follower knew this leader after now. 0 when not connected.
   */
  requestHeartbeat(subject: HeartbeatSubject): number
  /** A cold call with an answer. Rejects CONNECTION_LOST, TIMEOUT, or with the other side's FlotillaError. */
  call(method: string, body: Buffer, timeoutMs: number): Promise<Buffer>
}
