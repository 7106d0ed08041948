import type { Clock, Env, Listener, TimerHandle } from '../env/ports.ts'
import { FlotillaError, toFlotillaError } from '../util/errors.ts'
import { MAX_PENDING_HANDSHAKES, RPC_SWEEP_MS } from '../util/limits.ts'
import { QUEUE_LIMITS } from '../util/queue-limits.ts'
import { Connector } from './connector.ts'
import { Dispatcher } from './dispatcher.ts'
import {
  formatAddress,
  type HelloExtras,
  isWildcard,
  parseAddress,
  type PeerHello,
  type RpcIdentity,
} from './handshake.ts'
import { sweepHandshakes, sweepLinks } from './link-watch.ts'
import { type PeerRole, ROLE_CLIENT, ROLE_STORE } from './message-types.ts'
import type { PeerLink, RpcHandlers } from './messages.ts'
import { type LinkHost, type LinkLimits, PeerLinkImpl } from './peer-link.ts'
import { Probe } from './probe.ts'
import { RpcStats } from './rpc-stats.ts'

export interface RpcMultiplexerOptions {
  readonly identity: RpcIdentity
  readonly env: Pick<Env, 'clock' | 'timers' | 'random' | 'sockets' | 'logger'>
  readonly handlers: RpcHandlers
  readonly heartbeatIntervalMs: number
  /** Asks the owner to call `flush` at the end of this turn. Not called again until it has. */
  scheduleFlush(): void
  /** Called when I/O or a timer arrives: the owner refreshes its turn's clock and returns it. Default: reads the clock. */
  enterTurn?(): number
  /** The owner's word on a peer, asked at both ends of a handshake; an error travels to the other side. Default: all are welcome. */
  judgePeer?(hello: PeerHello): FlotillaError | null
  /** Asked after `judgePeer`: a promise when the store must be remembered before anything of it is heard. Default: null. */
  admitPeer?(hello: PeerHello): Promise<void> | null
  /** Another store says that this one was replaced or rolled back. */
  onSuspected?(by: string, error: FlotillaError): void
  /** A link is up: what the other store said of itself and others. */
  onPeerUp?(hello: PeerHello): void
  /** Per shard the highest durable flush of this store. May be one array, used again. Default: none. */
  flushClaimed?(): readonly number[]
  /** Another store's; comes before the messages that rest on those flushes. The array is used again. */
  onFlushNumbers?(storeId: string, claimed: readonly number[]): void
  /** What handshakes tell a store beyond the identity. */
  helloExtras?(storeId: string): HelloExtras
  /** 'client' hosts no group, does not listen, and always dials. Default 'store'. */
  readonly role?: 'store' | 'client'
  /** Default: QUEUE_LIMITS. */
  readonly limits?: LinkLimits
}

const NO_FLUSHES: readonly number[] = []

/**
 * Everything that a store says to other stores and hears from them: one link per store, each with a control and a bulk
 * connection. Frames arrive at the handlers at once; what is sent is written when the owner calls {@link flush}.
 */
export class RpcMultiplexer implements LinkHost {
  readonly stats = new RpcStats()
  readonly clock: Clock
  readonly handlers: RpcHandlers
  readonly limits: LinkLimits
  private readonly options: RpcMultiplexerOptions
  private readonly role: PeerRole
  private readonly connector: Connector
  private readonly probes = new Set<Probe>()
  private dirtyLinks: PeerLinkImpl[] = []
  private spareLinks: PeerLinkImpl[] = []
  private flushAsked = false
  private flushing = false
  private listener: Listener | null = null
  private listening = ''
  private advertised = ''
  private heartbeatTimer: TimerHandle | null = null
  private heartbeatDueMs: number
  private sweepTimer: TimerHandle | null = null
  private isClosed = false
  private closing: Promise<void> | null = null

  constructor(options: RpcMultiplexerOptions) {
    this.options = options
    this.role = options.role === 'client' ? ROLE_CLIENT : ROLE_STORE
    const { identity, env, handlers } = options
    this.clock = env.clock
    this.handlers = handlers
    this.limits = options.limits ?? QUEUE_LIMITS
    const dispatcher = new Dispatcher(handlers, this.stats, {
      onGoodbye: (connection, error) => this.connector.onGoodbye(connection, error),
      onFlushNumbers: (storeId, claimed) => options.onFlushNumbers?.(storeId, claimed),
    })
    this.connector = new Connector({
      identity,
      role: this.role,
      env,
      stats: this.stats,
      dispatcher,
      enterTurn: () => this.enterTurn(),
      makeLink: (storeId) => new PeerLinkImpl(this, storeId),
      judgePeer: (hello) => options.judgePeer?.(hello) ?? null,
      admitPeer: (hello) => options.admitPeer?.(hello) ?? null,
      onSuspected: (by, error) => options.onSuspected?.(by, error),
      onPeerUp: (hello) => options.onPeerUp?.(hello),
      helloExtras: (storeId) => options.helloExtras?.(storeId) ?? {},
      address: () => this.advertised,
      startSweep: () => this.startSweep(),
    })
    this.heartbeatDueMs = this.clock.monotonicMs() + options.heartbeatIntervalMs
    this.armHeartbeat(options.heartbeatIntervalMs)
  }

  get closed(): boolean {
    return this.isClosed
  }

  /** `host:port` at which this multiplexer listens; '' while it does not. */
  get address(): string {
    return this.listening
  }

  /** `host:port` that other stores are told; '' when there is none that they could dial. */
  get advertisedAddress(): string {
    return this.advertised
  }

  /** Other stores are told this address from their next handshake on. */
  advertise(address: string): void {
    parseAddress(address)
    this.advertised = address
  }

  /**
   * Accepts other stores. Port 0 takes a free one. `advertise` is the address others are told where it differs; the
   * wildcard address is told to nobody. Rejects with ADDRESS_IN_USE, ADDRESS_INVALID or CLOSED.
   */
  async listen(host: string, port: number, advertise?: string): Promise<void> {
    this.refuseWhenClosed()
    const listener = await this.options.env.sockets.listen(host, port, (socket) =>
      this.connector.accept(socket),
    )
    if (this.isClosed) {
      await listener.close()
      this.refuseWhenClosed()
    }
    this.listener = listener
    this.listening = formatAddress(listener.host, listener.port)
    this.advertised = advertise ?? (isWildcard(listener.host) ? '' : this.listening)
  }

  private refuseWhenClosed(): void {
    if (this.isClosed)
      throw new FlotillaError('CLOSED', 'the multiplexer is closed', { outcome: 'not-applied' })
  }

  /** Says where a store is. A link that is up stays; else the address is dialed at once when it is news. Throws INVALID_ARGUMENT. */
  setPeer(storeId: string, address: string): void {
    this.refuseWhenClosed()
    if (storeId === this.options.identity.storeId)
      throw new FlotillaError('INVALID_ARGUMENT', 'a store is no peer of itself')
    this.connector.setPeer(storeId, address)
  }

  /** Closes the link and forgets the store. Its link object stays unconnected for ever. */
  removePeer(storeId: string): void {
    this.connector.removePeer(storeId)
  }

  /**
   * The link to a store, made when there is none. A client's link ends with its connection: ask again for each answer
   * instead of keeping it.
   */
  link(storeId: string): PeerLink & PeerLinkImpl {
    return this.connector.link(storeId)
  }

  links(): PeerLinkImpl[] {
    return Array.from(this.connector.states.values(), (state) => state.link)
  }

  /** Ends every link; each is dialed anew. */
  recycleAll(reason: FlotillaError): void {
    this.connector.recycleAll(reason)
  }

  /** Asks who listens at an address. Rejects with TIMEOUT, CONNECTION_LOST, CLOSED, BUSY or the other side's refusal. */
  probe(address: string, timeoutMs: number): Promise<PeerHello> {
    return new Promise((resolve, reject) => {
      this.refuseWhenClosed()
      if (this.probes.size >= MAX_PENDING_HANDSHAKES) throw new FlotillaError('BUSY', 'too many probes')
      const { identity, env } = this.options
      const options = { identity, env, role: this.role, stats: this.stats, enterTurn: () => this.enterTurn() }
      const probe = new Probe(options, address, timeoutMs, (hello, error) => {
        this.probes.delete(probe)
        if (hello !== null) resolve(hello)
        else reject(error)
      })
      this.probes.add(probe)
    })
  }

  /** Writes what was sent in this turn. */
  flush(): void {
    if (this.flushing) return
    this.flushing = true
    this.flushAsked = false
    const nowMs = this.clock.monotonicMs()
    const links = this.dirtyLinks
    this.dirtyLinks = this.spareLinks
    this.spareLinks = links
    for (let i = 0; i < links.length; i++) this.flushLink(links[i]!, nowMs)
    links.length = 0
    this.flushing = false
  }

  /** What throws here (a waiter, an encoder) costs its link, and keeps no other link's messages back. */
  private flushLink(link: PeerLinkImpl, nowMs: number): void {
    try {
      link.flush(nowMs)
    } catch (cause) {
      const error = toFlotillaError(cause)
      this.stats.handlerErrors++
      link.dirty = false
      this.recycle(link, error)
    }
  }

  /** Closes every connection; pending calls reject with CLOSED. Idempotent. */
  close(): Promise<void> {
    this.closing ??= this.closeAll()
    return this.closing
  }

  private async closeAll(): Promise<void> {
    this.isClosed = true
    const { timers } = this.options.env
    if (this.heartbeatTimer !== null) timers.clearTimeout(this.heartbeatTimer)
    if (this.sweepTimer !== null) timers.clearTimeout(this.sweepTimer)
    this.heartbeatTimer = null
    this.sweepTimer = null
    for (const probe of [...this.probes]) probe.cancel()
    this.connector.close()
    await this.listener?.close()
  }

  // ------------------------------------------------------------------------------------- what links call back

  flushClaimed(): readonly number[] {
    return this.options.flushClaimed?.() ?? NO_FLUSHES
  }

  markDirty(link: PeerLinkImpl): void {
    if (link.dirty) return
    link.dirty = true
    this.dirtyLinks.push(link)
    if (this.flushAsked) return
    this.flushAsked = true
    this.options.scheduleFlush()
  }

  recycle(link: PeerLinkImpl, reason: FlotillaError): void {
    this.connector.recycle(link.storeId, reason)
  }

  startSweep(): void {
    if (this.sweepTimer !== null || this.isClosed) return
    this.sweepTimer = this.options.env.timers.setTimeout(() => this.sweep(), RPC_SWEEP_MS)
  }

  private enterTurn(): number {
    return this.options.enterTurn?.() ?? this.clock.monotonicMs()
  }

  private sweep(): void {
    this.sweepTimer = null
    const nowMs = this.connector.enterTurn()
    sweepHandshakes(this.connector, nowMs)
    let waiting = this.connector.unfinishedConnections.size
    for (const link of this.links()) {
      link.calls.sweep(nowMs)
      waiting += link.calls.size
    }
    if (waiting > 0) this.startSweep()
  }

  // -------------------------------------------------------------------------------------------- the interval

  private armHeartbeat(delayMs: number): void {
    this.heartbeatTimer = this.options.env.timers.setTimeout(() => this.onHeartbeatTimer(), delayMs)
  }

  /** One timer for all links. Beats that were missed in a stall are not made up for. */
  private onHeartbeatTimer(): void {
    const interval = this.options.heartbeatIntervalMs
    const nowMs = this.connector.enterTurn()
    const lateMs = nowMs - this.heartbeatDueMs
    this.heartbeatDueMs = lateMs > interval ? nowMs + interval : this.heartbeatDueMs + interval
    this.armHeartbeat(Math.max(this.heartbeatDueMs - nowMs, 0))
    // After a stall the sockets are read only now: silence proves nothing before the next round.
    if (lateMs <= interval) sweepLinks(this.connector, nowMs, interval)
    for (const state of this.connector.states.values()) state.link.onHeartbeatInterval()
  }
}
