import type {
  GroupSummary,
  GroupVerification,
  ReplicaReport,
  StoreReport,
  StoreSummary,
} from '../client/admin-reports.ts'
import type { Group } from '../client/group.ts'
import type { Kv, KvOptions } from '../client/kv.ts'
import type { CallOptions } from '../client/pending-call.ts'
import type { FlotillaError } from '../util/errors.ts'
import type { GroupRequest } from './group-request.ts'
import type { LeaderChange } from './store-events.ts'

/** What a `Store` and a `Client` have in common: a cluster, and all that can be done with it from anywhere. */
export interface Cluster extends AsyncDisposable {
  readonly clusterId: string
  /** Resolves when this has ended: with null after `close()`, else with what ended it. Never rejects. */
  readonly closed: Promise<FlotillaError | null>

  /** A keyspace: a replicated abstract-level database. Throws NO_KV when the cluster has no key-value regions. */
  kv<K = string, V = string>(name?: string, options?: KvOptions<K, V>): Kv<K, V>

  /** A handle on a group, wherever it is hosted. Nothing is asked: an unknown group fails its calls. */
  group(groupId: string): Group

  /** Makes a group on all its members; resolves when a majority has it durably. Idempotent for equal arguments. */
  createGroup(request: GroupRequest): Promise<Group>
  createGroups(requests: readonly GroupRequest[]): Promise<Group[]>

  /** Every known store, by name, in short; one that does not answer is there with its error. */
  describeStores(options?: CallOptions): Promise<StoreSummary[]>
  /** One store with all its replicas. Rejects with INVALID_ARGUMENT when it is not known, or with why it does not answer. */
  describeStore(storeId: string, options?: CallOptions): Promise<StoreReport>
  /** Every group that a store which answers hosts, by name. Rejects with UNREACHABLE when none answers. */
  listGroups(options?: CallOptions): Promise<GroupSummary[]>
  /** What each member's store says of its replica. Rejects with UNKNOWN_GROUP. */
  describeReplicas(groupId: string, options?: CallOptions): Promise<ReplicaReport[]>
  /**
   * Compares all replicas of a key-value region at one applied index. Each reads its whole state. Rejects with
   * NOT_A_KV_GROUP, UNKNOWN_GROUP, GROUP_FAILED, or TIMEOUT (default 30000 ms) while writes keep the replicas apart.
   */
  verifyGroup(groupId: string, options?: CallOptions): Promise<GroupVerification>

  /** A group has another leader, or none ('' while unknown), as far as is known here. */
  on(event: 'leaderChange', listener: (event: LeaderChange) => void): this
  once(event: 'leaderChange', listener: (event: LeaderChange) => void): this
  off(event: 'leaderChange', listener: (event: LeaderChange) => void): this

  /** Settles every call and ends. Idempotent. */
  close(): Promise<void>
}
