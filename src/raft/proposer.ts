import {
  blockBytesAtMost,
  entriesForBlock,
  KIND_CONFIGURATION,
  KIND_DATA,
  type LogBlock,
  packBlock,
} from '../block/log-block.ts'
import { FlotillaError } from '../util/errors.ts'
import { MAX_PENDING_TASK_BYTES_PER_GROUP } from '../util/limits.ts'
import { OwnBallot } from './own-ballot.ts'
import type { ApplySink } from './ports.ts'
import { ProposalQueue } from './proposal-queue.ts'
import type { RaftNode } from './raft-node.ts'

/** What a leader takes in: proposals of a turn become blocks at its end, for the disk and every follower at once. */
export class Proposer {
  readonly #node: RaftNode
  readonly #proposals = new ProposalQueue()
  /** What they will take as blocks, at most: spoken for at the disk's queue and in the store's cache. */
  #spokenFor = 0

  constructor(node: RaftNode) {
    this.#node = node
  }

  /**
   * Proposes an entry; it goes into the block of this turn. `expectedTerm` 0 is any. The sink is told exactly once,
   * maybe before this returns.
   */
  propose(payload: Buffer, expectedTerm: number, sink: ApplySink, position: number): void {
    const refusal = this.#refusalOf(payload.length, expectedTerm)
    if (refusal !== null) {
      sink.onRefused(position, refusal)
      return
    }
    if (this.#proposals.count === 0) this.#node.host.markDirty(this)
    this.#proposals.push(payload, sink, position)
    this.#speakFor(blockBytesAtMost(this.#proposals.count, this.#proposals.bytes))
  }

  #refusalOf(bytes: number, expectedTerm: number): FlotillaError | null {
    const node = this.#node
    if (node.state !== 'leader') return node.noLeaderError()
    if (node.stateLoss !== null) return node.stateLoss
    if (expectedTerm !== 0 && expectedTerm !== node.currTerm) {
      return new FlotillaError('TERM_MISMATCH', `the leader of ${node.groupId} is in term ${node.currTerm}`)
    }
    const crowd = this.#crowd(bytes)
    if (crowd === null) return null
    return new FlotillaError('BUSY', `group ${node.groupId} has too much in flight: ${crowd}`)
  }

  /** Which queue has no room for one call more; null when all have. */
  #crowd(bytes: number): string | null {
    const { pendingTasks, host, log, storage } = this.#node
    const count = this.#proposals.count + pendingTasks.count
    if (count >= host.limits.pendingTasksPerGroup) return `${count} calls`
    const total = this.#proposals.bytes + bytes
    // Also what no cache holds any more: blocks that are durable and wait for a quorum.
    if (total + pendingTasks.bytes > MAX_PENDING_TASK_BYTES_PER_GROUP)
      return `${this.#proposals.bytes + pendingTasks.bytes} bytes of calls`
    const inBlocks = blockBytesAtMost(this.#proposals.count + 1, total)
    if (!log.hasRoom(inBlocks, -1, this.#spokenFor)) return 'the cache of its log is full'
    return storage.queueRoomBytes() + this.#spokenFor < inBlocks ? 'its disk is behind' : null
  }

  #speakFor(bytes: number): void {
    const more = bytes - this.#spokenFor
    this.#spokenFor = bytes
    this.#node.log.speakFor(more)
    this.#node.storage.speakFor(more)
  }

  /** The turn ends: what was proposed in it goes its way. */
  endOfTurn(): void {
    const node = this.#node
    if (this.#proposals.count > 0 && node.state === 'leader') node.guard(() => this.#appendProposals())
  }

  #appendProposals(): void {
    const node = this.#node
    const { bytes } = this.#proposals
    this.#speakFor(0)
    const { payloads, sinks, positions } = this.#proposals.take()
    // Consecutive and of one term, in however many blocks: callers are known by index before anything can fail.
    node.pendingTasks.add(node.log.lastIndex + 1, node.currTerm, sinks, positions, bytes)
    for (let from = 0; from < payloads.length; ) {
      const count = entriesForBlock(payloads, from)
      this.#append(this.#pack(KIND_DATA, payloads, from, count))
      from += count
    }
    node.replicators.wake()
  }

  /** A configuration is alone in its block. */
  appendConfiguration(payload: Buffer): void {
    this.#append(this.#pack(KIND_CONFIGURATION, [payload], 0, 1))
    this.#node.replicators.wake()
  }

  #pack(kind: LogBlock['kind'], payloads: readonly Buffer[], from: number, count: number): LogBlock {
    const { groupTag, currTerm, log } = this.#node
    const last = log.lastIndex
    const place = { groupTag, kind, term: currTerm, firstIndex: last + 1, prevTerm: log.termAt(last) }
    return packBlock(place, payloads, from, count)
  }

  #append(block: LogBlock): void {
    const node = this.#node
    node.log.append(block)
    const vouch = new OwnBallot(node, block.lastIndex)
    node.storage.write({ slot: node.slot, hardState: null, cutAfter: -1, blocks: [block], vouch })
  }

  /** What has no index yet is certainly not done. */
  refuseAll(error: FlotillaError): void {
    this.#speakFor(0)
    this.#proposals.refuseAll(error)
  }
}
