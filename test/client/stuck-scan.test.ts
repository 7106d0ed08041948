import { expect, test } from 'vitest'
import { SimCluster } from '../../src/sim/cluster.ts'
import { History } from '../../src/sim/history.ts'
import { SimClients } from '../../src/sim/sim-client.ts'
import { SimWorld } from '../../src/sim/world.ts'

const TIMEOUT_MS = 400

/** A store of two shards, each with a region, whose disk takes nothing more right after two rows were applied. */
async function stuck(seed: number) {
  const world = new SimWorld({ seed })
  const cluster = new SimCluster(world, {
    storeIds: ['s1'],
    electionTimeoutMs: 1_000,
    shards: 2,
    kv: { splitKeys: ['m'], members: ['s1'] },
    groups: [],
    stateMachines: {},
  })
  const clients = new SimClients(cluster, new History(() => world.nowMs))
  const kv = clients.client('caller', world.random.fork('caller'), 's1').kv()
  await world.waitFor(() => cluster.groupsMade)
  await world.settle(Promise.all([kv.put('a', Buffer.from('1')), kv.put('z', Buffer.from('2'))]))
  const { disk } = world.process('s1')
  cluster.trouble(world.process('s1'))
  disk.stall()
  return { world, kv, disk }
}

test('a scan that a stuck disk keeps from opening ends when its time is over, its iterator with it', async () => {
  let kept = 0
  for (let seed = 1; seed <= 8; seed++) {
    const { world, kv, disk } = await stuck(seed)
    const fromMs = world.nowMs
    const scan = kv.scan('a', 'zz', { timeoutMs: TIMEOUT_MS })
    const code = await world.settle(
      scan.then(
        () => 'done',
        (error: { code: string }) => error.code,
      ),
      TIMEOUT_MS + 100,
    )
    if (code === 'done') continue
    kept++
    expect(code).toBe('FLOTILLA_TIMEOUT')
    expect(world.nowMs - fromMs).toBeGreaterThanOrEqual(TIMEOUT_MS)
    // What was given up keeps nothing open: the next scan is served as ever.
    disk.unstall()
    expect(await world.settle(kv.scan('a', 'zz'))).toHaveLength(2)
  }
  expect(kept).toBeGreaterThan(0)
})
