import type { Member } from './configuration.ts'
import { hasQuorum } from './quorum.ts'
import type { RaftNode } from './raft-node.ts'
import { Replicator } from './replicator.ts'

/**
 * Ticks (half election timeouts each) between two words on what all members hold, when no append carries it: so a group
 * that fell silent costs one empty append per follower and no more, and its followers' logs can be truncated.
 */
const HELD_BY_ALL_TICKS = 16

/** The replicators of one leadership: one for every other voter and every learner. */
export class ReplicatorGroup {
  readonly #node: RaftNode
  #replicators: Replicator[] = []
  #ticks = 0
  /** After a stall: until then silence is held against nobody. */
  #patientUntilMs = 0

  constructor(node: RaftNode) {
    this.#node = node
  }

  list(): readonly Replicator[] {
    return this.#replicators
  }

  get(replica: number): Replicator | null {
    for (const replicator of this.#replicators) if (replicator.toReplica === replica) return replicator
    return null
  }

  /** Whether a quorum confirmed, within an election timeout, a heartbeat that was sent within it. */
  hasLiveQuorum(): boolean {
    const { host, options, configuration, self } = this.#node
    const limitMs = host.nowMs() - options.electionTimeoutMs
    return hasQuorum(configuration, (voter) => {
      if (voter.replica === self.replica) return true
      const replicator = this.get(voter.replica)
      return replicator !== null && replicator.lastAckSentMs >= limitMs
    })
  }

  /** Every other member, voter or learner, holds entries up to here durably. */
  heldByAll(): number {
    let index = Number.MAX_SAFE_INTEGER
    for (const { matchIndex } of this.#replicators) if (matchIndex < index) index = matchIndex
    return index
  }

  /** Whether another voter that is there holds the whole log, has its state, and may lead. */
  hasSuccessor(): boolean {
    const { host, options, configuration, log } = this.#node
    const limitMs = host.nowMs() - options.electionTimeoutMs
    return this.#replicators.some((replicator) => {
      const { toReplica, matchIndex, waitsForSnapshot, lastAckSentMs } = replicator
      const may = configuration.isVoter(toReplica) && (configuration.member(toReplica)?.priority ?? 0) > 0
      return may && !waitsForSnapshot && matchIndex >= log.lastIndex && lastAckSentMs >= limitMs
    })
  }

  /**
   * Whether the leader may stay. After a stall of its own event loop it has, once, half a timeout to hear its followers
   * again: it did not ask them meanwhile.
   */
  keepsOffice(): boolean {
    const live = this.hasLiveQuorum()
    if (live) this.#patientUntilMs = 0
    return live || this.#node.host.nowMs() < this.#patientUntilMs
  }

  onStall(): void {
    const { host, options } = this.#node
    if (this.#patientUntilMs === 0) this.#patientUntilMs = host.nowMs() + options.electionTimeoutMs / 2
  }

  addReplicator(member: Member): void {
    const replicator = new Replicator(this.#node, member, this.#node.log.lastIndex + 1)
    this.#replicators.push(replicator)
  }

  /** The log grew. */
  wake(): void {
    for (const replicator of this.#replicators) replicator.pump()
  }

  tick(nowMs: number): void {
    const tell = ++this.#ticks % HELD_BY_ALL_TICKS === 0
    for (const replicator of this.#replicators) {
      replicator.tick(nowMs)
      if (tell) replicator.tellHeldByAll()
    }
  }

  stopAll(): void {
    const all = this.#replicators
    this.#replicators = []
    this.#patientUntilMs = 0
    this.#ticks = 0
    for (const replicator of all) replicator.destroy()
  }

  onLink(storeId: string, up: boolean): void {
    for (const replicator of this.#replicators) {
      if (replicator.member.storeId !== storeId) continue
      if (up) replicator.onLinkUp()
      else replicator.onLinkDown()
    }
  }
}
