import type { Member } from '../raft/configuration.ts'

/**
 * What one check of a directory found. `ok`: as it was written. `note`: not as an orderly end leaves it, but the next start
 * deals with it and nothing that counts is lost. `damaged`: not what was written. `skipped`: another damage is in its way.
 */
export type GuardVerdict = 'ok' | 'note' | 'damaged' | 'skipped'

export interface Guard {
  readonly name: string
  readonly verdict: GuardVerdict
  /** What was found: files, places, numbers. */
  readonly detail: string
  /** What to do, where something is to be done. */
  readonly remedy?: string
}

/** What another store is to this one, by its own memory. */
export interface InspectedPeer {
  readonly storeId: string
  readonly address: string
  readonly addressVersion: number
  /** '' while the store was never met. */
  readonly incarnation: string
  readonly boot: number
  /** Per shard the highest durable flush it has told of. */
  readonly flushSeen: readonly number[]
}

export interface InspectedIdentity {
  readonly clusterId: string
  readonly storeId: string
  readonly incarnation: string
  readonly boot: number
  readonly shards: number
  readonly format: number
  readonly engine: string
}

/** The log of one replica; what a damaged one still shows. */
export interface InspectedLog {
  readonly firstIndex: number
  readonly lastIndex: number
  /** Of the last entry, or of the one before the beginning of an empty log. */
  readonly lastTerm: number
  readonly blocks: number
  readonly entries: number
  /** Of its blocks as they lie on disk. */
  readonly bytes: number
  /** Why the log could not be read beyond `lastIndex`; null when it was read to its end. */
  readonly brokenBy: string | null
}

/** The keys of one keyspace in one region. */
export interface InspectedKeyspace {
  readonly keyspace: string
  readonly keys: number
  /** Of keys, without the keyspace's prefix, and values. */
  readonly bytes: number
}

export interface InspectedKey {
  readonly keyspace: string
  readonly key: Buffer
  readonly valueBytes: number
}

/** What the key-value state holds of a region. */
export interface InspectedState {
  readonly appliedIndex: number
  readonly appliedTerm: number
  /** Null when the keys were not read. */
  readonly keyspaces: readonly InspectedKeyspace[] | null
  /** False when there are more keys, or keyspaces, than were counted. */
  readonly countedAll: boolean
  /** As many as were asked for; empty when none were. */
  readonly keyList: readonly InspectedKey[]
}

export interface InspectedGroup {
  readonly groupId: string
  readonly type: string
  readonly slot: number
  /** 0 when the group's state is not kept by the store: then its log is replayed at each start. */
  readonly space: number
  readonly replica: number
  readonly term: number
  /** Whom this replica gave its vote in `term`; null when nobody. */
  readonly votedFor: { readonly replica: number; readonly storeId: string | null } | null
  /** Of the newest configuration in the log, or of the first one; empty when it cannot be read. */
  readonly members: readonly Member[]
  readonly log: InspectedLog
  /** The keys start ≤ key < end of the one key space; null when the group is no region. */
  readonly region: { readonly start: Buffer; readonly end: Buffer | null } | null
  /** Null when the state is not kept by the store, or could not be read. */
  readonly state: InspectedState | null
}

export interface InspectedShard {
  readonly shard: number
  readonly dir: string
  /** 32 hex digits; null when unknown. */
  readonly databaseId: string | null
  /** Number of the newest flush in the log; null when unknown. */
  readonly highestFlush: number | null
  /** What the ledger knows of; null when it cannot be read. */
  readonly ledgerFlush: number | null
  readonly guards: readonly Guard[]
  readonly groups: readonly InspectedGroup[]
}

export interface InspectedStore {
  readonly dir: string
  /** `damaged` when any check says so. */
  readonly verdict: 'sound' | 'damaged'
  /** Of the directory itself: identity, memory of other stores, shards that are gone. */
  readonly guards: readonly Guard[]
  readonly identity: InspectedIdentity | null
  /** The store's own address, '' when unknown. */
  readonly address: string
  readonly peers: readonly InspectedPeer[]
  /** Who says that this very store was replaced or rolled back, and why. */
  readonly accusations: ReadonlyArray<{ readonly by: string; readonly why: string }>
  readonly shards: readonly InspectedShard[]
}
