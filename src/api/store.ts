import type {
  GroupSummary,
  GroupVerification,
  OwnReport,
  ReplicaReport,
  StoreReport,
  StoreSummary,
} from '../client/admin-reports.ts'
import { type AdminHost, ClusterAdmin } from '../client/cluster-admin.ts'
import { ForwardServer } from '../client/forward-server.ts'
import { Group } from '../client/group.ts'
import type { GroupDescription } from '../client/group-description.ts'
import { Kv, type KvOptions, type KvServices } from '../client/kv.ts'
import { KvReads } from '../client/kv-reads.ts'
import { callPatiently } from '../client/patient-call.ts'
import type { CallOptions } from '../client/pending-call.ts'
import { Router } from '../client/router.ts'
import { createNodeEnv } from '../env/node-env.ts'
import type { Env } from '../env/ports.ts'
import { DEFAULT_KEYSPACE, Keyspace } from '../kv/keyspace.ts'
import type { RegionMap } from '../kv/regions.ts'
import { isClientId } from '../rpc/handshake.ts'
import { PROTOCOL_MAX, PROTOCOL_MIN } from '../rpc/message-types.ts'
import type { GroupDigest } from '../store/group-replica.ts'
import type { GroupSpec } from '../store/group-spec.ts'
import { DATA_FORMAT } from '../store/identity.ts'
import { StoreHost } from '../store/store-host.ts'
import type { PeerDescription } from '../store/store-peers.ts'
import { assertPresent } from '../util/assert.ts'
import { FlotillaError, toFlotillaError, withOutcome } from '../util/errors.ts'
import { MAX_GROUPS_PER_CALL } from '../util/limits.ts'
import { VERSION } from '../util/version.ts'
import type { AdminSource } from './admin-server.ts'
import { CallServer } from './call-server.ts'
import type { Cluster } from './cluster.ts'
import { CREATE_TIMEOUT_MS, GroupCreator } from './group-creator.ts'
import { type GroupRequest, groupSpecOf } from './group-request.ts'
import { type CheckedOptions, parseStoreOptions, type StoreOptions } from './options.ts'
import { setUpRegions } from './region-setup.ts'
import { SafeEmitter, type StoreEvents } from './store-events.ts'

export type { PeerDescription } from '../store/store-peers.ts'

export interface StoreDescription {
  readonly clusterId: string
  readonly storeId: string
  /** Where this store listens. */
  readonly address: string
  /** Every replica that this store hosts. */
  readonly groups: readonly GroupDescription[]
  /** Counters of the log shards, since the store was opened. */
  readonly shards: ReturnType<StoreHost['stats']>['shards']
  /** The other stores that it knows of, and what keeps the links to them down. */
  readonly peers: readonly PeerDescription[]
  /**
   * Another store says that this one's directory was wiped, replaced, copied or rolled back: it counts toward no quorum and
   * serves nothing. Null while none does.
   */
  readonly suspect: { readonly code: string; readonly message: string } | null
  /** Key-value regions in key order; empty without `kv`. Bounds are keys of the whole key space. */
  readonly regions: readonly {
    readonly groupId: string
    readonly start: Buffer
    readonly end: Buffer | null
  }[]
}

/**
 * One store of a cluster, embedded in this process: it hosts replicas of many groups, and takes calls on any group of the
 * cluster. It prints nothing, takes no signals and never ends the process; after `close()` nothing keeps the process
 * alive.
 */
export class Store extends SafeEmitter<StoreEvents> implements Cluster {
  readonly #options: CheckedOptions
  readonly #services: Services
  #kv: KvServices | null = null
  #closing: Promise<void> | null = null

  /**
   * Opens the data directory, starts the groups recorded in it and begins to listen. Rejects with a FlotillaError:
   * INVALID_ARGUMENT, IDENTITY_MISMATCH, DATA_DIR_LOCKED, CORRUPT, STORAGE_FAILED, ADDRESS_IN_USE, ADDRESS_INVALID,
   * CONFIGURATION_MISMATCH or UNSUPPORTED_PLATFORM.
   */
  static async open(options: StoreOptions): Promise<Store>
  /** @internal `env` replaces the world: clock, disk, network. */
  static async open(options: StoreOptions, env: Env): Promise<Store>
  static async open(options: StoreOptions, env?: Env): Promise<Store> {
    const checked = parseStoreOptions(options)
    const world = env ?? createNodeEnv({ logger: checked.logger })
    const services = new Services(checked, world)
    try {
      await services.open()
      const store = new Store(checked, services)
      try {
        await store.#begin()
      } catch (error) {
        await store.close()
        throw error
      }
      return store
    } catch (error) {
      // There is no store: whatever became of a call of its own, nothing was done for its user.
      throw withOutcome(toFlotillaError(error), 'not-applied')
    }
  }

  private constructor(options: CheckedOptions, services: Services) {
    super()
    this.#options = options
    this.#services = services
    this.useLogger(services.env.logger)
    services.regions = () => this.#regions()
    services.listeners = {
      onLeaderChange: (groupId, leader, term) => this.tell('leaderChange', { groupId, leader, term }),
      onGroupError: (groupId, error) => this.tell('groupError', { groupId, error }),
      onStall: (lateMs) => this.tell('stall', { lateMs }),
      onSuspect: (by, error) => this.tell('suspect', { by, error }),
    }
    // A store that failed by itself refuses its callers at once.
    void this.closed.then((reason) => services.stopClient(reason))
  }

  async #begin(): Promise<void> {
    const { host, router, reads } = this.#services
    const { kv, storeId } = this.#options
    if (kv === null) return
    const recorded = [...host.groups()].map((group) => group.spec)
    const { map, missing, overruled } = setUpRegions(kv, storeId, recorded)
    if (overruled) {
      this.#services.env.logger.warn(
        { regions: map.regions.length },
        'kv.splitKeys differ from the recorded regions',
      )
    }
    this.#kv = { router, reads, regions: map }
    const refused = (await host.createGroups(missing)).find((error) => error !== null)
    if (refused !== undefined && refused !== null) throw refused
  }

  /** What this store tells others: not before it knows. */
  #regions(): RegionMap | null {
    if (this.#options.kv === null) return null
    if (this.#kv !== null) return this.#kv.regions
    throw new FlotillaError('CLOSED', `store ${this.storeId} is starting`, { outcome: 'not-applied' })
  }

  get clusterId(): string {
    return this.#options.clusterId
  }

  get storeId(): string {
    return this.#options.storeId
  }

  /** `host:port` at which this store listens. */
  get address(): string {
    return this.#services.host.listenAddress
  }

  /** Resolves when the store has ended: with null after `close()`, else with what ended it. Never rejects. */
  get closed(): Promise<FlotillaError | null> {
    return this.#services.host.closed
  }

  /**
   * A keyspace: an abstract-level database, replicated. Linearizable from any store. The same name is the same data on
   * every store; a handle costs nothing. Throws NO_KV when the store was opened with `kv: false`.
   */
  kv<K = string, V = string>(name: string = DEFAULT_KEYSPACE, options: KvOptions<K, V> = {}): Kv<K, V> {
    if (this.#kv === null) throw new FlotillaError('NO_KV', 'this store was opened with kv: false')
    return new Kv<K, V>(this.#kv, new Keyspace(name), options)
  }

  /** A handle on a group of the cluster, wherever it is hosted. Nothing is asked: an unknown group fails its calls. */
  group(groupId: string): Group {
    return new Group(this.#services.router, groupId)
  }

  /**
   * Makes a group on all its members and resolves when a majority has it durably; members that are down get it later. May
   * be called on any or all stores; for equal arguments it is idempotent, for others it rejects with GROUP_EXISTS.
   */
  async createGroup(request: GroupRequest): Promise<Group> {
    const [group] = await this.createGroups([request])
    return assertPresent(group, 'one group for one request')
  }

  /** Many at once: one message per member. Rejects with the first refusal; groups made meanwhile stay. */
  async createGroups(requests: readonly GroupRequest[]): Promise<Group[]> {
    if (requests.length > MAX_GROUPS_PER_CALL) {
      const text = `${requests.length} groups in one call, at most ${MAX_GROUPS_PER_CALL} are possible`
      throw new FlotillaError('TOO_LARGE', text)
    }
    this.#assertOpen()
    const { host, creator } = this.#services
    const known = [this.storeId, ...Object.keys(this.#options.stores), ...host.peers()]
    const specs = requests.map((request) => groupSpecOf(request, known))
    await creator.create(specs, CREATE_TIMEOUT_MS)
    return specs.map((spec) => this.group(spec.groupId))
  }

  /**
   * Where a store is from now on, this one included: the newest that is known anywhere, until its owner or another call says
   * something newer. A link that is up stays; else the address is dialed at once. Throws INVALID_ARGUMENT.
   */
  setAddress(storeId: string, address: string): void {
    this.#assertOpen()
    this.#services.host.peerBook.setAddress(storeId, address)
  }

  describe(): StoreDescription {
    const { host } = this.#services
    const { suspicion } = host.peerBook
    return {
      clusterId: this.clusterId,
      storeId: this.storeId,
      address: this.address,
      groups: Array.from(host.groups(), (group) => group.describe()),
      shards: host.stats().shards,
      peers: host.peerBook.describe(),
      suspect: suspicion === null ? null : { code: suspicion.code, message: suspicion.message },
      regions: this.#kv?.regions.regions ?? [],
    }
  }

  /**
   * One value for the whole state of a key-value region here, at one applied index: equal on replicas that applied equally
   * far. Reads all of it. Rejects NO_SUCH_REPLICA, NOT_A_KV_GROUP.
   */
  async digest(groupId: string): Promise<GroupDigest> {
    return await this.#services.digest(groupId)
  }

  describeStores(options?: CallOptions): Promise<StoreSummary[]> {
    return this.#services.admin.describeStores(options)
  }

  describeStore(storeId: string, options?: CallOptions): Promise<StoreReport> {
    return this.#services.admin.describeStore(storeId, options)
  }

  listGroups(options?: CallOptions): Promise<GroupSummary[]> {
    return this.#services.admin.listGroups(options)
  }

  describeReplicas(groupId: string, options?: CallOptions): Promise<ReplicaReport[]> {
    return this.#services.admin.describeReplicas(groupId, options)
  }

  verifyGroup(groupId: string, options?: CallOptions): Promise<GroupVerification> {
    return this.#services.admin.verifyGroup(groupId, options)
  }

  /** Counters of the log shards and of the wire, since the store was opened. */
  stats(): ReturnType<StoreHost['stats']> {
    return this.#services.host.stats()
  }

  /** Settles every call, flushes what was handed to the disk, and ends. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#services.close()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #assertOpen(): void {
    const failure = this.#services.host.failure
    if (failure !== null) throw failure
    if (this.#closing !== null)
      throw new FlotillaError('CLOSED', 'the store is closed', { outcome: 'not-applied' })
  }
}

interface Listeners {
  onLeaderChange(groupId: string, leader: string, term: number): void
  onGroupError(groupId: string, error: FlotillaError): void
  onStall(lateMs: number): void
  onSuspect(by: string, error: FlotillaError): void
}

/** What a store is put together from. Parts that need the host exist once it is open; what it says earlier has no hearer. */
class Services {
  readonly env: Env
  readonly #options: CheckedOptions
  listeners: Listeners | null = null
  /** Set by the store: null without regions. Throws while they are not known. */
  regions: () => RegionMap | null = () => null
  #parts: Parts | null = null

  constructor(options: CheckedOptions, env: Env) {
    this.#options = options
    this.env = env
  }

  async open(): Promise<void> {
    const { clusterId, storeId, dataDir, stores, listen, shards, stateMachines } = this.#options
    const { electionTimeoutMs, heartbeatIntervalMs, maxLogBytes } = this.#options
    const host = await StoreHost.open({
      env: this.env,
      clusterId,
      storeId,
      dataDir,
      stores: knownAddresses(stores),
      listen,
      shards,
      maxLogBytes,
      nodeOptions: { electionTimeoutMs, heartbeatIntervalMs, stepDownWhenVoteTimedout: true },
      types: new Map(Object.entries(stateMachines)),
      handlers: {
        onLinkUp: () => {},
        onLinkDown: (peer) => {
          this.#parts?.router.onLinkDown(peer)
          this.#parts?.forwardServer.onLinkDown(peer)
          this.#parts?.callServer.onLinkDown(peer)
        },
        onForwardRequest: (peer, message) => this.#parts?.forwardServer.onForwardRequest(peer, message),
        onForwardResponse: (peer, message) => this.#parts?.router.onForwardResponse(peer, message),
        onCall: (peer, method, body) => this.#onCall(peer, method, body),
        onMissingReplica: (peer, spec) => this.#parts?.creator.onMissing(peer, spec),
        onLeaderChange: (groupId, leader, term) => {
          if (leader !== '') this.#parts?.router.onLeaderKnown(groupId)
          this.listeners?.onLeaderChange(groupId, leader, term)
        },
        onGroupError: (groupId, error) => this.listeners?.onGroupError(groupId, error),
        onStall: (lateMs) => this.listeners?.onStall(lateMs),
        onSuspect: (by, error) => this.listeners?.onSuspect(by, error),
      },
    })
    this.#parts = new Parts(host, {
      report: () => reportOf(host),
      replicas: () => host.groups(),
      digest: (groupId, at) => this.digest(groupId, at),
      places: () => host.peerBook.places(),
      regions: () => this.regions(),
    })
  }

  async #onCall(peer: string, method: string, body: Buffer): Promise<Buffer> {
    if (this.#parts !== null) return await this.#parts.callServer.onCall(peer, method, body)
    throw new FlotillaError('CLOSED', `store ${this.#options.storeId} is starting`, {
      outcome: 'not-applied',
    })
  }

  get #open(): Parts {
    return assertPresent(this.#parts, 'the store was opened')
  }

  get host(): StoreHost {
    return this.#open.host
  }

  get router(): Router {
    return this.#open.router
  }

  get reads(): KvReads {
    return this.#open.reads
  }

  get creator(): GroupCreator {
    return this.#open.creator
  }

  get admin(): ClusterAdmin {
    return this.#open.admin
  }

  async digest(groupId: string, at = 0): Promise<GroupDigest> {
    const group = this.host.group(groupId)
    if (group !== null) return await group.digest(at)
    const { storeId } = this.#options
    throw new FlotillaError('NO_SUCH_REPLICA', `no replica of ${groupId} on store ${storeId}`)
  }

  stopClient(reason: FlotillaError | null): void {
    this.#open.router.close(reason ?? undefined)
    this.#open.creator.close()
    this.#open.callServer.close()
  }

  async close(): Promise<void> {
    // The replicas settle what they hold first: they know best what became of it.
    const closing = this.host.close()
    this.stopClient(null)
    await closing
  }
}

/** Port 0 of another store is an address that is told later. */
function knownAddresses(stores: CheckedOptions['stores']): CheckedOptions['stores'] {
  return Object.fromEntries(Object.entries(stores).filter(([, address]) => !/:0+$/.test(address)))
}

class Parts {
  readonly host: StoreHost
  readonly router: Router
  readonly reads: KvReads
  readonly creator: GroupCreator
  readonly forwardServer: ForwardServer
  readonly callServer: CallServer
  readonly admin: ClusterAdmin

  constructor(host: StoreHost, source: AdminSource) {
    this.host = host
    this.router = new Router(host)
    this.reads = new KvReads(this.router)
    this.creator = new GroupCreator(host)
    this.forwardServer = new ForwardServer(host)
    const { router, reads } = this
    const createGroups = (specs: readonly GroupSpec[]) => host.createGroups(specs)
    this.callServer = new CallServer({ router, reads, createGroups, admin: source })
    const adminHost: AdminHost = {
      clock: host.clock,
      timers: host.timers,
      get closed() {
        return host.multiplexer.closed
      },
      places: () => source.places(),
      ask: (storeId, method, body, timeoutMs) => this.#ask(storeId, method, body, timeoutMs),
    }
    this.admin = new ClusterAdmin(adminHost, 'the store is closed')
  }

  async #ask(storeId: string, method: string, body: Buffer, timeoutMs: number): Promise<Buffer> {
    const { host } = this
    if (storeId === host.storeId) return await this.callServer.onCall(storeId, method, body)
    const { clock, timers, multiplexer } = host
    const caller = {
      clock,
      timers,
      get closed() {
        return multiplexer.closed
      },
    }
    return await callPatiently(caller, multiplexer.link(storeId), method, body, timeoutMs)
  }
}

function reportOf(host: StoreHost): OwnReport {
  const groups = [...host.groups()]
  const { suspicion } = host.peerBook
  return {
    storeId: host.storeId,
    address: host.multiplexer.advertisedAddress,
    incarnation: host.identity.incarnation,
    boot: host.identity.boot,
    groupsHosted: groups.length,
    groupsLed: groups.filter((group) => group.isLeader).length,
    groupsFailed: groups.filter((group) => group.error !== null).length,
    clients: host.multiplexer.links().filter(({ connected, storeId }) => connected && isClientId(storeId))
      .length,
    shards: host.stats().shards.length,
    suspect: suspicion === null ? null : { code: suspicion.code, message: suspicion.message },
    versions: {
      flotilla: VERSION,
      protocolMin: PROTOCOL_MIN,
      protocolMax: PROTOCOL_MAX,
      dataFormat: DATA_FORMAT,
    },
    peers: host.peerBook.describe(),
  }
}
