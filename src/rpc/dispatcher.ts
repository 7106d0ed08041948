import { BLOCK_HEADER_BYTES, BlockFormatError, type LogBlock, parseBlock } from '../block/log-block.ts'
import { assert } from '../util/assert.ts'
import type { FlotillaError } from '../util/errors.ts'
import { hash32 } from '../util/hash.ts'
import { MAX_ALIASES_PER_CONNECTION, MAX_GROUP_ID_BYTES } from '../util/limits.ts'
import { decodeCall, decodeReply } from './call-table.ts'
import type { Connection, ReceivedAlias } from './connection.ts'
import { decodeFlushNumbers } from './flush-claims.ts'
import type { Frame } from './frame.ts'
import { readGoodbye } from './handshake-messages.ts'
import {
  decodeAddress,
  decodeForwardRequest,
  decodeForwardResponse,
  decodeHeartbeat,
  decodeHeartbeatAck,
  HeartbeatExceptions,
  HeartbeatRows,
} from './link-codecs.ts'
import {
  KIND_BULK,
  MSG_APPEND_REQUEST,
  MSG_APPEND_RESPONSE,
  MSG_CALL,
  MSG_FLUSH_NUMBERS,
  MSG_FORWARD_REQUEST,
  MSG_FORWARD_RESPONSE,
  MSG_GOODBYE,
  MSG_GROUP_ALIAS,
  MSG_HEARTBEAT,
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
import { HEARTBEAT_NO_REPLICA, HEARTBEAT_OK, type HeartbeatAnswer, type RpcHandlers } from './messages.ts'
import type { PeerLinkImpl } from './peer-link.ts'
import {
  decodeAppendRequest,
  decodeAppendResponse,
  decodeReadIndexRequest,
  decodeReadIndexResponse,
  decodeTimeoutNow,
  decodeVoteRequest,
  decodeVoteResponse,
} from './raft-codecs.ts'
import type { RpcStats } from './rpc-stats.ts'
import { protocolError, WireReader } from './wire-reader.ts'

/** A block of at least this share of its frame may keep the frame's buffer; a smaller one gets a buffer of its own. */
const KEEP_SHARE = 2

export interface DispatcherOwner {
  /** The other side closes the connection and says why. */
  onGoodbye(connection: Connection, error: FlotillaError): void
  /** The other store's highest durable flushes, per shard; the array is used again. */
  onFlushNumbers(storeId: string, claimed: readonly number[]): void
}

/** Takes the frames of established links apart and calls the handlers. Whatever breaks the protocol throws PROTOCOL. */
export class Dispatcher {
  private readonly handlers: RpcHandlers
  private readonly stats: RpcStats
  private readonly reader = new WireReader()
  private readonly rows = new HeartbeatRows()
  private readonly exceptions = new HeartbeatExceptions()
  private readonly received = new HeartbeatExceptions()
  private readonly answer: HeartbeatAnswer = { answer: HEARTBEAT_OK, term: 0, lastIndex: 0 }
  private readonly lengths: number[] = []
  private readonly claimed: number[] = []
  private busy = false
  /** Where the next block of the frame at hand lies. */
  private blobAt = 0

  private readonly owner: DispatcherOwner

  constructor(handlers: RpcHandlers, stats: RpcStats, owner: DispatcherOwner) {
    this.handlers = handlers
    this.stats = stats
    this.owner = owner
  }

  /** Delivers every message of the frame, in order, as long as the connection stays open. */
  dispatch(link: PeerLinkImpl, connection: Connection, frame: Frame): void {
    assert(!this.busy, 'frames are taken apart one after the other')
    this.busy = true
    try {
      this.blobAt = frame.metaEnd
      let pos = frame.metaStart
      while (pos < frame.metaEnd) {
        const reader = this.reader.set(frame.buffer, pos, frame.metaEnd)
        const type = reader.byte()
        reader.end = reader.limit()
        pos = reader.end
        this.stats.messagesIn++
        if (type === MSG_GOODBYE) this.owner.onGoodbye(connection, readGoodbye(reader.rest()))
        else if (connection.kind === KIND_BULK) this.bulkMessage(link, connection, frame, type)
        else this.controlMessage(link, connection, type)
        if (connection.closed) return
      }
      if (this.blobAt !== frame.end) throw protocolError('a frame holds more than its messages say')
    } finally {
      this.busy = false
    }
  }

  private controlMessage(link: PeerLinkImpl, connection: Connection, type: number): void {
    switch (type) {
      case MSG_HEARTBEAT:
        this.heartbeat(link, connection)
        break
      case MSG_HEARTBEAT_ACK:
        this.heartbeatAck(link)
        break
      case MSG_APPEND_RESPONSE:
        this.appendResponse(link, connection)
        break
      case MSG_FLUSH_NUMBERS:
        decodeFlushNumbers(this.reader, this.claimed)
        this.owner.onFlushNumbers(link.storeId, this.claimed)
        break
      case MSG_GROUP_ALIAS:
        this.groupAlias(connection)
        break
      case MSG_NO_SUCH_REPLICA:
        this.noSuchReplica(link)
        break
      default:
        this.rareControlMessage(link, connection, type)
    }
  }

  private rareControlMessage(link: PeerLinkImpl, connection: Connection, type: number): void {
    const { reader, handlers } = this
    switch (type) {
      case MSG_VOTE_REQUEST: {
        const message = decodeVoteRequest(reader)
        const ref = this.target(link, connection)
        if (ref !== null) handlers.onVoteRequest(ref, message)
        break
      }
      case MSG_VOTE_RESPONSE: {
        const message = decodeVoteResponse(reader)
        const ref = this.target(link, connection)
        if (ref !== null) handlers.onVoteResponse(ref, message)
        break
      }
      case MSG_TIMEOUT_NOW: {
        const message = decodeTimeoutNow(reader)
        const ref = this.target(link, connection)
        if (ref !== null) handlers.onTimeoutNow(ref, message)
        break
      }
      case MSG_READ_INDEX_REQUEST: {
        const message = decodeReadIndexRequest(reader)
        const ref = this.target(link, connection)
        if (ref !== null) handlers.onReadIndexRequest(ref, message)
        break
      }
      case MSG_READ_INDEX_RESPONSE: {
        const message = decodeReadIndexResponse(reader)
        const ref = this.target(link, connection)
        if (ref !== null) handlers.onReadIndexResponse(ref, message)
        break
      }
      default:
        throw protocolError(`a message of type ${type} on a control connection`)
    }
  }

  private bulkMessage(link: PeerLinkImpl, connection: Connection, frame: Frame, type: number): void {
    switch (type) {
      case MSG_APPEND_REQUEST:
        this.appendRequest(link, connection, frame)
        break
      case MSG_FORWARD_REQUEST:
        this.handlers.onForwardRequest(link.storeId, decodeForwardRequest(this.reader))
        break
      case MSG_FORWARD_RESPONSE:
        this.handlers.onForwardResponse(link.storeId, decodeForwardResponse(this.reader))
        break
      case MSG_GROUP_ALIAS:
        this.groupAlias(connection)
        break
      case MSG_CALL:
        link.serve(decodeCall(this.reader))
        break
      case MSG_REPLY:
        link.calls.onReply(decodeReply(this.reader))
        break
      default:
        throw protocolError(`a message of type ${type} on a bulk connection`)
    }
  }

  private groupAlias(connection: Connection): void {
    const { slot, groupId, fromReplica, toReplica } = decodeAddress(this.reader)
    const hello = connection.hello!
    if (hello.role !== ROLE_STORE) throw protocolError('a client speaks for a group')
    if (groupId === '' || Buffer.byteLength(groupId) > MAX_GROUP_ID_BYTES)
      throw protocolError('a bad group name')
    const aliases = connection.aliases
    if (aliases.size >= MAX_ALIASES_PER_CONNECTION && !aliases.has(slot))
      throw protocolError('too many aliases')
    const groupTag = hash32(groupId)
    const alias = { storeId: hello.storeId, slot, groupId, groupTag, fromReplica, toReplica, target: null }
    aliases.set(slot, alias)
    this.handlers.onAlias(alias)
  }

  private aliasOf(connection: Connection, slot: number): ReceivedAlias {
    const alias = connection.aliases.get(slot)
    if (alias === undefined) throw protocolError(`the alias ${slot} was not defined`)
    return alias
  }

  /** The alias of the message just decoded; null, and answered, when its replica is not here. */
  private target(link: PeerLinkImpl, connection: Connection): ReceivedAlias | null {
    const alias = this.aliasOf(connection, this.reader.slot)
    if (alias.target !== null) return alias
    link.sayNoSuchReplica(alias)
    return null
  }

  private appendRequest(link: PeerLinkImpl, connection: Connection, frame: Frame): void {
    const blocks: LogBlock[] = []
    const request = decodeAppendRequest(this.reader, this.lengths, blocks)
    const ref = this.target(link, connection)
    for (let i = 0; i < this.lengths.length; i++) {
      const start = this.blobAt
      const length = this.lengths[i]!
      if (length < BLOCK_HEADER_BYTES || length > frame.end - start)
        throw protocolError('a block beyond its frame')
      this.blobAt = start + length
      if (ref !== null) blocks.push(this.block(ref, frame, start, length))
    }
    if (ref !== null) this.handlers.onAppendRequest(ref, request)
  }

  private block(ref: ReceivedAlias, frame: Frame, start: number, length: number): LogBlock {
    const view = frame.buffer.subarray(start, start + length)
    // Blocks are kept for long: one must not hold on to a whole chunk or frame.
    const keep = frame.owned && length * KEEP_SHARE >= frame.buffer.length
    const block = verified(keep ? view : Buffer.from(view))
    if (block.groupTag !== ref.groupTag)
      throw protocolError(`a block of another group came for ${ref.groupId}`)
    return block
  }

  private appendResponse(link: PeerLinkImpl, connection: Connection): void {
    const message = decodeAppendResponse(this.reader)
    const ref = this.target(link, connection)
    if (ref !== null) this.handlers.onAppendResponse(ref, message)
  }

  private noSuchReplica(link: PeerLinkImpl): void {
    const { slot, groupId, fromReplica, toReplica } = decodeAddress(this.reader)
    link.forgetAlias(slot)
    this.handlers.onNoSuchReplica(link.storeId, groupId, fromReplica, toReplica)
  }

  private heartbeat(link: PeerLinkImpl, connection: Connection): void {
    const { rows, exceptions, answer, handlers } = this
    decodeHeartbeat(this.reader, rows)
    this.stats.heartbeatsIn++
    exceptions.clear(rows.sequence)
    for (let i = 0; i < rows.count; i++) {
      const ref = this.aliasOf(connection, rows.slots[i]!)
      if (ref.target === null) {
        this.stats.noSuchReplica++
        exceptions.add(i, HEARTBEAT_NO_REPLICA, 0, 0)
        continue
      }
      answer.answer = HEARTBEAT_OK
      answer.term = 0
      answer.lastIndex = 0
      handlers.onHeartbeat(ref, rows.terms[i]!, rows.commits[i]!, answer)
      if (answer.answer !== HEARTBEAT_OK) exceptions.add(i, answer.answer, answer.term, answer.lastIndex)
    }
    // A handler may have closed the link; then there is nothing to answer on.
    if (!connection.closed) link.sendHeartbeatAck(exceptions)
  }

  private heartbeatAck(link: PeerLinkImpl): void {
    decodeHeartbeatAck(this.reader, this.received)
    link.heartbeats.onAck(this.received, (slot) => link.forgetAlias(slot))
  }
}

function verified(bytes: Buffer): LogBlock {
  try {
    return parseBlock(bytes)
  } catch (error) {
    if (error instanceof BlockFormatError) throw protocolError(`a block: ${error.message}`)
    throw error
  }
}
