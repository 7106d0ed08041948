import type { Member } from '../raft/configuration.ts'
import type { NodeImpl } from '../raft/node-impl.ts'
import {
  type AppendRequest,
  type AppendResponse,
  type ForwardRequest,
  type ForwardResponse,
  type GroupRef,
  HEARTBEAT_NOT_FOLLOWING,
  type HeartbeatAnswer,
  type ReadIndexRequest,
  type ReadIndexResponse,
  type RpcHandlers,
  type TimeoutNow,
  type VoteRequest,
  type VoteResponse,
} from '../rpc/messages.ts'
import { isClientId } from '../rpc/handshake.ts'
import { toFlotillaError } from '../util/errors.ts'
import type { GroupReplica } from './group-replica.ts'
import type { GroupSpec } from './group-spec.ts'

/** What an alias stands for here. Replica numbers of both sides were compared when it was made. */
class Target {
  readonly node: NodeImpl
  readonly #ref: GroupRef
  #member: Member
  #configuration: object

  constructor(node: NodeImpl, ref: GroupRef) {
    this.node = node
    this.#ref = ref
    this.#member = node.memberFrom(ref.storeId, ref.fromReplica)
    this.#configuration = node.configuration
  }

  /** The sender as the configuration in force knows it. */
  get member(): Member {
    if (this.#configuration !== this.node.configuration) {
      this.#configuration = this.node.configuration
      this.#member = this.node.memberFrom(this.#ref.storeId, this.#ref.fromReplica)
    }
    return this.#member
  }
}

/**
 * Both replica numbers must be right. A number is given once in a group: one that we know and that belongs to another
 * store comes from a group that was made with other members.
 */
function fits(node: NodeImpl, ref: GroupRef): boolean {
  const sender = node.configuration.member(ref.fromReplica)
  return node.self.replica === ref.toReplica && (sender === null || sender.storeId === ref.storeId)
}

/** What else a store's owner wants to hear from the wire. */
export interface WireHandlers {
  onLinkUp(storeId: string): void
  onLinkDown(storeId: string): void
  onForwardRequest(storeId: string, message: ForwardRequest): void
  onForwardResponse(storeId: string, message: ForwardResponse): void
  onCall(storeId: string, method: string, body: Buffer): Promise<Buffer>
  onMissingReplica(storeId: string, spec: GroupSpec): void
}

/**
 * From the wire to the nodes. A failed assertion stops the one replica that saw it; a message whose replica numbers
 * differ never reaches a node.
 */
export class RaftDispatcher implements RpcHandlers {
  readonly #groups: ReadonlyMap<string, GroupReplica>
  readonly #handlers: WireHandlers

  constructor(groups: ReadonlyMap<string, GroupReplica>, handlers: WireHandlers) {
    this.#groups = groups
    this.#handlers = handlers
  }

  onLinkUp(storeId: string): void {
    this.#tellGroups(storeId, true)
    this.#handlers.onLinkUp(storeId)
  }

  /** Clients are no group's affair. */
  #tellGroups(storeId: string, up: boolean): void {
    if (isClientId(storeId)) return
    for (const group of this.#groups.values()) group.node?.onLink(storeId, up)
  }

  onLinkDown(storeId: string): void {
    this.#tellGroups(storeId, false)
    this.#handlers.onLinkDown(storeId)
  }

  onAlias(ref: GroupRef): void {
    const node = this.#groups.get(ref.groupId)?.node ?? null
    ref.target = node !== null && fits(node, ref) ? new Target(node, ref) : null
  }

  onVoteRequest(ref: GroupRef, message: VoteRequest): void {
    this.#deliver(ref, (target) => target.node.election.handleVoteRequest(target.member, message))
  }

  onVoteResponse(ref: GroupRef, message: VoteResponse): void {
    this.#deliver(ref, (target) => target.node.election.handleVoteResponse(target.member, message))
  }

  onAppendRequest(ref: GroupRef, message: AppendRequest): void {
    const target = ref.target as Target | null
    if (target === null || !target.node.isActive) return
    try {
      target.node.appends.handleAppendRequest(target.member, message)
    } catch (error) {
      target.node.enterError(toFlotillaError(error))
    }
  }

  onAppendResponse(ref: GroupRef, message: AppendResponse): void {
    const target = ref.target as Target | null
    if (target === null || !target.node.isActive) return
    try {
      target.node.handleAppendResponse(target.member, message)
    } catch (error) {
      target.node.enterError(toFlotillaError(error))
    }
  }

  /** Leadership transfer comes with the membership calls; until then nobody sends this. */
  onTimeoutNow(_ref: GroupRef, _message: TimeoutNow): void {}

  onHeartbeat(ref: GroupRef, term: number, commit: number, answer: HeartbeatAnswer): void {
    const target = ref.target as Target | null
    if (target === null || !target.node.isActive) {
      answer.answer = HEARTBEAT_NOT_FOLLOWING
      return
    }
    try {
      target.node.appends.handleHeartbeat(target.member, term, commit, answer)
    } catch (error) {
      answer.answer = HEARTBEAT_NOT_FOLLOWING
      target.node.enterError(toFlotillaError(error))
    }
  }

  onReadIndexRequest(ref: GroupRef, message: ReadIndexRequest): void {
    this.#deliver(ref, (target) => target.node.readOnly.onRequest(target.member, message))
  }

  onReadIndexResponse(ref: GroupRef, message: ReadIndexResponse): void {
    this.#deliver(ref, (target) => target.node.readOnly.onResponse(target.member, message))
  }

  /**
   * A leader tells the member what it misses, and so does whoever knows of no leader: where those that have the group are
   * too few to elect one, nobody else would.
   */
  onNoSuchReplica(storeId: string, groupId: string, fromReplica: number, toReplica: number): void {
    const group = this.#groups.get(groupId)
    if (group === undefined || group.replica !== fromReplica) return
    if (!group.isLeader && group.node?.leader !== null) return
    const known = group.spec.members.find((member) => member.replica === toReplica)
    if (known?.storeId === storeId) this.#handlers.onMissingReplica(storeId, group.spec)
  }

  onForwardRequest(storeId: string, message: ForwardRequest): void {
    this.#handlers.onForwardRequest(storeId, message)
  }

  onForwardResponse(storeId: string, message: ForwardResponse): void {
    this.#handlers.onForwardResponse(storeId, message)
  }

  onCall(storeId: string, method: string, body: Buffer): Promise<Buffer> {
    return this.#handlers.onCall(storeId, method, body)
  }

  #deliver(ref: GroupRef, call: (target: Target) => void): void {
    const target = ref.target as Target | null
    if (target === null || !target.node.isActive) return
    try {
      call(target)
    } catch (error) {
      target.node.enterError(toFlotillaError(error))
    }
  }
}
