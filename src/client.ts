export { Client, type ClientEvents } from './api/client.ts'
export type { ClientOptions } from './api/client-options.ts'
export type { Cluster } from './api/cluster.ts'
export type { GroupRequest } from './api/group-request.ts'
export type { LeaderChange } from './api/store-events.ts'
export type {
  FaultDescription,
  GroupDigest,
  GroupSummary,
  GroupVerification,
  PeerReport,
  ReplicaReport,
  ReplicaSummary,
  StoreReport,
  StoreSummary,
  StoreVersions,
  VerifiedReplica,
} from './client/admin-reports.ts'
export type { ApplyResult } from './client/apply-call.ts'
export { Group } from './client/group.ts'
export type {
  GroupDescription,
  MemberDescription,
  ReplicatorDescription,
} from './client/group-description.ts'
export { type DetailedValue, Kv, type KvOptions } from './client/kv.ts'
export type { CallOptions } from './client/pending-call.ts'
export type { Consistency, ReadIndexResult } from './client/read-calls.ts'
export type { ApplyOptions, QueryOptions } from './client/router.ts'
export { type ErrorCode, type ErrorName, FlotillaError, type Outcome } from './util/errors.ts'
