import type { LogBlock } from '../block/log-block.ts'

/** Something that may only be said once the write it rests on is on disk. Only a LogShard calls `release`. */
export interface Vouch {
  /** The flush is durable and the store has not failed. The owner re-checks its own state before it speaks. */
  release(): void
}

/**
 * One hand-over of one replica: all of it is in the same synced WriteBatch. Order inside: cut, then blocks. Writes of
 * a replica reach the disk in the order of the hand-overs.
 */
export interface ReplicaWrite {
  readonly slot: number
  /** New term and vote (replica number, 0 for none), or null when unchanged. */
  readonly hardState: { readonly term: number; readonly votedFor: number } | null
  /** Entries above this index are removed first; -1 for no cut. */
  readonly cutAfter: number
  readonly blocks: readonly LogBlock[]
  readonly vouch: Vouch | null
}

/** Entries firstIndex … up to the next run's first - 1 have this term. */
export interface TermRun {
  readonly firstIndex: number
  readonly term: number
}

/** A configuration entry as it lies in the log: the payload of its block. */
export interface StoredConfiguration {
  readonly index: number
  readonly term: number
  readonly bytes: Buffer
}

/** The replica's local record: what is known of a group on this store besides its log. */
export interface ReplicaRecord {
  readonly slot: number
  readonly groupId: string
  readonly replica: number
  /** Registered state machine type; 'kv' is built in and applied by the shard's worker. */
  readonly type: string
  /** What the type was created with: a region's descriptor, the user's arguments. */
  readonly args: Buffer
  /** Number of the replica's key space in the data RocksDB; 0 when its state is not kept there. */
  readonly space: number
  readonly term: number
  readonly votedFor: number
  /** First index that the log holds or would hold, and the term before it. */
  readonly firstIndex: number
  readonly prevTerm: number
  /** The group's first configuration: a fact from outside, never changed. */
  readonly firstConfiguration: Buffer
  /** Configurations of the log that differ from the one before, oldest first. */
  readonly configurations: readonly StoredConfiguration[]
}

/** A replica as recovery found it. */
export interface RecoveredReplica {
  readonly record: ReplicaRecord
  readonly lastIndex: number
  /** Oldest first, from firstIndex; empty when the log is empty. */
  readonly termRuns: readonly TermRun[]
  /** What the data RocksDB holds (0, 0 when nothing, or when the state is not kept there). */
  readonly appliedIndex: number
  readonly appliedTerm: number
  /**
   * The state ends below the beginning of the log, so no replay brings it back: the replica may vote and ack, but serves
   * nothing until it has a snapshot.
   */
  readonly stateLost: boolean
}
