import { describe, expect, test } from 'vitest'
import { SimCluster } from '../../src/sim/cluster.ts'
import { DiskMirror } from '../../src/sim/disk-mirror.ts'
import { GroupGhost } from '../../src/sim/ghost.ts'
import { SimWorld } from '../../src/sim/world.ts'
import { KEY_RECORD, logKey } from '../../src/storage/log-keys.ts'
import { encodeReplicaRecord, newReplicaRecord } from '../../src/storage/replica-record.ts'
import type { NodeImpl } from '../../src/raft/node-impl.ts'
import type { StoreHost } from '../../src/store/store-host.ts'

/** What the watch says of stores that are made to do wrong. */
const REGION = 'kv/0000'
const STORE_IDS = ['s1', 's2', 's3'] as const

async function quietCluster(shards = 1): Promise<SimCluster> {
  const world = new SimWorld({ seed: 'watched' })
  const kv = { splitKeys: ['m'], members: STORE_IDS }
  const options = { storeIds: STORE_IDS, electionTimeoutMs: 300, shards, kv, groups: [], stateMachines: {} }
  const cluster = new SimCluster(world, options)
  await world.waitFor(() => leaderOf(cluster) !== undefined, 20_000, 'a leader')
  await world.run({ forMs: 300 })
  return cluster
}

function leaderOf({ hosts }: SimCluster): StoreHost | undefined {
  return [...hosts.values()].find((host) => host.group(REGION)?.isLeader)
}

function nodeOf(host: StoreHost): NodeImpl {
  return host.group(REGION)!.node!
}

describe('no message carries a term above its sender’s', () => {
  const message = { prevIndex: 0, prevTerm: 0, lastIndex: 0, commit: 0, heldByAll: 0, blocks: [] }
  type Say = (host: StoreHost, term: number) => void
  const [toFirst, toLast] = [
    (host: StoreHost) => host.multiplexer.link(host.storeId === 's1' ? 's2' : 's1'),
    (host: StoreHost) => nodeOf(host).replicators.list()[0]!,
  ]
  const says: ReadonlyArray<readonly [name: string, above: number, say: Say]> = [
    ['an append', 1, (host, term) => toFirst(host).sendAppendRequest(toLast(host), { term, ...message })],
    [
      'a pre-vote',
      2,
      (host, term) => {
        const { firstConfigurationHash } = nodeOf(host)
        const asked = { preVote: true, round: 1, term, lastLogIndex: 0, lastLogTerm: 0, token: null }
        toFirst(host).sendVoteRequest(toLast(host), { ...asked, firstConfigurationHash })
      },
    ],
    ['a call to take over', 1, (host, term) => toFirst(host).sendTimeoutNow(toLast(host), { term })],
    ['heartbeats', 1, (host, term) => toFirst(host).addHeartbeat(subjectOf(host, term))],
    ['a heartbeat', 1, (host, term) => toFirst(host).requestHeartbeat(subjectOf(host, term))],
  ]
  const subjectOf = (host: StoreHost, term: number) => {
    const { slot, groupId, fromReplica, toReplica } = toLast(host)
    const answered = { onHeartbeatAck() {}, onHeartbeatException() {} }
    return { slot, groupId, fromReplica, toReplica, term, commit: 0, ...answered }
  }

  for (const [name, above, say] of says) {
    test(name, async () => {
      const cluster = await quietCluster()
      const host = leaderOf(cluster)!
      say(host, nodeOf(host).currTerm + above - 1)
      await cluster.world.run({ forMs: 1 })
      say(host, nodeOf(host).currTerm + above)
      await expect(cluster.world.run({ forMs: 1 })).rejects.toThrow(/I-3: .*sends a message of term/)
    })
  }
})

test('no term on a disk falls, unless another content was put there', async () => {
  const world = new SimWorld({ seed: 'terms' })
  const { disk } = world.process('s1')
  const mirror = new DiskMirror('s1', disk, (groupId) => new GroupGhost(groupId, () => {}))
  const configuration = { firstConfiguration: Buffer.alloc(0), needsSpace: false }
  const spec = { groupId: 'g', replica: 1, type: 't', args: Buffer.alloc(0), ...configuration }
  const write = (term: number): void => {
    const record = encodeReplicaRecord({ ...newReplicaRecord(spec, 1, 0), term })
    mirror.onWritten('/sim/s1/log', [[logKey(1, KEY_RECORD, 0).toString('latin1'), record]], true)
  }
  write(3)
  write(4)
  mirror.onReplaced()
  write(2)
  await world.run({ forMs: 1 })
  write(1)
  await expect(world.run({ forMs: 1 })).rejects.toThrow(/I-3: .*on the disk of s1 fell from 2 to 1/)
})

test('a store whose disk refused a write promises nothing, whatever it knows of it', async () => {
  const cluster = await quietCluster(2)
  const { world } = cluster
  for (const host of cluster.hosts.values()) Object.defineProperty(host, 'fail', { value: () => {} })
  const put = (key: string): void => {
    const call = cluster.stores.get('s1')!.kv<string, string>().put(key, 'x', { timeoutMs: 1_000 })
    call.catch(() => {})
  }
  const follower = [...cluster.hosts.values()].find((host) => !host.group('kv/0001')!.isLeader)!
  const region = follower.group('kv/0001')!
  expect(region.shard).not.toBe(follower.group(REGION)!.shard)
  cluster.process(follower.storeId).disk.failNextSync()
  put('a')
  await world.run({ forMs: 100 })
  put('z')
  await expect(world.run({ forMs: 100 })).rejects.toThrow(/I-19: .*has failed and sends/)
})

describe('what is full for a moment is seen, though it is looked at rarely while nothing happens', () => {
  const MOMENT_MS = 5
  const TOO_MUCH = 2 ** 40

  async function atMoment(fill: (host: StoreHost) => void): Promise<void> {
    const cluster = await quietCluster()
    const host = leaderOf(cluster)!
    fill(host)
    const call = cluster.stores.get(host.storeId)!.kv<string, string>().put('a', 'x')
    call.catch(() => {})
    await cluster.world.run({ forMs: MOMENT_MS })
  }

  test('the window to another store', async () => {
    const fill = (host: StoreHost): void => {
      for (const link of host.multiplexer.links())
        Object.defineProperty(link, 'bulkInFlightBytes', { get: () => TOO_MUCH })
    }
    await expect(atMoment(fill)).rejects.toThrow(/I-24: .*bytes of blocks in flight/)
  })

  test('the cache of all logs', async () => {
    const fill = (host: StoreHost): void => {
      Object.defineProperty(host, 'cachedBytes', { get: () => TOO_MUCH })
    }
    await expect(atMoment(fill)).rejects.toThrow(/I-24: .*bytes of cached blocks/)
  })

  test('nothing is seen where nothing is', async () => {
    await atMoment(() => {})
  })
})
