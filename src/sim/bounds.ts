import type { NodeImpl } from '../raft/node-impl.ts'
import type { PeerLinkImpl } from '../rpc/peer-link.ts'
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

/** I-24, of what a store's groups share: its disk queues, its caches, and what waits for each other store. */
export function storeBoundsHold(host: StoreHost): void {
  diskBoundsHold(host)
  for (const link of host.multiplexer.links()) linkBoundsHold(host, link)
}

/** Records and votes of many groups at once ask for no room: without them nothing would come to rest. */
export function diskBoundsHold(host: StoreHost): void {
  const { limits, storeId } = host
  const queueLimit = limits.shardQueueBytes + MAX_FRAME_BYTES
  for (const { queuedBytes } of host.stats().shards)
    check(storeId, 'bytes on the way to a disk', queuedBytes, queueLimit)
  check(storeId, 'bytes of cached blocks', host.cachedBytes, limits.logCacheBytesPerStore + MAX_FRAME_BYTES)
}

/** What waits for one other store. Looked at often: nothing is made of it but when it is too much. */
export function linkBoundsHold({ storeId, limits }: StoreHost, link: PeerLinkImpl): void {
  const blocks = Math.max(limits.bulkInFlightBytes, MAX_FRAME_BYTES)
  const control = limits.controlQueueBytes + MAX_CONTROL_FRAME_BYTES
  const inFlight = link.bulkInFlightBytes
  const waiting = link.control?.queue.waitingBytes ?? 0
  const appends = link.bulk?.queue.metaBytes ?? 0
  const calls = link.bulk?.calls?.metaBytes ?? 0
  if (
    inFlight <= blocks &&
    waiting <= control &&
    appends <= MAX_APPEND_QUEUE_BYTES + MAX_BULK_FRAME_BYTES &&
    calls <= 3 * MAX_FORWARD_QUEUE_BYTES
  )
    return
  const owner = `${storeId} to ${link.storeId}`
  check(owner, 'bytes of blocks in flight', inFlight, blocks)
  check(owner, 'bytes of control messages', waiting, control)
  check(owner, 'bytes of appends beside their blocks', appends, MAX_APPEND_QUEUE_BYTES + MAX_BULK_FRAME_BYTES)
  check(owner, 'bytes of calls and answers', calls, 3 * MAX_FORWARD_QUEUE_BYTES)
}
