import { type LogBlock, sliceBlock } from '../block/log-block.ts'
import {
  MAX_APPEND_BYTES_IN_FLIGHT,
  MAX_APPENDS_IN_FLIGHT,
  MAX_BLOCK_BYTES,
  MAX_CATCH_UP_READ_BYTES,
} from '../util/limits.ts'
import { toFlotillaError } from '../util/errors.ts'
import type { Member } from './configuration.ts'
import {
  APPEND_BUSY,
  APPEND_MISMATCH,
  APPEND_OK,
  type AppendResponse,
  HEARTBEAT_BEHIND,
  HEARTBEAT_NO_REPLICA,
  HEARTBEAT_OLD_TERM,
} from './messages.ts'
import type { RaftNode } from './raft-node.ts'
import type { HeartbeatSubject, RaftLink } from './ports.ts'

/** probe: one empty append at a time finds where the logs agree. replicate: a pipelined window. */
export type ReplicatorState = 'probe' | 'replicate' | 'snapshot'

/** Un-acked appends, oldest first, in parallel arrays. */
interface Window {
  readonly lastIndexes: number[]
  readonly bytes: number[]
  totalBytes: number
}

/**
 * The leader's view of one other member, for one leadership. `matchIndex` is what the follower has durably and never
 * falls; `nextIndex` is a guess. It is the subject of the store pair's heartbeats too.
 */
export class Replicator implements HeartbeatSubject {
  readonly #node: RaftNode
  readonly #link: RaftLink
  readonly member: Member
  readonly slot: number
  readonly groupId: string
  readonly fromReplica: number
  readonly toReplica: number
  /** The leader's term; a replicator dies with it. */
  readonly term: number
  state: ReplicatorState = 'probe'
  matchIndex = 0
  /** The follower's state is gone: it holds the log from its first index on, and nothing else. */
  waitsForSnapshot = false
  nextIndex: number
  /** Newest heartbeat that the follower confirmed, and when it was sent (monotonic). */
  ackedSequence = 0
  lastAckSentMs: number
  readonly #window: Window = { lastIndexes: [], bytes: [], totalBytes: 0 }
  /** Epoch of the link that the window was sent on. */
  #epoch = 0
  /** prevIndex of the probe that is out, -1 when none is. */
  #probe = -1
  #probeSentMs = 0
  /** When the window last began to fill, moved, or was asked about. */
  #progressMs = 0
  #waitingWritable = false
  #reading = false
  /** A read waits for this commit index, which the follower was not known to hold; 0 for none. */
  #owedCommit = 0
  /** The follower said BUSY: nothing is sent before this time. */
  #pausedUntilMs = 0
  /** What the follower was last told of the logs of all. */
  #toldHeldByAll = 0
  #destroyed = false

  constructor(node: RaftNode, member: Member, nextIndex: number) {
    this.#node = node
    this.#link = node.transport.link(member.storeId)
    this.member = member
    this.slot = node.slot
    this.groupId = node.groupId
    this.fromReplica = node.self.replica
    this.toReplica = member.replica
    this.term = node.currTerm
    this.nextIndex = nextIndex
    this.lastAckSentMs = node.host.nowMs()
    this.#link.addHeartbeat(this)
  }

  /** What the follower may take as committed: bounded by what it is known to hold. */
  get commit(): number {
    const committed = this.#node.ballotBox.lastCommittedIndex
    return Math.min(committed, this.matchIndex)
  }

  get inFlight(): number {
    return this.#window.lastIndexes.length
  }

  get bytesInFlight(): number {
    return this.#window.totalBytes
  }

  destroy(): void {
    if (this.#destroyed) return
    this.#destroyed = true
    this.#link.removeHeartbeat(this)
    this.#dropWindow()
  }

  /** Sends what the window allows. Called when the log grew, an answer came, or the link can take more. */
  pump(): void {
    if (this.#destroyed || this.#isLeftBehind()) return
    if (!this.#link.connected || this.#waitingWritable || this.#reading) return
    if (this.#pausedUntilMs > this.#node.host.nowMs()) return
    if (this.#epoch !== this.#link.epoch) this.#onNewEpoch()
    if (this.state === 'probe') this.#sendProbe()
    while (this.state === 'replicate' && this.#hasRoom() && this.nextIndex <= this.#node.log.lastIndex) {
      if (!this.#sendNext()) return
    }
  }

  /**
   * What the follower misses is no longer in the log: only a snapshot can bring it up, or a leader that has it. It goes on
   * following by heartbeats, and nothing is sent to it.
   */
  #isLeftBehind(): boolean {
    if (this.state === 'snapshot') return true
    const { log, host } = this.#node
    if (this.nextIndex >= log.firstIndex) return false
    this.#dropWindow()
    this.#probe = -1
    this.state = 'snapshot'
    host.log('warn', 'a follower is left behind: it needs entries that the log does not hold any more', {
      store: this.member.storeId,
      holds: this.matchIndex,
      firstIndex: log.firstIndex,
    })
    this.#node.onMissingPrefix(this.member)
    return true
  }

  #hasRoom(): boolean {
    const window = this.#window
    return window.lastIndexes.length < MAX_APPENDS_IN_FLIGHT && window.totalBytes < MAX_APPEND_BYTES_IN_FLIGHT
  }

  #onNewEpoch(): void {
    // What was in flight on the old connections may or may not have arrived: ask.
    this.#dropWindow()
    this.#epoch = this.#link.epoch
    this.#probe = -1
    this.state = 'probe'
    this.nextIndex = Math.max(this.matchIndex + 1, Math.min(this.nextIndex, this.#node.log.lastIndex + 1))
  }

  #sendProbe(): void {
    if (this.#probe >= 0) return
    const prevIndex = this.nextIndex - 1
    if (this.#send(prevIndex, prevIndex, [])) {
      this.#probe = prevIndex
      this.#probeSentMs = this.#node.host.nowMs()
    }
  }

  /** One append: the blocks from nextIndex on that are in memory, up to a block's worth of bytes. */
  #sendNext(): boolean {
    const log = this.#node.log
    const blocks: LogBlock[] = []
    let bytes = 0
    let index = this.nextIndex
    while (index <= log.lastIndex) {
      const block = log.blockAt(index)
      if (block === null || (blocks.length > 0 && bytes + block.byteLength > MAX_BLOCK_BYTES)) break
      const part = block.firstIndex === index ? block : sliceBlock(block, index, block.lastIndex)
      blocks.push(part)
      bytes += part.byteLength
      index = part.lastIndex + 1
    }
    if (blocks.length === 0) {
      this.#readNext()
      return false
    }
    return this.#sendBlocks(blocks, bytes)
  }

  #sendBlocks(blocks: readonly LogBlock[], bytes: number): boolean {
    const lastIndex = blocks[blocks.length - 1]!.lastIndex
    if (!this.#send(this.nextIndex - 1, lastIndex, blocks)) return false
    if (this.inFlight === 0) this.#progressMs = this.#node.host.nowMs()
    this.#window.lastIndexes.push(lastIndex)
    this.#window.bytes.push(bytes)
    this.#window.totalBytes += bytes
    this.nextIndex = lastIndex + 1
    return true
  }

  #send(prevIndex: number, lastIndex: number, blocks: readonly LogBlock[]): boolean {
    const { heldByAll } = this.#node
    const sent = this.#link.sendAppendRequest(this, {
      term: this.term,
      prevIndex,
      prevTerm: this.#node.log.termAt(prevIndex),
      lastIndex,
      commit: this.#node.ballotBox.lastCommittedIndex,
      heldByAll,
      blocks,
    })
    if (sent) this.#toldHeldByAll = heldByAll
    if (!sent && this.#link.connected) {
      this.#waitingWritable = true
      this.#link.waitWritable(this)
    }
    return sent
  }

  onWritable(): void {
    this.#waitingWritable = false
    this.#node.guard(() => this.pump())
  }

  /** The follower lags behind the cache: read from disk, then go on where we then are. */
  #readNext(): void {
    this.#reading = true
    const { storage, slot, log } = this.#node
    const from = this.nextIndex
    storage.readBlocks(slot, from, log.lastIndex, MAX_CATCH_UP_READ_BYTES, (error, blocks) => {
      this.#reading = false
      if (this.#destroyed) return
      // Truncated while the read was on its way: what is left to do is judged anew.
      if (error !== null && from < log.firstIndex) this.#node.guard(() => this.pump())
      else if (error !== null) this.#node.enterError(error)
      else this.#node.guard(() => this.#onRead(blocks, from))
    })
  }

  #onRead(blocks: readonly LogBlock[], from: number): void {
    const current = this.state === 'replicate' && this.nextIndex === from && this.#epoch === this.#link.epoch
    if (current && this.#link.connected) this.#sendRead(blocks, from)
    this.pump()
  }

  #sendRead(blocks: readonly LogBlock[], from: number): void {
    const parts: LogBlock[] = []
    let bytes = 0
    for (const block of blocks) {
      if (block.lastIndex < from) continue
      const part = block.firstIndex < from ? sliceBlock(block, from, block.lastIndex) : block
      if (parts.length > 0 && bytes + part.byteLength > MAX_BLOCK_BYTES) break
      parts.push(part)
      bytes += part.byteLength
    }
    if (parts.length > 0) this.#sendBlocks(parts, bytes)
  }

  onAppendResponse(message: AppendResponse): void {
    if (this.#destroyed) return
    this.waitsForSnapshot = message.waitsForSnapshot
    if (message.answer === APPEND_OK) this.#onMatch(message.index)
    else if (message.answer === APPEND_MISMATCH) this.#onMismatch(message)
    else if (message.answer === APPEND_BUSY) this.#onBusy(message.index)
    this.pump()
  }

  #onMatch(index: number): void {
    this.#node.assertInLog(index)
    const window = this.#window
    let done = 0
    let bytes = 0
    while (done < window.lastIndexes.length && window.lastIndexes[done]! <= index)
      bytes += window.bytes[done++]!
    if (done > 0) {
      window.lastIndexes.splice(0, done)
      window.bytes.splice(0, done)
      window.totalBytes -= bytes
      this.#progressMs = this.#node.host.nowMs()
      this.#link.releaseBulk(bytes, this.#epoch)
    }
    const next = Math.max(index, this.matchIndex) + 1
    if (this.state === 'probe' || (this.state === 'snapshot' && next >= this.#node.log.firstIndex)) {
      this.#probe = -1
      this.state = 'replicate'
      this.nextIndex = next
    }
    if (index > this.matchIndex) {
      this.matchIndex = index
      this.#node.onMatch()
    }
    // What is committed now may have ended this leadership.
    if (this.#destroyed) return
    if (this.#owedCommit !== 0 && this.matchIndex >= this.#owedCommit) this.tellCommit(this.#owedCommit)
  }

  #onMismatch(message: AppendResponse): void {
    // An answer to something older than what is known now says nothing.
    if (message.index <= this.matchIndex || this.state === 'snapshot') return
    if (this.state === 'probe' && message.index !== this.#probe) return
    this.#dropWindow()
    this.#probe = -1
    this.state = 'probe'
    this.nextIndex = Math.max(this.matchIndex + 1, this.#hintedNext(message))
  }

  /** Where the logs may agree: past our last entry of the follower's conflicting term, else before its run. */
  #hintedNext(message: AppendResponse): number {
    const log = this.#node.log
    if (message.hintTerm === 0) return Math.min(message.lastIndex, message.index - 1, log.lastIndex) + 1
    const limit = Math.min(message.index - 1, log.lastIndex)
    const ours = log.lastIndexAtOrBelowTerm(message.hintTerm, limit)
    const sameTerm = ours >= log.firstIndex - 1 && log.termAt(ours) === message.hintTerm
    return (sameTerm ? ours : Math.min(ours, message.hintIndex - 1)) + 1
  }

  /** The follower holds entries up to `index` as we do, and has no room for more. */
  #onBusy(index: number): void {
    if (this.state === 'snapshot') return
    this.#dropWindow()
    this.#probe = -1
    this.state = 'probe'
    this.nextIndex = Math.max(this.matchIndex, index) + 1
    this.#pausedUntilMs = this.#node.host.nowMs() + this.#node.options.heartbeatIntervalMs
  }

  /** Forgets what is in flight: it will be sent again, or was answered another way. */
  #dropWindow(): void {
    const window = this.#window
    if (window.totalBytes > 0) this.#link.releaseBulk(window.totalBytes, this.#epoch)
    window.lastIndexes.length = 0
    window.bytes.length = 0
    window.totalBytes = 0
  }

  /** Every half election timeout: what is without an answer for long is asked about again, a pause may be over. */
  tick(nowMs: number): void {
    const limitMs = nowMs - this.#node.options.electionTimeoutMs
    if (this.#probe >= 0 && this.#probeSentMs < limitMs) this.#probe = -1
    this.pump()
    if (this.state === 'replicate' && this.inFlight > 0 && this.#progressMs < limitMs) this.#askAgain(nowMs)
  }

  /** Nothing is on its way that would carry it: one empty append says how far all members hold the log, if that rose. */
  tellHeldByAll(): void {
    if (this.state === 'replicate' && this.inFlight === 0 && this.#node.heldByAll > this.#toldHeldByAll)
      this.#askAgain(this.#node.host.nowMs())
  }

  /**
   * The last ack may have found its queue full: an empty append at the window's end brings it once more. Also while the next
   * blocks wait for the link: what they wait for may be this very ack.
   */
  #askAgain(nowMs: number): void {
    if (this.#destroyed || !this.#link.connected) return
    if (this.#epoch !== this.#link.epoch) return
    const prevIndex = this.nextIndex - 1
    if (this.#send(prevIndex, prevIndex, [])) this.#progressMs = nowMs
  }

  onHeartbeatAck(sequence: number, sentAtMs: number): void {
    if (this.#destroyed) return
    if (sequence > this.ackedSequence) this.ackedSequence = sequence
    if (sentAtMs > this.lastAckSentMs) this.lastAckSentMs = sentAtMs
    // One heartbeat speaks for many groups: no closure, and no failure passes on to the next of them.
    try {
      this.#node.readOnly.onAck()
      if (this.state === 'probe' || this.nextIndex <= this.#node.log.lastIndex) this.pump()
    } catch (error) {
      this.#node.enterError(toFlotillaError(error))
    }
  }

  onHeartbeatException(answer: number, term: number, lastIndex: number): void {
    if (this.#destroyed) return
    if (answer === HEARTBEAT_OLD_TERM) {
      this.#node.guard(() => this.#node.onHigherTerm(term, this.member))
    } else if (answer === HEARTBEAT_NO_REPLICA) {
      this.#node.host.onMissingReplica(this.member)
    } else if (answer === HEARTBEAT_BEHIND) {
      this.#node.host.log('error', 'a follower lost entries that it had acknowledged', {
        store: this.member.storeId,
        acknowledged: this.matchIndex,
        lastIndex,
      })
    }
  }

  /**
   * A read of this follower waits until it knows that `index` is committed: tell it now, not with the next interval. It
   * is told only what it is known to hold, so that may have to wait for its ack.
   */
  tellCommit(index: number): void {
    this.#owedCommit = this.matchIndex >= index ? 0 : Math.max(index, this.#owedCommit)
    this.#link.requestHeartbeat(this)
  }

  requestHeartbeat(): number {
    return this.#link.requestHeartbeat(this)
  }

  onLinkUp(): void {
    this.#waitingWritable = false
    this.pump()
  }

  onLinkDown(): void {
    this.#waitingWritable = false
  }
}
