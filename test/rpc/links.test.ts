import { describe, expect, test } from 'vitest'
import { FRAME_HEADER_BYTES, sealFrame } from '../../src/rpc/frame.ts'
import { FlotillaError } from '../../src/util/errors.ts'
import {
  HANDSHAKE_TIMEOUT_MS,
  LINK_SILENCE_MS,
  MAX_PENDING_HANDSHAKES,
  RECONNECT_MAX_MS,
} from '../../src/util/limits.ts'
import { address, append, block, linked, type RpcNode, simNode, TestSubject } from './rpc-node.ts'
import { type SimSocket, SimNetwork, SimWorld } from './sim-network.ts'

function network(seed = 1): SimNetwork {
  const net = new SimNetwork(new SimWorld(seed))
  net.weather.pieces = true
  return net
}

/** Every socket that is open, dialing ends first. */
function open(net: SimNetwork): SimSocket[] {
  return net.sockets.filter((socket) => !socket.destroyed && socket.connected)
}

async function twoNodes(seed = 1) {
  const net = network(seed)
  const a = simNode(net, 's1')
  const b = simNode(net, 's2')
  a.hosted.add('g')
  b.hosted.add('g')
  await linked(net, a, b)
  return { net, world: net.world, a, b }
}

function count(node: RpcNode, event: string): number {
  return node.events.filter((each) => each === event).length
}

describe('links come up', () => {
  test('in the first round trips, two connections per pair, dialed by the smaller id only', async () => {
    const net = network()
    const nodes = ['s3', 's1', 's2'].map((id) => simNode(net, id))
    await linked(net, ...nodes)
    for (const node of nodes)
      expect(node.mux.links().every((link) => link.connected && link.epoch === 1)).toBe(true)
    await net.world.run(5000)
    expect(net.sockets).toHaveLength(2 * 2 * 3)
    expect(nodes.find((node) => node.storeId === 's3')!.mux.stats.dials).toBe(0)
  })

  test('what is sent the moment a link comes up arrives, on both connections and from both ends', async () => {
    const net = network()
    const nodes = [simNode(net, 's1'), simNode(net, 's2')]
    for (const node of nodes) {
      node.hosted.add('g')
      const say = node.onLinkUp.bind(node)
      node.onLinkUp = (storeId) => {
        say(storeId)
        const link = node.mux.link(storeId)
        link.sendTimeoutNow(address(1, 'g'), { term: 1 })
        link.sendAppendRequest(address(1, 'g'), append([block('g', 1, 100)]))
        node.mux.flush()
      }
    }
    await linked(net, ...nodes)
    for (const node of nodes) {
      expect(node.mux.stats.protocolErrors).toBe(0)
      expect(node.heard.map((each) => each.kind).sort()).toEqual(['appendRequest', 'timeoutNow'])
    }
  })

  test('when only the larger id knows the address: it dials after it has waited for the smaller', async () => {
    const net = network()
    const a = simNode(net, 's1')
    const b = simNode(net, 's2')
    await a.mux.listen('s1', 0)
    b.mux.setPeer('s1', a.mux.address)
    await net.world.run(2 * RECONNECT_MAX_MS - 1)
    expect(b.mux.stats.dials).toBe(0)
    await net.world.run(50)
    expect(a.events).toEqual(['up s2'])
    expect(b.events).toEqual(['up s1'])
  })

  test('both dial at once: one pair stays, the one of the smaller id', async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const net = network(seed)
      const a = simNode(net, 's1')
      const b = simNode(net, 's2')
      await a.mux.listen('s1', 0)
      await b.mux.listen('s2', 0)
      b.mux.setPeer('s1', a.mux.address)
      await net.world.run(2 * RECONNECT_MAX_MS - 4 + (seed % 10) / 2)
      a.mux.setPeer('s2', b.mux.address)
      await net.world.run(3000)
      expect(open(net), `seed ${seed}`).toHaveLength(4)
      const [linkA, linkB] = [a.mux.link('s2'), b.mux.link('s1')]
      expect([linkA.connected, linkB.connected]).toEqual([true, true])
      expect(linkA.control!.id).toBe(linkB.control!.id)
      for (const [node, other] of [
        [a, 's2'],
        [b, 's1'],
      ] as const) {
        expect(count(node, `up ${other}`) - count(node, `down ${other}`)).toBe(1)
      }
    }
  })

  test('again after refused dials, with pauses that grow up to their limit', async () => {
    const net = network()
    const a = simNode(net, 's1')
    const b = simNode(net, 's2')
    await b.mux.listen('s2', 0)
    net.weather.refusing = true
    a.mux.setPeer('s2', b.mux.address)
    await net.world.run(20_000)
    const dials = a.mux.stats.dials
    expect(dials).toBeGreaterThan(20)
    expect(dials).toBeLessThan(60)
    expect(a.mux.link('s2').lastError).toMatchObject({ code: 'FLOTILLA_CONNECTION_LOST' })
    expect(a.logger.lines.filter((line) => line.level === 'warn')).toHaveLength(1)
    net.weather.refusing = false
    await net.world.run(RECONNECT_MAX_MS + 20)
    expect(a.events).toEqual(['up s2'])
    expect(a.mux.link('s2').lastError).toBeNull()
  })

  test('a client dials always, forwards and calls, and leaves nothing behind', async () => {
    const net = network()
    const store = simNode(net, 's1')
    await store.mux.listen('s1', 0)
    const client = simNode(net, 'client:z', { role: 'client' })
    const hello = await Promise.all([client.mux.probe(store.mux.address, 1000), net.world.run(20)])
    expect(hello[0]).toMatchObject({ storeId: 's1', clusterId: 'c', address: store.mux.address })
    client.mux.setPeer('s1', store.mux.address)
    await net.world.run(20)
    expect(client.events).toEqual(['up s1'])
    const called = client.mux.link('s1').call('Echo', Buffer.from('x'), 100)
    await net.world.run(20)
    expect((await called).toString()).toBe('x')
    await client.mux.close()
    await net.world.run(20)
    expect(store.events).toEqual(['up client:z', 'down client:z'])
    expect(store.mux.links()).toHaveLength(0)
  })

  test('a client that speaks for a group is cut off', async () => {
    const net = network()
    const store = simNode(net, 's1')
    await store.mux.listen('s1', 0)
    const client = simNode(net, 'client:z', { role: 'client' })
    client.mux.setPeer('s1', store.mux.address)
    await net.world.run(20)
    client.mux.link('s1').sendTimeoutNow(address(1, 'g'), { term: 1 })
    await net.world.run(20)
    expect(store.mux.stats.protocolErrors).toBe(1)
    expect(store.events).toContain('down client:z')
  })
})

describe('handshakes are refused', () => {
  async function refused(
    options: Parameters<typeof simNode>[2],
    asStore = 's2',
    setUp = (_a: RpcNode, _b: RpcNode) => {},
  ) {
    const net = network()
    const a = simNode(net, 's1')
    const b = simNode(net, asStore, options)
    setUp(a, b)
    await b.mux.listen('s2', 0)
    a.mux.setPeer('s2', b.mux.address)
    await net.world.run(3000)
    expect([...a.events, ...b.events]).toEqual([])
    expect(a.logger.lines.filter((line) => line.level === 'warn')).toHaveLength(1)
    return { error: a.mux.link('s2').lastError!, a, b, net }
  }

  test('of another cluster', async () => {
    const { error } = await refused({ clusterId: 'other' })
    expect(error).toMatchObject({ code: 'FLOTILLA_IDENTITY_MISMATCH' })
    expect(error.message).toContain('cluster other')
  })

  test('by a store of another id at the address', async () => {
    const { error } = await refused({}, 's9')
    expect(error).toMatchObject({ code: 'FLOTILLA_IDENTITY_MISMATCH' })
    expect(error.message).toContain('s9')
  })

  test('by the word of the acceptor, which travels to the dialer', async () => {
    const judgePeer = () => new FlotillaError('STORE_REPLACED', 'I know another incarnation of you')
    const { error } = await refused({ judgePeer })
    expect(error).toMatchObject({ code: 'FLOTILLA_STORE_REPLACED' })
    expect(error.message).toContain('I know another incarnation')
  })

  test('by the word of the dialer, which travels to the acceptor', async () => {
    const net = network()
    const judgePeer = () => new FlotillaError('STORE_REPLACED', 'you lost your disk')
    const a = simNode(net, 's1', { judgePeer })
    const b = simNode(net, 's2')
    b.mux.link('s1')
    await b.mux.listen('s2', 0)
    a.mux.setPeer('s2', b.mux.address)
    await net.world.run(500)
    expect([...a.events, ...b.events]).toEqual([])
    expect(a.mux.link('s2').lastError).toMatchObject({ code: 'FLOTILLA_STORE_REPLACED' })
    expect(b.mux.link('s1').lastError!.message).toContain('you lost your disk')
  })

  test('of an unknown protocol version, a wrong kind, garbage or another protocol', async () => {
    const net = network()
    const b = simNode(net, 's2')
    await b.mux.listen('s2', 7)
    const { encodeWire, wire } = await import('../../src/rpc/wire.ts')
    const hello = {
      clusterId: 'c',
      storeId: 's1',
      expectedStoreId: 's2',
      incarnation: 'i',
      boot: 1,
      protocolMin: 1,
      protocolMax: 1,
      kind: 1,
      connection: 5,
      pair: 6,
    }
    const frameOf = (type: number, body: Buffer, sequence = 1) => {
      const meta = Buffer.concat([Buffer.from([type, body.length]), body])
      const bytes = Buffer.concat([Buffer.alloc(FRAME_HEADER_BYTES), meta])
      sealFrame(bytes, 0, meta.length, 0, 5, 1, sequence)
      return bytes
    }
    const helloFrame = (over: object) => frameOf(1, encodeWire(wire.rpc.Hello, { ...hello, ...over }))
    const strange: Buffer[] = [
      helloFrame({ protocolMin: 2, protocolMax: 9 }),
      helloFrame({ kind: 9 }),
      helloFrame({ boot: 2 }),
      helloFrame({ connection: 4 }),
      helloFrame({ storeId: '' }),
      helloFrame({ storeId: 's2' }),
      frameOf(1, Buffer.from([0xff, 0xff])),
      frameOf(7, Buffer.alloc(0)),
      frameOf(3, Buffer.alloc(0)),
      Buffer.concat([helloFrame({}), frameOf(3, Buffer.alloc(0), 2)]),
      Buffer.concat([helloFrame({}), helloFrame({})]),
      Buffer.from('GET / HTTP/1.1\r\nHost: s2\r\n\r\n'),
      Buffer.alloc(100_000, 1),
    ]
    for (const bytes of strange) {
      const socket = net.connect('s2', 7)
      let closes = 0
      const got: Buffer[] = []
      socket.setHandlers({ onData: (data) => got.push(data), onClose: () => closes++ })
      await net.world.run(5)
      socket.write([bytes])
      await net.world.run(HANDSHAKE_TIMEOUT_MS + 100)
      expect(closes).toBe(1)
      expect(b.mux.links()).toHaveLength(0)
    }
    expect(b.events).toEqual([])
    expect(open(net)).toHaveLength(0)
  })

  test('silent connections are closed after the time-out, and only so many are borne', async () => {
    const net = network()
    const b = simNode(net, 's2')
    await b.mux.listen('s2', 7)
    let closed = 0
    for (let i = 0; i < MAX_PENDING_HANDSHAKES + 10; i++) {
      net.connect('s2', 7).setHandlers({ onData() {}, onClose: () => closed++ })
    }
    await net.world.run(100)
    expect(closed).toBe(10)
    await net.world.run(HANDSHAKE_TIMEOUT_MS)
    expect(closed).toBe(MAX_PENDING_HANDSHAKES + 10)
    expect(b.mux.stats.handshakesTimedOut).toBe(MAX_PENDING_HANDSHAKES)
  })
})

describe('links go down', () => {
  test('once, when one of the two connections breaks, and come up in a new epoch', async () => {
    const { net, world, a, b } = await twoNodes()
    for (let round = 0; round < 8; round++) {
      const sockets = open(net)
      expect(sockets).toHaveLength(4)
      sockets[round % 4]!.reset()
      await world.run(RECONNECT_MAX_MS + 100)
      expect(open(net)).toHaveLength(4)
    }
    const expected = (other: string) =>
      ['up', ...Array.from({ length: 8 }, () => ['down', 'up']).flat()].map((e) => `${e} ${other}`)
    expect(a.events).toEqual(expected('s2'))
    expect(b.events).toEqual(expected('s1'))
    expect(a.mux.link('s2').epoch).toBe(9)
  })

  test('in the middle of a frame: what came whole is delivered, nothing twice, nothing altered', async () => {
    const { net, world, a, b } = await twoNodes()
    const link = a.mux.link('s2')
    for (let i = 1; i <= 50; i++) link.sendAppendRequest(address(1, 'g'), append([block('g', i, 30_000)]))
    const far = open(net).filter((socket) => socket.remote === 'dialer')[1]!
    far.resetAfterBytes = 700_000
    await world.run(RECONNECT_MAX_MS + 100)
    expect(b.events.filter((event) => !event.startsWith('alias'))).toEqual(['up s1', 'down s1', 'up s1'])
    const got = b.of('appendRequest') as Array<ReturnType<typeof append>>
    expect(got.length).toBeLessThan(50)
    got.forEach((message, i) => expect(message).toEqual(append([block('g', i + 1, 30_000)])))
    expect(link.bulkInFlightBytes).toBe(0)
    expect(link.sendAppendRequest(address(1, 'g'), append([block('g', 1, 10)]))).toBe(true)
    await world.run(10)
    expect(b.of('appendRequest')).toHaveLength(got.length + 1)
  })

  test('when a bit is flipped anywhere: the link closes, and no altered message is delivered', async () => {
    for (let seed = 1; seed <= 30; seed++) {
      const { net, world, a, b } = await twoNodes(seed)
      const sent = Array.from({ length: 20 }, (_, i) =>
        append([block('g', i + 1, 50), block('g', i + 2, 3000)]),
      )
      for (const message of sent) a.mux.link('s2').sendAppendRequest(address(1, 'g'), message)
      let left = 1
      net.weather.damage = (bytes) => {
        if (left-- <= 0) return
        const bit = world.uint32() % (bytes.length * 8)
        bytes[bit >> 3]! ^= 1 << (bit & 7)
      }
      await world.run(30)
      expect(a.mux.stats.protocolErrors + b.mux.stats.protocolErrors, `seed ${seed}`).toBeGreaterThan(0)
      expect(b.events).toContain('down s1')
      const got = b.of('appendRequest')
      expect(got).toEqual(sent.slice(0, got.length))
      expect(got.length).toBeLessThan(sent.length)
    }
  })

  test('at a repeated or missing frame', async () => {
    for (const change of ['repeat', 'gap'] as const) {
      const { net, world, a, b } = await twoNodes()
      net.weather.pieces = false
      const bulk = open(net).filter((socket) => socket.remote !== 'dialer')[1]!
      const write = bulk.write.bind(bulk)
      bulk.write = (chunks) => (change === 'gap' ? true : write([...chunks, ...chunks]))
      a.mux.link('s2').sendForwardRequest({ requestId: 1, groupId: 'g', expectedTerm: 0, payloads: [] })
      await world.run(10)
      bulk.write = write
      a.mux.link('s2').sendForwardRequest({ requestId: 2, groupId: 'g', expectedTerm: 0, payloads: [] })
      await world.run(10)
      expect(b.mux.stats.protocolErrors).toBe(1)
      expect(b.events.at(-1)).toBe('down s1')
      expect(b.of('forwardRequest').map((m) => (m as { requestId: number }).requestId)).toEqual(
        change === 'gap' ? [] : [1],
      )
      expect(a.mux.link('s2').lastError!.message).toContain('frame')
    }
  })

  test('at once when the peer started anew, though the old connections look alive', async () => {
    for (const [restarted, other] of [
      ['s1', 's2'],
      ['s2', 's1'],
    ] as const) {
      const net = network()
      const nodes: Record<string, RpcNode> = { s1: simNode(net, 's1'), s2: simNode(net, 's2') }
      await linked(net, nodes.s1!, nodes.s2!)
      const survivor = nodes[other]!
      // Nothing of the old process reaches the survivor any more, not even its end.
      for (const socket of net.sockets) socket.destroy = socket.vanish
      const before = survivor.mux.link(restarted).epoch
      await nodes[restarted]!.mux.close()
      const again = simNode(net, restarted, { boot: 2 })
      again.mux.setPeer(other, survivor.mux.address)
      await net.world.run(2 * RECONNECT_MAX_MS + 100)
      expect(survivor.mux.link(restarted).epoch).toBe(before + 1)
      expect(survivor.events).toEqual([`up ${restarted}`, `down ${restarted}`, `up ${restarted}`])
      expect(survivor.mux.link(restarted).peer!.boot).toBe(2)
    }
  })

  test('an older start of a connected store is refused', async () => {
    const net = network()
    const a = simNode(net, 's2', { boot: 5 })
    const b = simNode(net, 's1')
    await linked(net, a, b)
    const ghost = simNode(net, 's2', { boot: 4 })
    ghost.mux.setPeer('s1', b.mux.address)
    await net.world.run(2 * RECONNECT_MAX_MS + 200)
    expect(ghost.events).toEqual([])
    expect(ghost.mux.link('s1').lastError).toMatchObject({ code: 'FLOTILLA_STORE_REPLACED' })
    expect(b.events).toEqual(['up s2'])
  })

  test('when nothing comes any more; they stay up while nothing is led', async () => {
    const { net, world, a, b } = await twoNodes()
    await world.run(60_000)
    expect([...a.events, ...b.events]).toEqual(['up s2', 'up s1'])
    net.weather.clogged = true
    await world.run(LINK_SILENCE_MS + 300)
    expect(a.events).toContain('down s2')
    expect(b.events).toContain('down s1')
    expect(a.mux.link('s2').lastError!.message).toContain('silent')
  })

  test('when the peer is removed; its link object stays unconnected', async () => {
    const { world, a, b } = await twoNodes()
    const link = a.mux.link('s2')
    a.mux.removePeer('s2')
    b.mux.removePeer('s1')
    await world.run(5000)
    expect(a.events).toEqual(['up s2', 'down s2'])
    expect(link.connected).toBe(false)
    expect(link.sendTimeoutNow(address(1, 'g'), { term: 1 })).toBe(false)
    expect(a.mux.links()).toHaveLength(0)
  })

  test('when a handler throws; the other side is told', async () => {
    const { world, a, b } = await twoNodes()
    b.hook = () => {
      throw new Error('bug')
    }
    a.mux.link('s2').sendTimeoutNow(address(1, 'g'), { term: 1 })
    await world.run(10)
    expect(b.mux.stats.handlerErrors).toBe(1)
    expect(a.mux.link('s2').lastError).toMatchObject({ code: 'FLOTILLA_INTERNAL' })
    await world.run(1000)
    expect(a.mux.link('s2').connected).toBe(true)
  })

  test('close ends everything: no timer, no socket, one down per up, and no word after it', async () => {
    const { net, world, a, b } = await twoNodes()
    a.mux.link('s2').addHeartbeat(new TestSubject(1, 'g'))
    const closing = a.mux.close()
    expect(a.events).toEqual(['up s2', 'down s2'])
    await closing
    await b.mux.close()
    const heard = [a.heard.length, b.heard.length]
    await world.run(20_000)
    expect(world.pendingTimers).toBe(0)
    expect(open(net)).toHaveLength(0)
    expect([a.heard.length, b.heard.length]).toEqual(heard)
    await expect(a.mux.link('s2').call('X', Buffer.alloc(0), 10)).rejects.toMatchObject({
      code: 'FLOTILLA_CLOSED',
    })
    expect(() => a.mux.setPeer('s2', 'x:1')).toThrow('closed')
    await expect(a.mux.listen('s1', 0)).rejects.toMatchObject({ code: 'FLOTILLA_CLOSED' })
  })
})

test('addresses that are none are refused', () => {
  const node = simNode(network(), 's1')
  for (const bad of ['', 'host', ':1', 'host:0', 'host:70000', 'host:x']) {
    expect(() => node.mux.setPeer('s2', bad)).toThrow(
      expect.objectContaining({ code: 'FLOTILLA_INVALID_ARGUMENT' }),
    )
  }
  void node.mux.close()
})
