import type { FlotillaError } from '../util/errors.ts'
import type { BallotBox } from './ballot-box.ts'
import type { ConfigurationEntry, Member } from './configuration.ts'
import type { LogManager } from './log-manager.ts'
import type { NodeOptions } from './node-options.ts'
import type { PendingTasks } from './pending-tasks.ts'
import type { GroupAddress, GroupHost, LogStorage, RaftTimers, RaftTransport, Vouch } from './ports.ts'

export type NodeState = 'follower' | 'candidate' | 'leader' | 'error' | 'shutdown'

/** What a read round needs of a replicator. */
export interface ConfirmingPeer {
  readonly toReplica: number
  readonly ackedSequence: number
  requestHeartbeat(): number
  tellCommit(index: number): void
}

/** A node as its roles see it: the state that they share, and how they reach each other. */
export interface RaftNode {
  readonly groupId: string
  readonly groupTag: number
  readonly slot: number
  readonly self: { readonly storeId: string; readonly replica: number }
  readonly options: NodeOptions
  readonly host: GroupHost
  readonly timers: RaftTimers
  readonly transport: RaftTransport
  readonly storage: LogStorage
  readonly log: LogManager
  readonly ballotBox: BallotBox
  readonly pendingTasks: PendingTasks
  readonly fsmCaller: { readonly lastAppliedIndex: number }
  readonly readOnly: {
    onAck(): void
    onApplied(index: number): void
    onLeaderHeard(leader: Member, nowMs: number): void
  }
  readonly replicators: {
    list(): readonly ConfirmingPeer[]
    get(replica: number): ConfirmingPeer | null
    wake(): void
  }
  readonly firstConfigurationHash: number
  readonly firstMembers: readonly Member[]
  readonly configuration: ConfigurationEntry
  readonly isActive: boolean
  /** The store's disk is stuck: this replica vouches for nothing, so it neither leads, votes nor confirms a leader. */
  readonly suspended: boolean
  /** Its state is gone: it votes, stores and acks, but applies and serves nothing until it has a snapshot. */
  readonly waitsForSnapshot: boolean
  readonly stateLoss: FlotillaError | null
  /** Up to here every member holds the log durably, this replica included. */
  readonly heldByAll: number
  readonly priority: number
  readonly state: NodeState
  readonly leader: Member | null
  readonly lastLeaderMs: number
  readonly generation: number
  currTerm: number
  /** Replica voted for in currTerm, 0 for none. */
  votedFor: number

  addressOf(member: { readonly replica: number }): GroupAddress
  setState(state: NodeState): void
  persistHardState(vouch: Vouch | null): void
  resetLeader(leader: Member | null, reason: string): void
  touchLeader(): void
  hearsFromLeader(): boolean
  becomeLeader(): void
  stepDown(term: number, reason: string, persist?: boolean): void
  onHigherTerm(term: number, from: Member): void
  onMatch(): void
  onMissingPrefix(member: Member): void
  assertInLog(index: number): void
  onApplied(index: number): void
  commitAsFollower(index: number): void
  onHeldByAll(index: number): void
  onConfigurationMayHaveChanged(): void
  enterError(error: FlotillaError): void
  guard(call: () => void): void
  noLeaderError(): FlotillaError
}
