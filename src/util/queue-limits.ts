import {
  MAX_BULK_IN_FLIGHT_BYTES,
  MAX_CONTROL_QUEUE_BYTES,
  MAX_LOG_CACHE_BYTES_PER_STORE,
  MAX_PENDING_READS_PER_GROUP,
  MAX_PENDING_TASKS_PER_GROUP,
  MAX_SHARD_QUEUE_BYTES,
} from './limits.ts'

/**
 * What a store's queues hold at most before they say BUSY. Every real store has {@link QUEUE_LIMITS}; the simulator draws
 * smaller ones, for full queues are where much goes wrong, and no run of a minute fills the real ones.
 */
export interface QueueLimits {
  readonly pendingTasksPerGroup: number
  readonly pendingReadsPerGroup: number
  readonly logCacheBytesPerStore: number
  /** At least what the largest entry takes, or it would never be stored; so for the cache, several times. */
  readonly shardQueueBytes: number
  /** An append is sent over it when nothing else is in flight. */
  readonly bulkInFlightBytes: number
  readonly controlQueueBytes: number
}

export const QUEUE_LIMITS = {
  pendingTasksPerGroup: MAX_PENDING_TASKS_PER_GROUP,
  pendingReadsPerGroup: MAX_PENDING_READS_PER_GROUP,
  logCacheBytesPerStore: MAX_LOG_CACHE_BYTES_PER_STORE,
  shardQueueBytes: MAX_SHARD_QUEUE_BYTES,
  bulkInFlightBytes: MAX_BULK_IN_FLIGHT_BYTES,
  controlQueueBytes: MAX_CONTROL_QUEUE_BYTES,
} as const satisfies QueueLimits
