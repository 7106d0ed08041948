import type { Env, Socket } from '../env/ports.ts'
import { FlotillaError, toFlotillaError } from '../util/errors.ts'
import { MAX_LINKS, MAX_PENDING_HANDSHAKES, RECONNECT_MAX_MS } from '../util/limits.ts'
import {
  CONN_ANSWERED,
  CONN_HELLO,
  CONN_OPEN,
  CONN_REFUSED,
  Connection,
  type ConnectionHost,
  connectionLost,
} from './connection.ts'
import type { Dispatcher } from './dispatcher.ts'
import type { Frame } from './frame.ts'
import {
  checkHello,
  commonProtocol,
  type HelloExtras,
  makeHello,
  type PeerHello,
  parseAddress,
  type RpcIdentity,
} from './handshake.ts'
import { readHandshake } from './handshake-messages.ts'
import { LinkState, Pair, sameProcess } from './link-state.ts'
import {
  KIND_BULK,
  KIND_CONTROL,
  KIND_PROBE,
  MSG_HELLO,
  MSG_HELLO_ANSWER,
  MSG_READY,
  type PeerRole,
  ROLE_CLIENT,
} from './message-types.ts'
import { connectedAlready, dialsFirst, refuseAnswer, refuseBesideActive, staysBeside } from './pair-policy.ts'
import type { PeerLinkImpl } from './peer-link.ts'
import type { RpcStats } from './rpc-stats.ts'
import { encodeWire, wire } from './wire.ts'
import { protocolError } from './wire-reader.ts'

export type ConnectorEnv = Pick<Env, 'clock' | 'timers' | 'random' | 'sockets' | 'logger'>

export interface ConnectorOptions {
  readonly identity: RpcIdentity
  readonly role: PeerRole
  readonly env: ConnectorEnv
  readonly stats: RpcStats
  readonly dispatcher: Dispatcher
  enterTurn(): number
  makeLink(storeId: string): PeerLinkImpl
  judgePeer(hello: PeerHello): FlotillaError | null
  helloExtras(storeId: string): HelloExtras
  /** The address that handshakes tell; '' while not listening. */
  address(): string
  /** Handshakes wait for their deadline. */
  startSweep(): void
}

/**
 * Makes and ends links: dials, accepts, shakes hands, joins control and bulk connections into pairs, and decides which
 * of two pairs stays. A link is up exactly while its state has an active pair.
 */
export class Connector implements ConnectionHost {
  readonly boot: number
  readonly stats: RpcStats
  readonly states = new Map<string, LinkState>()
  private readonly options: ConnectorOptions
  private readonly env: ConnectorEnv
  private readonly me: RpcIdentity
  /** Every open connection and the pair it belongs to; null before the hello, and of probes. */
  private readonly homes = new Map<Connection, Pair | null>()
  /** Connections whose handshake is not done. */
  private readonly unfinished = new Set<Connection>()
  private acceptedUnfinished = 0
  private closed = false
  private nowMs = 0

  constructor(options: ConnectorOptions) {
    this.options = options
    this.env = options.env
    this.me = options.identity
    this.boot = options.identity.boot
    this.stats = options.stats
  }

  enterTurn(): number {
    this.nowMs = this.options.enterTurn()
    return this.nowMs
  }

  /** Connections whose handshake is not done; the caller may close them while it looks. */
  get unfinishedConnections(): ReadonlySet<Connection> {
    return this.unfinished
  }

  // -------------------------------------------------------------------------------------------------- links

  /** The link of a store; one that the owner asked for stays, connected or not. */
  link(storeId: string): PeerLinkImpl {
    let state = this.states.get(storeId)
    if (state === undefined) {
      state = this.state(storeId)
      state.kept = true
    }
    return state.link
  }

  private state(storeId: string): LinkState {
    let state = this.states.get(storeId)
    if (state === undefined) {
      state = new LinkState(this.options.makeLink(storeId), this.nowMs)
      this.states.set(storeId, state)
    }
    return state
  }

  /** Throws INVALID_ARGUMENT for a bad address. */
  setPeer(storeId: string, address: string): void {
    parseAddress(address)
    this.nowMs = this.env.clock.monotonicMs()
    const state = this.state(storeId)
    const known = state.kept && state.address === address
    state.kept = true
    state.address = address
    if (known || state.active !== null) return
    state.attempts = 0
    state.downSinceMs = this.nowMs
    if (state.dialing !== null) this.closePair(state.dialing, null)
    this.scheduleDial(state, 0)
  }

  removePeer(storeId: string): void {
    const state = this.states.get(storeId)
    if (state === undefined) return
    this.states.delete(storeId)
    this.closeState(state)
    state.link.abandon()
  }

  /** Ends the active pair; the link is dialed anew. */
  recycle(storeId: string, reason: FlotillaError): void {
    const pair = this.states.get(storeId)?.active
    if (pair) this.closePair(pair, reason)
  }

  close(): void {
    if (this.closed) return
    this.closed = true
    for (const state of [...this.states.values()]) {
      this.closeState(state)
      state.link.abandon()
    }
    for (const connection of [...this.homes.keys()]) connection.destroy()
  }

  private closeState(state: LinkState): void {
    if (state.timer !== null) this.env.timers.clearTimeout(state.timer)
    state.timer = null
    state.address = ''
    state.kept = false
    for (const pair of [state.dialing, state.incoming, state.active])
      if (pair !== null) this.closePair(pair, null)
  }

  private fail(state: LinkState, error: FlotillaError): void {
    const last = state.link.lastError
    state.link.lastError = error
    if (last !== null && last.code === error.code && last.message === error.message) return
    this.env.logger.warn({ peer: state.link.storeId, code: error.code }, error.message)
  }

  // ------------------------------------------------------------------------------------------------- dialing

  private scheduleDial(state: LinkState, delayMs: number): void {
    if (this.closed || state.timer !== null || state.address === '') return
    let delay = delayMs
    if (!dialsFirst(this.me, this.options.role, state.link.storeId)) {
      delay = Math.max(delay, state.downSinceMs + 2 * RECONNECT_MAX_MS - this.nowMs)
    }
    state.timer = this.env.timers.setTimeout(() => {
      state.timer = null
      this.enterTurn()
      this.dial(state)
    }, delay)
  }

  private dial(state: LinkState): void {
    if (this.closed || state.active !== null || state.dialing !== null || state.address === '') return
    const { host, port } = parseAddress(state.address)
    // Below 2^48, like every number on the wire.
    const id = this.env.random.uint32() * 0x10000 + (this.env.random.uint32() & 0xffff)
    const pair = new Pair(state.link, id, true)
    state.dialing = pair
    state.attempts++
    this.stats.dials++
    for (const kind of [KIND_CONTROL, KIND_BULK] as const) {
      const socket = this.env.sockets.connect(host, port)
      const connection = new Connection(this, socket, kind, true, this.connectionId(), this.nowMs)
      pair.place(connection)
      this.track(connection, pair)
    }
  }

  private connectionId(): number {
    return this.env.random.uint32() || 1
  }

  private track(connection: Connection, pair: Pair | null): void {
    this.homes.set(connection, pair)
    this.unfinished.add(connection)
    if (!connection.dialed) this.acceptedUnfinished++
    this.options.startSweep()
  }

  private finished(connection: Connection): void {
    if (this.unfinished.delete(connection) && !connection.dialed) this.acceptedUnfinished--
  }

  accept(socket: Socket): void {
    this.enterTurn()
    if (this.closed || this.acceptedUnfinished >= MAX_PENDING_HANDSHAKES) {
      this.stats.handshakesRefused++
      // Its owner hears of it by the close.
      socket.setHandlers({ onData() {}, onClose() {} })
      socket.destroy()
      return
    }
    this.track(new Connection(this, socket, KIND_CONTROL, false, 0, this.nowMs), null)
  }

  // ----------------------------------------------------------------------------------------------- handshake

  onConnected(connection: Connection): void {
    const pair = this.homes.get(connection)
    if (!pair) return
    connection.state = CONN_HELLO
    const { kind, id } = connection
    const place = { kind, connection: id, pair: pair.id, expectedStoreId: pair.link.storeId }
    connection.push(MSG_HELLO, encodeWire(wire.rpc.Hello, this.hello(pair.link.storeId, place)))
    connection.flush(this.nowMs)
  }

  private hello(storeId: string, place: Parameters<typeof makeHello>[3]) {
    const { role, address, helloExtras } = this.options
    return makeHello(this.me, role, address(), place, helloExtras(storeId))
  }

  onFrame(connection: Connection, frame: Frame): void {
    if (connection.state === CONN_OPEN) {
      const pair = this.homes.get(connection)
      if (pair) this.options.dispatcher.dispatch(pair.link, connection, frame)
      return
    }
    const message = readHandshake(frame)
    if (message.goodbye !== null) this.onGoodbye(connection, message.goodbye)
    else if (connection.dialed) this.onAnswer(connection, frame, message.answer)
    else if (connection.state === CONN_HELLO) this.onHello(connection, frame, message.hello)
    else if (message.ready) this.onReady(connection)
    else throw protocolError('an unexpected message in a handshake')
  }

  /** The other side closes and says why. */
  onGoodbye(connection: Connection, error: FlotillaError): void {
    this.stats.handshakesRefused++
    const pair = this.homes.get(connection)
    if (pair) this.closePair(pair, error)
    else connection.destroy(error)
  }

  /** Acceptor: the first frame says who calls. */
  private onHello(connection: Connection, frame: Frame, hello: PeerHello | null): void {
    if (hello === null) throw protocolError('a connection that does not start with a handshake')
    if (hello.boot !== frame.boot || hello.connection !== frame.connection)
      throw protocolError('a forged handshake')
    connection.become(hello.kind, hello.connection)
    const refusal =
      checkHello(this.me, hello) ?? (hello.kind === KIND_PROBE ? null : this.judgeIncoming(hello))
    if (refusal !== null) {
      this.refuse(connection, hello, refusal)
      return
    }
    connection.hello = hello
    if (hello.kind !== KIND_PROBE) this.joinIncoming(connection, hello)
    if (connection.closed) return
    connection.state = CONN_ANSWERED
    const place = {
      kind: hello.kind,
      connection: hello.connection,
      pair: hello.pair,
      expectedStoreId: hello.storeId,
    }
    const answer = { hello: this.hello(hello.storeId, place), protocol: commonProtocol(hello) }
    connection.push(MSG_HELLO_ANSWER, encodeWire(wire.rpc.HelloAnswer, answer))
    connection.flush(this.nowMs)
  }

  /** Null when a pair of this store may be made; else why not. */
  private judgeIncoming(hello: PeerHello): FlotillaError | null {
    const state = this.states.get(hello.storeId)
    if (state === undefined && this.states.size >= MAX_LINKS) {
      return new FlotillaError('BUSY', `store ${this.me.storeId} knows too many stores`)
    }
    const conflict = state?.active
      ? refuseBesideActive(this.me, this.options.role, state.active, hello)
      : null
    return conflict ?? this.judge(hello)
  }

  private judge(hello: PeerHello): FlotillaError | null {
    try {
      return this.options.judgePeer(hello)
    } catch (error) {
      return toFlotillaError(error)
    }
  }

  /** Puts an accepted connection into its pair; a new dialing of the store replaces an unfinished one. */
  private joinIncoming(connection: Connection, hello: PeerHello): void {
    const state = this.state(hello.storeId)
    if (state.address === '') state.address = hello.address
    let pair = state.incoming
    if (pair !== null && (pair.id !== hello.pair || !sameProcess(pair.hello!, hello))) {
      this.closePair(pair, null)
      pair = null
    }
    if (pair === null) {
      pair = new Pair(state.link, hello.pair, false)
      pair.hello = hello
      state.incoming = pair
    }
    if (!pair.place(connection)) throw protocolError('two connections of one kind in a pair')
    this.homes.set(connection, pair)
  }

  private refuse(connection: Connection, hello: PeerHello, error: FlotillaError): void {
    this.stats.handshakesRefused++
    const state = this.states.get(hello.storeId)
    if (state !== undefined && state.active === null) this.fail(state, error)
    connection.sayGoodbye(error, this.nowMs)
    // Closed by the dialer once it has read why, by the sweep otherwise.
    if (!connection.closed) connection.state = CONN_REFUSED
  }

  /** Dialer: both answers make the pair. */
  private onAnswer(connection: Connection, frame: Frame, hello: PeerHello | null): void {
    const pair = this.homes.get(connection)
    if (!pair || hello === null || connection.state !== CONN_HELLO)
      throw protocolError('a handshake out of order')
    const matches = hello.boot === frame.boot && hello.connection === connection.id && hello.pair === pair.id
    if (!matches || hello.kind !== connection.kind) throw protocolError('an answer to another handshake')
    const refusal = refuseAnswer(this.me, pair, hello) ?? this.judge(hello)
    if (refusal !== null) {
      this.stats.handshakesRefused++
      connection.sayGoodbye(refusal, this.nowMs)
      this.closePair(pair, refusal)
      return
    }
    connection.hello = hello
    pair.hello ??= hello
    connection.state = CONN_ANSWERED
    if (!pair.answered || !this.activate(pair)) return
    for (const each of [pair.control!, pair.bulk!]) {
      each.state = CONN_OPEN
      this.finished(each)
      each.push(MSG_READY, Buffer.alloc(0))
      // In a frame of its own: what the link's owner says when it comes up must not ride with a handshake.
      each.flush(this.nowMs)
    }
    this.linkUp(pair)
  }

  /** Acceptor: the dialer is content with both answers. The first of its two words makes the link. */
  private onReady(connection: Connection): void {
    const pair = this.homes.get(connection)
    if (!pair?.answered || connection.state !== CONN_ANSWERED)
      throw protocolError('ready before the handshake')
    connection.state = CONN_OPEN
    this.finished(connection)
    const state = this.states.get(pair.link.storeId)
    if (state?.active === pair) return
    if (this.activate(pair)) this.linkUp(pair)
  }

  /** Makes the pair the link's; ends the one before. False when the other one stays and this one was closed. */
  private activate(pair: Pair): boolean {
    const state = this.states.get(pair.link.storeId)
    if (this.closed || state === undefined || state.link !== pair.link) {
      this.closePair(pair, null)
      return false
    }
    const other = state.active
    if (other !== null && staysBeside(this.me, this.options.role, other, pair)) {
      this.closePair(pair, connectedAlready(this.me, pair.link.storeId))
      return false
    }
    if (state.dialing === pair) state.dialing = null
    if (state.incoming === pair) state.incoming = null
    if (other !== null) this.closePair(other, null)
    // onLinkDown may have closed us, or this very pair.
    if (this.closed || pair.control!.closed || pair.bulk!.closed) return false
    if (state.dialing !== null) this.closePair(state.dialing, null)
    if (state.timer !== null) this.env.timers.clearTimeout(state.timer)
    state.timer = null
    state.active = pair
    state.upSinceMs = this.nowMs
    pair.control!.liftFrameLimit()
    pair.bulk!.liftFrameLimit()
    return true
  }

  private linkUp(pair: Pair): void {
    this.env.logger.debug({ peer: pair.link.storeId, dialed: pair.dialed }, 'link up')
    pair.link.up(pair.control!, pair.bulk!)
  }

  // ------------------------------------------------------------------------------------------------- closing

  onFailure(connection: Connection, error: FlotillaError): void {
    const pair = this.homes.get(connection)
    connection.sayGoodbye(error, this.nowMs)
    if (pair) this.closePair(pair, error)
    else connection.destroy(error)
  }

  onDrained(connection: Connection): void {
    const link = this.homes.get(connection)?.link
    if (link && (link.control === connection || link.bulk === connection)) link.drained()
    else connection.flush(this.nowMs)
  }

  onClosed(connection: Connection, error: Error | null): void {
    this.finished(connection)
    const pair = this.homes.get(connection)
    this.homes.delete(connection)
    if (pair) this.closePair(pair, error)
  }

  /** Closes both connections; when the pair was the link, the link goes down, once. Idempotent. */
  private closePair(pair: Pair, cause: Error | null): void {
    const { control, bulk, link } = pair
    pair.control = null
    pair.bulk = null
    if (control === null && bulk === null) return
    const remote = (control ?? bulk)!.socket.remote
    control?.destroy(cause)
    bulk?.destroy(cause)
    const state = this.states.get(link.storeId)
    if (state === undefined || state.link !== link) {
      link.down()
      return
    }
    const wasActive = state.active === pair
    if (wasActive) state.active = null
    if (state.dialing === pair) state.dialing = null
    if (state.incoming === pair) state.incoming = null
    const error = cause instanceof FlotillaError ? cause : connectionLost(remote, cause)
    if (error !== null && state.active === null) this.fail(state, error)
    if (wasActive) this.afterDown(state)
    if (state.active === null && (wasActive || pair.dialed)) this.redial(state)
    this.forgetStranger(state)
  }

  private afterDown(state: LinkState): void {
    state.downSinceMs = this.nowMs
    // A link that breaks as soon as it is up must not be dialed without a pause.
    if (this.nowMs - state.upSinceMs > RECONNECT_MAX_MS) state.attempts = 0
    if (state.link.peer?.role !== ROLE_CLIENT) state.wasUp = true
    this.env.logger.debug({ peer: state.link.storeId }, 'link down')
    state.link.down()
  }

  /**
   * Who was never set as a peer and is no store that once was linked leaves nothing behind: clients come back by
   * themselves, perhaps under another name, and strangers must not fill the table.
   */
  private forgetStranger(state: LinkState): void {
    if (
      state.kept ||
      state.wasUp ||
      state.active !== null ||
      state.dialing !== null ||
      state.incoming !== null
    )
      return
    if (this.states.get(state.link.storeId) !== state) return
    this.states.delete(state.link.storeId)
    if (state.timer !== null) this.env.timers.clearTimeout(state.timer)
    state.timer = null
    state.link.abandon()
  }

  private redial(state: LinkState): void {
    if (this.states.get(state.link.storeId) !== state) return
    this.scheduleDial(state, state.backoffMs(this.env.random.float()))
  }
}
