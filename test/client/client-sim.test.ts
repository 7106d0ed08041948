import { describe, expect, test } from 'vitest'
import { drawNemesisOptions, startNemesis } from '../../src/sim/nemesis.ts'
import { SimRandom } from '../../src/sim/random.ts'
import { ClientWorld } from './client-sim.ts'

describe('a client without a store, in simulation', () => {
  test('finds all stores from one, also from the last of a list of which the others are dead', async () => {
    const sim = new ClientWorld(1)
    const client = await sim.connect(['nobody:1', 'nowhere:2', 's2:7000'])
    expect(client?.clusterId).toBe('sim')
    const stores = await sim.world.settle(client!.describeStores())
    expect(stores.map(({ storeId, address, reachable }) => [storeId, address, reachable])).toEqual([
      ['s1', 's1:7000', true],
      ['s2', 's2:7000', true],
      ['s3', 's3:7000', true],
    ])
  })

  test('waits for stores that are starting, and no longer than it was told', async () => {
    const early = new ClientWorld(2)
    for (const process of early.storeProcesses) process.kill('process')
    void early.world.sleep(2_000).then(() => {
      for (const process of early.storeProcesses) process.restart()
    })
    expect(await early.connect(['s1:7000', 's2:7000'], 4_000)).not.toBeNull()

    const late = new ClientWorld(3)
    for (const process of late.storeProcesses) process.kill('process')
    const beforeMs = late.world.nowMs
    expect(await late.connect(['s1:7000', 's2:7000'], 3_000)).toBeNull()
    expect(late.connectError).toMatchObject({ code: 'FLOTILLA_UNREACHABLE', outcome: 'not-applied' })
    expect(late.connectError?.message).toMatch(/s1:7000: .*refused.*s2:7000: .*refused/i)
    expect(late.world.nowMs - beforeMs).toBeLessThan(3_300)
  })

  test('the leader of a group dies: calls that were not handed over go on, and none is lost', async () => {
    const sim = new ClientWorld(4)
    const client = await sim.connect(['s1:7000'])
    await sim.createList()
    sim.startLoad(20)
    await sim.world.run({ forMs: 1_000 })
    const description = await sim.world.settle(client!.group('list').describe())
    sim.world.process(description.leader).kill('process')
    await sim.world.run({ forMs: 3_000 })
    const { acked } = sim.tally
    await sim.world.run({ forMs: 1_000 })
    expect(sim.tally.acked).toBeGreaterThan(acked)
    sim.world.process(description.leader).restart()
    await sim.drain()
    await sim.verify()
    // Only what the dead leader held may be unknown.
    expect(sim.tally.unknown).toBeLessThanOrEqual(20 + 6 + 6)
    expect(sim.tally.settled).toBe(sim.tally.started)
  })

  test('replicas of regions that are written to without a pause are compared, at one index', async () => {
    const sim = new ClientWorld(6)
    const client = await sim.connect(['s1:7000'])
    const kv = client!.kv('r')
    let over = false
    let writes = 0
    const write = async (writer: number): Promise<void> => {
      for (let i = 0; !over; i++) {
        await kv.put(`${(writer + i) % 6}-${i % 50}`, `${writer} ${i}`, { timeoutMs: 20_000 })
        writes++
        // Out of step with each other: the stores never rest, and batches end anywhere.
        await sim.world.sleep(1 + ((writer * 7 + i * 3) % 11))
      }
    }
    const writers = Array.from({ length: 200 }, (_, writer) => write(writer))
    await sim.world.run({ forMs: 500 })
    for (let round = 0; round < 3; round++) {
      const before = writes
      const found = await sim.world.settle(
        Promise.all(['kv/0000', 'kv/0001'].map((groupId) => client!.verifyGroup(groupId))),
        31_000,
        'the comparison',
      )
      expect(writes - before, 'writes go on meanwhile').toBeGreaterThan(0)
      for (const { equal, complete, appliedIndex, replicas } of found) {
        expect({ equal, complete }).toEqual({ equal: true, complete: true })
        expect(replicas.map(({ digest }) => digest?.appliedIndex)).toEqual([
          appliedIndex,
          appliedIndex,
          appliedIndex,
        ])
      }
    }
    over = true
    await sim.world.settle(Promise.all(writers), 30_000, 'the writers')
  })

  test('comes back by itself after a minute without any store', async () => {
    const sim = new ClientWorld(5)
    const client = await sim.connect(['s1:7000'])
    await sim.createList()
    for (const process of sim.storeProcesses) process.kill('process')
    await sim.world.run({ forMs: 60_000 })
    const refused = await sim.world.settle(
      client!
        .kv()
        .put('a', '1', { timeoutMs: 500 })
        .catch((error) => error),
    )
    expect(refused).toMatchObject({ code: 'FLOTILLA_TIMEOUT', outcome: 'not-applied' })
    for (const process of sim.storeProcesses) process.restart()
    await sim.world.run({ forMs: 5_000 })
    await sim.world.settle(client!.kv().put('a', '2'))
    expect(await sim.world.settle(client!.kv().get('a'))).toBe('2')
  })

  test('a store that joins later is found, and groups that only it hosts', async () => {
    const sim = new ClientWorld(7)
    const client = await sim.connect(['s1:7000'])
    sim.join('s4')
    await sim.world.run({ forMs: 15_000 })
    const stores = await sim.world.settle(client!.describeStores())
    expect(stores.map(({ storeId, reachable }) => [storeId, reachable])).toContainEqual(['s4', true])
    const group = await sim.world.settle(
      client!.createGroup({ groupId: 'new', type: 'list', members: ['s4'] }),
    )
    const { result } = await sim.world.settle(group.apply(Buffer.from('x')))
    expect(result?.toString()).toBe('x')
  })

  test('close settles every call, those that were sent with an unknown outcome, and leaves no timer', async () => {
    const sim = new ClientWorld(6)
    const client = await sim.connect(['s1:7000'])
    await sim.createList()
    sim.world.network.isolate('client')
    const calls = Array.from({ length: 50 }, (_, i) =>
      client!
        .group('list')
        .apply(Buffer.from(`c${i}`), { timeoutMs: 60_000 })
        .catch((error) => error),
    )
    const reads = Array.from({ length: 50 }, () =>
      client!
        .kv()
        .get('a', { timeoutMs: 60_000 })
        .catch((error) => error),
    )
    await sim.world.run({ forMs: 500 })
    expect(client!.pendingCalls).toBeGreaterThanOrEqual(50)
    await sim.world.settle(client!.close())
    for (const error of await sim.world.settle(Promise.all([...calls, ...reads]))) {
      expect(error).toMatchObject({ code: 'FLOTILLA_CLOSED' })
    }
    expect(await sim.world.settle(client!.closed)).toBeNull()
    const later = await sim.world.settle(
      client!
        .kv()
        .get('a')
        .catch((error) => error),
    )
    expect(later).toMatchObject({ code: 'FLOTILLA_CLOSED', outcome: 'not-applied' })
    expect(sim.world.network.connectionCount('client')).toBe(0)
  })

  for (let seed = 500; seed < 505; seed++) {
    test(`seed ${seed}: under kills, resets, clogs and partitions every call settles once, and truly`, async () => {
      const random = new SimRandom(`client/${seed}`)
      const sim = new ClientWorld(seed)
      const connected = await sim.connect(['s1:7000', 's3:7000'], 30_000)
      expect(sim.connectError).toBeNull()
      expect(connected).not.toBeNull()
      await sim.createList()
      sim.startLoad(12)
      const stores = startNemesis(sim.world, sim.storeProcesses, drawNemesisOptions(random))
      const links = startNemesis(sim.world, sim.world.processes, {
        resets: { everyMs: 400 },
        clogs: { everyMs: 1_000, forMs: 300 },
        partitions: { everyMs: 3_000, forMs: 700 },
        corrupt: 0.0005,
      })
      await sim.world.run({ forMs: 6_000 })
      links.stop()
      stores.stop()
      await sim.drain()
      await sim.world.run({ forMs: 3_000 })
      await sim.verify()
      const { tally } = sim
      expect(tally.settled).toBe(tally.started)
      expect(tally.acked + tally.notApplied + tally.unknown).toBe(tally.settled)
      expect(tally.acked).toBeGreaterThan(100)
    })
  }
})
