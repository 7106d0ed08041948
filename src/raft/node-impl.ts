import { assert } from '../util/assert.ts'
import { FlotillaError, toFlotillaError } from '../util/errors.ts'
import { hash32 } from '../util/hash.ts'
import { AppendHandler } from './append-handler.ts'
import { BallotBox } from './ballot-box.ts'
import { type ConfigurationEntry, configurationHash, type Member } from './configuration.ts'
import { encodeConfigurationEntry } from './configuration-codec.ts'
import { Election } from './election.ts'
import { FsmCaller } from './fsm-caller.ts'
import { type LogCacheBudget, LogManager, type RecoveredLog } from './log-manager.ts'
import type { AppendResponse } from './messages.ts'
import type { NodeOptions } from './node-options.ts'
import { PendingTasks } from './pending-tasks.ts'
import type {
  ApplySink,
  Fsm,
  GroupAddress,
  GroupHost,
  LogStorage,
  RaftTimer,
  RaftTimers,
  RaftTransport,
  Vouch,
} from './ports.ts'
import { Proposer } from './proposer.ts'
import type { NodeState, RaftNode } from './raft-node.ts'
import { ReadOnlyService } from './read-only-service.ts'
import { ReplicatorGroup } from './replicator-group.ts'

/** What a replica is made of. `restarted` is false only for one that was made just now and never promised anything. */
export interface NodeParts {
  readonly groupId: string
  readonly slot: number
  readonly replica: number
  readonly storeId: string
  readonly options: NodeOptions
  readonly host: GroupHost
  readonly timers: RaftTimers
  readonly transport: RaftTransport
  readonly storage: LogStorage
  readonly fsm: Fsm
  readonly cacheBudget: LogCacheBudget
  readonly log: RecoveredLog
  readonly term: number
  readonly votedFor: number
  readonly appliedIndex: number
  /** The state ends below the beginning of the log, so no replay brings it back. */
  readonly stateLost: boolean
  readonly restarted: boolean
}

/**
 * One replica of one group. It wires the roles (election, append handling, replication, reads, applying) and keeps the
 * state they share: state, term, vote, leader, configuration. It does no I/O and awaits nothing.
 */
export class NodeImpl implements RaftNode {
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
  readonly fsmCaller: FsmCaller
  readonly readOnly: ReadOnlyService
  readonly replicators: ReplicatorGroup
  readonly proposer: Proposer
  readonly pendingTasks = new PendingTasks()
  readonly firstConfigurationHash: number
  readonly firstMembers: readonly Member[]
  readonly #election: Election
  readonly #appends: AppendHandler
  readonly #stepDownTimer: RaftTimer
  readonly #addresses = new Map<number, GroupAddress>()

  state: NodeState = 'follower'
  currTerm: number
  /** Replica voted for in currTerm, 0 for none. */
  votedFor: number
  leader: Member | null = null
  /** When the leader was last heard (monotonic). */
  lastLeaderMs: number
  /** Rises with every change of state: a resumption that finds another number is of the past. */
  generation = 0
  error: FlotillaError | null = null
  suspended = false

  /**
   * Why it serves nothing: its state is gone and its log does not reach back to the beginning. It votes, stores and acks,
   * but applies nothing until it has a snapshot. Null when its state is there.
   */
  readonly stateLoss: FlotillaError | null
  /** What the leaders of this life have said of all members' logs; it never falls. */
  #toldHeldByAll = 0
  #ownTermAnnounced = false
  #gaveWay = false
  #leaderStartIndex = 0

  constructor(parts: NodeParts) {
    this.groupId = parts.groupId
    this.groupTag = hash32(parts.groupId)
    this.slot = parts.slot
    this.self = { storeId: parts.storeId, replica: parts.replica }
    this.options = parts.options
    this.host = parts.host
    this.timers = {
      create: (timeoutMs, onTrigger) => parts.timers.create(timeoutMs, () => this.guard(onTrigger)),
    }
    this.transport = parts.transport
    this.storage = parts.storage
    this.log = new LogManager(parts.log, parts.cacheBudget)
    this.firstConfigurationHash = configurationHash(encodeConfigurationEntry(parts.log.firstConfiguration))
    this.firstMembers = parts.log.firstConfiguration.conf.members
    this.currTerm = parts.term
    this.votedFor = parts.votedFor
    this.lastLeaderMs = parts.host.nowMs()
    this.stateLoss = parts.stateLost ? stateLost(parts.groupId, parts.storeId) : null
    // What a log has lost at its beginning was committed, whatever became of the state.
    this.ballotBox = new BallotBox(Math.max(parts.appliedIndex, this.log.firstIndex - 1))
    this.fsmCaller = new FsmCaller(this, parts.fsm, parts.appliedIndex)
    this.readOnly = new ReadOnlyService(this)
    this.replicators = new ReplicatorGroup(this)
    this.proposer = new Proposer(this)
    this.#appends = new AppendHandler(this)
    this.#election = new Election(this, parts.restarted)
    this.#stepDownTimer = this.timers.create(
      () => this.options.electionTimeoutMs / 2,
      () => this.#checkQuorum(),
    )
    assert(parts.appliedIndex <= this.log.lastIndex, 'recovery resets a log that the state is ahead of')
    assert(
      parts.stateLost || parts.appliedIndex >= this.log.firstIndex - 1,
      'a log begins where its state ends, or below',
    )
  }

  /** A failed assertion stops this replica; the turn, the wheel and the link go on with the others. */
  guard(call: () => void): void {
    try {
      call()
    } catch (error) {
      this.enterError(toFlotillaError(error))
    }
  }

  /** Begins to follow. A group of one elects itself at once: there is nobody it could have promised anything. */
  start(): void {
    this.#election.startElectionTimer()
    const voters = this.configuration.conf.voters
    const alone =
      !this.configuration.isJoint && voters.length === 1 && voters[0]!.replica === this.self.replica
    if (alone) this.#election.electSelf()
  }

  /** Stands for election now, by way of a pre-vote, when no leader is known. */
  campaign(): void {
    if (this.state === 'follower' && this.leader === null) this.guard(() => this.#election.preVote())
  }

  /** The disk under this replica is stuck: it leaves office and vouches for nothing until `resume`. */
  suspend(reason: string): void {
    this.suspended = true
    if (this.state === 'leader' || this.state === 'candidate') this.stepDown(this.currTerm, reason)
  }

  resume(): void {
    this.suspended = false
  }

  get configuration(): ConfigurationEntry {
    return this.log.configuration
  }

  get waitsForSnapshot(): boolean {
    return this.stateLoss !== null
  }

  get isActive(): boolean {
    return this.state === 'follower' || this.state === 'candidate' || this.state === 'leader'
  }

  get priority(): number {
    return this.configuration.member(this.self.replica)?.priority ?? 0
  }

  /** The address of a member for messages of this replica. */
  addressOf(member: { readonly replica: number }): GroupAddress {
    let address = this.#addresses.get(member.replica)
    if (address === undefined) {
      const { groupId, slot } = this
      address = { groupId, slot, fromReplica: this.self.replica, toReplica: member.replica }
      this.#addresses.set(member.replica, address)
    }
    return address
  }

  /**
   * The sender of a message. One that our configuration does not know may be right all the same: a voter may lag behind
   * the configuration that made it one. Replica numbers keep former members out.
   */
  memberFrom(storeId: string, replica: number): Member {
    const known = this.configuration.member(replica)
    return known?.storeId === storeId ? known : { storeId, replica, role: 'learner', priority: 0 }
  }

  // ---- state -------------------------------------------------------------------------------------------------------

  setState(state: NodeState): void {
    this.state = state
    this.generation++
  }

  /** Hands term and vote to the disk; `vouch` speaks once they are there. */
  persistHardState(vouch: Vouch | null): void {
    const hardState = { term: this.currTerm, votedFor: this.votedFor }
    this.storage.write({ slot: this.slot, hardState, cutAfter: -1, blocks: [], vouch })
  }

  resetLeader(leader: Member | null, reason: string): void {
    const old = this.leader
    if (old === leader) return
    this.leader = leader
    const { fsm } = this.fsmCaller
    if (old !== null && old.replica !== this.self.replica) {
      fsm.onStopFollowing(old, this.currTerm, reason)
      this.readOnly.onLeaderLost()
    }
    if (leader !== null && leader.replica !== this.self.replica) fsm.onStartFollowing(leader, this.currTerm)
    this.host.onLeaderChange(leader, this.currTerm)
  }

  touchLeader(): void {
    const nowMs = this.host.nowMs()
    this.lastLeaderMs = nowMs
    this.#election.electionTimer.touchAt(nowMs)
    if (this.leader !== null) this.readOnly.onLeaderHeard(this.leader, nowMs)
  }

  /** Whether a live leader would be disturbed by an election: heard within T, or oneself with a quorum within T. */
  hearsFromLeader(): boolean {
    if (this.state === 'leader') return this.replicators.hasLiveQuorum()
    return this.leader !== null && this.host.nowMs() - this.lastLeaderMs < this.options.electionTimeoutMs
  }

  /**
   * Back to follower, in `term`. A higher term is handed to the disk unless the caller does so itself. What was
   * proposed and has no index is refused; what has one is settled by it.
   */
  stepDown(term: number, reason: string, persist = true): void {
    if (!this.isActive) return
    const wasLeader = this.state === 'leader'
    const from = this.state
    this.#election.onStepDown()
    this.setState('follower')
    if (wasLeader) this.#stopLeading(reason)
    if (term > this.currTerm) {
      this.currTerm = term
      this.votedFor = 0
      if (persist) this.persistHardState(null)
    }
    this.resetLeader(null, reason)
    this.lastLeaderMs = this.host.nowMs()
    this.#election.startElectionTimer()
    if (from !== 'follower') this.host.log('info', 'stepped down', { term: this.currTerm, reason })
    if (!wasLeader) return
    // Callers come last: one that tries again at once must find a follower.
    this.readOnly.onStepDown()
    this.proposer.refuseAll(new FlotillaError('NOT_LEADER', `stepped down: ${reason}`))
  }

  #stopLeading(reason: string): void {
    this.#stepDownTimer.stop()
    this.replicators.stopAll()
    this.ballotBox.clearPendingIndex()
    this.#ownTermAnnounced = false
    this.#leaderStartIndex = 0
    this.fsmCaller.fsm.onLeaderStop(reason)
  }

  /** Elected by a quorum. The first entry of the term is the configuration: nothing older is counted before it. */
  becomeLeader(): void {
    assert(this.state === 'candidate', 'only a candidate becomes leader')
    this.setState('leader')
    const own = this.configuration.member(this.self.replica)
    assert(own !== null, 'a leader is a member')
    this.host.log('info', 'became leader', { term: this.currTerm, lastIndex: this.log.lastIndex })
    for (const member of this.configuration.listMembers()) {
      if (member.replica !== this.self.replica) this.replicators.addReplicator(member)
    }
    this.ballotBox.resetPendingIndex(this.log.lastIndex + 1)
    this.#leaderStartIndex = this.log.lastIndex + 1
    this.resetLeader(own, 'elected')
    this.proposer.appendConfiguration(encodeConfigurationEntry(this.configuration))
    this.#stepDownTimer.start()
  }

  onHigherTerm(term: number, from: Member): void {
    if (term > this.currTerm) this.stepDown(term, `store ${from.storeId} is in a higher term`)
  }

  // ---- leading -----------------------------------------------------------------------------------------------------

  /** See {@link Proposer}. */
  propose(payload: Buffer, expectedTerm: number, sink: ApplySink, position: number): void {
    this.proposer.propose(payload, expectedTerm, sink, position)
  }

  /** A follower, or our own disk, holds more than before. */
  onMatch(): void {
    if (this.#handOver()) return
    const { replica } = this.self
    const rose = this.ballotBox.recount(this.configuration, (voter) =>
      voter.replica === replica
        ? this.log.durableIndex
        : (this.replicators.get(voter.replica)?.matchIndex ?? 0),
    )
    if (!rose) return
    if (!this.#ownTermAnnounced) {
      this.#ownTermAnnounced = true
      this.readOnly.onOwnTermCommitted()
    }
    this.fsmCaller.pump()
  }

  /** A leader without a state serves nobody: it leaves office as soon as another voter could do better. */
  #handOver(): boolean {
    if (!this.waitsForSnapshot || this.state !== 'leader' || !this.replicators.hasSuccessor()) return false
    this.stepDown(this.currTerm, 'its state is gone and another voter holds the whole log')
    return true
  }

  /**
   * A follower needs entries from before this log's beginning. A log that was reset behind its state (after a crash the
   * state may be ahead) is shorter than those of the voters that committed the entries: once, let one of them lead. What
   * was truncated nobody has for sure: the follower waits for a snapshot.
   */
  onMissingPrefix(member: Member): void {
    if (this.#gaveWay || this.log.truncated || this.configuration.conf.voters.length === 1) return
    this.#gaveWay = true
    this.#election.abstain()
    this.stepDown(this.currTerm, `store ${member.storeId} needs entries that this log does not hold`)
  }

  /** A follower cannot hold what the leader's log does not. */
  assertInLog(index: number): void {
    assert(index <= this.log.lastIndex, 'a follower acknowledges only what the leader sent')
  }

  /** Every half election timeout a leader makes sure that a quorum still follows it. */
  #checkQuorum(): void {
    if (this.state !== 'leader') return
    if (!this.replicators.keepsOffice()) {
      this.stepDown(this.currTerm, 'no quorum answered for an election timeout')
      return
    }
    if (this.#handOver()) return
    this.readOnly.tick()
    this.replicators.tick(this.host.nowMs())
  }

  // ---- following ---------------------------------------------------------------------------------------------------

  /** Entries up to `index` are committed and this log holds them as the leader does. */
  commitAsFollower(index: number): void {
    if (this.state === 'follower' && this.ballotBox.setLastCommittedIndex(index)) this.fsmCaller.pump()
  }

  /** The leader says that all members hold entries up to `index`. Only what this log holds too is ever believed of it. */
  onHeldByAll(index: number): void {
    if (index > this.#toldHeldByAll) this.#toldHeldByAll = index
  }

  /** Up to here every member holds the log durably, this replica included. */
  get heldByAll(): number {
    const known = this.state === 'leader' ? this.replicators.heldByAll() : this.#toldHeldByAll
    return Math.min(known, this.log.durableIndex)
  }

  /**
   * The log gives up its beginning: the state machine holds it, durably. A replica that needs more than that of it, in
   * memory or on the way from disk, sees that it is gone. False when it may not (any more).
   */
  truncatePrefix(firstIndex: number): boolean {
    const { log } = this
    if (!this.isActive || this.waitsForSnapshot || firstIndex <= log.firstIndex) return false
    if (firstIndex > Math.min(this.fsmCaller.lastAppliedIndex, log.durableIndex) + 1) return false
    log.truncatePrefix(firstIndex)
    this.storage.truncate(this.slot, log.firstIndex, log.prevTerm)
    this.guard(() => this.replicators.wake())
    return true
  }

  /** The log was cut or grew by a configuration: it is in force at once (paper, section 6). */
  onConfigurationMayHaveChanged(): void {
    const isVoter = this.configuration.isVoter(this.self.replica)
    if (!isVoter) this.#election.electionTimer.stop()
    else if (this.state === 'follower' && !this.#election.electionTimer.running)
      this.#election.startElectionTimer()
  }

  /** The state machine holds entries up to `index`. */
  onApplied(index: number): void {
    if (this.#leaderStartIndex !== 0 && index >= this.#leaderStartIndex) {
      this.#leaderStartIndex = 0
      this.fsmCaller.fsm.onLeaderStart(this.currTerm)
    }
  }

  // ---- messages ----------------------------------------------------------------------------------------------------

  get election(): Election {
    return this.#election
  }

  get appends(): AppendHandler {
    return this.#appends
  }

  handleAppendResponse(from: Member, response: AppendResponse): void {
    if (response.term > this.currTerm) this.onHigherTerm(response.term, from)
    else if (this.state === 'leader' && response.term === this.currTerm) {
      this.replicators.get(from.replica)?.onAppendResponse(response)
    }
  }

  onLink(storeId: string, up: boolean): void {
    this.guard(() => this.#takeLink(storeId, up))
  }

  #takeLink(storeId: string, up: boolean): void {
    this.replicators.onLink(storeId, up)
    if (up) return
    this.readOnly.onLinkDown(storeId)
    if (this.leader?.storeId === storeId) this.readOnly.onLeaderLost()
  }

  noLeaderError(): FlotillaError {
    if (this.error !== null) return this.error
    if (this.state === 'shutdown')
      return new FlotillaError('CLOSED', `group ${this.groupId} is closed`, { outcome: 'not-applied' })
    if (this.leader === null)
      return new FlotillaError('NO_LEADER', `group ${this.groupId} has no known leader`)
    const leader = this.leader.storeId
    return new FlotillaError('NOT_LEADER', `store ${leader} leads group ${this.groupId}`, { leader })
  }

  // ---- the end -----------------------------------------------------------------------------------------------------

  /** Terminal until the store restarts: this replica serves, votes and acks nothing; the group goes on without it. */
  enterError(error: FlotillaError): void {
    if (this.state === 'error' || this.state === 'shutdown') return
    this.error = error
    this.#stop('error', error, error)
    this.fsmCaller.fsm.onError(error)
    this.host.log('error', 'the replica stops', { code: error.code, reason: error.message })
    this.host.onGroupError(error)
  }

  shutdown(): void {
    if (this.state === 'shutdown') return
    const closed = `group ${this.groupId} is closed`
    const unknown = new FlotillaError('CLOSED', closed, { outcome: 'unknown' })
    this.#stop('shutdown', new FlotillaError('CLOSED', closed, { outcome: 'not-applied' }), unknown)
  }

  #stop(state: 'error' | 'shutdown', notApplied: FlotillaError, unknown: FlotillaError): void {
    const wasLeader = this.state === 'leader'
    this.#election.stop()
    this.#stepDownTimer.stop()
    this.replicators.stopAll()
    this.ballotBox.clearPendingIndex()
    this.setState(state)
    this.proposer.refuseAll(notApplied)
    if (wasLeader) this.fsmCaller.fsm.onLeaderStop(notApplied.message)
    this.resetLeader(null, notApplied.message)
    this.fsmCaller.stop()
    this.pendingTasks.failAll(unknown)
    this.readOnly.failAll(notApplied)
    this.log.close()
  }
}

function stateLost(groupId: string, storeId: string): FlotillaError {
  const text =
    `the state of group ${groupId} on store ${storeId} is gone, and its log does not reach back to the beginning: this ` +
    'replica stores the log and votes, but serves nothing until it has a snapshot of another store. Put the right data ' +
    'directory back if you have it'
  return new FlotillaError('STATE_LOST', text, { store: storeId })
}
