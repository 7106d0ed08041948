import { FlotillaError } from '../util/errors.ts'
import { Ballot } from './ballot.ts'
import type { Member } from './configuration.ts'
import { compareLogIds } from './log-id.ts'
import {
  VOTE_GRANTED,
  VOTE_REFUSED_CONFIGURATION,
  VOTE_REFUSED_LEASE,
  VOTE_REFUSED_LOG,
  VOTE_REFUSED_NOT_VOTING,
  VOTE_REFUSED_TERM,
  VOTE_REFUSED_VOTED,
  type VoteRequest,
  type VoteResponse,
} from './messages.ts'
import { NodeVouch } from './node-vouch.ts'
import type { RaftNode } from './raft-node.ts'
import type { RaftTimer } from './ports.ts'

/** Shares of the election timeout: between two voters' places, and the random part of each. Places never overlap. */
const PLACE_SHARE = 0.25
const JITTER_SHARE = 0.2
/** Voters beyond share the last place: all have stood before two timeouts are over. */
const MAX_PLACES = 4
/** Election timeouts for which a voter that gave way does not stand. */
const ABSTAIN_TIMEOUTS = 4
/**
 * Election timeouts without any leader after which a voter whose state is gone stands all the same: the others have stood
 * by then, and if none of them has won, the only log that is up to date may be here.
 */
const STATE_LOST_TIMEOUTS = 6

/**
 * Elections, as the seed of the project describes them: election timeout → preVote → electSelf → becomeLeader, with the
 * vote timer between. Each resumption re-checks generation, state and term: the ABA defence.
 */
export class Election {
  readonly #node: RaftNode
  readonly electionTimer: RaftTimer
  readonly voteTimer: RaftTimer
  #preVoteBallot: Ballot | null = null
  #voteBallot: Ballot | null = null
  /** Tags each attempt; answers of an older one do not count. */
  #round = 0
  /**
   * A voter that has just started refuses votes until then: it has forgotten whom it promised not to disturb. 0 for a
   * replica that was made just now and never promised anything.
   */
  #votesFromMs: number
  /** Until then this voter does not stand. */
  #standsFromMs = 0
  /** The leader's last word when a stall put the election off. */
  #patientSinceMs = -1

  constructor(node: RaftNode, restarted: boolean) {
    this.#node = node
    this.electionTimer = node.timers.create(
      () => this.#electionTimeoutMs(),
      () => this.#handleElectionTimeout(),
    )
    this.voteTimer = node.timers.create(
      () => this.#voteTimeoutMs(),
      () => this.#handleVoteTimeout(),
    )
    this.#votesFromMs = restarted ? node.host.nowMs() + node.options.electionTimeoutMs : 0
  }

  /**
   * Voters stand one after the other: by priority, then in an order that differs from group to group, so that the groups
   * of a dead store spread over the others. Whoever comes first has the votes before the next one's time, and within two
   * timeouts somebody has. (JRaft lets voters of lower priority skip whole rounds, and lets equal ones collide.)
   */
  #electionTimeoutMs(): number {
    const { options, host } = this.#node
    const place = Math.min(this.#rank(), MAX_PLACES - 1)
    return options.electionTimeoutMs * (1 + PLACE_SHARE * place + JITTER_SHARE * host.random())
  }

  /** How many voters stand before this one. */
  #rank(): number {
    const { configuration, self, groupTag, priority } = this.#node
    const { voters, nextReplica } = configuration.conf
    const order = (replica: number): number => (replica + groupTag) % nextReplica
    let rank = 0
    for (const voter of voters) {
      if (voter.replica === self.replica) continue
      const before =
        voter.priority === priority ? order(voter.replica) < order(self.replica) : voter.priority > priority
      if (before) rank++
    }
    return rank
  }

  /** Votes come in milliseconds or not at all; two that stood at once must not meet again. */
  #voteTimeoutMs(): number {
    const { options, host } = this.#node
    return options.electionTimeoutMs * (0.4 + 0.4 * host.random())
  }

  get #isVoter(): boolean {
    return this.#node.configuration.isVoter(this.#node.self.replica)
  }

  #handleElectionTimeout(): void {
    const node = this.#node
    if (node.state !== 'follower') return
    if (node.host.nowMs() - node.lastLeaderMs < node.options.electionTimeoutMs) return
    node.resetLeader(null, 'no word from the leader for an election timeout')
    if (this.#isVoter && node.priority > 0) this.preVote()
  }

  /**
   * The event loop stood still: a leader that lives is heard before half a timeout is over. Only once for each word of a
   * leader, else a process that stalls again and again would never stand.
   */
  onStall(): void {
    const { host, options, lastLeaderMs } = this.#node
    if (this.#patientSinceMs === lastLeaderMs) return
    this.#patientSinceMs = lastLeaderMs
    this.electionTimer.touchAt(host.nowMs() - options.electionTimeoutMs / 2)
  }

  /** Leaves the next elections to the others, long enough for each of them to have stood. */
  abstain(): void {
    const { host, options } = this.#node
    this.#standsFromMs = host.nowMs() + ABSTAIN_TIMEOUTS * options.electionTimeoutMs
  }

  get #abstains(): boolean {
    const { host, options, waitsForSnapshot, lastLeaderMs } = this.#node
    const nowMs = host.nowMs()
    if (nowMs < this.#standsFromMs) return true
    return waitsForSnapshot && nowMs - lastLeaderMs < STATE_LOST_TIMEOUTS * options.electionTimeoutMs
  }

  /** Asks whether an election could be won, changing nothing: neither here nor there. */
  preVote(): void {
    const node = this.#node
    if (node.state !== 'follower' || !this.#isVoter || node.suspended) return
    if (this.#abstains) return
    const ballot = new Ballot(node.configuration)
    this.#preVoteBallot = ballot
    this.#round++
    this.#broadcast(true, node.currTerm + 1)
    ballot.grant(node.self.replica)
    if (ballot.result === 'won') this.electSelf()
  }

  #broadcast(preVote: boolean, term: number): void {
    const node = this.#node
    const last = node.log.lastLogId
    const message: VoteRequest = {
      preVote,
      round: this.#round,
      term,
      lastLogIndex: last.index,
      lastLogTerm: last.term,
      firstConfigurationHash: node.firstConfigurationHash,
      token: null,
    }
    for (const member of node.configuration.listMembers()) {
      if (member.role !== 'voter' || member.replica === node.self.replica) continue
      const link = node.transport.link(member.storeId)
      if (link.connected) link.sendVoteRequest(node.addressOf(member), message)
    }
  }

  electSelf(): void {
    const node = this.#node
    if (!this.#isVoter) {
      node.host.log('warn', 'not a voter of its configuration: stands for no election')
      return
    }
    if (node.state === 'follower') this.electionTimer.stop()
    node.resetLeader(null, 'a follower forgets its leader as it begins to request votes')
    node.setState('candidate')
    node.currTerm++
    node.votedFor = node.self.replica
    this.#preVoteBallot = null
    this.#voteBallot = new Ballot(node.configuration)
    this.#round++
    this.voteTimer.start()
    node.host.log('debug', 'stands for election', { term: node.currTerm })
    // Term and vote are on disk before anybody is asked (JRaft #1245).
    node.persistHardState(new OwnVote(node, this))
  }

  /** Term and own vote are durable, and nothing has changed since. */
  onOwnVoteDurable(): void {
    const node = this.#node
    const ballot = this.#voteBallot
    if (ballot === null) return
    this.#broadcast(false, node.currTerm)
    ballot.grant(node.self.replica)
    if (ballot.result === 'won') this.#won()
  }

  #won(): void {
    this.voteTimer.stop()
    this.#voteBallot = null
    this.#node.becomeLeader()
  }

  /** Not enough votes in time: back to follower and pre-vote, so that terms do not run away; or straight on. */
  #handleVoteTimeout(): void {
    const node = this.#node
    if (node.state !== 'candidate') return
    if (node.options.stepDownWhenVoteTimedout) {
      node.stepDown(node.currTerm, 'no quorum of votes in time')
      this.preVote()
    } else {
      this.electSelf()
    }
  }

  onStepDown(): void {
    this.voteTimer.stop()
    this.#voteBallot = null
    this.#preVoteBallot = null
  }

  /** A voter's timer runs while it follows; learners and non-members never stand. */
  startElectionTimer(): void {
    if (this.#isVoter) this.electionTimer.start()
  }

  stop(): void {
    this.electionTimer.stop()
    this.voteTimer.stop()
    this.#voteBallot = null
    this.#preVoteBallot = null
  }

  handleVoteRequest(from: Member, request: VoteRequest): void {
    const refused = this.#refusal(request)
    if (refused !== VOTE_GRANTED) {
      if (refused === VOTE_REFUSED_CONFIGURATION) this.#reportConfiguration(from)
      this.#answer(from, request, refused)
    } else if (request.preVote) {
      this.#answer(from, request, this.#logIsOlder(request) ? VOTE_REFUSED_LOG : VOTE_GRANTED)
    } else {
      this.#vote(from, request)
    }
  }

  /** Reasons to refuse that leave term, vote and timers alone. */
  #refusal(request: VoteRequest): number {
    const node = this.#node
    if (request.firstConfigurationHash !== node.firstConfigurationHash) return VOTE_REFUSED_CONFIGURATION
    if (request.term < node.currTerm) return VOTE_REFUSED_TERM
    if (node.suspended) return VOTE_REFUSED_NOT_VOTING
    const token = request.token
    if (token === null && node.host.nowMs() < this.#votesFromMs) return VOTE_REFUSED_NOT_VOTING
    const tokenHolds =
      token !== null &&
      token.term === node.currTerm &&
      (node.leader === null || token.leaderReplica === node.leader.replica)
    if (!tokenHolds && node.hearsFromLeader()) return VOTE_REFUSED_LEASE
    return VOTE_GRANTED
  }

  #logIsOlder(request: VoteRequest): boolean {
    const last = { index: request.lastLogIndex, term: request.lastLogTerm }
    return compareLogIds(last, this.#node.log.lastLogId) < 0
  }

  /** The vote itself. Whatever it changes is on disk before the answer leaves. */
  #vote(from: Member, request: VoteRequest): void {
    const node = this.#node
    const oldTerm = node.currTerm
    if (request.term > node.currTerm) node.stepDown(request.term, 'a candidate is in a higher term', false)
    if (node.state !== 'follower') {
      this.#answer(from, request, VOTE_REFUSED_VOTED)
      return
    }
    let answer = VOTE_GRANTED
    if (this.#logIsOlder(request)) answer = VOTE_REFUSED_LOG
    else if (node.votedFor !== 0 && node.votedFor !== from.replica) answer = VOTE_REFUSED_VOTED
    const changed = node.currTerm !== oldTerm || (answer === VOTE_GRANTED && node.votedFor !== from.replica)
    if (answer === VOTE_GRANTED) {
      node.votedFor = from.replica
      this.electionTimer.touchAt(node.host.nowMs())
    }
    const vouch = new VoteAnswer(node, this, from, request, answer)
    if (changed) node.persistHardState(vouch)
    else node.storage.write({ slot: node.slot, hardState: null, cutAfter: -1, blocks: [], vouch })
  }

  /** Sends an answer. A granted vote comes here only from {@link VoteAnswer}, after its flush. */
  sendAnswer(to: Member, request: VoteRequest, answer: number): void {
    this.#answer(to, request, answer)
  }

  #answer(to: Member, request: VoteRequest, answer: number): void {
    const node = this.#node
    const response: VoteResponse = {
      preVote: request.preVote,
      round: request.round,
      term: node.currTerm,
      answer,
    }
    node.transport.link(to.storeId).sendVoteResponse(node.addressOf(to), response)
  }

  handleVoteResponse(from: Member, response: VoteResponse): void {
    const node = this.#node
    if (response.answer === VOTE_REFUSED_CONFIGURATION) this.#reportConfiguration(from)
    if (response.answer !== VOTE_GRANTED && response.term > node.currTerm) {
      node.stepDown(response.term, 'a voter is in a higher term')
      return
    }
    const state = response.preVote ? 'follower' : 'candidate'
    const ballot = response.preVote ? this.#preVoteBallot : this.#voteBallot
    if (response.round !== this.#round || node.state !== state || ballot === null) return
    if (!response.preVote && response.term !== node.currTerm) return
    if (response.answer === VOTE_GRANTED) ballot.grant(from.replica)
    else ballot.refuse(from.replica)
    if (ballot.result !== 'won') return
    if (response.preVote) {
      this.#preVoteBallot = null
      this.electSelf()
    } else {
      this.#won()
    }
  }

  #reportConfiguration(other: Member): void {
    const node = this.#node
    const members = node.firstMembers.map((member) => `${member.storeId}#${member.replica}`).join(', ')
    const text =
      `group ${node.groupId} was given other first members on store ${other.storeId} than here (${members}): ` +
      'neither votes for the other. Open both stores with the same members'
    node.host.log('error', text, {})
    node.host.onGroupError(new FlotillaError('CONFIGURATION_MISMATCH', text))
  }
}

/** The candidate's own vote: once durable, the others are asked. */
class OwnVote extends NodeVouch {
  readonly #election: Election
  readonly #term: number
  readonly #generation: number

  constructor(node: RaftNode, election: Election) {
    super(node)
    this.#election = election
    this.#term = node.currTerm
    this.#generation = node.generation
  }

  protected override speak(): void {
    const { node } = this
    if (node.generation !== this.#generation || node.state !== 'candidate' || node.currTerm !== this.#term)
      return
    this.#election.onOwnVoteDurable()
  }
}

/** The answer to a vote request: it leaves only when term and vote are on disk. */
class VoteAnswer extends NodeVouch {
  readonly #election: Election
  readonly #to: Member
  readonly #request: VoteRequest
  readonly #answer: number
  readonly #term: number
  readonly #votedFor: number

  constructor(node: RaftNode, election: Election, to: Member, request: VoteRequest, answer: number) {
    super(node)
    this.#election = election
    this.#to = to
    this.#request = request
    this.#answer = answer
    this.#term = node.currTerm
    this.#votedFor = node.votedFor
  }

  protected override speak(): void {
    const { node } = this
    if (node.currTerm !== this.#term || node.votedFor !== this.#votedFor) return
    this.#election.sendAnswer(this.#to, this.#request, this.#answer)
  }
}
