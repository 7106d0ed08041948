import { type LogBlock, sliceBlock } from '../block/log-block.ts'
import { assert } from '../util/assert.ts'
import type { Member } from './configuration.ts'
import {
  APPEND_BUSY,
  APPEND_MISMATCH,
  APPEND_OK,
  APPEND_OLD_TERM,
  type AppendRequest,
  HEARTBEAT_BEHIND,
  HEARTBEAT_NOT_FOLLOWING,
  HEARTBEAT_OLD_TERM,
  type HeartbeatAnswer,
} from './messages.ts'
import { NodeVouch } from './node-vouch.ts'
import type { RaftNode } from './raft-node.ts'

/** What of a request is new to this log: a cut first (-1 for none), then blocks. */
interface NewPart {
  readonly cutAfter: number
  readonly blocks: LogBlock[]
  readonly bytes: number
}

/** The follower's side of replication (paper, section 5.3; JRaft's handleAppendEntriesRequest). */
export class AppendHandler {
  readonly #node: RaftNode

  constructor(node: RaftNode) {
    this.#node = node
  }

  handleAppendRequest(from: Member, request: AppendRequest): void {
    const node = this.#node
    if (request.term < node.currTerm) {
      this.#answer(from, APPEND_OLD_TERM, 0, 0, 0)
      return
    }
    this.#follow(from, request.term)
    const log = node.log
    const { prevIndex, prevTerm } = request
    // What is committed agrees with every later leader's log, so nothing at or below the commit index is compared.
    if (prevIndex > log.lastIndex) {
      this.#answer(from, APPEND_MISMATCH, prevIndex, 0, 0)
    } else if (prevIndex > node.ballotBox.lastCommittedIndex && log.termAt(prevIndex) !== prevTerm) {
      this.#answer(from, APPEND_MISMATCH, prevIndex, log.runStart(prevIndex), log.termAt(prevIndex))
    } else {
      this.#accept(from, request)
    }
  }

  #accept(from: Member, request: AppendRequest): void {
    const node = this.#node
    if (!this.#isSound(request)) {
      node.host.log('error', 'refused an append whose blocks do not fit it', {
        store: from.storeId,
        term: request.term,
      })
      return
    }
    const part = this.#newPart(request)
    const fits = node.log.hasRoom(part.bytes, part.cutAfter)
    // What is new to this log: a probe, or what it has already, needs no room and is never refused.
    if (part.bytes > 0 && !(fits && node.storage.queueRoomBytes() >= part.bytes)) {
      this.#answer(from, APPEND_BUSY, request.prevIndex, 0, 0)
      return
    }
    if (part.cutAfter >= 0) {
      assert(part.cutAfter >= node.ballotBox.lastCommittedIndex, 'nothing committed is ever cut')
      node.log.cutAfter(part.cutAfter)
    }
    for (const block of part.blocks) node.log.append(block)
    const vouch = new AppendAck(node, this, from, request.lastIndex)
    node.storage.write({
      slot: node.slot,
      hardState: null,
      cutAfter: part.cutAfter,
      blocks: part.blocks,
      vouch,
    })
    if (part.cutAfter >= 0 || part.blocks.length > 0) node.onConfigurationMayHaveChanged()
    node.onHeldByAll(Math.min(request.heldByAll, request.lastIndex))
    node.commitAsFollower(Math.min(request.commit, request.lastIndex))
  }

  /** The blocks are what the request says: consecutive from prevIndex + 1 to lastIndex, terms linked, of this group. */
  #isSound(request: AppendRequest): boolean {
    let index = request.prevIndex
    let term = request.prevTerm
    for (const block of request.blocks) {
      if (block.groupTag !== this.#node.groupTag || block.firstIndex !== index + 1) return false
      if (block.prevTerm !== term || block.term > request.term) return false
      index = block.lastIndex
      term = block.term
    }
    return index === request.lastIndex
  }

  /** Skips what this log has, and finds where it disagrees. Goes by runs of terms, never by entry. */
  #newPart(request: AppendRequest): NewPart {
    const log = this.#node.log
    const committed = this.#node.ballotBox.lastCommittedIndex
    const blocks: LogBlock[] = []
    let cutAfter = -1
    let bytes = 0
    for (const block of request.blocks) {
      if (blocks.length > 0) {
        blocks.push(block)
        bytes += block.byteLength
        continue
      }
      let index = Math.max(block.firstIndex, Math.min(committed, block.lastIndex) + 1)
      const end = Math.min(block.lastIndex, log.lastIndex)
      while (index <= end && log.termAt(index) === block.term) {
        index = Math.min(end, log.lastIndexAtOrBelowTerm(block.term, end)) + 1
      }
      if (index > block.lastIndex) continue
      if (index <= log.lastIndex) cutAfter = index - 1
      const part = sliceBlock(block, index, block.lastIndex)
      blocks.push(part)
      bytes += part.byteLength
    }
    return { cutAfter, blocks, bytes }
  }

  /** The sender leads this term: follow it, whatever we were. */
  #follow(from: Member, term: number): void {
    const node = this.#node
    if (term > node.currTerm) node.stepDown(term, 'the leader is in a higher term')
    else if (node.state === 'candidate') node.stepDown(term, 'another one was elected')
    assert(node.state === 'follower', 'one leader per term')
    if (node.leader === null) node.resetLeader(from, 'follows the leader of the term')
    assert(node.leader?.replica === from.replica, 'one leader per term')
    node.touchLeader()
  }

  /** One group of a coalesced heartbeat. `commit` is bounded by what this replica acknowledged in this term. */
  handleHeartbeat(from: Member, term: number, commit: number, answer: HeartbeatAnswer): void {
    const node = this.#node
    if (term === node.currTerm && node.state === 'follower' && node.leader?.replica === from.replica) {
      node.touchLeader()
    } else if (!node.isActive) {
      answer.answer = HEARTBEAT_NOT_FOLLOWING
      return
    } else if (term < node.currTerm) {
      answer.answer = HEARTBEAT_OLD_TERM
      answer.term = node.currTerm
      return
    } else {
      this.#follow(from, term)
    }
    if (node.suspended) {
      answer.answer = HEARTBEAT_NOT_FOLLOWING
    } else if (commit > node.log.lastIndex) {
      answer.answer = HEARTBEAT_BEHIND
      answer.term = node.currTerm
      answer.lastIndex = node.log.lastIndex
    } else if (commit > node.ballotBox.lastCommittedIndex) {
      node.commitAsFollower(commit)
    }
  }

  /** Sends an ack. Comes here only from {@link AppendAck}, after its flush. */
  sendAck(to: Member, index: number): void {
    this.#answer(to, APPEND_OK, index, 0, 0)
  }

  #answer(to: Member, answer: number, index: number, hintIndex: number, hintTerm: number): void {
    const node = this.#node
    node.transport.link(to.storeId).sendAppendResponse(node.addressOf(to), {
      term: node.currTerm,
      answer,
      index,
      lastIndex: node.log.lastIndex,
      hintIndex,
      hintTerm,
      waitsForSnapshot: node.waitsForSnapshot,
    })
  }
}

/** The ack of an append: what it names is on disk when it leaves. */
class AppendAck extends NodeVouch {
  readonly #handler: AppendHandler
  readonly #to: Member
  readonly #index: number
  readonly #term: number

  constructor(node: RaftNode, handler: AppendHandler, to: Member, index: number) {
    super(node)
    this.#handler = handler
    this.#to = to
    this.#index = index
    this.#term = node.currTerm
  }

  protected override speak(): void {
    const { node } = this
    // Only a leader of a later term cuts what this one sent: in the same term the entries are still in the log.
    if (node.currTerm !== this.#term) return
    assert(node.log.lastIndex >= this.#index, 'what a leader sent stays in its term')
    node.log.markDurable(this.#index)
    this.#handler.sendAck(this.#to, this.#index)
  }
}
