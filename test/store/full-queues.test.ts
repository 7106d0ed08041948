import { describe, expect, test } from 'vitest'
import type { PeerLink } from '../../src/rpc/messages.ts'
import { storeBoundsHold } from '../../src/sim/bounds.ts'
import type { StoreHost } from '../../src/store/store-host.ts'
import { QUEUE_LIMITS, type QueueLimits } from '../../src/util/queue-limits.ts'
import { proposeAtFirst } from './proposal-outcome.ts'
import { SimCluster } from './sim-cluster.ts'

const GROUP = 'list-0'
const MIB = 1024 * 1024

/** s1 leads every third group, and nobody calls. */
async function quiet(listGroups = 1, limits: Partial<QueueLimits> = {}): Promise<SimCluster> {
  const cluster = new SimCluster({
    seed: 1,
    listGroups,
    kvGroups: 0,
    load: false,
    limits: { ...QUEUE_LIMITS, ...limits },
  })
  const led = ledByFirst(cluster)
  await cluster.world.waitFor(() => led.every((groupId) => cluster.leaderOf(groupId) === 's1'), 3_000)
  await cluster.world.run({ forMs: 500 })
  return cluster
}

function ledByFirst(cluster: SimCluster): string[] {
  return cluster.specs.map(({ groupId }) => groupId).filter((_, i) => i % 3 === 0)
}

function host(cluster: SimCluster, storeId: string): StoreHost {
  return cluster.hosts.get(storeId)!
}

function propose(cluster: SimCluster, groupId: string, bytes: number): { text: string } {
  return proposeAtFirst(cluster, groupId, Buffer.alloc(bytes, 0x61))
}

/** From now on the queue of `link` has no room for these messages; the function that comes back ends that and counts them. */
function refuse(link: PeerLink, send: 'sendAppendResponse' | 'sendReadIndexResponse'): () => number {
  let refused = 0
  const value = (): boolean => {
    refused++
    return false
  }
  Object.defineProperty(link, send, { value, configurable: true })
  return () => {
    Reflect.deleteProperty(link, send)
    return refused
  }
}

describe('acks that found their queue full are asked for again', () => {
  test('though the next blocks wait for the room that only those acks make', async () => {
    const cluster = await quiet(1, { bulkInFlightBytes: MIB / 16 })
    cluster.world.process('s3').kill('process')
    const heal = refuse(host(cluster, 's2').link('s1'), 'sendAppendResponse')
    const first = propose(cluster, GROUP, 100_000)
    await cluster.world.run({ forMs: 5 })
    const second = propose(cluster, GROUP, 100_000)
    await cluster.world.run({ forMs: 100 })
    expect(heal()).toBe(1)
    await cluster.world.waitFor(() => first.text === 'done' && second.text === 'done', 3_000)
    expect(cluster.leaderOf(GROUP)).toBe('s1')
  })

  test('also where many groups together have filled the link, and each waits with one more block', async () => {
    const cluster = await quiet(99)
    const groups = ledByFirst(cluster)
    cluster.world.process('s3').kill('process')
    const heal = refuse(host(cluster, 's2').link('s1'), 'sendAppendResponse')
    const outcomes = groups.map((groupId) => propose(cluster, groupId, 1_000_000))
    await cluster.world.run({ forMs: 5 })
    outcomes.push(...groups.map((groupId) => propose(cluster, groupId, 1_000_000)))
    await cluster.world.run({ forMs: 100 })
    expect(heal()).toBe(groups.length)
    await cluster.world.waitFor(() => outcomes.every(({ text }) => text === 'done'), 5_000)
  })
})

describe('reads of a follower', () => {
  test('whose answers found their queue full are asked for again', async () => {
    const cluster = await quiet()
    const heal = refuse(host(cluster, 's1').link('s2'), 'sendReadIndexResponse')
    const group = host(cluster, 's2').group(GROUP)!
    const indexes: number[] = []
    for (let i = 0; i < 10; i++) {
      group.readIndex({
        isWanted: true,
        onReadIndex: (index) => indexes.push(index),
        onReadRefused: (error) => cluster.world.fail(error),
      })
      await cluster.world.run({ forMs: 1 })
    }
    await cluster.world.run({ forMs: 50 })
    expect(heal()).toBe(10)
    expect(indexes).toEqual([])
    await cluster.world.waitFor(() => indexes.length === 10, 2_000)
    expect(group.node!.readOnly.pendingCount).toBe(0)
  })

  test('that nobody waits for any more make room for others', async () => {
    const cluster = await quiet(1, { pendingReadsPerGroup: 64 })
    const group = host(cluster, 's2').group(GROUP)!
    // It has no room, so it does not apply what the reads are behind.
    Object.defineProperty(group.node!.storage, 'queueRoomBytes', { value: () => 0, configurable: true })
    const written = propose(cluster, GROUP, 10)
    await cluster.world.waitFor(() => written.text === 'done', 500)
    const ends: string[] = []
    for (let i = 0; i < 200; i++) {
      const calledMs = cluster.world.nowMs
      group.readIndex({
        get isWanted() {
          return cluster.world.nowMs < calledMs + 100
        },
        onReadIndex: () => ends.push('read'),
        onReadRefused: ({ shortName }) => ends.push(shortName),
      })
      await cluster.world.run({ forMs: 10 })
    }
    expect(ends).toEqual([])
    expect(group.node!.readOnly.pendingCount).toBeLessThanOrEqual(64)
  })
})

test('a queue that was full of reads has room again when nobody waits for them any more', async () => {
  for (const limit of [2, 8, 64, 200]) {
    const cluster = await quiet(1, { pendingReadsPerGroup: limit })
    const group = host(cluster, 's2').group(GROUP)!
    Object.defineProperty(group.node!.storage, 'queueRoomBytes', { value: () => 0, configurable: true })
    const written = propose(cluster, GROUP, 10)
    await cluster.world.waitFor(() => written.text === 'done', 500)
    let isWanted = true
    let refused = 0
    const read = async (): Promise<void> => {
      group.readIndex({
        get isWanted() {
          return isWanted
        },
        onReadIndex: () => {},
        onReadRefused: () => refused++,
      })
      await cluster.world.run({ forMs: 1 })
    }
    for (let i = 0; i < limit + 5; i++) await read()
    expect([limit, refused]).toEqual([limit, 5])
    isWanted = false
    // A sweep is for another turn, and a refusal makes none.
    await cluster.world.run({ forMs: 100 })
    await read()
    expect([limit, refused]).toEqual([limit, 5])
    expect(group.node!.readOnly.pendingCount).toBe(1)
  }
})

test('a question that comes again while it waits for a leader’s first commit waits once', async () => {
  const cluster = await quiet(1, { pendingReadsPerGroup: 8 })
  const { node } = host(cluster, 's1').group(GROUP)!
  const member = node!.configuration.listMembers().find(({ storeId }) => storeId === 's2')!
  Object.defineProperty(node!.ballotBox, 'ownTermCommitted', { value: false, configurable: true })
  for (let i = 0; i < 20; i++) node!.readOnly.onRequest(member, { requestId: 1_000 })
  node!.readOnly.onRequest(member, { requestId: 1_001 })
  expect(node!.readOnly.pendingCount).toBe(2)
  node!.readOnly.onLinkDown('s2')
  expect(node!.readOnly.pendingCount).toBe(0)
  node!.readOnly.onRequest(member, { requestId: 1_000 })
  expect(node!.readOnly.pendingCount).toBe(1)
})

test('a follower without room is asked again at the pace of heartbeats, also when two appends meet in a turn', async () => {
  const cluster = await quiet()
  const { storage } = host(cluster, 's2').group(GROUP)!.node!
  Object.defineProperty(storage, 'queueRoomBytes', { value: () => 0, configurable: true })
  const link = host(cluster, 's1').link('s2')
  const send = link.sendAppendRequest.bind(link)
  let appends = 0
  const value: typeof send = (to, message) => {
    if (message.blocks.length > 0) appends++
    return send(to, message)
  }
  Object.defineProperty(link, 'sendAppendRequest', { value })
  // More than one append carries: what follows the first finds that it is missing.
  for (let i = 0; i < 21; i++) {
    propose(cluster, GROUP, i < 20 ? 52_000 : 10_000)
    await cluster.world.run({ forMs: 2 })
  }
  await cluster.world.run({ forMs: 1_000 })
  appends = 0
  await cluster.world.run({ forMs: 2_000 })
  // Two appends a round, a round in each interval of 50 ms and what it takes to ask.
  expect(appends).toBeLessThanOrEqual(2 * (2_000 / 50))
  expect(appends).toBeGreaterThan(20)
})

test('what many groups propose in one turn keeps the bounds that they share', async () => {
  const cluster = await quiet(24, { shardQueueBytes: 2 * MIB, logCacheBytesPerStore: 4 * MIB })
  cluster.world.process('s1').disk.stall()
  const outcomes = ledByFirst(cluster).map((groupId) => propose(cluster, groupId, 700_000))
  await cluster.world.run({ forMs: 1 })
  const refused = outcomes.filter(({ text }) => text === 'BUSY').length
  expect(outcomes.length - refused).toBe(2)
  const s1 = host(cluster, 's1')
  expect(s1.stats().shards[0]!.queuedBytes).toBeLessThanOrEqual(2 * MIB)
  storeBoundsHold(s1)
  // Nothing stays spoken for: when the disk is well again, there is room again.
  cluster.world.process('s1').disk.unstall()
  await cluster.world.run({ forMs: 500 })
  const again = propose(cluster, 'list-9', 700_000)
  await cluster.world.waitFor(() => again.text === 'done', 1_000)
})
