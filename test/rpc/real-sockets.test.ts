import net from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import type { Env } from '../../src/env/ports.ts'
import { NodeSockets } from '../../src/env/node-sockets.ts'
import { parseAddress } from '../../src/rpc/handshake.ts'
import { MAX_PENDING_HANDSHAKES } from '../../src/util/limits.ts'
import { address, append, block, RpcNode, TestSubject } from './rpc-node.ts'
import { SimWorld } from './sim-network.ts'

/** Real sockets and timers; only the random source is seeded. */
function realEnv(seed: number): Pick<Env, 'clock' | 'timers' | 'random' | 'sockets'> {
  return {
    clock: { monotonicMs: () => performance.now(), wallMs: () => Date.now() },
    timers: {
      setTimeout: (callback, delayMs) => setTimeout(callback, delayMs),
      clearTimeout: (handle) => clearTimeout(handle as NodeJS.Timeout),
      setImmediate: (callback) => void setImmediate(callback),
    },
    random: new SimWorld(seed),
    sockets: new NodeSockets(),
  }
}

const nodes: RpcNode[] = []

afterEach(async () => {
  await Promise.all(nodes.splice(0).map((node) => node.mux.close()))
})

async function until(what: () => boolean): Promise<void> {
  while (!what()) await new Promise((resolve) => setTimeout(resolve, 5))
}

async function realPair(): Promise<[RpcNode, RpcNode]> {
  const pair: [RpcNode, RpcNode] = [new RpcNode('s1', realEnv(1)), new RpcNode('s2', realEnv(2))]
  nodes.push(...pair)
  for (const node of pair) await node.mux.listen('127.0.0.1', 0)
  pair[0].mux.setPeer('s2', pair[1].mux.address)
  pair[1].mux.setPeer('s1', pair[0].mux.address)
  await until(() => pair.every((node) => node.events.length > 0))
  return pair
}

describe('over real sockets', () => {
  test('a soak of random messages in both directions: all arrive, in order, unaltered', async () => {
    const [a, b] = await realPair()
    const random = new SimWorld(42)
    const appends = 400
    const nodePair = [a, b] as const
    const subjects = nodePair.map(() => new TestSubject(99, 'g9'))
    nodePair.forEach((node, side) => {
      for (let g = 0; g < 10; g++) node.hosted.add(`g${g}`)
      node.mux.link(side === 0 ? 's2' : 's1').addHeartbeat(subjects[side]!)
    })
    const sizes = [10, 300, 5_000, 20_000, 400_000]
    const sent = nodePair.map(() => [] as ReturnType<typeof append>[])
    const calls: Promise<Buffer>[] = []
    for (let i = 0; i < appends; i++) {
      nodePair.forEach((node, side) => {
        const link = node.mux.link(side === 0 ? 's2' : 's1')
        const group = random.uint32() % 10
        const blocks = Array.from({ length: random.uint32() % 3 }, (_, k) =>
          block(`g${group}`, 1 + i + k, sizes[random.uint32() % sizes.length]!),
        )
        const message = append(blocks, 1 + i)
        const bytes = blocks.reduce((sum, each) => sum + each.byteLength, 0)
        if (link.sendAppendRequest(address(group, `g${group}`), message)) {
          sent[side]!.push(message)
          link.releaseBulk(bytes, link.epoch)
        }
        link.sendReadIndexRequest(address(group, `g${group}`), { requestId: i })
        link.sendForwardRequest({
          requestId: i,
          groupId: `g${group}`,
          expectedTerm: 0,
          payloads: [Buffer.alloc(group, i)],
        })
        if (i % 50 === 0) calls.push(link.call('Echo', Buffer.alloc(100_000, i), 60_000))
      })
      if (i % 5 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    const done = (node: RpcNode, side: number) =>
      node.of('appendRequest').length === sent[1 - side]!.length &&
      node.of('forwardRequest').length === appends
    await until(() => nodePair.every(done) && subjects.every((subject) => subject.acks.length > 0))
    expect((await Promise.all(calls)).every((body) => body.length === 100_000)).toBe(true)
    nodePair.forEach((node, side) => {
      const got = node.of('appendRequest') as ReturnType<typeof append>[]
      const plain = (m: ReturnType<typeof append>) => ({
        ...m,
        blocks: m.blocks.map((each) => each.bytes.readUInt32LE(0)),
      })
      expect(got.map(plain)).toEqual(sent[1 - side]!.map(plain))
      expect(node.of('readIndexRequest')).toEqual(
        Array.from({ length: appends }, (_, i) => ({ requestId: i })),
      )
      expect(node.mux.stats.protocolErrors).toBe(0)
      expect(node.events.filter((event) => !event.startsWith('alias'))).toHaveLength(1)
    })
  })

  test('small blocks do not hold on to the frames they came in', async () => {
    const [a, b] = await realPair()
    b.hosted.add('g')
    const link = a.mux.link('s2')
    for (let i = 1; i <= 200; i++) link.sendAppendRequest(address(1, 'g'), append([block('g', i, 5000)]))
    await until(() => b.of('appendRequest').length === 200)
    for (const message of b.of('appendRequest') as ReturnType<typeof append>[]) {
      expect(message.blocks[0]!.bytes.buffer.byteLength).toBeLessThan(16 * 1024)
    }
  })

  test('a peer that closes is dialed again, and the process is left with nothing', async () => {
    const [a, b] = await realPair()
    const { address: at } = b.mux
    const port = Number(at.split(':')[1])
    await b.mux.close()
    await until(() => a.events.length === 2)
    const again = new RpcNode('s2', realEnv(3), { boot: 2 })
    nodes.push(again)
    await again.mux.listen('127.0.0.1', port)
    await until(() => a.events.length === 3)
    expect(a.events).toEqual(['up s2', 'down s2', 'up s2'])
    await expect(b.mux.listen('127.0.0.1', 0)).rejects.toMatchObject({ code: 'FLOTILLA_CLOSED' })
  })

  test('fifteen hundred silent connections: the link works on, a store gets in, and none is left at the end', async () => {
    const [a, b] = await realPair()
    b.hosted.add('g')
    const sockets: net.Socket[] = []
    let connected = 0
    let closed = 0
    const { port } = parseAddress(b.mux.address)
    for (let i = 0; i < 1_500; i++) {
      const socket = net.connect(port, '127.0.0.1')
      socket.on('connect', () => connected++)
      socket.on('error', () => {})
      socket.on('close', () => closed++)
      socket.resume()
      sockets.push(socket)
      // In waves: the system's own queue of connections is short, and what it drops comes again after seconds.
      if (sockets.length % 100 === 0) await until(() => connected === sockets.length)
    }
    await until(() => closed >= 1_500 - MAX_PENDING_HANDSHAKES)
    a.mux.link('s2').sendTimeoutNow(address(1, 'g'), { term: 1 })
    await until(() => b.of('timeoutNow').length === 1)
    const late = new RpcNode('s3', realEnv(9))
    nodes.push(late)
    late.mux.setPeer('s2', b.mux.address)
    await until(() => late.events.includes('up s2'))
    // On a slow machine some have used up their time before they were crowded out.
    const { handshakesCrowdedOut, handshakesTimedOut } = b.mux.stats
    expect(handshakesCrowdedOut + handshakesTimedOut).toBeGreaterThanOrEqual(1_500 - MAX_PENDING_HANDSHAKES)
    expect(a.events).toEqual(['up s2'])
    await b.mux.close()
    await until(() => closed === 1_500)
  })

  test('an address that is taken says so', async () => {
    const [a] = await realPair()
    const port = Number(a.mux.address.split(':')[1])
    const other = new RpcNode('s9', realEnv(4))
    nodes.push(other)
    await expect(other.mux.listen('127.0.0.1', port)).rejects.toMatchObject({
      code: 'FLOTILLA_ADDRESS_IN_USE',
    })
  })
})
