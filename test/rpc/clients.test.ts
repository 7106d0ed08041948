import { describe, expect, test } from 'vitest'
import { MAX_CLIENTS_PER_STORE } from '../../src/util/limits.ts'
import { type RpcNode, simNode } from './rpc-node.ts'
import { SimNetwork, SimWorld } from './sim-network.ts'

function client(net: SimNetwork, name: string): RpcNode {
  return simNode(net, name, { role: 'client', heartbeatIntervalMs: 500 })
}

describe('clients of a store', () => {
  test('are taken up to a bound, the next is told BUSY, and one that leaves makes room', async () => {
    const net = new SimNetwork(new SimWorld())
    const store = simNode(net, 's1')
    await store.mux.listen('s1', 0)
    const clients = Array.from({ length: MAX_CLIENTS_PER_STORE }, (_, i) => client(net, `client:${i}`))
    // Not all at once: handshakes that wait are bounded too.
    for (const [i, one] of clients.entries()) {
      one.mux.setPeer('s1', store.mux.address)
      if (i % 50 === 49) await net.world.run(20)
    }
    await net.world.run(200)
    expect(clients.filter((one) => one.mux.link('s1').connected)).toHaveLength(MAX_CLIENTS_PER_STORE)
    const extra = client(net, 'client:extra')
    extra.mux.setPeer('s1', store.mux.address)
    await net.world.run(200)
    expect(extra.mux.link('s1').lastError).toMatchObject({ code: 'FLOTILLA_BUSY' })
    expect(extra.events).toEqual([])
    // Stores are not kept out by clients.
    const other = simNode(net, 's0')
    other.mux.setPeer('s1', store.mux.address)
    await net.world.run(50)
    expect(other.events).toEqual(['up s1'])
    await clients[0]!.mux.close()
    await net.world.run(2_000)
    expect(extra.events).toEqual(['up s1'])
    await Promise.all([store, other, extra, ...clients].map(({ mux }) => mux.close()))
  })

  test('cannot take the name of a store, nor a store that of a client', async () => {
    const net = new SimNetwork(new SimWorld())
    const store = simNode(net, 's1')
    await store.mux.listen('s1', 0)
    const impostors = [client(net, 's2'), simNode(net, 'client:s2')]
    for (const impostor of impostors) impostor.mux.setPeer('s1', store.mux.address)
    await net.world.run(500)
    for (const impostor of impostors) {
      expect(impostor.events).toEqual([])
      expect(impostor.mux.link('s1').lastError).toMatchObject({ code: 'FLOTILLA_PROTOCOL' })
    }
    expect(store.events).toEqual([])
    expect(store.mux.links()).toHaveLength(0)
  })

  test('a probe is answered by a store of any cluster: the asker judges', async () => {
    const net = new SimNetwork(new SimWorld())
    const store = simNode(net, 's1', { clusterId: 'theirs' })
    await store.mux.listen('s1', 0)
    const asker = client(net, 'client:x')
    const [hello] = await Promise.all([asker.mux.probe(store.mux.address, 1_000), net.world.run(50)])
    expect(hello).toMatchObject({ storeId: 's1', clusterId: 'theirs' })
  })
})
