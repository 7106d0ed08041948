import { FlotillaError } from '../util/errors.ts'
import type { Member } from './configuration.ts'
import {
  READ_BUSY,
  READ_NOT_LEADER,
  READ_OK,
  type ReadIndexRequest,
  type ReadIndexResponse,
} from './messages.ts'
import type { RaftNode } from './raft-node.ts'
import type { ReadSink } from './ports.ts'
import { hasQuorum } from './quorum.ts'

/**
 * One round of confirmation on the leader: all reads of a turn share it. It is confirmed when a quorum (of both halves
 * while joint) answered a heartbeat whose frame was encoded after the round began.
 */
interface Round {
  readonly turn: number
  /** The commit index when the last of its reads joined. */
  index: number
  /** Sequence that each voter must confirm, by replica; 0 when its link was down at the time. */
  readonly sequences: Map<number, number>
  readonly local: ReadSink[]
  remote: { readonly member: Member; readonly requestId: number }[]
}

/** Reads that share one question to the leader. */
interface Asked {
  readonly requestId: number
  readonly turn: number
  readonly leaderReplica: number
  sinks: ReadSink[]
  sentMs: number
}

interface Waiting {
  readonly index: number
  sinks: ReadSink[]
}

/** Fewer than that are not worth a look at who still wants an answer. */
const LEAST_SWEPT = 64
/** Of an election timeout: how often questions without an answer are looked at while the leader is heard. */
const ASK_AGAIN_SHARE = 1 / 4

/**
 * ReadIndex (thesis, section 6.4). A leader answers only once an entry of its own term is committed. A follower asks
 * its leader, once per turn for all its reads. Each read is released when the replica has applied up to its index.
 */
export class ReadOnlyService {
  readonly #node: RaftNode
  /** Reads that came before the leader's own term was committed. */
  #early: { readonly local: ReadSink[]; remote: Round['remote'] } = { local: [], remote: [] }
  /** Which questions of others are among them, by replica and number: one that waits for long is asked again. */
  #earlyAsked = new Set<string>()
  #rounds: Round[] = []
  #asked: Asked[] = []
  #waiting: Waiting[] = []
  #nextRequestId = 1
  #count = 0
  /** At so many, those that nobody wants any more are dropped, once a turn. */
  #sweepAt = LEAST_SWEPT
  #sweptTurn = -1
  #askAgainAtMs = 0

  constructor(node: RaftNode) {
    this.#node = node
  }

  get pendingCount(): number {
    return this.#count
  }

  /** A read of this store's caller. */
  read(sink: ReadSink): void {
    const node = this.#node
    if (this.#isFull()) {
      sink.onReadRefused(new FlotillaError('BUSY', `group ${node.groupId} has ${this.#count} reads waiting`))
    } else if (node.stateLoss !== null) {
      sink.onReadRefused(node.stateLoss)
    } else if (node.suspended) {
      sink.onReadRefused(node.noLeaderError())
    } else if (node.state === 'leader') {
      this.#count++
      this.#join(sink, null)
    } else if (node.state === 'follower' && node.leader !== null) {
      this.#ask(sink, node.leader)
    } else {
      sink.onReadRefused(node.noLeaderError())
    }
  }

  onRequest(member: Member, message: ReadIndexRequest): void {
    const node = this.#node
    if (node.state !== 'leader' || node.waitsForSnapshot)
      this.#answer(member, message.requestId, READ_NOT_LEADER, 0)
    else if (this.#earlyAsked.size > 0 && this.#earlyAsked.has(questionName(member, message))) return
    else if (this.#isFull()) this.#answer(member, message.requestId, READ_BUSY, 0)
    else {
      if (!node.ballotBox.ownTermCommitted) this.#earlyAsked.add(questionName(member, message))
      this.#count++
      this.#join(null, { member, requestId: message.requestId })
    }
  }

  /** Reads are given up elsewhere, and stay here until there are many of them. */
  #isFull(): boolean {
    const { host } = this.#node
    const limit = host.limits.pendingReadsPerGroup
    if (this.#count >= Math.min(this.#sweepAt, limit) && this.#sweptTurn !== host.turn())
      this.#dropUnwanted(host.turn())
    return this.#count >= limit
  }

  #dropUnwanted(turn: number): void {
    this.#sweptTurn = turn
    for (const one of [...this.#asked, ...this.#waiting]) {
      const wanted = one.sinks.filter((sink) => sink.isWanted)
      this.#count -= one.sinks.length - wanted.length
      one.sinks = wanted
    }
    this.#asked = this.#asked.filter(({ sinks }) => sinks.length > 0)
    this.#waiting = this.#waiting.filter(({ sinks }) => sinks.length > 0)
    this.#sweepAt = Math.max(LEAST_SWEPT, 2 * this.#count)
  }

  #forgetEarly(): void {
    this.#early = { local: [], remote: [] }
    this.#earlyAsked = new Set()
  }

  #join(local: ReadSink | null, remote: Round['remote'][number] | null): void {
    const target = this.#node.ballotBox.ownTermCommitted ? this.#openRound() : this.#early
    if (local !== null) target.local.push(local)
    if (remote !== null) target.remote.push(remote)
    // A single voter has nobody to ask, though it may have learners.
    if (target !== this.#early && this.#node.configuration.conf.voters.length === 1) this.onAck()
  }

  /** The round of this turn: its heartbeat frame is not encoded yet, so later reads of the turn may join. */
  #openRound(): Round {
    const node = this.#node
    const newest = this.#rounds.at(-1)
    if (newest !== undefined && newest.turn === node.host.turn()) {
      // Something may have been acknowledged since the round began: who joins now must see it.
      newest.index = node.ballotBox.lastCommittedIndex
      return newest
    }
    const index = node.ballotBox.lastCommittedIndex
    const round: Round = { turn: node.host.turn(), index, sequences: new Map(), local: [], remote: [] }
    for (const replicator of node.replicators.list()) {
      round.sequences.set(replicator.toReplica, replicator.requestHeartbeat())
    }
    this.#rounds.push(round)
    return round
  }

  /** A heartbeat was confirmed: rounds are confirmed in order, an older one never after a newer. */
  onAck(): void {
    while (this.#rounds.length > 0 && this.#isConfirmed(this.#rounds[0]!)) this.#finish(this.#rounds.shift()!)
  }

  #isConfirmed(round: Round): boolean {
    const node = this.#node
    return hasQuorum(node.configuration, (voter) => {
      if (voter.replica === node.self.replica) return true
      const needed = round.sequences.get(voter.replica) ?? 0
      const replicator = node.replicators.get(voter.replica)
      return needed > 0 && replicator !== null && replicator.ackedSequence >= needed
    })
  }

  #finish(round: Round): void {
    this.#count -= round.remote.length
    for (const { member, requestId } of round.remote) {
      this.#answer(member, requestId, READ_OK, round.index)
      // The follower waits for this index.
      this.#node.replicators.get(member.replica)?.tellCommit(round.index)
    }
    this.#waitApplied(round.index, round.local)
  }

  /** Every half election timeout: a voter whose link was down when a round began is asked again. */
  tick(): void {
    for (const round of this.#rounds) {
      for (const replicator of this.#node.replicators.list()) {
        if ((round.sequences.get(replicator.toReplica) ?? 0) === 0) {
          round.sequences.set(replicator.toReplica, replicator.requestHeartbeat())
        }
      }
    }
  }

  /** The first entry of the leader's term is committed. */
  onOwnTermCommitted(): void {
    const early = this.#early
    this.#forgetEarly()
    for (const sink of early.local) this.#join(sink, null)
    for (const remote of early.remote) this.#join(null, remote)
  }

  #ask(sink: ReadSink, leader: Member): void {
    const node = this.#node
    const newest = this.#asked.at(-1)
    if (newest !== undefined && newest.turn === node.host.turn() && newest.leaderReplica === leader.replica) {
      newest.sinks.push(sink)
      this.#count++
      return
    }
    const asked: Asked = {
      requestId: this.#nextRequestId++,
      turn: node.host.turn(),
      leaderReplica: leader.replica,
      sinks: [sink],
      sentMs: node.host.nowMs(),
    }
    const sent = node.transport.link(leader.storeId).sendReadIndexRequest(node.addressOf(leader), asked)
    if (!sent) {
      sink.onReadRefused(node.noLeaderError())
      return
    }
    this.#asked.push(asked)
    this.#count++
  }

  /**
   * The leader lives. What it was asked an election timeout ago and has not answered, it has left out, for its queue was full,
   * or never heard: a leader that cannot confirm a round for so long is none any more.
   */
  onLeaderHeard(leader: Member, nowMs: number): void {
    if (this.#asked.length === 0 || nowMs < this.#askAgainAtMs) return
    const node = this.#node
    const timeoutMs = node.options.electionTimeoutMs
    this.#askAgainAtMs = nowMs + timeoutMs * ASK_AGAIN_SHARE
    const link = node.transport.link(leader.storeId)
    for (const asked of this.#asked) {
      if (asked.leaderReplica !== leader.replica || nowMs - asked.sentMs < timeoutMs) continue
      if (!asked.sinks.some((sink) => sink.isWanted)) continue
      if (!link.sendReadIndexRequest(node.addressOf(leader), asked)) return
      asked.sentMs = nowMs
    }
  }

  onResponse(from: Member, message: ReadIndexResponse): void {
    const { requestId } = message
    const at = this.#asked.findIndex(
      (one) => one.requestId === requestId && one.leaderReplica === from.replica,
    )
    if (at < 0) return
    const asked = this.#asked[at]!
    this.#asked.splice(at, 1)
    if (message.answer === READ_OK) {
      this.#waitApplied(message.index, asked.sinks)
      return
    }
    const busy = message.answer === READ_BUSY
    this.#refuse(
      asked.sinks,
      busy ? new FlotillaError('BUSY', 'the leader has too many reads waiting') : this.#node.noLeaderError(),
    )
  }

  #waitApplied(index: number, sinks: ReadSink[]): void {
    if (sinks.length === 0) return
    if (this.#node.fsmCaller.lastAppliedIndex >= index) {
      this.#release(sinks, index)
      return
    }
    let at = this.#waiting.length
    while (at > 0 && this.#waiting[at - 1]!.index > index) at--
    this.#waiting.splice(at, 0, { index, sinks })
  }

  onApplied(index: number): void {
    while (this.#waiting.length > 0 && this.#waiting[0]!.index <= index) {
      const waiting = this.#waiting.shift()!
      this.#release(waiting.sinks, waiting.index)
    }
  }

  #release(sinks: readonly ReadSink[], index: number): void {
    this.#count -= sinks.length
    for (const sink of sinks) sink.onReadIndex(index)
  }

  #refuse(sinks: readonly ReadSink[], error: FlotillaError): void {
    this.#count -= sinks.length
    for (const sink of sinks) sink.onReadRefused(error)
  }

  #answer(member: Member, requestId: number, answer: number, index: number): void {
    const node = this.#node
    node.transport
      .link(member.storeId)
      .sendReadIndexResponse(node.addressOf(member), { requestId, answer, index })
  }

  /** Leadership is lost: its rounds prove nothing any more. Reads that have their index go on waiting. */
  onStepDown(): void {
    const error = this.#node.noLeaderError()
    const rounds = [this.#early, ...this.#rounds]
    this.#forgetEarly()
    this.#rounds = []
    for (const round of rounds) {
      this.#count -= round.remote.length
      for (const { member, requestId } of round.remote) this.#answer(member, requestId, READ_NOT_LEADER, 0)
      this.#refuse(round.local, error)
    }
  }

  /**
   * The link to a store is down: what it asked is void. Its next life counts requests anew, and must not take an answer
   * of this one for its own.
   */
  onLinkDown(storeId: string): void {
    for (const round of [this.#early, ...this.#rounds]) {
      const kept = round.remote.filter(({ member }) => member.storeId !== storeId)
      this.#count -= round.remote.length - kept.length
      round.remote = kept
    }
    this.#earlyAsked = new Set(
      this.#early.remote.map(({ member, requestId }) => questionName(member, { requestId })),
    )
  }

  /** The leader that was asked is gone, or the link to it. */
  onLeaderLost(): void {
    const asked = this.#asked
    this.#asked = []
    for (const one of asked) this.#refuse(one.sinks, this.#node.noLeaderError())
  }

  failAll(error: FlotillaError): void {
    const sinks = [...this.#early.local, ...this.#rounds.flatMap((round) => round.local)]
    sinks.push(
      ...this.#asked.flatMap((asked) => asked.sinks),
      ...this.#waiting.flatMap((waiting) => waiting.sinks),
    )
    this.#forgetEarly()
    this.#rounds = []
    this.#asked = []
    this.#waiting = []
    this.#count = 0
    for (const sink of sinks) sink.onReadRefused(error)
  }
}

function questionName({ replica }: Member, { requestId }: { readonly requestId: number }): string {
  return `${replica}/${requestId}`
}
