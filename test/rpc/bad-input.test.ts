import { describe, expect, test } from 'vitest'
import { KIND_DATA, packBlock } from '../../src/block/log-block.ts'
import { FRAME_HEADER_BYTES, sealFrame } from '../../src/rpc/frame.ts'
import type { PeerHello } from '../../src/rpc/handshake.ts'
import {
  MSG_APPEND_REQUEST,
  MSG_FLUSH_NUMBERS,
  MSG_FORWARD_REQUEST,
  MSG_GROUP_ALIAS,
  MSG_HEARTBEAT,
  MSG_HELLO,
  MSG_VOTE_RESPONSE,
} from '../../src/rpc/message-types.ts'
import { encodeWire, wire } from '../../src/rpc/wire.ts'
import { FlotillaError } from '../../src/util/errors.ts'
import { hash32 } from '../../src/util/hash.ts'
import {
  HANDSHAKE_TIMEOUT_MS,
  MAX_CONTROL_FRAME_BYTES,
  MAX_FRAME_BYTES,
  MAX_HELLO_ADDRESSES,
  MAX_PENDING_HANDSHAKES,
  MAX_SHARDS,
  RECONNECT_MAX_MS,
} from '../../src/util/limits.ts'
import { address, linked, type RpcNode, simNode } from './rpc-node.ts'
import { SimNetwork, SimWorld } from './sim-network.ts'
import { frameOf, RawConnection, Stranger } from './stranger.ts'

/** A node s2 with a well-behaved neighbour s3, whose link must not be touched by what strangers do. */
async function victim(options: Parameters<typeof simNode>[2] = {}) {
  const net = new SimNetwork(new SimWorld())
  const node = simNode(net, 's2', options)
  const friend = simNode(net, 's3')
  for (const each of [node, friend]) each.hosted.add('g')
  await linked(net, node, friend)
  const port = Number(node.mux.address.split(':')[1])
  const connect = () => net.connect('s2', port)
  const passTime = () => net.world.run(20)
  const unharmed = async () => {
    const before = friend.of('timeoutNow').length
    expect(node.events.filter((event) => event.endsWith(' s3'))).toEqual(['up s3'])
    node.mux.link('s3').sendTimeoutNow(address(1, 'g'), { term: 1 })
    await passTime()
    expect(friend.of('timeoutNow')).toHaveLength(before + 1)
  }
  return { net, world: net.world, node, friend, connect, passTime, unharmed }
}

type Victim = Awaited<ReturnType<typeof victim>>

async function stranger({ connect, passTime }: Victim, over: object = {}): Promise<Stranger> {
  const one = new Stranger(connect)
  await one.shakeHands(passTime, over)
  return one
}

function spoiled(frame: Buffer, at: number): Buffer {
  const bytes = Buffer.from(frame)
  bytes[at]! ^= 0x10
  return bytes
}

/** A header that announces `length` bytes and is sealed as such. */
function announcing(length: number, sequence: number, connection: number): Buffer {
  const bytes = Buffer.alloc(FRAME_HEADER_BYTES)
  sealFrame(bytes, 0, 0, length - FRAME_HEADER_BYTES, connection, 1, sequence)
  return bytes
}

const beat = encodeWire(wire.rpc.Heartbeat, { sequence: 1 })

function badBlock(groupId: string): Buffer {
  const place = { groupTag: hash32(groupId), kind: KIND_DATA, firstIndex: 1, term: 1, prevTerm: 0 } as const
  const block = packBlock(place, [Buffer.from('payload')], 0, 1)
  const bytes = Buffer.from(block.bytes)
  bytes[bytes.length - 1]! ^= 1
  return bytes
}

/** An append of one block whose own CRC fails, in a frame that is sound. */
function appendOfBadBlock(connection: number): Buffer {
  const alias = encodeWire(wire.rpc.GroupAlias, { slot: 1, groupId: 'g', fromReplica: 1, toReplica: 2 })
  const block = badBlock('g')
  const append = encodeWire(wire.raft.AppendRequest, {
    slot: 1,
    term: 1,
    prevIndex: 0,
    prevTerm: 0,
    lastIndex: 1,
    commit: 0,
    blockLengths: [block.length],
  })
  const meta = Buffer.concat([
    Buffer.from([MSG_GROUP_ALIAS, alias.length]),
    alias,
    Buffer.from([MSG_APPEND_REQUEST, append.length]),
    append,
  ])
  const bytes = Buffer.concat([Buffer.alloc(FRAME_HEADER_BYTES), meta, block])
  sealFrame(bytes, 0, meta.length, block.length, connection, 1, 3)
  return bytes
}

describe('after its handshake a store that breaks the protocol is cut off, counted, and harms no other', () => {
  const wrongs: [string, (one: Stranger) => void][] = [
    ['noise on the control connection', ({ control }) => control.raw(Buffer.alloc(5_000, 0xa5))],
    ['noise on the bulk connection', ({ bulk }) => bulk.raw(Buffer.alloc(5_000, 0x5a))],
    [
      'a bad CRC of the header',
      ({ control }) => control.raw(spoiled(frameOf(MSG_HEARTBEAT, beat, 3, 11), 5)),
    ],
    [
      'a bad CRC of the content',
      ({ control }) => control.raw(spoiled(frameOf(MSG_HEARTBEAT, beat, 3, 11), 30)),
    ],
    [
      'a control frame that is too long',
      ({ control }) => control.raw(announcing(MAX_CONTROL_FRAME_BYTES + 1, 3, 11)),
    ],
    ['a bulk frame that is too long', ({ bulk }) => bulk.raw(announcing(MAX_FRAME_BYTES + 1, 3, 12))],
    [
      'a frame shorter than its header',
      ({ control }) => control.raw(announcing(FRAME_HEADER_BYTES - 1, 3, 11)),
    ],
    ['a frame twice', ({ control }) => control.raw(frameOf(MSG_HEARTBEAT, beat, 2, 11))],
    ['a frame left out', ({ control }) => control.raw(frameOf(MSG_HEARTBEAT, beat, 4, 11))],
    ['a frame of another connection', ({ control }) => control.raw(frameOf(MSG_HEARTBEAT, beat, 3, 12))],
    ['a frame of another start', ({ control }) => control.raw(frameOf(MSG_HEARTBEAT, beat, 3, 11, 2))],
    ['a second handshake', ({ control }) => control.raw(frameOf(MSG_HELLO, Buffer.alloc(0), 3, 11))],
    ['an unknown message', ({ control }) => control.raw(frameOf(99, Buffer.alloc(0), 3, 11))],
    [
      'a bulk message on the control connection',
      ({ control }) => control.send(MSG_FORWARD_REQUEST, Buffer.alloc(0)),
    ],
    [
      'an alias that was never defined',
      ({ control }) => control.send(MSG_VOTE_RESPONSE, Buffer.from([8, 9])),
    ],
    [
      'more flush numbers than shards can be',
      ({ control }) =>
        control.send(MSG_FLUSH_NUMBERS, Buffer.from([10, MAX_SHARDS + 1, ...Array(MAX_SHARDS + 1).fill(1)])),
    ],
    ['a message that ends too early', ({ control }) => control.send(MSG_HEARTBEAT, Buffer.from([8]))],
    ['a block that fails its CRC', ({ bulk }) => bulk.raw(appendOfBadBlock(12))],
  ]
  for (const [what, commit] of wrongs) {
    test(what, async () => {
      const setting = await victim()
      const one = await stranger(setting)
      expect(setting.node.events).toContain('up s1')
      commit(one)
      await setting.passTime()
      expect([one.control.closed, one.bulk.closed]).toEqual([true, true])
      expect(setting.node.events.filter((event) => event.endsWith(' s1'))).toEqual(['up s1', 'down s1'])
      expect(setting.node.mux.stats.protocolErrors).toBe(1)
      expect(setting.node.of('appendRequest')).toEqual([])
      await setting.unharmed()
    })
  }

  test('the same of a client that forwards', async () => {
    const setting = await victim()
    const one = await stranger(setting, { storeId: 'client:z', role: 1 })
    one.bulk.raw(Buffer.from('GET / HTTP/1.1\r\n\r\n'.repeat(4)))
    await setting.passTime()
    expect([one.control.closed, one.bulk.closed]).toEqual([true, true])
    expect(setting.node.mux.stats.protocolErrors).toBe(1)
    // It leaves nothing behind.
    expect(setting.node.mux.links().map(({ storeId }) => storeId)).toEqual(['s3'])
    await setting.unharmed()
  })

  test('a frame that is torn off by the end of the connection is not delivered', async () => {
    const setting = await victim()
    const one = await stranger(setting)
    const alias = encodeWire(wire.rpc.GroupAlias, { slot: 1, groupId: 'g', fromReplica: 1, toReplica: 2 })
    const whole = frameOf(MSG_GROUP_ALIAS, alias, 3, 11)
    one.control.raw(whole.subarray(0, whole.length - 1))
    await setting.passTime()
    one.control.socket.destroy()
    await setting.passTime()
    expect(setting.node.events).not.toContain('alias g')
    expect(setting.node.mux.stats.protocolErrors).toBe(0)
    expect(setting.node.events).toContain('down s1')
    await setting.unharmed()
  })
})

describe('a handshake is refused with its reason', () => {
  const refusals: [string, object, string, RegExp][] = [
    [
      'of another cluster',
      { clusterId: 'x' },
      'IDENTITY_MISMATCH',
      /store s1 is of cluster x, store s2 of cluster c/,
    ],
    [
      'of a later protocol',
      { protocolMin: 2, protocolMax: 3 },
      'PROTOCOL',
      /speaks protocol 2 to 3, store s2 1 to 1/,
    ],
    [
      'for another store',
      { expectedStoreId: 's9' },
      'IDENTITY_MISMATCH',
      /looked for store s9 .* here is store s2/,
    ],
    ['of our own name', { storeId: 's2' }, 'IDENTITY_MISMATCH', /two stores call themselves s2/],
    ['with too long a name', { storeId: 'x'.repeat(300) }, 'PROTOCOL', /too long a text: store id/],
    [
      'with too long an incarnation',
      { incarnation: 'x'.repeat(65) },
      'PROTOCOL',
      /too long a text: incarnation/,
    ],
    ['with too many flush numbers', { flushSeen: Array(65).fill(1) }, 'PROTOCOL', /too many flush numbers/],
    [
      'with too many addresses',
      { addresses: Array(MAX_HELLO_ADDRESSES + 1).fill({ storeId: 'a', address: 'a:1', version: 1 }) },
      'PROTOCOL',
      /too many addresses/,
    ],
  ]
  for (const [what, over, code, message] of refusals) {
    test(what, async () => {
      const setting = await victim()
      const one = new RawConnection(setting.connect(), 11)
      await setting.passTime()
      one.hello(1, over)
      await setting.world.run(HANDSHAKE_TIMEOUT_MS + 100)
      expect(one.goodbye).toMatchObject({ code: `FLOTILLA_${code}` })
      expect(one.goodbye!.message).toMatch(message)
      expect(one.closed).toBe(true)
      const { handshakesRefused, protocolErrors } = setting.node.mux.stats
      expect(handshakesRefused + protocolErrors).toBe(1)
      await setting.unharmed()
    })
  }

  test('that a store was replaced: the refused one hears whom it is about, and only it counts itself accused', async () => {
    for (const about of ['s1', 's2']) {
      const net = new SimNetwork(new SimWorld())
      const accused: string[] = []
      const judgePeer = () => new FlotillaError('STORE_REPLACED', 'not what it was', { store: about })
      const a = simNode(net, 's1', { onSuspected: (by, error) => accused.push(`${by}: ${error.message}`) })
      const b = simNode(net, 's2', { judgePeer })
      await b.mux.listen('s2', 0)
      a.mux.setPeer('s2', b.mux.address)
      await net.world.run(3_000)
      expect(a.mux.link('s2').lastError).toMatchObject({ code: 'FLOTILLA_STORE_REPLACED', store: about })
      expect(accused.length > 0).toBe(about === 's1')
      // Lost connections between do not make it news each time.
      await net.world.run(5_000)
      expect(a.logger.lines.filter(({ level }) => level === 'warn')).toHaveLength(1)
    }
  })
})

describe('a store is remembered before its link is up', () => {
  async function remembering(by: 's1' | 's2') {
    const net = new SimNetwork(new SimWorld())
    const waiting: Array<(error: Error | null) => void> = []
    const admitPeer = (_hello: PeerHello) =>
      new Promise<void>((resolve, reject) => {
        waiting.push((error) => (error === null ? resolve() : reject(error)))
      })
    const nodes: Record<string, RpcNode> = {}
    for (const storeId of ['s1', 's2'])
      nodes[storeId] = simNode(net, storeId, by === storeId ? { admitPeer } : {})
    await linked(net, nodes.s1!, nodes.s2!)
    return { net, waiting, s1: nodes.s1!, s2: nodes.s2! }
  }

  for (const by of ['s1', 's2'] as const) {
    test(`by ${by === 's1' ? 'the dialer' : 'the acceptor'}: nothing is heard before, and all after`, async () => {
      const { net, waiting, s1, s2 } = await remembering(by)
      await net.world.run(1_000)
      expect([...s1.events, ...s2.events]).toEqual([])
      expect(waiting).toHaveLength(2)
      for (const settle of waiting) settle(null)
      await net.world.run(20)
      expect([...s1.events, ...s2.events]).toEqual(['up s2', 'up s1'])
    })

    test(`by ${by === 's1' ? 'the dialer' : 'the acceptor'}: when it cannot be, the handshake fails and is tried again`, async () => {
      const { net, waiting, s1, s2 } = await remembering(by)
      for (const settle of waiting.splice(0)) settle(new FlotillaError('STORAGE_FAILED', 'no disk'))
      await net.world.run(RECONNECT_MAX_MS)
      expect([...s1.events, ...s2.events]).toEqual([])
      expect(waiting.length).toBeGreaterThan(0)
      for (const settle of waiting.splice(0)) settle(null)
      await net.world.run(20)
      expect([...s1.events, ...s2.events]).toEqual(['up s2', 'up s1'])
    })
  }

  test('whoever speaks again meanwhile is cut off; a close meanwhile ends it', async () => {
    let resume = () => {}
    const admitPeer = ({ storeId }: PeerHello) =>
      storeId !== 's1'
        ? null
        : new Promise<void>((resolve) => {
            resume = resolve
          })
    const setting = await victim({ admitPeer })
    const one = new RawConnection(setting.connect(), 11)
    await setting.passTime()
    one.hello(1)
    await setting.passTime()
    one.hello(1)
    await setting.passTime()
    expect(one.closed).toBe(true)
    expect(setting.node.mux.stats.protocolErrors).toBe(1)
    resume()
    await setting.unharmed()
  })
})

describe('flush numbers', () => {
  test('come before the answers that rest on them, once per change, and not to clients', async () => {
    const net = new SimNetwork(new SimWorld())
    const order: string[] = []
    const claimed = [3, 5]
    const a = simNode(net, 's1', { flushClaimed: () => claimed })
    const b = simNode(net, 's2', {
      onFlushNumbers: (storeId, numbers) => order.push(`${storeId} ${numbers}`),
    })
    b.hosted.add('g')
    b.hook = ({ kind }) => {
      if (kind === 'appendResponse') order.push(kind)
    }
    await linked(net, a, b)
    const answer = {
      term: 1,
      answer: 0,
      index: 1,
      lastIndex: 0,
      hintIndex: 0,
      hintTerm: 0,
      waitsForSnapshot: false,
    }
    const link = a.mux.link('s2')
    link.sendAppendResponse(address(1, 'g'), answer)
    await net.world.run(5)
    claimed[1] = 6
    link.sendAppendResponse(address(1, 'g'), { ...answer, index: 2 })
    await net.world.run(300)
    expect(order).toEqual(['s1 3,5', 'appendResponse', 's1 3,6', 'appendResponse'])
  })
})

describe('a crowd of silent connections', () => {
  test('ten thousand: only so many are borne, links are unharmed, and a store still gets in at once', async () => {
    const setting = await victim()
    let closed = 0
    for (let i = 0; i < 10_000; i++) setting.connect().setHandlers({ onData() {}, onClose: () => closed++ })
    await setting.passTime()
    expect(closed).toBe(10_000 - MAX_PENDING_HANDSHAKES)
    expect(setting.node.mux.stats.handshakesCrowdedOut).toBe(10_000 - MAX_PENDING_HANDSHAKES)
    await setting.unharmed()
    const one = await stranger(setting)
    expect(one.control.closed).toBe(false)
    expect(setting.node.events).toContain('up s1')
    await setting.world.run(HANDSHAKE_TIMEOUT_MS + 100)
    expect(closed).toBe(10_000)
  })
})

describe('another address', () => {
  test('is dialed at once, also while a dial to the old one hangs or pauses', async () => {
    for (const hangs of [true, false]) {
      const net = new SimNetwork(new SimWorld())
      const a = simNode(net, 's1')
      const b = simNode(net, 's2')
      await b.mux.listen('s2', 0)
      // A listener that takes connections and says nothing, or nobody at all.
      if (hangs)
        await net.host().listen('mute', 5, (socket) => socket.setHandlers({ onData() {}, onClose() {} }))
      a.mux.setPeer('s2', 'mute:5')
      await net.world.run(RECONNECT_MAX_MS * 3 + 1)
      a.mux.setPeer('s2', b.mux.address)
      await net.world.run(10)
      expect(a.events).toEqual(['up s2'])
    }
  })

  test('a link that is up stays as it is', async () => {
    const { node, net } = await victim()
    node.mux.setPeer('s3', 'elsewhere:1')
    await net.world.run(1_000)
    expect(node.events).toEqual(['up s3'])
  })
})
