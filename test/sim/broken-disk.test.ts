import { expect, test } from 'vitest'
import { regionGroupId } from '../../src/kv/regions.ts'
import type { SimCluster } from '../../src/sim/cluster.ts'
import { DISK_BREAKS } from '../../src/sim/disk.ts'
import { rotBlock } from '../../src/sim/disk-damage.ts'
import { SimRandom } from '../../src/sim/random.ts'
import { hash32 } from '../../src/util/hash.ts'
import { startStores } from './three-stores.ts'

async function write(cluster: SimCluster, through: string, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const put = (): Promise<void> => cluster.stores.get(through)!.kv().put(`k${i}`, `${i}`)
    // The first may have been on its way to a store that died.
    await cluster.world.settle(
      put().catch(() => put()),
      4_000,
      'a put',
    )
  }
}

test.each(DISK_BREAKS)(
  'a disk that is broken (%s) ends its store, again and again, until it is mended',
  async (what) => {
    const cluster = await startStores(1)
    const process = cluster.process('s1')
    cluster.trouble(process)
    process.disk.break(what)
    // A crash mends nothing, and a store that reads nothing while it runs finds out when it starts.
    process.restart('power')
    await write(cluster, 's2', 5)
    await cluster.world.run({ forMs: 3_000 })
    expect(cluster.stores.has('s1')).toBe(false)
    expect(cluster.endings.get('STORAGE_FAILED')).toBeGreaterThan(2)
    process.disk.mend()
    await cluster.world.run({ forMs: 2_000 })
    const read = cluster.stores.get('s1')!.kv().get('k4')
    expect(await cluster.world.settle(read, 2_000, 'a get')).toBe('4')
  },
)

test('a store that ends by its broken disk without a fault that was told of breaks I-open', async () => {
  const cluster = await startStores(1)
  cluster.process('s1').disk.break('full')
  await expect(write(cluster, 's2', 5)).rejects.toThrow(/I-open/)
})

test('a flipped bit in a table of a running store is refused by whoever reads there, and by nobody else', async () => {
  const cluster = await startStores(1)
  await write(cluster, 's2', 5)
  const process = cluster.process('s1')
  // The state lies in a table once its store has been closed and opened.
  void cluster.restartOrderly('s1')
  await cluster.world.run({ forMs: 1_000 })
  const directory = process.disk.memory.directory(`${process.dir}/shard-00/data`)
  const keys = [...directory.tables().keys()].filter((key) => key.includes('k'))
  expect(keys).toHaveLength(5)
  for (let seed = 1; directory.rot === null || !directory.rot.rows.has(keys[0]!); seed++)
    rotBlock(directory, new SimRandom(`${seed}`), ['value'])
  cluster.onRotten('s1')
  const get = (storeId: string, key: string): Promise<unknown> =>
    cluster.world.settle(cluster.stores.get(storeId)!.kv().get(key), 2_000, 'a get')
  const scan = (storeId: string): Promise<unknown> =>
    cluster.world.settle(cluster.stores.get(storeId)!.kv().iterator().all(), 2_000, 'a scan')
  await expect(get('s1', 'k0')).rejects.toMatchObject({ code: 'FLOTILLA_CORRUPT' })
  for (const storeId of ['s2', 's3']) {
    expect(await get(storeId, 'k0')).toBe('0')
    expect(await scan(storeId)).toHaveLength(5)
  }
})

test('I-25: while the disk of one shard stands still, groups of the other keep their leaders and take writes', async () => {
  const splitKeys = ['b', 'c', 'd', 'e', 'f']
  const cluster = await startStores(1, { shards: 2, splitKeys })
  const { world } = cluster
  await world.run({ forMs: 1_000 })
  const regions = ['a', ...splitKeys].map((key, i) => ({ key, groupId: regionGroupId(i) }))
  const nodeOf = (storeId: string, groupId: string) => cluster.hosts.get(storeId)!.group(groupId)!.node!
  const others = regions.filter(({ groupId }) => hash32(groupId) % 2 === 1)
  const [led] = others.filter(({ groupId }) => nodeOf('s1', groupId).state === 'leader')
  expect(led).toBeDefined()
  const process = cluster.process('s1')
  cluster.trouble(process)
  process.disk.stall('all', `${process.dir}/shard-00/`)
  const { currTerm } = nodeOf('s1', led!.groupId)
  const stuck = regions.filter((region) => !others.includes(region))
  const puts = stuck.map(({ key }) => cluster.stores.get('s2')!.kv().put(key, 'y'))
  // Longer than an election timeout, and less than what a store takes for a disk that never comes back.
  for (let i = 0; i < 8; i++) {
    await world.settle(cluster.stores.get('s1')!.kv().put(led!.key, `${i}`), 200, 'a put')
    await world.run({ forMs: 100 })
  }
  expect(nodeOf('s1', led!.groupId)).toMatchObject({ state: 'leader', currTerm })
  expect(stuck.some(({ groupId }) => nodeOf('s1', groupId).suspended)).toBe(true)
  process.disk.unstall()
  await world.settle(Promise.all(puts), 2_000, 'the puts that the shard kept waiting')
})
