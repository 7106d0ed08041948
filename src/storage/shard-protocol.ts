import type { ErrorName } from '../util/errors.ts'
import type { Packed } from './packed.ts'

/** What crosses between a LogShard and its worker. Both ends are always of one version: nothing here lies on disk. */
export interface ShardInit {
  /** Holds `log` and `data`, one RocksDB each. */
  readonly dir: string
  readonly shardIndex: number
  readonly shardCount: number
  /** True when the shard was born before: then a directory without its log is damage, not a new disk. Default false. */
  readonly mustExist?: boolean
}

/**
 * Operations of a flush: four numbers each, `kind, slot, index, extra`. The extra of a block and of a record is their
 * length; their bytes follow each other in `bytes`.
 */
export const OP_STRIDE = 4
/** Remove the entries above `index`. */
export const OP_CUT = 1
/** Append the block whose first index is `index`. */
export const OP_BLOCK = 2
/** Put the replica's record; it makes the slot when that is new. */
export const OP_RECORD = 3
/** Put the counters: next local slot number in `slot`, next local space number in `index`. */
export const OP_COUNTERS = 4
/** Remove the entries below `index`; the extra is the term of the entry before it. The replica's record rides along. */
export const OP_TRUNCATE = 5

export interface ScanBounds {
  readonly gte?: Buffer | undefined
  readonly gt?: Buffer | undefined
  readonly lte?: Buffer | undefined
  readonly lt?: Buffer | undefined
}

export type ToWorker =
  | { readonly t: 'flush'; readonly id: number; readonly ops: Float64Array; readonly bytes: ArrayBuffer }
  /** Pairs `slot, toIndex`. */
  | { readonly t: 'apply'; readonly pairs: Float64Array }
  /** Heads `id, slot, count of keys`; the keys hold their space's prefix already. */
  | { readonly t: 'get'; readonly heads: Float64Array; readonly keys: Packed }
  | ToWorkerCall
  | { readonly t: 'scanClose'; readonly scan: number }
  | { readonly t: 'close' }

/** Each is answered once, by its id. */
export type ToWorkerCall =
  | {
      readonly t: 'readBlocks'
      readonly id: number
      readonly slot: number
      readonly from: number
      readonly to: number
      readonly maxBytes: number
    }
  | {
      readonly t: 'scanOpen'
      readonly id: number
      readonly slot: number
      readonly reverse: boolean
      readonly values: boolean
      readonly bounds: Packed
    }
  | { readonly t: 'scanNext'; readonly id: number; readonly scan: number; readonly maxRows: number }
  /** Of the state at the applied index `at` exactly; 0: as it is. Where that is passed already, without a digest. */
  | { readonly t: 'digest'; readonly id: number; readonly slot: number; readonly at: number }
  /** Pairs `slot, index`. Answered by PLAN_HEAD numbers and pairs `slot, newFirstIndex`. */
  | {
      readonly t: 'planTruncation'
      readonly id: number
      readonly soft: Float64Array
      readonly budgetBytes: number
    }

/** Of a plan's answer: retainedBytes, more (0 or 1), bytes of all logs of the shard now. */
export const PLAN_HEAD = 3

export interface WireError {
  readonly name: ErrorName
  readonly message: string
}

export interface ApplyFailure {
  readonly slot: number
  readonly index: number
  readonly message: string
}

export type FromWorker =
  /** `notes` say, in words for the log, what was found and mended. */
  | { readonly t: 'opened'; readonly recovered: RecoveredWire; readonly notes: readonly string[] }
  /** `number` is the flush's own, as on disk. */
  | { readonly t: 'flushed'; readonly id: number; readonly number: number }
  /** Pairs `slot, index` of every slot named in the message that this one ends; the index may be short of the asked. */
  | { readonly t: 'applied'; readonly pairs: Float64Array; readonly failures: readonly ApplyFailure[] }
  /** A write of the state has been out for a second, or that one is back. What it holds was applied before. */
  | { readonly t: 'stateWrite'; readonly overdue: boolean }
  /** Heads `id, appliedIndex, count of values`; -1 for the count when the call failed, as `errors` says in order. */
  | {
      readonly t: 'got'
      readonly heads: Float64Array
      readonly values: Packed
      readonly errors: readonly WireError[]
    }
  | {
      readonly t: 'answer'
      readonly id: number
      readonly error: WireError | null
      readonly numbers: readonly number[]
      readonly text: string
      readonly rows: Packed | null
    }
  | { readonly t: 'failed'; readonly error: WireError }

/** The recovered replicas: their records as on disk, and numbers. */
export interface RecoveredWire {
  readonly nextSlot: number
  readonly nextSpace: number
  /** Number of the newest write that the log holds. */
  readonly highestFlush: number
  /** Of all blocks. */
  readonly logBytes: number
  readonly records: Packed
  /** For each record: lastIndex, appliedIndex, appliedTerm, count of term runs. */
  readonly numbers: Float64Array
  /** All term runs, one after the other: firstIndex, term. */
  readonly runs: Float64Array
}

export const RECOVERED_STRIDE = 4

/** Slots and spaces are unique in the store: each shard takes every `shardCount`-th number, 0 left out. */
export function storeNumber(local: number, init: ShardInit): number {
  return local * init.shardCount + init.shardIndex + 1
}
