import type { NodeImpl } from '../raft/node-impl.ts'
import {
  APPEND_OK,
  type AppendRequest,
  type AppendResponse,
  VOTE_GRANTED,
  type VoteRequest,
  type VoteResponse,
} from '../raft/messages.ts'
import type { GroupAddress, HeartbeatSubject, PeerLink, TimeoutNow } from '../rpc/messages.ts'
import type { PeerLinkImpl } from '../rpc/peer-link.ts'
import type { GroupReplica } from '../store/group-replica.ts'
import type { StoreHost } from '../store/store-host.ts'
import { diskBoundsHold, linkBoundsHold, replicaBoundsHold, storeBoundsHold } from './bounds.ts'
import type { DiskMirror } from './disk-mirror.ts'
import type { GroupGhost } from './ghost.ts'
import type { ReplicaGhost } from './ghost-state.ts'
import {
  ackIsDurable,
  amnesiacIsSilent,
  commitIsDurable,
  commitIsFinal,
  commitMonotonic,
  durableIsOnDisk,
  electionSafety,
  failedStoreIsSilent,
  InvariantViolation,
  keepsAcknowledged,
  keepsOwnTerm,
  leaderAppendOnly,
  leaderCompleteness,
  leasePromiseKept,
  noGap,
  recoveredIsCommitted,
  termIsOwn,
  termMonotonic,
  voteIsDurable,
  voteUniqueness,
} from './invariants.ts'
import { LinkMarks } from './mark-lives.ts'
import { cutIsClean } from './log-cuts.ts'
import { markBounds, markChange, markElection, markStart } from './mark-replicas.ts'
import type { Marks } from './marks.ts'
import { watchReads } from './read-watch.ts'

/** Codes of decisions in the trace hash. */
const DECIDED_LEADER = 101
const DECIDED_COMMIT = 102
const DECIDED_VOTE = 103
const DECIDED_ACK = 104

const LOOKS_AT_LINKS = 2
const NEVER = Number.POSITIVE_INFINITY
/** A worker tells at once what its disk refused; its message takes microseconds. */
const TELL_WITHIN_MS = 5

/** What a watch asks of the checker that it belongs to. */
export interface Watcher {
  group(groupId: string): GroupGhost
  /** Whether the disk of a store holds an entry durably. */
  holds(storeId: string, groupId: string, index: number, term: number): boolean
  /** Runs a check in the middle of production code: a violation ends the run instead of going into that code. */
  check(run: () => void): void
  readonly marks: Marks
  /** The replicas of a group on other stores that run. */
  nodesElsewhere(groupId: string, storeId: string): readonly NodeImpl[]
  readonly nowMs: number
  decide(code: number, a: number, b: number): void
  note(text: string): void
  onAmnesia(storeId: string, group: GroupGhost, forgot: string): void
  isDamaged(storeId: string): boolean
}

/** A replica as it was when it was last looked at. */
class Seen {
  readonly found: GroupReplica
  readonly node: NodeImpl
  readonly group: GroupGhost
  readonly replica: ReplicaGhost
  generation = -1
  term: number
  lastIndex: number
  lastTerm: number
  commit: number
  applied: number
  firstIndex: number
  leaderTerm = 0

  constructor(found: GroupReplica, node: NodeImpl, group: GroupGhost, replica: ReplicaGhost) {
    this.found = found
    this.node = node
    this.group = group
    this.replica = replica
    this.term = node.currTerm
    this.firstIndex = node.log.firstIndex
    this.lastIndex = node.log.lastIndex
    this.lastTerm = node.log.termAt(node.log.lastIndex)
    this.commit = node.ballotBox.lastCommittedIndex
    this.applied = node.fsmCaller.lastAppliedIndex
  }
}

/** One life of one store, looked at after each of its steps and at each promise that it sends. */
export class StoreWatch {
  readonly storeId: string
  readonly host: StoreHost
  readonly #ghost: Watcher
  readonly #disk: DiskMirror
  readonly #seen = new Map<GroupReplica, Seen>()
  /** The same in the order of the host's groups: after each step all of them are looked at. */
  readonly #looked: Seen[] = []
  readonly #links = new Set<PeerLinkImpl>()
  /** So many steps more the links are looked at: what a step says is written at the end of its turn. */
  #linkLooks = 0
  readonly #linkMarks: LinkMarks
  /** When the main thread first ran after the disk had refused a write: as long as the process sleeps nobody is told. */
  #awakeAtMs = NEVER

  constructor(ghost: Watcher, storeId: string, host: StoreHost, disk: DiskMirror) {
    this.#ghost = ghost
    this.storeId = storeId
    this.host = host
    this.#disk = disk
    this.#linkMarks = new LinkMarks(ghost.marks)
    this.#listenOnLinks()
  }

  /** Every message of raft goes through a link of the multiplexer: each is given ears when it is first asked for. */
  #listenOnLinks(): void {
    const { multiplexer } = this.host
    const link = multiplexer.link.bind(multiplexer)
    const heard = (storeId: string): ReturnType<typeof link> => {
      const found = link(storeId)
      if (!this.#links.has(found)) this.#listen(found)
      return found
    }
    Object.defineProperty(multiplexer, 'link', { value: heard })
  }

  #listen(link: PeerLinkImpl): void {
    this.#links.add(link)
    const { sendVoteRequest, sendVoteResponse, sendAppendResponse } = link
    const onCandidacy = (to: GroupAddress, message: VoteRequest): boolean => {
      this.#onCandidacy(to, message)
      return sendVoteRequest.call(link, to, message)
    }
    const onVote = (to: GroupAddress, message: VoteResponse): boolean => {
      this.#onVote(to, message)
      return sendVoteResponse.call(link, to, message)
    }
    const onAck = (to: GroupAddress, message: AppendResponse): boolean => {
      this.#onAck(to, message)
      return sendAppendResponse.call(link, to, message)
    }
    Object.defineProperty(link, 'sendVoteRequest', { value: onCandidacy })
    Object.defineProperty(link, 'sendVoteResponse', { value: onVote })
    Object.defineProperty(link, 'sendAppendResponse', { value: onAck })
    this.#listenToLeaders(link)
  }

  /** What leaders send promises nothing on their disk; it must be of no term above theirs. */
  #listenToLeaders(link: PeerLink): void {
    const { sendAppendRequest, sendTimeoutNow, addHeartbeat, requestHeartbeat } = link
    const onAppend = (to: GroupAddress, message: AppendRequest): boolean => {
      this.#onTerm(to, message.term)
      return sendAppendRequest.call(link, to, message)
    }
    const onTimeoutNow = (to: GroupAddress, message: TimeoutNow): boolean => {
      this.#onTerm(to, message.term)
      return sendTimeoutNow.call(link, to, message)
    }
    const onHeartbeat = (subject: HeartbeatSubject): void => {
      this.#onTerm(subject, subject.term)
      addHeartbeat.call(link, subject)
    }
    const onHeartbeatNow = (subject: HeartbeatSubject): number => {
      this.#onTerm(subject, subject.term)
      return requestHeartbeat.call(link, subject)
    }
    Object.defineProperty(link, 'sendAppendRequest', { value: onAppend })
    Object.defineProperty(link, 'sendTimeoutNow', { value: onTimeoutNow })
    Object.defineProperty(link, 'addHeartbeat', { value: onHeartbeat })
    Object.defineProperty(link, 'requestHeartbeat', { value: onHeartbeatNow })
  }

  /** Appends are many: they cost one look-up. */
  #onTerm(to: GroupAddress, term: number): void {
    this.#linkLooks = LOOKS_AT_LINKS
    const own = this.host.group(to.groupId)?.node?.currTerm ?? 0
    if (term > own) this.#ghost.check(() => this.#termIsOwn(this.#find(to), term))
  }

  #termIsOwn({ group, replica, node }: Seen, term: number): void {
    termIsOwn(group, replica, term, node.currTerm)
  }

  /** Whoever asks for votes has voted for itself. A pre-vote asks for the term after its sender's. */
  #onCandidacy(to: GroupAddress, { preVote, term }: VoteRequest): void {
    this.#onTerm(to, preVote ? term - 1 : term)
    if (preVote) return
    this.#ghost.check(() => {
      const { group, replica, node } = this.#find(to)
      this.#beforePromise(group, replica, `a candidacy in term ${term}`)
      this.#vouchForVote(group, replica, to.groupId, term, node.self.replica)
    })
  }

  #onVote(to: GroupAddress, { preVote, answer, term }: VoteResponse): void {
    this.#linkLooks = LOOKS_AT_LINKS
    this.#ghost.check(() => {
      const { group, replica, node } = this.#find(to)
      termIsOwn(group, replica, term, node.currTerm)
      if (preVote || answer !== VOTE_GRANTED) return
      this.#ghost.decide(DECIDED_VOTE, term, to.toReplica)
      leasePromiseKept(group, replica, this.#ghost.nowMs, node.options.electionTimeoutMs)
      this.#beforePromise(group, replica, `a vote in term ${term}`)
      this.#vouchForVote(group, replica, to.groupId, term, to.toReplica)
    })
  }

  #vouchForVote(
    group: GroupGhost,
    replica: ReplicaGhost,
    groupId: string,
    term: number,
    candidate: number,
  ): void {
    voteUniqueness(group, replica, term, candidate)
    voteIsDurable(group, this.storeId, this.#disk.log(groupId), term, candidate)
    replica.promisedTerm = Math.max(replica.promisedTerm, term)
  }

  #onAck(to: GroupAddress, { answer, term, index }: AppendResponse): void {
    this.#linkLooks = LOOKS_AT_LINKS
    this.#ghost.check(() => {
      const { group, replica, node } = this.#find(to)
      termIsOwn(group, replica, term, node.currTerm)
      if (answer !== APPEND_OK) return
      this.#ghost.decide(DECIDED_ACK, term, index)
      this.#beforePromise(group, replica, `an ack of ${index}`)
      // What lies before the log's beginning is in the state, which was synced before the log was reset.
      if (index < node.log.firstIndex) return
      const entryTerm = node.log.termAt(index)
      ackIsDurable(group, this.storeId, this.#disk.log(to.groupId), term, index, entryTerm)
      replica.acknowledge(index, entryTerm, term)
      replica.promisedTerm = Math.max(replica.promisedTerm, term)
    })
  }

  #beforePromise(group: GroupGhost, replica: ReplicaGhost, promise: string): void {
    const failed = this.host.failure !== null || this.#knowsOfRefusal()
    failedStoreIsSilent(group, this.storeId, failed, promise)
    amnesiacIsSilent(group, replica, promise)
  }

  /** The disk refused a write, and its worker has told the main thread by now: whatever that has made of it. */
  #knowsOfRefusal(): boolean {
    return this.#awakeAtMs < this.#ghost.nowMs - TELL_WITHIN_MS
  }

  #find(address: GroupAddress): Seen {
    const found = this.host.group(address.groupId)
    const seen = found === null ? null : this.#see(found)
    if (seen === null)
      throw new InvariantViolation(
        'I-19',
        `${this.storeId} sends a promise of ${address.groupId}, which it does not host`,
      )
    return seen
  }

  /** The main thread of this store has run. */
  afterStep(): void {
    if (this.#disk.refusedAtMs < this.#ghost.nowMs && this.#awakeAtMs === NEVER)
      this.#awakeAtMs = this.#ghost.nowMs
    if (this.#linkLooks > 0) {
      this.#linkLooks--
      for (const link of this.#links) linkBoundsHold(this.host, link)
    }
    let at = 0
    for (const replica of this.host.groups()) {
      let seen = this.#looked[at]
      if (seen?.found !== replica) {
        const first = this.#see(replica)
        if (first === null) continue
        this.#looked[at] = first
        seen = first
      }
      at++
      this.#look(seen)
    }
  }

  /** Its process has died. `clockMs` is what its clock showed then. */
  onLifeOver(clockMs: number): void {
    this.#linkMarks.look(this.host)
    for (const { node, replica } of this.#seen.values()) {
      if (node.leader === null || node.state === 'leader') continue
      replica.followedAtMs = Math.max(replica.followedAtMs, this.#ghost.nowMs - (clockMs - node.lastLeaderMs))
    }
  }

  /** Rarely: what is bounded. */
  checkBounds(): void {
    storeBoundsHold(this.host)
    this.#linkMarks.look(this.host)
    for (const { group, node } of this.#seen.values()) {
      replicaBoundsHold(group.groupId, node)
      markBounds(this.#ghost.marks, node)
    }
  }

  #see(found: GroupReplica): Seen | null {
    const known = this.#seen.get(found)
    if (known !== undefined) return known
    const { node } = found
    if (node === null) return null
    const group = this.#ghost.group(found.groupId)
    const replica = group.replica(this.storeId, found.replica)
    const seen = new Seen(found, node, group, replica)
    this.#seen.set(found, seen)
    watchReads(node, group, (run) => this.#ghost.check(run))
    this.#onStarted(seen)
    return seen
  }

  /** A replica has come to life: what it says of itself is held against what it has promised. */
  #onStarted({ node, group, replica, commit }: Seen): void {
    const forgot = forgotten(node, replica)
    if (forgot !== null && replica.amnesia === null) {
      replica.amnesia = forgot
      this.#ghost.onAmnesia(this.storeId, group, forgot)
    }
    markStart(this.#ghost.marks, node, group)
    if (replica.amnesia !== null) return
    if (commit > group.lastCommitted) {
      const text = `${group.groupId}: ${replica.name} recovered a state at ${commit}, committed is ${group.lastCommitted}`
      throw new InvariantViolation('I-16', text)
    }
    recoveredIsCommitted(group, this.storeId, node)
    this.#checkGap(group, node)
  }

  #look(seen: Seen): void {
    const { node } = seen
    const commit = node.ballotBox.lastCommittedIndex
    const { lastIndex } = node.log
    const changed =
      node.generation !== seen.generation ||
      node.currTerm !== seen.term ||
      commit !== seen.commit ||
      lastIndex !== seen.lastIndex ||
      node.log.firstIndex !== seen.firstIndex ||
      node.fsmCaller.lastAppliedIndex !== seen.applied ||
      node.log.termAt(lastIndex) !== seen.lastTerm
    if (!changed) return
    this.#onChanged(seen, commit, lastIndex)
  }

  #onChanged(seen: Seen, commit: number, lastIndex: number): void {
    const { node, group, replica } = seen
    const disk = this.#disk.log(group.groupId)
    markChange(this.#ghost.marks, node, seen, replica, disk)
    if (disk !== null) cutIsClean(group, node, seen, disk)
    termMonotonic(group, replica, seen.term, node.currTerm)
    const leads = node.state === 'leader'
    if (leads && seen.leaderTerm === node.currTerm)
      leaderAppendOnly(group, node, seen.lastIndex, seen.lastTerm)
    else if (leads) this.#onElected(seen)
    else keepsOwnTerm(group, node, seen.lastIndex, seen.lastTerm)
    durableIsOnDisk(group, node, disk)
    commitMonotonic(group, node, seen.commit)
    if (commit > seen.commit) this.#onCommit(seen, commit, leads)
    this.#checkGap(group, node)
    // A burst fills what is bounded, and is over, between two of the looks at all stores.
    if (lastIndex > seen.lastIndex) {
      replicaBoundsHold(group.groupId, node)
      diskBoundsHold(this.host)
    }
    keepsAcknowledged(group, node, replica)
    replica.takeBack(node, seen.commit)
    if (node.log.firstIndex > seen.firstIndex) replica.truncatedTo = node.log.firstIndex
    seen.generation = node.generation
    seen.term = node.currTerm
    seen.commit = commit
    seen.firstIndex = node.log.firstIndex
    seen.lastIndex = lastIndex
    seen.lastTerm = node.log.termAt(lastIndex)
    seen.applied = node.fsmCaller.lastAppliedIndex
  }

  /** A state that was damaged is gone, and its replica says so. */
  #checkGap(group: GroupGhost, node: NodeImpl): void {
    if (node.stateLoss === null || !this.#ghost.isDamaged(this.storeId)) noGap(group, node)
  }

  #onElected(seen: Seen): void {
    const { node, group } = seen
    seen.leaderTerm = node.currTerm
    this.#ghost.decide(DECIDED_LEADER, node.currTerm, node.self.replica)
    this.#ghost.note(`${this.storeId} leads ${group.groupId} in term ${node.currTerm}`)
    markElection(this.#ghost.marks, node, group, this.#ghost.nodesElsewhere(group.groupId, this.storeId))
    electionSafety(group, this.storeId, node.currTerm)
    leaderCompleteness(group, node)
  }

  #onCommit(seen: Seen, commit: number, leads: boolean): void {
    const { node, group, replica } = seen
    this.#ghost.decide(DECIDED_COMMIT, commit, node.currTerm)
    if (leads) {
      commitIsDurable(group, node, commit, (storeId, index, term) =>
        this.#ghost.holds(storeId, group.groupId, index, term),
      )
      const own = this.#disk.log(group.groupId)
      const term = node.log.termAt(commit)
      if (own?.holds(commit, term)) replica.acknowledge(commit, term, node.currTerm)
    }
    for (let index = Math.max(seen.commit + 1, node.log.firstIndex); index <= commit; index++) {
      const term = node.log.termAt(index)
      if (index <= group.lastCommitted) commitIsFinal(group, this.storeId, index, term)
      else group.commit(index, term, node.currTerm, this.storeId)
    }
  }
}

/** What a replica does not know any more of what it promised, in words; null when it knows all. */
function forgotten(node: NodeImpl, replica: ReplicaGhost): string | null {
  const { self } = node
  const rightful = node.firstMembers.find(({ storeId }) => storeId === self.storeId)
  if (rightful?.replica !== self.replica) return `who it is (it takes itself for replica ${self.replica})`
  if (node.currTerm < replica.promisedTerm) return `term ${replica.promisedTerm} (it is in ${node.currTerm})`
  const vote = replica.votes.get(node.currTerm)
  if (vote !== undefined && node.votedFor !== vote) return `its vote for ${vote} in term ${node.currTerm}`
  const { ackedIndex, ackedTerm } = replica
  const { log } = node
  if (ackedIndex < log.firstIndex) return null
  if (ackedIndex <= log.lastIndex && log.termAt(ackedIndex) === ackedTerm) return null
  return `entry ${ackedIndex} of term ${ackedTerm} (its log ends at ${log.lastIndex})`
}
