import type { Socket } from '../env/ports.ts'
import { FlotillaError, toFlotillaError } from '../util/errors.ts'
import { MAX_CLIENTS_PER_STORE, MAX_LINKS, RECONNECT_MAX_MS } from '../util/limits.ts'
import {
  CONN_ANSWERED,
  CONN_HELLO,
  CONN_OPEN,
  CONN_REFUSED,
  Connection,
  type ConnectionHost,
  connectionLost,
} from './connection.ts'
import type { ConnectorEnv, ConnectorOptions } from './connector-options.ts'
import type { Frame } from './frame.ts'
import {
  checkHello,
  commonProtocol,
  makeHello,
  type PeerHello,
  parseAddress,
  type RpcIdentity,
} from './handshake.ts'
import { readHandshake } from './handshake-messages.ts'
import { type LinkState, Pair, sameProcess } from './link-state.ts'
import { LinkTable } from './link-table.ts'
import {
  KIND_BULK,
  KIND_CONTROL,
  KIND_PROBE,
  MSG_HELLO,
  MSG_HELLO_ANSWER,
  MSG_READY,
  ROLE_CLIENT,
} from './message-types.ts'
import { connectedAlready, dialsFirst, refuseAnswer, refuseBesideActive, staysBeside } from './pair-policy.ts'
import type { PeerLinkImpl } from './peer-link.ts'
import { PendingHandshakes } from './pending-handshakes.ts'
import type { RpcStats } from './rpc-stats.ts'
import { encodeWire, wire } from './wire.ts'
import { protocolError } from './wire-reader.ts'

/**
 * Makes and ends links: dials, accepts, shakes hands, joins control and bulk connections into pairs, and decides which
 * of two pairs stays. A link is up exactly while its state has an active pair.
 */
export class Connector implements ConnectionHost {
  readonly boot: number
  readonly stats: RpcStats
  private readonly options: ConnectorOptions
  private readonly table: LinkTable
  private readonly env: ConnectorEnv
  private readonly me: RpcIdentity
  /** Every open connection and the pair it belongs to; null before the hello, and of probes. */
  private readonly homes = new Map<Connection, Pair | null>()
  private readonly pending = new PendingHandshakes()
  private closed = false
  private nowMs = 0

  constructor(options: ConnectorOptions) {
    this.options = options
    this.env = options.env
    this.me = options.identity
    this.boot = options.identity.boot
    this.stats = options.stats
    this.table = new LinkTable(options.env, options.makeLink)
  }

  enterTurn(): number {
    this.nowMs = this.options.enterTurn()
    return this.nowMs
  }

  /** Connections whose handshake is not done; the caller may close them while it looks. */
  get unfinishedConnections(): ReadonlySet<Connection> {
    return this.pending.connections
  }

  get states(): ReadonlyMap<string, LinkState> {
    return this.table.states
  }

  // -------------------------------------------------------------------------------------------------- links

  /** The link of a store; one that the owner asked for stays, connected or not. */
  link(storeId: string): PeerLinkImpl {
    const known = this.table.get(storeId)
    if (known !== undefined) return known.link
    const state = this.table.make(storeId, this.nowMs)
    state.kept = true
    return state.link
  }

  /** A link that is up stays; else another address is dialed at once. Throws INVALID_ARGUMENT for a bad address. */
  setPeer(storeId: string, address: string): void {
    parseAddress(address)
    this.nowMs = this.env.clock.monotonicMs()
    const state = this.table.make(storeId, this.nowMs)
    const known = state.kept && state.address === address
    state.kept = true
    state.address = address
    if (known || state.active !== null) return
    state.attempts = 0
    state.downSinceMs = this.nowMs
    if (state.dialing !== null) this.closePair(state.dialing, null)
    this.table.stopTimer(state)
    this.scheduleDial(state, 0)
  }

  removePeer(storeId: string): void {
    const state = this.states.get(storeId)
    if (state === undefined) return
    this.table.states.delete(storeId)
    this.closeState(state)
    state.link.abandon()
  }

  /** Ends the active pair; the link is dialed anew. */
  recycle(storeId: string, reason: FlotillaError): void {
    const pair = this.states.get(storeId)?.active
    if (pair) this.closePair(pair, reason)
  }

  /** As `recycle`, for every link. */
  recycleAll(reason: FlotillaError): void {
    for (const storeId of [...this.states.keys()]) this.recycle(storeId, reason)
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
    this.table.stopTimer(state)
    state.address = ''
    state.kept = false
    for (const pair of [state.dialing, state.incoming, state.active])
      if (pair !== null) this.closePair(pair, null)
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
    this.pending.add(connection)
    this.options.startSweep()
  }

  accept(socket: Socket): void {
    this.enterTurn()
    if (this.closed || !this.pending.makeRoom(this.stats)) {
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
    const link = pair?.link
    if (pair) this.closePair(pair, error, true)
    else connection.destroy(error)
    const suspected = error.code === 'FLOTILLA_STORE_REPLACED' && error.store === this.me.storeId
    if (link !== undefined && suspected && !this.closed) this.options.onSuspected(link.storeId, error)
  }

  /** Acceptor: the first frame says who calls. */
  private onHello(connection: Connection, frame: Frame, hello: PeerHello | null): void {
    if (hello === null || connection.hello !== null) throw protocolError('no handshake where one was due')
    this.pending.spoke(connection)
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
    if (hello.kind === KIND_PROBE) {
      this.answer(connection, hello)
      return
    }
    this.joinIncoming(connection, hello)
    if (connection.closed) return
    this.admit(connection, hello, () => {
      const late = this.judgeIncoming(hello)
      if (late === null) this.answer(connection, hello)
      else this.refuse(connection, hello, late)
    })
  }

  /** Goes on at once with a store that is remembered as it is, else when it has been. */
  private admit(connection: Connection, hello: PeerHello, goOn: () => void): void {
    const remembering = this.options.admitPeer(hello)
    if (remembering === null) {
      goOn()
      return
    }
    const resume = (failure: unknown) => {
      if (connection.closed) return
      this.enterTurn()
      try {
        if (failure !== null) throw failure
        goOn()
      } catch (error) {
        this.stats.handlerErrors++
        this.onFailure(connection, toFlotillaError(error))
      }
    }
    remembering.then(() => resume(null), resume)
  }

  private answer(connection: Connection, hello: PeerHello): void {
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
    if (
      state === undefined &&
      hello.role === ROLE_CLIENT &&
      this.table.clientCount >= MAX_CLIENTS_PER_STORE
    ) {
      const text = `store ${this.me.storeId} has ${MAX_CLIENTS_PER_STORE} clients, no more are taken`
      return new FlotillaError('BUSY', text, { outcome: 'not-applied' })
    }
    const judged = this.judge(hello)
    if (judged !== null || !state?.active) return judged
    return refuseBesideActive(this.me, this.options.role, state.active, hello)
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
    const state = this.table.make(hello.storeId, this.nowMs)
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
    if (state !== undefined && state.active === null) this.table.fail(state, error, false)
    connection.sayGoodbye(error, this.nowMs)
    // Closed by the dialer once it has read why, by the sweep otherwise.
    if (!connection.closed) connection.state = CONN_REFUSED
  }

  /** Dialer: both answers make the pair. */
  private onAnswer(connection: Connection, frame: Frame, hello: PeerHello | null): void {
    const pair = this.homes.get(connection)
    if (!pair || hello === null || connection.state !== CONN_HELLO || connection.hello !== null)
      throw protocolError('a handshake out of order')
    const matches = hello.boot === frame.boot && hello.connection === connection.id && hello.pair === pair.id
    if (!matches || hello.kind !== connection.kind) throw protocolError('an answer to another handshake')
    connection.hello = hello
    if (this.refusesAnswer(connection, pair, hello)) return
    pair.hello ??= hello
    this.admit(connection, hello, () => {
      if (!this.refusesAnswer(connection, pair, hello)) this.onAdmitted(connection, pair)
    })
  }

  private refusesAnswer(connection: Connection, pair: Pair, hello: PeerHello): boolean {
    const refusal = refuseAnswer(this.me, pair, hello) ?? this.judge(hello)
    if (refusal === null) return connection.closed
    this.stats.handshakesRefused++
    connection.sayGoodbye(refusal, this.nowMs)
    this.closePair(pair, refusal)
    return true
  }

  private onAdmitted(connection: Connection, pair: Pair): void {
    connection.state = CONN_ANSWERED
    if (!pair.answered || !this.activate(pair)) return
    for (const each of [pair.control!, pair.bulk!]) {
      each.state = CONN_OPEN
      this.pending.remove(each)
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
    this.pending.remove(connection)
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
    this.table.stopTimer(state)
    state.active = pair
    state.upSinceMs = this.nowMs
    pair.control!.liftFrameLimit()
    pair.bulk!.liftFrameLimit()
    return true
  }

  private linkUp(pair: Pair): void {
    this.env.logger.debug({ peer: pair.link.storeId, dialed: pair.dialed }, 'link up')
    const hello = pair.control!.hello!
    pair.link.up(pair.control!, pair.bulk!)
    if (pair.control !== null) this.options.onPeerUp(hello)
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
    this.pending.remove(connection)
    const pair = this.homes.get(connection)
    this.homes.delete(connection)
    if (pair) this.closePair(pair, error)
  }

  /** Closes both connections; when the pair was the link, the link goes down, once. Idempotent. */
  private closePair(pair: Pair, cause: Error | null, heard = false): void {
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
    if (error !== null && state.active === null) this.table.fail(state, error, heard)
    if (wasActive) this.afterDown(state)
    if (state.active === null && (wasActive || pair.dialed)) this.redial(state)
    this.table.forgetStranger(state)
  }

  private afterDown(state: LinkState): void {
    state.downSinceMs = this.nowMs
    // A link that breaks as soon as it is up must not be dialed without a pause.
    if (this.nowMs - state.upSinceMs > RECONNECT_MAX_MS) state.attempts = 0
    if (state.link.peer?.role !== ROLE_CLIENT) state.wasUp = true
    this.env.logger.debug({ peer: state.link.storeId }, 'link down')
    state.link.down()
  }

  private redial(state: LinkState): void {
    if (this.states.get(state.link.storeId) !== state) return
    this.scheduleDial(state, state.backoffMs(this.env.random.float()))
  }
}
