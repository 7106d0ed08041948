import { expect, test } from 'vitest'
import { Client, type FlotillaError } from '../../src/client.ts'
import { TestCluster, until } from '../api/cluster.ts'

test('a store that dies is reported, the others serve, and a store that comes back elsewhere is found', async () => {
  const cluster = await TestCluster.open(['s1', 's2', 's3'])
  try {
    await using client = await Client.connect({ stores: [cluster.store('s1').address] })
    const kv = client.kv()
    await kv.put('a', '1')
    const former = cluster.store('s3').address
    await cluster.stop('s3')
    await until(async () => (await client.describeStores()).some(({ reachable }) => !reachable))
    const stores = await client.describeStores()
    expect(stores.map(({ storeId, reachable }) => [storeId, reachable])).toEqual([
      ['s1', true],
      ['s2', true],
      ['s3', false],
    ])
    expect(stores[2]).toMatchObject({ address: former, incarnation: '', boot: 0, versions: null })
    expect(stores[2]?.error?.code).toMatch(/CONNECTION_LOST|TIMEOUT/)
    await kv.put('a', '2', { timeoutMs: 60_000 })
    const [group] = await client.listGroups()
    expect(group?.replicas.find(({ storeId }) => storeId === 's3')).toMatchObject({ state: 'unreachable' })
    const verification = await client.verifyGroup('kv/0000')
    expect(verification).toMatchObject({ equal: true, complete: false })
    expect(verification.replicas.map(({ storeId, digest }) => [storeId, digest !== null])).toEqual([
      ['s1', true],
      ['s2', true],
      ['s3', false],
    ])
    const gone = await client.describeStore('s3').catch((error: FlotillaError) => error)
    expect(gone).toMatchObject({ code: expect.stringMatching(/CONNECTION_LOST|TIMEOUT/) })

    // Port 0: another one than before. Only the other stores are told.
    const returned = await cluster.start('s3')
    expect(returned.address).not.toBe(former)
    await until(async () => (await client.describeStores()).every(({ reachable }) => reachable))
    const [, , s3] = await client.describeStores()
    expect(s3).toMatchObject({ storeId: 's3', address: returned.address, boot: 2 })
    await until(async () => (await client.verifyGroup('kv/0000')).complete)
  } finally {
    await cluster.close()
  }
})

test('all stores are restarted at once, each but one elsewhere: clients old and new, and their calls, go on', async () => {
  const cluster = await TestCluster.open(['s1', 's2', 's3'])
  try {
    const before = new Map([...cluster.stores].map(([storeId, { address }]) => [storeId, address]))
    // One knows the address that stays from the stores alone, one has it as a seed, one has all.
    const seeds = [[before.get('s2')!], [before.get('s1')!], [...before.values()]]
    const clients = await Promise.all(seeds.map((stores) => Client.connect({ stores })))
    let over = false
    const acked = clients.map(() => 0)
    const writers = clients.map(async (client, i) => {
      for (let n = 1; !over; n++) {
        const done = await client
          .kv()
          .put(`client-${i}`, `${n}`, { timeoutMs: 1_000 })
          .then(
            () => true,
            () => false,
          )
        if (done) acked[i] = n
      }
    })
    await until(async () => acked.every((n) => n > 0))
    await Promise.all([...before.keys()].map((storeId) => cluster.stop(storeId)))
    const restarted = await Promise.all([
      cluster.start('s1', { listen: before.get('s1')! }),
      cluster.start('s2'),
      cluster.start('s3'),
    ])
    expect(restarted.map(({ address }) => address === before.get('s1'))).toEqual([true, false, false])
    // The stores are told where the others are, as an operator does who gave them new ports; the clients are not.
    for (const store of restarted) {
      for (const { storeId, address } of restarted) {
        if (storeId !== store.storeId) store.setAddress(storeId, address)
      }
    }
    const then = [...acked]
    await until(async () => acked.every((n, i) => n > then[i]!))
    over = true
    await Promise.all(writers)
    await using late = await Client.connect({ stores: [before.get('s1')!] })
    for (const client of [...clients, late]) {
      await until(async () => (await client.describeStores()).every(({ reachable }) => reachable))
      expect((await client.describeStores()).map(({ address, reachable }) => [address, reachable])).toEqual(
        restarted.map(({ address }) => [address, true]),
      )
      for (const [i, n] of acked.entries()) {
        expect(Number(await client.kv().get(`client-${i}`, { timeoutMs: 60_000 }))).toBeGreaterThanOrEqual(n)
      }
    }
    await Promise.all(clients.map((client) => client.close()))
  } finally {
    await cluster.close()
  }
})

test('clients that come and go, with calls under way, leave nothing behind in a store', async () => {
  const cluster = await TestCluster.open(['s1', 's2', 's3'])
  try {
    const store = cluster.store('s1')
    await store.createGroup({ groupId: 'c', type: 'counter', members: ['s1', 's2', 's3'] })
    const addresses = [...cluster.stores.values()].map(({ address }) => address)
    for (let i = 0; i < 10; i++) {
      const client = await Client.connect({ stores: addresses })
      const calls = Array.from({ length: 200 }, () => client.group('c').apply(Buffer.from('1')))
      const reads = Array.from({ length: 20 }, () => client.kv().iterator().nextv(1))
      const settled = Promise.allSettled([...calls, ...reads])
      // The frames are written at the end of this turn; the answers find nobody.
      await new Promise((resolve) => setTimeout(resolve, i))
      await client.close()
      expect(await settled).toHaveLength(220)
    }
    for (const one of cluster.stores.values()) {
      await until(async () => (await one.describeStore(one.storeId)).clients === 0)
      expect(one.describe().peers).toHaveLength(2)
    }
  } finally {
    await cluster.close()
  }
})
