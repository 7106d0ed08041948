import type { LogBlock } from '../block/log-block.ts'
import type { Clock } from '../env/ports.ts'
import { assert } from '../util/assert.ts'
import { FlotillaError } from '../util/errors.ts'
import {
  MAX_ALIASES_PER_CONNECTION,
  MAX_APPEND_QUEUE_BYTES,
  MAX_BULK_FRAME_BYTES,
  MAX_FORWARD_QUEUE_BYTES,
  MAX_FRAME_BYTES,
} from '../util/limits.ts'
import type { QueueLimits } from '../util/queue-limits.ts'
import { ACK_BYTES, AppendAcks } from './append-acks.ts'
import type { Call, Reply } from './call-table.ts'
import { CallTable, callBytes, encodeCall, encodeReply, replyBytes } from './call-table.ts'
import type { Connection, ReceivedAlias } from './connection.ts'
import { FlushClaims } from './flush-claims.ts'
import type { FrameQueue } from './frame-queue.ts'
import type { PeerHello } from './handshake.ts'
import { HeartbeatSender } from './heartbeat-sender.ts'
import type { HeartbeatExceptions } from './link-codecs.ts'
import {
  encodeAddress,
  encodeForwardRequest,
  encodeForwardResponse,
  encodeHeartbeatAck,
  forwardRequestBytes,
  forwardResponseBytes,
} from './link-codecs.ts'
import {
  MSG_APPEND_REQUEST,
  MSG_CALL,
  MSG_FORWARD_REQUEST,
  MSG_FORWARD_RESPONSE,
  MSG_HEARTBEAT_ACK,
  MSG_NO_SUCH_REPLICA,
  MSG_READ_INDEX_REQUEST,
  MSG_READ_INDEX_RESPONSE,
  MSG_REPLY,
  MSG_TIMEOUT_NOW,
  MSG_VOTE_REQUEST,
  MSG_VOTE_RESPONSE,
  ROLE_STORE,
} from './message-types.ts'
import type {
  AppendRequest,
  AppendResponse,
  ForwardRequest,
  ForwardResponse,
  GroupAddress,
  HeartbeatSubject,
  PeerLink,
  ReadIndexRequest,
  ReadIndexResponse,
  RpcHandlers,
  TimeoutNow,
  VoteRequest,
  VoteResponse,
} from './messages.ts'
import {
  encodeAppendRequest,
  encodeReadIndexRequest,
  encodeReadIndexResponse,
  encodeTimeoutNow,
  encodeVoteRequest,
  encodeVoteResponse,
} from './raft-codecs.ts'
import type { RpcStats } from './rpc-stats.ts'
import { ServedCalls } from './served-calls.ts'

/** A forward is at most this long on the wire; its sender cuts what is longer. */
export const MAX_FORWARD_BYTES = MAX_FRAME_BYTES - 1024
/** Aliases from which on the sender starts the link anew, so that the receiver's bound is never met. */
const RECYCLE_ALIASES = (MAX_ALIASES_PER_CONNECTION * 3) / 4

export type LinkLimits = Pick<QueueLimits, 'bulkInFlightBytes' | 'controlQueueBytes'>

/** What a link needs of the multiplexer. */
export interface LinkHost {
  readonly clock: Clock
  readonly handlers: RpcHandlers
  readonly stats: RpcStats
  readonly closed: boolean
  readonly limits: LinkLimits
  /** Per shard the highest durable flush of this store; the array is used again. */
  flushClaimed(): readonly number[]
  markDirty(link: PeerLinkImpl): void
  /** Calls wait for deadlines. */
  startSweep(): void
  /** Close both connections and dial anew. */
  recycle(link: PeerLinkImpl, reason: FlotillaError): void
}

/** The sending side of one link: what the contract {@link PeerLink} says. Messages are encoded when they are sent. */
export class PeerLinkImpl implements PeerLink {
  readonly storeId: string
  epoch = 0
  /** In the multiplexer's list of links to flush. */
  dirty = false
  /** Why the last connection was refused or broke; null once the link is up. For describe. */
  lastError: FlotillaError | null = null
  /** What the other side said of itself in the last handshake. */
  peer: PeerHello | null = null
  control: Connection | null = null
  bulk: Connection | null = null
  readonly heartbeats = new HeartbeatSender()
  readonly calls: CallTable
  private readonly host: LinkHost
  private readonly acks = new AppendAcks()
  private readonly absent = new Set<ReceivedAlias>()
  private readonly waiters = new Set<{ onWritable(): void }>()
  private bulkInFlight = 0
  private readonly served = new ServedCalls()
  private readonly claims = new FlushClaims()

  constructor(host: LinkHost, storeId: string) {
    this.host = host
    this.storeId = storeId
    this.calls = new CallTable(storeId)
  }

  get connected(): boolean {
    return this.control !== null
  }

  get bulkInFlightBytes(): number {
    return this.bulkInFlight
  }

  /** Both connections are up: a new epoch. */
  up(control: Connection, bulk: Connection): void {
    assert(this.control === null, 'a link comes up once per epoch')
    this.control = control
    this.bulk = bulk
    this.peer = control.hello
    this.lastError = null
    this.epoch++
    this.bulkInFlight = 0
    this.claims.reset()
    if (this.waiters.size > 0) this.host.markDirty(this)
    this.host.stats.linksUp++
    this.host.handlers.onLinkUp(this.storeId)
  }

  /** Both connections are closed; nothing of them arrives any more. */
  down(): void {
    if (this.control === null) return
    this.control = null
    this.bulk = null
    this.acks.clearAll()
    this.absent.clear()
    this.heartbeats.reset()
    this.bulkInFlight = 0
    this.host.stats.linksDown++
    this.calls.rejectAll(this.host.closed ? 'CLOSED' : 'CONNECTION_LOST')
    this.host.handlers.onLinkDown(this.storeId)
  }

  /** The multiplexer is closed or the store was removed: nobody waits here any more. */
  abandon(): void {
    this.waiters.clear()
    this.calls.rejectAll('CLOSED')
  }

  // ------------------------------------------------------------------------------------------------ control

  /** The control connection's queue; null when it is full or not there. */
  private controlQueue(): FrameQueue | null {
    if (this.control === null) return null
    const queue = this.control.queue
    if (queue.waitingBytes + this.acks.size * ACK_BYTES < this.host.limits.controlQueueBytes) return queue
    this.host.stats.refusedSends++
    return null
  }

  /** Ends a message that has no blocks. */
  private finish(queue: FrameQueue, mark: number): true {
    queue.close(mark)
    queue.finish(null, 0)
    if (!this.dirty) this.host.markDirty(this)
    return true
  }

  sendVoteRequest(to: GroupAddress, message: VoteRequest): boolean {
    const queue = this.controlQueue()
    if (queue === null) return false
    const writer = queue.begin()
    queue.alias(to)
    const mark = queue.open(MSG_VOTE_REQUEST)
    encodeVoteRequest(writer, to.slot, message)
    return this.finish(queue, mark)
  }

  sendVoteResponse(to: GroupAddress, message: VoteResponse): boolean {
    const queue = this.controlQueue()
    if (queue === null) return false
    const writer = queue.begin()
    queue.alias(to)
    const mark = queue.open(MSG_VOTE_RESPONSE)
    encodeVoteResponse(writer, to.slot, message)
    return this.finish(queue, mark)
  }

  sendAppendResponse(to: GroupAddress, message: AppendResponse): boolean {
    if (this.control === null) return false
    if (!this.acks.replaces(to, message) && this.controlQueue() === null) return false
    this.acks.add(to, message)
    if (!this.dirty) this.host.markDirty(this)
    return true
  }

  sendTimeoutNow(to: GroupAddress, message: TimeoutNow): boolean {
    const queue = this.controlQueue()
    if (queue === null) return false
    const writer = queue.begin()
    queue.alias(to)
    const mark = queue.open(MSG_TIMEOUT_NOW)
    encodeTimeoutNow(writer, to.slot, message)
    return this.finish(queue, mark)
  }

  sendReadIndexRequest(to: GroupAddress, message: ReadIndexRequest): boolean {
    const queue = this.controlQueue()
    if (queue === null) return false
    const writer = queue.begin()
    queue.alias(to)
    const mark = queue.open(MSG_READ_INDEX_REQUEST)
    encodeReadIndexRequest(writer, to.slot, message)
    return this.finish(queue, mark)
  }

  sendReadIndexResponse(to: GroupAddress, message: ReadIndexResponse): boolean {
    const queue = this.controlQueue()
    if (queue === null) return false
    const writer = queue.begin()
    queue.alias(to)
    const mark = queue.open(MSG_READ_INDEX_RESPONSE)
    encodeReadIndexResponse(writer, to.slot, message)
    return this.finish(queue, mark)
  }

  /** The answer to a heartbeat; left out when the queue is full. */
  sendHeartbeatAck(exceptions: HeartbeatExceptions): void {
    const queue = this.controlQueue()
    if (queue === null) return
    const writer = queue.begin()
    const mark = queue.open(MSG_HEARTBEAT_ACK)
    encodeHeartbeatAck(writer, exceptions)
    this.finish(queue, mark)
  }

  /** Answers messages for a replica that is not here, once per alias and turn. */
  sayNoSuchReplica(alias: ReceivedAlias): void {
    this.host.stats.noSuchReplica++
    this.absent.add(alias)
    if (!this.dirty) this.host.markDirty(this)
  }

  private encodeAbsent(queue: FrameQueue): void {
    for (const alias of this.absent) {
      const writer = queue.begin()
      const mark = queue.open(MSG_NO_SUCH_REPLICA)
      encodeAddress(writer, alias)
      queue.close(mark)
      queue.finish(null, 0)
    }
    this.absent.clear()
  }

  /** The next message under this alias defines it again, on both connections. */
  forgetAlias(slot: number): void {
    this.control?.queue.forgetAlias(slot)
    this.bulk?.queue.forgetAlias(slot)
  }

  addHeartbeat(subject: HeartbeatSubject): void {
    this.heartbeats.add(subject)
  }

  removeHeartbeat(subject: HeartbeatSubject): void {
    this.heartbeats.remove(subject)
  }

  requestHeartbeat(subject: HeartbeatSubject): number {
    if (this.control === null) return 0
    if (!this.dirty) this.host.markDirty(this)
    return this.heartbeats.request(subject)
  }

  // --------------------------------------------------------------------------------------------------- bulk

  /**
   * The bulk connection's queue of calls; null when it is not there or `bytes` more would be over `bound`. Answers have a
   * higher bound than requests, so that they get through where new requests are refused.
   */
  private callQueue(bytes: number, bound: number): FrameQueue | null {
    const queue = this.bulk?.calls ?? null
    if (queue === null || queue.metaBytes + bytes <= bound) return queue
    this.host.stats.refusedSends++
    return null
  }

  sendAppendRequest(to: GroupAddress, message: AppendRequest): boolean {
    const blocks: readonly LogBlock[] = message.blocks
    let bytes = 0
    for (let i = 0; i < blocks.length; i++) bytes += blocks[i]!.byteLength
    assert(bytes <= MAX_FRAME_BYTES - 4096, 'the blocks of an append request fit one frame')
    if (this.bulk === null) return false
    const { queue } = this.bulk
    if (queue.metaBytes > MAX_APPEND_QUEUE_BYTES) {
      this.host.stats.refusedSends++
      return false
    }
    // An append without blocks is no bulk: it may be what brings the ack that makes room again.
    if (
      bytes > 0 &&
      this.bulkInFlight > 0 &&
      this.bulkInFlight + bytes > this.host.limits.bulkInFlightBytes
    ) {
      this.host.stats.refusedSends++
      return false
    }
    const writer = queue.begin()
    queue.alias(to)
    const mark = queue.open(MSG_APPEND_REQUEST)
    encodeAppendRequest(writer, to.slot, message)
    queue.close(mark)
    queue.finish(blocks, bytes)
    this.bulkInFlight += bytes
    if (!this.dirty) this.host.markDirty(this)
    return true
  }

  releaseBulk(bytes: number, epoch: number): void {
    if (epoch !== this.epoch || this.bulk === null) return
    assert(bytes <= this.bulkInFlight, 'no more bulk is released than was charged')
    this.bulkInFlight -= bytes
    if (this.waiters.size > 0 && this.windowOpen()) this.host.markDirty(this)
  }

  waitWritable(waiter: { onWritable(): void }): void {
    this.waiters.add(waiter)
    if (this.bulk !== null && this.windowOpen()) this.host.markDirty(this)
  }

  private windowOpen(): boolean {
    if (this.bulk !== null && this.bulk.queue.metaBytes > MAX_APPEND_QUEUE_BYTES) return false
    return (
      this.bulkInFlight === 0 ||
      this.bulkInFlight + MAX_BULK_FRAME_BYTES <= this.host.limits.bulkInFlightBytes
    )
  }

  /**
   * First come, first served. One that waits again in its call was refused with this much room: it is asked when more
   * was released or drained, else a block larger than the room would make every turn try again.
   */
  private wakeWaiters(): void {
    let count = this.waiters.size
    if (count === 0) return
    for (const waiter of this.waiters) {
      if (count-- === 0 || this.bulk === null || !this.windowOpen()) return
      this.waiters.delete(waiter)
      waiter.onWritable()
    }
  }

  sendForwardRequest(message: ForwardRequest): boolean {
    const bytes = forwardRequestBytes(message)
    assert(bytes <= MAX_FORWARD_BYTES, 'a forwarded request fits one frame')
    const queue = this.callQueue(bytes, MAX_FORWARD_QUEUE_BYTES)
    if (queue === null) return false
    const writer = queue.begin()
    const mark = queue.open(MSG_FORWARD_REQUEST)
    encodeForwardRequest(writer, message)
    return this.finish(queue, mark)
  }

  sendForwardResponse(message: ForwardResponse): boolean {
    const bytes = forwardResponseBytes(message)
    assert(bytes <= MAX_FORWARD_BYTES, 'a forwarded answer fits one frame')
    const queue = this.callQueue(bytes, 2 * MAX_FORWARD_QUEUE_BYTES)
    if (queue === null) return false
    const writer = queue.begin()
    const mark = queue.open(MSG_FORWARD_RESPONSE)
    encodeForwardResponse(writer, message)
    return this.finish(queue, mark)
  }

  // -------------------------------------------------------------------------------------------------- calls

  call(method: string, body: Buffer, timeoutMs: number): Promise<Buffer> {
    const bytes = callBytes(method, body)
    const refusal = this.refuseCall(method, bytes, timeoutMs)
    if (refusal !== null) return Promise.reject(refusal)
    const queue = this.bulk!.calls!
    const requestId = this.calls.allocateId()
    const writer = queue.begin()
    const mark = queue.open(MSG_CALL)
    encodeCall(writer, { requestId, method, body })
    this.finish(queue, mark)
    this.host.startSweep()
    return this.calls.wait(requestId, method, this.host.clock.monotonicMs(), timeoutMs)
  }

  private refuseCall(method: string, bytes: number, timeoutMs: number): FlotillaError | null {
    const certain = { outcome: 'not-applied' } as const
    if (this.host.closed) return new FlotillaError('CLOSED', `${method}: the store is closed`, certain)
    if (this.bulk === null) {
      const cause = this.lastError ?? undefined
      return new FlotillaError('CONNECTION_LOST', `store ${this.storeId} is not connected`, {
        ...certain,
        cause,
      })
    }
    if (!(timeoutMs > 0 && timeoutMs < Number.POSITIVE_INFINITY)) {
      return new FlotillaError(
        'INVALID_ARGUMENT',
        `a call needs a time-out in milliseconds, not ${timeoutMs}`,
      )
    }
    if (bytes > MAX_FRAME_BYTES) {
      return new FlotillaError('TOO_LARGE', `${method}: ${bytes} bytes are over the limit of one frame`)
    }
    if (this.calls.full || this.callQueue(bytes, MAX_FORWARD_QUEUE_BYTES) === null) {
      return new FlotillaError('BUSY', `too many calls wait for store ${this.storeId}`)
    }
    return null
  }

  /** Serves a call of the other side. */
  serve(call: Call): void {
    const { epoch, host, storeId } = this
    this.served.serve(
      call,
      (method, body) => host.handlers.onCall(storeId, method, body),
      (reply) => this.reply(reply, epoch),
    )
  }

  private reply(reply: Reply, epoch: number): void {
    if (epoch !== this.epoch) return
    const bound = 3 * MAX_FORWARD_QUEUE_BYTES
    const queue = this.callQueue(replyBytes(reply), bound)
    if (queue === null) return
    const writer = queue.begin()
    const mark = queue.open(MSG_REPLY)
    encodeReply(writer, reply)
    this.finish(queue, mark)
  }

  // -------------------------------------------------------------------------------------------------- flush

  /** A socket has room again. */
  drained(): void {
    if (!this.dirty) this.host.markDirty(this)
  }

  /** The heartbeat's interval has come round. */
  onHeartbeatInterval(): void {
    if (this.control === null) return
    this.heartbeats.onInterval()
    if (!this.dirty) this.host.markDirty(this)
  }

  /** Something goes out that may rest on a flush. */
  private speaks(queue: FrameQueue): boolean {
    return !queue.empty || this.acks.size > 0 || this.heartbeats.pending
  }

  /** Writes what waits: one write per connection, as far as their sockets take it. */
  flush(nowMs: number): void {
    this.wakeWaiters()
    this.dirty = false
    const { control, bulk } = this
    if (control === null || bulk === null) return
    if (control.writable) {
      const queue = control.queue
      if (this.peer?.role === ROLE_STORE && this.speaks(queue))
        this.claims.encode(queue, this.host.flushClaimed())
      this.acks.encode(queue)
      this.encodeAbsent(queue)
      if (this.heartbeats.pending) {
        this.host.stats.heartbeatsOut += this.heartbeats.encode(queue, this.host.clock.monotonicMs())
      }
      control.flush(nowMs)
    }
    bulk.flush(nowMs)
    if (Math.max(control.queue.aliasCount, bulk.queue.aliasCount) > RECYCLE_ALIASES) {
      this.host.recycle(this, new FlotillaError('CONNECTION_LOST', 'the link starts anew: too many aliases'))
    }
  }
}
