import type {
  GroupSummary,
  GroupVerification,
  ReplicaReport,
  StoreReport,
  StoreSummary,
} from '../client/admin-reports.ts'
import { ClusterAdmin } from '../client/cluster-admin.ts'
import { Group } from '../client/group.ts'
import { Kv, type KvOptions, type KvServices } from '../client/kv.ts'
import { KvReads } from '../client/kv-reads.ts'
import type { CallOptions } from '../client/pending-call.ts'
import { Router } from '../client/router.ts'
import { createNodeClientEnv } from '../env/node-client-env.ts'
import type { ClientEnv } from '../env/ports.ts'
import { DEFAULT_KEYSPACE, Keyspace } from '../kv/keyspace.ts'
import { CLIENT_ID_PREFIX } from '../rpc/handshake.ts'
import { assertPresent } from '../util/assert.ts'
import { FlotillaError } from '../util/errors.ts'
import { MAX_GROUPS_PER_CALL } from '../util/limits.ts'
import { ClientProcess } from './client-host.ts'
import { type CheckedClientOptions, type ClientOptions, parseClientOptions } from './client-options.ts'
import type { Cluster } from './cluster.ts'
import { CREATE_TIMEOUT_MS, GroupCreator } from './group-creator.ts'
import { type GroupRequest, groupSpecOf } from './group-request.ts'
import { type LeaderChange, SafeEmitter } from './store-events.ts'
import { StoreFinder } from './store-finder.ts'

const CLOSED_TEXT = 'the client is closed'

/** Events of a client. Never 'error'. */
export interface ClientEvents {
  /** The stores name another leader of a group that this client has called. */
  leaderChange: [event: LeaderChange]
}

/**
 * A cluster, used from a process without a store: no disk, no threads, no replicas. It finds all stores from the few that it
 * is given, sends each call to the store that leads or may answer, and goes on when stores die, move or come back. It prints
 * nothing, takes no signals and never ends the process; after `close()` nothing keeps the process alive.
 */
export class Client extends SafeEmitter<ClientEvents> implements Cluster {
  readonly #process: ClientProcess
  readonly #router: Router
  readonly #kv: KvServices
  readonly #creator: GroupCreator
  readonly #finder: StoreFinder
  readonly #admin: ClusterAdmin
  readonly #identity: {
    clusterId: string
    storeId: string
    incarnation: string
    boot: number
    process: number
  }
  #resolveClosed: (reason: FlotillaError | null) => void = () => {}
  #failure: FlotillaError | null = null
  #closing: Promise<void> | null = null
  /** Resolves when the client has ended: with null after `close()`, else with the broken invariant that ended it. */
  readonly closed: Promise<FlotillaError | null>

  /**
   * Resolves when a store has answered. Rejects with a FlotillaError: UNREACHABLE, which names each address and why;
   * IDENTITY_MISMATCH when a store is of another cluster than the one named, or than the others; INVALID_ARGUMENT.
   */
  static async connect(options: ClientOptions): Promise<Client>
  /** @internal `env` replaces the world: clock, network. */
  static async connect(options: ClientOptions, env: ClientEnv): Promise<Client>
  static async connect(options: ClientOptions, env?: ClientEnv): Promise<Client> {
    const checked = parseClientOptions(options)
    const client = new Client(checked, env ?? createNodeClientEnv(checked.logger))
    try {
      client.#finder.start()
      await client.#finder.connected(checked.connectTimeoutMs)
    } catch (error) {
      await client.close()
      throw error
    }
    return client
  }

  private constructor(options: CheckedClientOptions, env: ClientEnv) {
    super()
    this.useLogger(env.logger)
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve
    })
    this.#identity = newIdentity(options.clusterId, env)
    this.#process = this.#newProcess(env)
    this.#router = new Router(this.#process, {
      closedText: CLOSED_TEXT,
      onLeader: (groupId, leader, term) => this.tell('leaderChange', { groupId, leader, term }),
    })
    this.#creator = new GroupCreator(this.#process)
    this.#admin = new ClusterAdmin(this.#process, CLOSED_TEXT)
    this.#finder = new StoreFinder({
      env,
      host: this.#process,
      seeds: options.stores,
      clusterId: () => this.#identity.clusterId,
      learnCluster: (clusterId) => {
        this.#identity.clusterId = clusterId
      },
    })
    const finder = this.#finder
    this.#kv = {
      router: this.#router,
      reads: new KvReads(this.#router),
      get regions() {
        return assertPresent(finder.regions, 'a keyspace is made when the regions are known')
      },
    }
  }

  #newProcess(env: ClientEnv): ClientProcess {
    return new ClientProcess(env, this.#identity, {
      onLinkUp: () => {},
      onLinkDown: (storeId) => {
        this.#router.onLinkDown(storeId)
        this.#finder.refresh()
      },
      onForwardResponse: (storeId, message) => this.#router.onForwardResponse(storeId, message),
      onHello: (hello) => this.#finder.onHello(hello),
      onUnknownStore: () => this.#finder.refresh(),
      onBroken: (error) => this.#fail(error),
    })
  }

  get clusterId(): string {
    return this.#identity.clusterId
  }

  /** Calls that are not settled yet. */
  get pendingCalls(): number {
    return this.#router.pendingCalls
  }

  kv<K = string, V = string>(name: string = DEFAULT_KEYSPACE, options: KvOptions<K, V> = {}): Kv<K, V> {
    if (this.#finder.regions === null) {
      throw new FlotillaError('NO_KV', `the stores of cluster ${this.clusterId} were opened with kv: false`)
    }
    return new Kv<K, V>(this.#kv, new Keyspace(name), options)
  }

  group(groupId: string): Group {
    return new Group(this.#router, groupId)
  }

  async createGroup(request: GroupRequest): Promise<Group> {
    const [group] = await this.createGroups([request])
    return assertPresent(group, 'one group for one request')
  }

  async createGroups(requests: readonly GroupRequest[]): Promise<Group[]> {
    if (requests.length > MAX_GROUPS_PER_CALL) {
      const text = `${requests.length} groups in one call, at most ${MAX_GROUPS_PER_CALL} are possible`
      throw new FlotillaError('TOO_LARGE', text)
    }
    this.#assertOpen()
    const known = this.#process.peers()
    const specs = requests.map((request) => groupSpecOf(request, known))
    await this.#creator.create(specs, CREATE_TIMEOUT_MS)
    return specs.map((spec) => this.group(spec.groupId))
  }

  describeStores(options?: CallOptions): Promise<StoreSummary[]> {
    return this.#admin.describeStores(options)
  }

  describeStore(storeId: string, options?: CallOptions): Promise<StoreReport> {
    return this.#admin.describeStore(storeId, options)
  }

  listGroups(options?: CallOptions): Promise<GroupSummary[]> {
    return this.#admin.listGroups(options)
  }

  describeReplicas(groupId: string, options?: CallOptions): Promise<ReplicaReport[]> {
    return this.#admin.describeReplicas(groupId, options)
  }

  verifyGroup(groupId: string, options?: CallOptions): Promise<GroupVerification> {
    return this.#admin.verifyGroup(groupId, options)
  }

  /** Settles every call, with outcome 'unknown' what was sent and not answered, and ends. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#end()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #fail(error: FlotillaError): void {
    if (this.#failure !== null || this.#closing !== null) return
    this.#failure = error
    this.#closing = this.#end()
  }

  async #end(): Promise<void> {
    this.#finder.close()
    this.#router.close(this.#failure ?? undefined)
    this.#creator.close()
    await this.#process.close()
    this.#resolveClosed(this.#failure)
  }

  #assertOpen(): void {
    if (this.#failure !== null) throw this.#failure
    if (this.#closing !== null) throw new FlotillaError('CLOSED', CLOSED_TEXT, { outcome: 'not-applied' })
  }
}

/** A client is nobody's replica and keeps nothing: its name lives as long as it does. */
function newIdentity(clusterId: string, { random }: ClientEnv) {
  const storeId = `${CLIENT_ID_PREFIX}${random.bytes(8).toString('hex')}`
  const process = random.uint32() * 0x10000 + (random.uint32() & 0xffff)
  return { clusterId, storeId, incarnation: storeId, boot: 1, process }
}
