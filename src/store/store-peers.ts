import type { Logger } from '../env/ports.ts'
import {
  type HelloExtras,
  parseAddress,
  type PeerHello,
  type RpcIdentity,
  type StoreAddress,
} from '../rpc/handshake.ts'
import { ROLE_CLIENT } from '../rpc/message-types.ts'
import type { RpcMultiplexer, RpcMultiplexerOptions } from '../rpc/multiplexer.ts'
import type { LogShard } from '../storage/log-shard.ts'
import { assertPresent } from '../util/assert.ts'
import { FlotillaError } from '../util/errors.ts'
import { type Identity, pastProcesses, presentStart, processOfStart } from './identity.ts'
import { judgeSelf, readDoubleStart, readLostFlushes } from './peer-judgement.ts'
import type { PeerMemory } from './peer-memory.ts'

/** Another store as this one sees it. */
export interface PeerDescription {
  readonly storeId: string
  readonly connected: boolean
  /** `host:port` at which it is dialed, '' when not known. */
  readonly address: string
  /** What keeps the link down, null while it is up or was never tried. STORE_REPLACED: one of both is suspect. */
  readonly error: { readonly code: string; readonly message: string } | null
}

export interface StorePeersEvents {
  /** Store `by` says that this one was replaced or rolled back: from now on it counts toward nothing. */
  onSuspect(by: string, error: FlotillaError): void
  /** Nobody says so any more. */
  onCleared(): void
}

/**
 * Where memory and wire meet: judges who says hello, remembers whom it deals with, keeps the address book, and stops the
 * store's part in everything while another store says that its directory is not what it was.
 */
export class StorePeers {
  readonly #memory: PeerMemory
  /** The start under way. */
  readonly me: RpcIdentity
  readonly #identity: Identity
  readonly #shards: readonly LogShard[]
  readonly #logger: Logger
  readonly #events: StorePeersEvents
  readonly #claimed: number[] = []
  #multiplexer: RpcMultiplexer | null = null
  #suspicion: FlotillaError | null

  constructor(
    memory: PeerMemory,
    identity: Identity,
    shards: readonly LogShard[],
    logger: Logger,
    events: StorePeersEvents,
  ) {
    this.#memory = memory
    this.me = presentStart(identity)
    this.#identity = identity
    this.#shards = shards
    this.#logger = logger
    this.#events = events
    this.#suspicion = this.#firstAccusation()
    if (this.#suspicion !== null) logger.error({ code: this.#suspicion.code }, this.#suspicion.message)
    if (memory.forgotten) {
      logger.warn(
        {},
        'peers.json is gone: this store has forgotten which lives of other stores it dealt with',
      )
    }
  }

  /** For the multiplexer's options. */
  get hooks(): Partial<RpcMultiplexerOptions> {
    return {
      judgePeer: (hello) => this.#judge(hello),
      admitPeer: (hello) => (hello.role === ROLE_CLIENT ? null : this.#memory.admit(hello)),
      onSuspected: (by, error) => this.#accused(by, error),
      onPeerUp: (hello) => this.#onPeerUp(hello),
      flushClaimed: () => this.#flushClaimed(),
      onFlushNumbers: (storeId, claimed) => this.#memory.noteFlushes(storeId, claimed),
      helloExtras: (storeId) => this.#extras(storeId),
    }
  }

  /** Why this store counts toward nothing: other stores say that it was replaced or rolled back. Null while none does. */
  get suspicion(): FlotillaError | null {
    return this.#suspicion
  }

  /** The multiplexer listens: says where we are, and dials all that are known. */
  start(multiplexer: RpcMultiplexer, stores: Readonly<Record<string, string>>): void {
    this.#multiplexer = multiplexer
    this.#memory.configure(multiplexer.advertisedAddress, stores)
    if (this.#memory.own.address !== '') multiplexer.advertise(this.#memory.own.address)
    for (const { storeId } of this.#memory.addresses('')) this.#dial(storeId)
  }

  /** Where a store is from now on, this one included. Throws INVALID_ARGUMENT. */
  setAddress(storeId: string, address: string): void {
    parseAddress(address)
    const multiplexer = assertPresent(this.#multiplexer, 'the store listens')
    this.#memory.setAddress(storeId, address)
    if (storeId === this.me.storeId) multiplexer.advertise(address)
    else multiplexer.setPeer(storeId, address)
  }

  /** Every store that is known and where it is, this one first. */
  places(): StoreAddress[] {
    const { address, version } = this.#memory.own
    return [{ storeId: this.me.storeId, address, version }, ...this.#memory.addresses('')]
  }

  describe(): PeerDescription[] {
    const links = this.#multiplexer?.links() ?? []
    return links
      .filter((link) => link.peer?.role !== ROLE_CLIENT)
      .map(({ storeId, connected, lastError }) => ({
        storeId,
        connected,
        address: this.#memory.addressOf(storeId),
        error: lastError === null ? null : { code: lastError.code, message: lastError.message },
      }))
  }

  /** What was heard and is not on disk yet is written, unless the disk has failed. */
  close(sound: boolean): Promise<void> {
    return this.#memory.close(sound)
  }

  // ---- lives ------------------------------------------------------------------------------------------------------

  /** Highest durable flush of each shard; one array, used again. */
  #flushClaimed(): readonly number[] {
    for (let i = 0; i < this.#shards.length; i++) this.#claimed[i] = this.#shards[i]!.highestFlush
    return this.#claimed
  }

  #extras(storeId: string): HelloExtras {
    const past = this.#memory.past(storeId)
    return {
      seen: past,
      flushSeen: past.flushSeen,
      flushClaimed: this.#flushClaimed(),
      pastProcesses: pastProcesses(this.#identity),
      addressVersion: this.#memory.own.version,
      addresses: this.#memory.addresses(storeId),
    }
  }

  #judge(hello: PeerHello): FlotillaError | null {
    if (hello.role === ROLE_CLIENT) return null
    if (hello.incarnation === '' || hello.boot === 0) {
      return new FlotillaError(
        'PROTOCOL',
        `store ${hello.storeId} does not say which start of which directory it is`,
      )
    }
    const refusal = this.#memory.judge(hello)
    const charge = judgeSelf({ ...this.me, flushSeen: this.#flushClaimed() }, hello, (boot) =>
      processOfStart(this.#identity, boot),
    )
    if (charge !== null) this.#accused(hello.storeId, charge)
    else if (refusal === null && this.#stillKnows(hello)) this.#withdrawn(hello.storeId)
    return refusal ?? this.#suspicion
  }

  #accused(by: string, charge: FlotillaError): void {
    if (!this.#memory.accuse(by, charge.message)) return
    this.#logger.error({ peer: by, code: charge.code }, `suspect to store ${by}: ${charge.message}`)
    if (this.#suspicion !== null) return
    this.#suspicion = this.#firstAccusation()
    this.#events.onSuspect(by, assertPresent(this.#suspicion, 'a store that was accused is suspect'))
    this.#multiplexer?.recycleAll(assertPresent(this.#suspicion, 'an accusation stays'))
  }

  /**
   * Whether the accuser knows what it said then. What it knows of others' flushes goes to its disk late: after a power cut
   * it may find nothing wrong for no other reason than that it has forgotten. And of our starts it keeps the newest that it
   * met, so the present one has taken the place of the one that told.
   */
  #stillKnows({ storeId, seen, flushSeen }: PeerHello): boolean {
    const charge = this.#memory.accusations.get(storeId) ?? ''
    const start = readDoubleStart(charge)
    if (start !== null) {
      // A start that is not remembered any more finds nothing wrong either.
      const remembered = processOfStart(this.#identity, start) !== null
      return seen.incarnation === '' || (seen.boot <= start && remembered)
    }
    const lost = readLostFlushes(charge)
    return lost === null || (flushSeen[lost.shard] ?? 0) >= lost.write
  }

  /** The one who said it has been handed the same identity again and finds nothing wrong. */
  #withdrawn(by: string): void {
    if (!this.#memory.withdraw(by)) return
    this.#logger.info({ peer: by }, `no longer suspect to store ${by}`)
    this.#suspicion = this.#firstAccusation()
    if (this.#suspicion === null) this.#events.onCleared()
  }

  #firstAccusation(): FlotillaError | null {
    for (const [by, why] of this.#memory.accusations) {
      const { storeId } = this.me
      const text = `store ${storeId} is suspect to store ${by} and counts toward no quorum: ${why}`
      return new FlotillaError('STORE_REPLACED', text, { store: storeId })
    }
    return null
  }

  // ---- addresses --------------------------------------------------------------------------------------------------

  #onPeerUp(hello: PeerHello): void {
    if (hello.role === ROLE_CLIENT) return
    for (const storeId of this.#memory.learn(hello)) this.#dial(storeId)
    const { own } = this.#memory
    if (own.address !== '') this.#multiplexer?.advertise(own.address)
  }

  #dial(storeId: string): void {
    try {
      this.#multiplexer?.setPeer(storeId, this.#memory.addressOf(storeId))
    } catch (error) {
      // What another store told may be no address.
      this.#logger.warn({ err: error, peer: storeId }, 'an address that was heard of cannot be dialed')
    }
  }
}
