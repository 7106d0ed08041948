import type { LogBlock } from '../block/log-block.ts'
import type { FlotillaError } from '../util/errors.ts'
import type { QueueLimits } from '../util/queue-limits.ts'
import type { Member } from './configuration.ts'
import type {
  AppendRequest,
  AppendResponse,
  ReadIndexRequest,
  ReadIndexResponse,
  VoteRequest,
  VoteResponse,
} from './messages.ts'

/**
 * What one group's consensus needs from outside. Calls out are fire-and-forget; answers come as later calls in. Nothing
 * here does I/O before the turn's end, and raft/ awaits nothing.
 */
export interface GroupAddress {
  readonly slot: number
  readonly groupId: string
  readonly fromReplica: number
  readonly toReplica: number
}

export interface HeartbeatSubject extends GroupAddress {
  readonly term: number
  readonly commit: number
  onHeartbeatAck(sequence: number, sentAtMs: number): void
  onHeartbeatException(answer: number, term: number, lastIndex: number): void
}

/** The part of a PeerLink (rpc/messages.ts) that a group uses. */
export interface RaftLink {
  readonly connected: boolean
  readonly epoch: number
  sendVoteRequest(to: GroupAddress, message: VoteRequest): boolean
  sendVoteResponse(to: GroupAddress, message: VoteResponse): boolean
  sendAppendRequest(to: GroupAddress, message: AppendRequest): boolean
  sendAppendResponse(to: GroupAddress, message: AppendResponse): boolean
  sendReadIndexRequest(to: GroupAddress, message: ReadIndexRequest): boolean
  sendReadIndexResponse(to: GroupAddress, message: ReadIndexResponse): boolean
  releaseBulk(bytes: number, epoch: number): void
  waitWritable(waiter: { onWritable(): void }): void
  addHeartbeat(subject: HeartbeatSubject): void
  removeHeartbeat(subject: HeartbeatSubject): void
  requestHeartbeat(subject: HeartbeatSubject): number
}

export interface RaftTransport {
  link(storeId: string): RaftLink
}

/** Only the log's keeper calls `release`, after the flush that the write rode in. See storage/replica-write.ts. */
export interface Vouch {
  release(): void
}

export interface LogWrite {
  readonly slot: number
  readonly hardState: { readonly term: number; readonly votedFor: number } | null
  readonly cutAfter: number
  readonly blocks: readonly LogBlock[]
  readonly vouch: Vouch | null
}

export interface LogStorage {
  /** Bytes of blocks that may be handed over now, beside what is spoken for; past it appends are refused: BUSY. */
  queueRoomBytes(): number
  /** So many more bytes (fewer, below 0) will be handed over at the end of the turn: other groups' callers must not count on them. */
  speakFor(bytes: number): void
  /** Takes the write for the next flush. A write without blocks is always taken. */
  write(write: LogWrite): void
  /** The log of `slot` begins at `firstIndex` from now on, behind an entry of `prevTerm`: what is before it goes. */
  truncate(slot: number, firstIndex: number, prevTerm: number): void
  /** Blocks that cover `from` … at most `to`, at least one when `from` exists; about `maxBytes`. */
  readBlocks(
    slot: number,
    from: number,
    to: number,
    maxBytes: number,
    done: (error: FlotillaError | null, blocks: readonly LogBlock[]) => void,
  ): void
}

/** Where committed entries go, in order. Answers come through FsmCaller.onApplied and onFailed. */
export interface Fsm {
  /** True: apply gets blocks, one call at a time. False: the shard's worker has the bytes and gets names. */
  readonly needsBlocks: boolean
  /** Entries from … to, all committed. `blocks` cover them (the first may begin earlier, the last end later). */
  apply(from: number, to: number, blocks: readonly LogBlock[]): void
  onLeaderStart(term: number): void
  onLeaderStop(reason: string): void
  onStartFollowing(leader: Member, term: number): void
  onStopFollowing(leader: Member | null, term: number, reason: string): void
  onConfigurationCommitted(members: readonly Member[], index: number): void
  onError(error: FlotillaError): void
}

export interface RaftTimer {
  readonly running: boolean
  start(): void
  stop(): void
  /** Pushes the deadline to `nowMs` + its timeout; no clock is read and nothing is moved. */
  touchAt(nowMs: number): void
}

export interface RaftTimers {
  /** `timeoutMs` is asked at each arming: it draws the jitter. The timer goes on until it is stopped. */
  create(timeoutMs: () => number, onTrigger: () => void): RaftTimer
}

/** The owner of the group on this store. */
export interface GroupHost {
  readonly limits: Pick<QueueLimits, 'pendingTasksPerGroup' | 'pendingReadsPerGroup'>
  /** Monotonic time of this turn. */
  nowMs(): number
  /** Number of this turn; it rises after the turn's frames were encoded. */
  turn(): number
  random(): number
  /** Asks for `node.endOfTurn()` in this turn. */
  markDirty(node: { endOfTurn(): void }): void
  /** Leader, term or state changed: for events and route caches. */
  onLeaderChange(leader: Member | null, term: number): void
  onGroupError(error: FlotillaError): void
  /** A peer that should host a replica says that it does not. */
  onMissingReplica(member: Member): void
  log(level: 'debug' | 'info' | 'warn' | 'error', message: string, fields?: object): void
}

/** Settles one proposed entry. `position` is the caller's own number for it. Called exactly once. */
export interface ApplySink {
  onDone(position: number, index: number, term: number, result: Buffer | null): void
  onRefused(position: number, error: FlotillaError): void
}

/** Settles one read: at `index` the state machine holds everything acknowledged before the read began. */
export interface ReadSink {
  /** False once nobody waits for the answer any more: it may be dropped untold. */
  readonly isWanted: boolean
  onReadIndex(index: number): void
  onReadRefused(error: FlotillaError): void
}
