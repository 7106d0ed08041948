import type { Logger, Threads } from '../env/ports.ts'
import type { FlotillaError } from '../util/errors.ts'
import type { ScanBounds } from './shard-protocol.ts'

export interface LogShardOptions {
  readonly threads: Threads
  /** The shard's own directory. */
  readonly dir: string
  readonly shardIndex: number
  readonly shardCount: number
  /** True when the shard was opened before: then a directory without its log is CORRUPT, not a new disk. Default false. */
  readonly mustExist?: boolean
  readonly logger: Logger
  /** Default MAX_SHARD_QUEUE_BYTES. */
  readonly maxQueueBytes?: number | undefined
  /** The state of `slot` holds everything up to `index`. */
  onApplied(slot: number, index: number): void
  /** The entry at `index` cannot be applied: the group stops before it. Told once. */
  onApplyFailed(slot: number, index: number, message: string): void
  /** The shard has failed: it promises nothing any more. Told once. */
  onFailed(error: FlotillaError): void
  /** Asks that `flushTurn` be called at the end of this turn of the event loop. */
  scheduleFlush(): void
  /** Called first whenever the worker has something to say. */
  enterTurn(): void
}

/** Plain counters, since the shard was opened. */
export interface LogShardStats {
  flushes: number
  /** Of durable flushes. */
  blocks: number
  entries: number
  bytes: number
  applies: number
  appliedEntries: number
  reads: number
  readKeys: number
  /** Entries that durable flushes removed from the beginning of logs. */
  truncatedEntries: number
  /** Bytes of the blocks of all logs, when the shard was opened or at the last plan of a truncation. */
  retainedBytes: number
  /** Handed over and not durable yet, about: what MAX_SHARD_QUEUE_BYTES bounds. */
  queuedBytes: number
}

/** Where logs may begin. */
export interface TruncationPlan {
  /** Pairs `slot, newFirstIndex`, each above where the log begins now. */
  readonly pairs: Float64Array
  /** What the logs asked about hold once the plan is carried out. */
  readonly retainedBytes: number
  /** There was more to remove than one plan may: ask again. */
  readonly more: boolean
}

export interface StateDigestAnswer {
  readonly appliedIndex: number
  readonly appliedTerm: number
  readonly keys: number
  readonly bytes: number
  /** Hex of SHA-256 over all rows in order. */
  readonly digest: string
}

export interface ScanOptions extends ScanBounds {
  readonly reverse?: boolean
  /** Default true. */
  readonly values?: boolean
}

export interface OpenedScan {
  readonly scan: number
  /** What the view holds exactly. */
  readonly appliedIndex: number
}

export type ScanRow = readonly [key: Buffer, value: Buffer | null]
