import type { AdminHost } from '../client/cluster-admin.ts'
import { callPatiently } from '../client/patient-call.ts'
import type { ClientHost } from '../client/ports.ts'
import { UnknownLink } from '../client/unknown-link.ts'
import type { ClientEnv, Clock, Timers } from '../env/ports.ts'
import type { PeerHello, RpcIdentity } from '../rpc/handshake.ts'
import type { ForwardResponse, GroupRef, PeerLink, RpcHandlers } from '../rpc/messages.ts'
import { RpcMultiplexer } from '../rpc/multiplexer.ts'
import { Turn, type TurnWork } from '../store/turn.ts'
import { FlotillaError, toFlotillaError } from '../util/errors.ts'
import { CLIENT_HEARTBEAT_MS } from '../util/limits.ts'

export interface ClientHostEvents {
  onLinkUp(storeId: string): void
  onLinkDown(storeId: string): void
  onForwardResponse(storeId: string, message: ForwardResponse): void
  /** A store has said who and where it and others are. */
  onHello(hello: PeerHello): void
  /** Somebody wants to reach a store that is not known. */
  onUnknownStore(storeId: string): void
  /** An invariant did not hold. */
  onBroken(error: FlotillaError): void
}

/** The services of a process without a store: its turn of the event loop, and links to the stores that it knows. */
export class ClientProcess implements ClientHost, AdminHost {
  readonly storeId = ''
  readonly multiplexer: RpcMultiplexer
  readonly turn: Turn
  readonly #env: ClientEnv
  readonly #events: ClientHostEvents
  /** Where each store is dialed. */
  readonly #addresses = new Map<string, string>()

  /** `identity` may learn its cluster later, before the first store is set. */
  constructor(env: ClientEnv, identity: RpcIdentity, events: ClientHostEvents) {
    this.#env = env
    this.#events = events
    const broken = (error: unknown): void => events.onBroken(toFlotillaError(error))
    this.turn = new Turn(env.clock, env.timers, () => this.multiplexer.flush(), broken)
    this.multiplexer = new RpcMultiplexer({
      identity,
      env,
      role: 'client',
      handlers: new ClientHandlers(events),
      heartbeatIntervalMs: CLIENT_HEARTBEAT_MS,
      scheduleFlush: () => this.turn.schedule(),
      enterTurn: () => this.turn.nowMs(),
      onPeerUp: (hello) => events.onHello(hello),
    })
  }

  get clock(): Clock {
    return this.#env.clock
  }

  get timers(): Timers {
    return this.#env.timers
  }

  get closed(): boolean {
    return this.multiplexer.closed
  }

  nowMs(): number {
    return this.turn.nowMs()
  }

  random(): number {
    return this.#env.random.float()
  }

  markDirty(work: TurnWork): void {
    this.turn.markDirty(work)
  }

  peers(): readonly string[] {
    return [...this.#addresses.keys()]
  }

  local(): null {
    return null
  }

  /** A store that nobody has told us of yet has a link that is never connected. */
  link(storeId: string): PeerLink {
    if (this.#addresses.has(storeId)) return this.multiplexer.link(storeId)
    this.#events.onUnknownStore(storeId)
    return new UnknownLink(storeId)
  }

  // ---- stores -------------------------------------------------------------------------------------------------------

  addressOf(storeId: string): string {
    return this.#addresses.get(storeId) ?? ''
  }

  isConnected(storeId: string): boolean {
    return this.#addresses.has(storeId) && this.multiplexer.link(storeId).connected
  }

  /** What keeps a store's link down; null while it is up or was never tried. */
  failureOf(storeId: string): FlotillaError | null {
    return this.#addresses.has(storeId) ? this.multiplexer.link(storeId).lastError : null
  }

  /** Dials the store there, unless its link is up. What others told may be no address: that is logged. */
  dial(storeId: string, address: string): void {
    if (this.multiplexer.closed) return
    try {
      this.multiplexer.setPeer(storeId, address)
      this.#addresses.set(storeId, address)
    } catch (error) {
      this.#env.logger.warn({ err: error, store: storeId }, 'an address that was heard of cannot be dialed')
    }
  }

  places(): readonly { readonly storeId: string; readonly address: string }[] {
    return Array.from(this.#addresses, ([storeId, address]) => ({ storeId, address }))
  }

  async ask(storeId: string, method: string, body: Buffer, timeoutMs: number): Promise<Buffer> {
    if (!this.#addresses.has(storeId)) return await this.link(storeId).call(method, body, timeoutMs)
    return await callPatiently(this, this.multiplexer.link(storeId), method, body, timeoutMs)
  }

  /** A client makes no replicas of its own. */
  async createGroups(): Promise<(FlotillaError | null)[]> {
    return []
  }

  async close(): Promise<void> {
    this.turn.close()
    await this.multiplexer.close()
  }
}

/** What stores say to a client. It hosts no group, so that most of it is never said. */
class ClientHandlers implements RpcHandlers {
  readonly #events: ClientHostEvents

  constructor(events: ClientHostEvents) {
    this.#events = events
  }

  onLinkUp(storeId: string): void {
    this.#events.onLinkUp(storeId)
  }

  onLinkDown(storeId: string): void {
    this.#events.onLinkDown(storeId)
  }

  onForwardResponse(storeId: string, message: ForwardResponse): void {
    this.#events.onForwardResponse(storeId, message)
  }

  async onCall(_storeId: string, method: string): Promise<Buffer> {
    throw new FlotillaError('INVALID_ARGUMENT', `a client answers no calls, nor ${JSON.stringify(method)}`)
  }

  onAlias(ref: GroupRef): void {
    ref.target = null
  }

  onVoteRequest(): void {}
  onVoteResponse(): void {}
  onAppendRequest(): void {}
  onAppendResponse(): void {}
  onTimeoutNow(): void {}
  onHeartbeat(): void {}
  onReadIndexRequest(): void {}
  onReadIndexResponse(): void {}
  onNoSuchReplica(): void {}
  onForwardRequest(): void {}
}
