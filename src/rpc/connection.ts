import type { Socket } from '../env/ports.ts'
import { FlotillaError, toFlotillaError } from '../util/errors.ts'
import {
  MAX_BULK_FRAME_BYTES,
  MAX_CONTROL_FRAME_BYTES,
  MAX_FRAME_BYTES,
  MAX_SOCKET_WRITE_BYTES,
} from '../util/limits.ts'
import { type Frame, FrameParser, type FrameSink } from './frame.ts'
import { FrameQueue } from './frame-queue.ts'
import type { PeerHello } from './handshake.ts'
import { type ConnectionKind, KIND_BULK, MSG_GOODBYE } from './message-types.ts'
import type { GroupRef } from './messages.ts'
import type { RpcStats } from './rpc-stats.ts'
import { encodeWire, wire } from './wire.ts'
import { protocolError } from './wire-reader.ts'

/** Dialed: CONNECTING, then HELLO (sent). Accepted: HELLO (expected). Then both: ANSWERED, OPEN. */
export const CONN_CONNECTING = 0
export const CONN_HELLO = 1
export const CONN_ANSWERED = 2
export const CONN_OPEN = 3
/** A goodbye was sent to the dialer, who is to close; what still comes is ignored. */
export const CONN_REFUSED = 4
export const CONN_CLOSED = 5

/** The receiving end of an alias. */
export interface ReceivedAlias extends GroupRef {
  readonly slot: number
  /** hash32 of the groupId: what the blocks of this group must carry. */
  readonly groupTag: number
}

/** Who owns the connections. Called with the turn's clock refreshed; not called for a closed connection but onClosed. */
export interface ConnectionHost {
  readonly boot: number
  readonly stats: RpcStats
  /** Refreshes the turn's clock and returns it. */
  enterTurn(): number
  onConnected(connection: Connection): void
  /** May throw: a FlotillaError PROTOCOL says goodbye and closes. */
  onFrame(connection: Connection, frame: Frame): void
  onDrained(connection: Connection): void
  /** The peer broke the protocol or a handler threw. The connection is still open for a goodbye. */
  onFailure(connection: Connection, error: FlotillaError): void
  /** Once, whoever closed it. */
  onClosed(connection: Connection, error: Error | null): void
}

/** One socket with its frames, sequences and aliases. Knows nothing of links. */
export class Connection implements FrameSink {
  readonly socket: Socket
  readonly dialed: boolean
  readonly openedAtMs: number
  kind: ConnectionKind
  /** Chosen by the dialer; 0 until its hello came. */
  id: number
  state: number
  /** What the other side said of itself; null until then. */
  hello: PeerHello | null = null
  queue: FrameQueue
  /** Of a bulk connection: calls, forwards and the answers to both. An append waits for half a write of them at most. */
  calls: FrameQueue | null = null
  readonly aliases = new Map<number, ReceivedAlias>()
  lastReceivedMs: number
  /** False between a full socket and its drain. */
  writable = true
  blockedSinceMs = 0
  private readonly host: ConnectionHost
  private readonly parser: FrameParser
  private sequenceIn = 0
  private sequenceOut = 0

  constructor(
    host: ConnectionHost,
    socket: Socket,
    kind: ConnectionKind,
    dialed: boolean,
    id: number,
    nowMs: number,
  ) {
    this.host = host
    this.socket = socket
    this.kind = kind
    this.dialed = dialed
    this.id = id
    this.openedAtMs = nowMs
    this.lastReceivedMs = nowMs
    this.state = dialed ? CONN_CONNECTING : CONN_HELLO
    this.queue = new FrameQueue(MAX_CONTROL_FRAME_BYTES)
    this.become(kind, id)
    // Until the handshake is done a stranger may not make us hold more than a control frame.
    this.parser = new FrameParser(MAX_CONTROL_FRAME_BYTES, this)
    socket.setHandlers({
      onConnect: () => this.onConnect(),
      onData: (bytes) => this.onData(bytes),
      onDrain: () => this.onDrain(),
      onClose: (error) => this.onClose(error),
    })
  }

  get closed(): boolean {
    return this.state === CONN_CLOSED
  }

  /** What it is for: a dialer knows, an accepted connection learns it from the hello. */
  become(kind: ConnectionKind, id: number): void {
    this.kind = kind
    this.id = id
    if (kind !== KIND_BULK) return
    this.queue = new FrameQueue(MAX_BULK_FRAME_BYTES)
    this.calls = new FrameQueue(MAX_BULK_FRAME_BYTES)
  }

  /** The pair is up: frames of full size may come. */
  liftFrameLimit(): void {
    if (this.kind === KIND_BULK) this.parser.maxFrameBytes = MAX_FRAME_BYTES
  }

  /** Puts a message of the link itself into the queue; all that waits in `queue` goes before what waits in `calls`. */
  push(type: number, body: Buffer, queue: FrameQueue = this.queue): void {
    const writer = queue.begin()
    const mark = queue.open(type)
    writer.raw(body, 0, body.length)
    queue.close(mark)
    queue.finish(null, 0)
  }

  private get hasToWrite(): boolean {
    return !this.queue.empty || (this.calls !== null && !this.calls.empty)
  }

  /** Writes what waits, until the socket is full: in one go, unless there is very much. */
  flush(nowMs: number): void {
    while (this.writable && this.hasToWrite && !this.closed && this.state !== CONN_CONNECTING)
      this.write(nowMs)
  }

  /** One write. Where both queues have much, each has half of it. */
  private write(nowMs: number): void {
    const { queue, calls } = this
    const called = calls !== null && !calls.empty
    let chunks: Buffer[] | null = null
    if (!queue.empty) chunks = this.take(queue, called ? MAX_SOCKET_WRITE_BYTES / 2 : MAX_SOCKET_WRITE_BYTES)
    if (called) {
      const more = this.take(calls, chunks === null ? MAX_SOCKET_WRITE_BYTES : MAX_SOCKET_WRITE_BYTES / 2)
      chunks = chunks === null ? more : chunks.concat(more)
    }
    this.host.stats.writes++
    if (!this.socket.write(chunks ?? [])) {
      this.writable = false
      this.blockedSinceMs = nowMs
    }
  }

  private take(queue: FrameQueue, maxBytes: number): Buffer[] {
    const { stats, boot } = this.host
    const frames = queue.framesTaken
    const bytes = queue.bytesTaken
    const names = { connection: this.id, boot }
    const chunks = queue.take(names, (this.sequenceOut + 1) >>> 0, maxBytes)
    this.sequenceOut = (this.sequenceOut + queue.framesTaken - frames) >>> 0
    stats.framesOut += queue.framesTaken - frames
    stats.bytesOut += queue.bytesTaken - bytes
    stats.messagesOut += queue.messages
    queue.messages = 0
    return chunks
  }

  /** Says why, if the socket still takes it. */
  sayGoodbye(error: FlotillaError, nowMs: number): void {
    if (this.closed || this.state === CONN_CONNECTING) return
    const { shortName, message, store: suspect } = error
    // Behind the answers: whoever hears it reads no further.
    const last = this.calls ?? this.queue
    this.push(MSG_GOODBYE, encodeWire(wire.rpc.Goodbye, { error: shortName, message, suspect }), last)
    this.flush(nowMs)
  }

  /** Idempotent. Nothing of this connection is delivered any more; `onClosed` of the host follows at once. */
  destroy(error: Error | null = null): void {
    if (this.closed) return
    this.state = CONN_CLOSED
    this.aliases.clear()
    this.socket.destroy()
    this.host.onClosed(this, error)
  }

  private onConnect(): void {
    if (this.closed) return
    this.host.enterTurn()
    this.host.onConnected(this)
  }

  private onData(bytes: Buffer): void {
    if (this.closed || this.state === CONN_REFUSED) return
    this.lastReceivedMs = this.host.enterTurn()
    this.host.stats.bytesIn += bytes.length
    try {
      this.parser.push(bytes)
    } catch (cause) {
      if (this.closed) return
      const error = toFlotillaError(cause)
      if (error.code === 'FLOTILLA_PROTOCOL') this.host.stats.protocolErrors++
      else this.host.stats.handlerErrors++
      this.host.onFailure(this, error)
    }
  }

  /** Every frame of the connection in its place: a repeat, a gap or a stranger's frame ends it. */
  onFrame(frame: Frame): boolean {
    this.sequenceIn = (this.sequenceIn + 1) >>> 0
    if (frame.sequence !== this.sequenceIn) {
      throw protocolError(`frame ${frame.sequence} came where ${this.sequenceIn} was due`)
    }
    if (this.id !== 0 && frame.connection !== this.id) throw protocolError('a frame of another connection')
    if (this.hello !== null && frame.boot !== this.hello.boot) throw protocolError('a frame of another boot')
    this.host.stats.framesIn++
    this.host.onFrame(this, frame)
    return !this.closed && this.state !== CONN_REFUSED
  }

  private onDrain(): void {
    if (this.closed || this.writable) return
    this.host.enterTurn()
    this.writable = true
    this.host.onDrained(this)
  }

  private onClose(error: Error | null): void {
    if (this.closed) return
    this.host.enterTurn()
    this.destroy(error)
  }
}

/** The failure of a socket as an error of ours; null when it just ended. */
export function connectionLost(remote: string, error: Error | null): FlotillaError | null {
  if (error === null) return null
  return new FlotillaError('CONNECTION_LOST', `${remote}: ${error.message}`, { cause: error })
}
