import type { NodeImpl } from '../raft/node-impl.ts'
import type { StoreHost } from '../store/store-host.ts'
import {
  MAX_APPEND_BYTES_IN_FLIGHT,
  MAX_APPEND_QUEUE_BYTES,
  MAX_APPENDS_IN_FLIGHT,
  MAX_BULK_FRAME_BYTES,
  MAX_CONTROL_FRAME_BYTES,
  MAX_FORWARD_QUEUE_BYTES,
  MAX_FRAME_BYTES,
  MAX_LOG_CACHE_BYTES_PER_GROUP,
  MAX_PENDING_TASK_BYTES_PER_GROUP,
} from '../util/limits.ts'
import { InvariantViolation } from './invariants.ts'

function check(owner: string, what: string, value: number, limit: number): void {
  if (value <= limit) return
  throw new InvariantViolation('I-24', `${owner} has ${value} ${what}, the bound is ${limit}`)
}

/** I-24, of one replica. A window takes one more append while it has any room. */
export function replicaBoundsHold(groupId: string, node: NodeImpl): void {
  const owner = `${groupId}: ${node.self.storeId}`
  const { limits } = node.host
  check(owner, 'pending calls', node.pendingTasks.count, limits.pendingTasksPerGroup)
  check(owner, 'bytes of pending calls', node.pendingTasks.bytes, MAX_PENDING_TASK_BYTES_PER_GROUP)
  check(owner, 'pending reads', node.readOnly.pendingCount, limits.pendingReadsPerGroup)
  check(owner, 'cached bytes', node.log.cachedBytes, MAX_LOG_CACHE_BYTES_PER_GROUP)
  for (const { inFlight, bytesInFlight } of node.replicators.list()) {
    check(owner, 'appends in flight', inFlight, MAX_APPENDS_IN_FLIGHT)
    check(owner, 'bytes in flight', bytesInFlight, MAX_APPEND_BYTES_IN_FLIGHT + MAX_FRAME_BYTES)
  }
}

/** I-24, of what a store's groups share: its disk queues, and what waits for each other store. */
export function storeBoundsHold(host: StoreHost): void {
  // Records and votes of many groups at once ask for no room: without them nothing would come to rest.
  const { limits } = host
  const queueLimit = limits.shardQueueBytes + MAX_FRAME_BYTES
  for (const { queuedBytes } of host.stats().shards)
    check(host.storeId, 'bytes on the way to a disk', queuedBytes, queueLimit)
  check(
    host.storeId,
    'bytes of cached blocks',
    host.cachedBytes,
    limits.logCacheBytesPerStore + MAX_FRAME_BYTES,
  )
  for (const link of host.multiplexer.links()) {
    const owner = `${host.storeId} to ${link.storeId}`
    check(
      owner,
      'bytes of blocks in flight',
      link.bulkInFlightBytes,
      Math.max(limits.bulkInFlightBytes, MAX_FRAME_BYTES),
    )
    const control = link.control?.queue.waitingBytes ?? 0
    check(owner, 'bytes of control messages', control, limits.controlQueueBytes + MAX_CONTROL_FRAME_BYTES)
    const appends = link.bulk?.queue.metaBytes ?? 0
    check(
      owner,
      'bytes of appends beside their blocks',
      appends,
      MAX_APPEND_QUEUE_BYTES + MAX_BULK_FRAME_BYTES,
    )
    check(owner, 'bytes of calls and answers', link.bulk?.calls?.metaBytes ?? 0, 3 * MAX_FORWARD_QUEUE_BYTES)
  }
}
