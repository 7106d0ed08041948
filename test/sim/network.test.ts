import { describe, expect, test } from 'vitest'
import { SimWorld } from '../../src/sim/world.ts'
import { connectPair, Recorder } from './toy.ts'

async function pairIn(seed: number, network = {}) {
  const world = new SimWorld({ seed, network })
  const a = world.process('a')
  const b = world.process('b')
  return { world, a, b, ...(await connectPair(world, a, b)) }
}

describe('connections', () => {
  test('bytes arrive whole and in order, whatever their pieces and delays', async () => {
    const { world, client, atServer } = await pairIn(1, { splitRate: 0.5, meanDelayMs: 5 })
    const sent: Buffer[] = []
    for (let i = 0; i < 200; i++) {
      const bytes = Buffer.alloc(1 + ((i * 37) % 3_000), i)
      sent.push(bytes)
      client.write([bytes.subarray(0, 1), bytes.subarray(1)])
      if (i % 20 === 0) await world.run({ forMs: 1 })
    }
    await world.run({ forMs: 5_000 })
    expect(atServer.bytes.equals(Buffer.concat(sent))).toBe(true)
    expect(atServer.chunks.length).toBeGreaterThan(200)
  })

  test('the writer may reuse its buffer, the reader may keep its own', async () => {
    const { world, client, atServer } = await pairIn(1)
    const bytes = Buffer.from('hello')
    client.write([bytes])
    bytes.fill(0)
    await world.run({ forMs: 10 })
    expect(atServer.bytes.toString()).toBe('hello')
  })

  test('a connect where nobody listens is refused; an address is taken once and free after close', async () => {
    const world = new SimWorld({ seed: 1 })
    const { sockets } = world.process('a').env
    const seen = new Recorder()
    sockets.connect('b', 9).setHandlers(seen)
    await world.waitFor(() => seen.closed !== undefined)
    expect(seen.closed).toMatchObject({ code: 'ECONNREFUSED' })
    const listener = await world.settle(sockets.listen('127.0.0.1', 80, () => {}))
    await expect(world.settle(sockets.listen('127.0.0.1', 80, () => {}))).rejects.toMatchObject({
      code: 'FLOTILLA_ADDRESS_IN_USE',
    })
    await world.settle(listener.close())
    await world.settle(sockets.listen('127.0.0.1', 80, () => {}))
    world.process('b')
    await expect(world.settle(sockets.listen('b', 80, () => {}))).rejects.toMatchObject({
      code: 'FLOTILLA_ADDRESS_INVALID',
    })
  })

  test('destroy ends both sides without an error, once each, after the bytes sent before', async () => {
    const { world, client, atClient, atServer } = await pairIn(1)
    client.write([Buffer.from('bye')])
    client.destroy()
    client.destroy()
    await world.run({ forMs: 100 })
    expect([atClient.closed, atServer.closed]).toEqual([null, null])
    expect(atServer.bytes.toString()).toBe('bye')
  })

  test('a reader that pauses fills its writer: bufferedBytes grows, write says false, onDrain follows', async () => {
    const { world, client, server, atClient, atServer } = await pairIn(1)
    server().pause()
    const chunk = Buffer.alloc(256 * 1024, 7)
    const answers: boolean[] = []
    for (let i = 0; i < 8; i++) answers.push(client.write([chunk]))
    await world.run({ forMs: 1_000 })
    expect(answers[0]).toBe(true)
    expect(answers.at(-1)).toBe(false)
    expect(client.bufferedBytes).toBeGreaterThan(1024 * 1024)
    expect(atServer.chunks.length).toBe(0)
    server().resume()
    await world.waitFor(() => atClient.drains === 1)
    expect(client.bufferedBytes).toBe(0)
    await world.run({ forMs: 100 })
    expect(atServer.bytes.length).toBe(8 * chunk.length)
  })

  test('a slow link takes its time for each byte', async () => {
    const { world, client, atServer } = await pairIn(1)
    world.network.configureLink('a', 'b', { bytesPerMs: 100 })
    const started = world.nowMs
    client.write([Buffer.alloc(100_000)])
    await world.waitFor(() => atServer.bytes.length === 100_000)
    expect(world.nowMs - started).toBeGreaterThan(1_000)
    expect(world.nowMs - started).toBeLessThan(1_100)
  })

  test('a handler that throws ends its connection with that error, as a real socket does', async () => {
    const { world, server, atClient, client } = await pairIn(1)
    const seen = new Recorder()
    seen.onData = () => {
      throw new Error('bad frame')
    }
    server().setHandlers(seen)
    client.write([Buffer.from('x')])
    await world.waitFor(() => atClient.closed !== undefined && seen.closed !== undefined)
    expect(seen.closed).toMatchObject({ message: 'bad frame' })
  })
})

describe('cuts', () => {
  test('a partition holds both ways and loses nothing; after heal all arrives in order', async () => {
    const { world, client, server, atClient, atServer } = await pairIn(2)
    world.network.partition(['a'], ['b'])
    for (let i = 0; i < 10; i++) {
      client.write([Buffer.from([i])])
      server().write([Buffer.from([i])])
      await world.run({ forMs: 10 })
    }
    await world.run({ forMs: 1_000 })
    expect([atClient.bytes.length, atServer.bytes.length]).toEqual([0, 0])
    // Bytes that are under way at the heal, or leave after it, stay behind the held ones.
    client.write([Buffer.from([10])])
    world.network.heal()
    for (let i = 11; i < 200; i++) {
      client.write([Buffer.from([i])])
      await world.run({ forMs: 1 })
    }
    await world.run({ forMs: 1_000 })
    expect([...atServer.bytes]).toEqual([...Array(200).keys()])
    expect(atClient.bytes.length).toBe(10)
  })

  test('a one-way cut lets the other way through, until the unacknowledged bytes fill the system', async () => {
    const { world, client, server, atClient, atServer } = await pairIn(1)
    world.network.block('a', 'b')
    client.write([Buffer.from('lost in transit')])
    server().write([Buffer.alloc(1024 * 1024)])
    await world.run({ forMs: 1_000 })
    expect(atServer.bytes.length).toBe(0)
    expect(atClient.bytes.length).toBeGreaterThan(0)
    expect(atClient.bytes.length).toBeLessThan(512 * 1024)
    world.network.unblock('a', 'b')
    await world.run({ forMs: 1_000 })
    expect(atClient.bytes.length).toBe(1024 * 1024)
    expect(atServer.bytes.toString()).toBe('lost in transit')
  })

  test('any matrix: a bridge connects two sides that do not see each other', async () => {
    const world = new SimWorld({ seed: 1 })
    const [a, b, c] = ['a', 'b', 'c'].map((name) => world.process(name)) as [never, never, never]
    const pairs = [
      await connectPair(world, a, b),
      await connectPair(world, b, c),
      await connectPair(world, a, c),
    ]
    world.network.setMatrix((from, to) => from === 'b' || to === 'b')
    for (const pair of pairs) pair.client.write([Buffer.from('x')])
    await world.run({ forMs: 100 })
    expect(pairs.map((pair) => pair.atServer.bytes.length)).toEqual([1, 1, 0])
  })

  test('isolate cuts what is sent, what is received, or both', async () => {
    for (const [direction, reached] of [
      ['send', [0, 1]],
      ['receive', [1, 0]],
      ['both', [0, 0]],
    ] as const) {
      const { world, client, server, atClient, atServer } = await pairIn(1)
      world.network.isolate('a', direction)
      client.write([Buffer.from('x')])
      server().write([Buffer.from('y')])
      await world.run({ forMs: 100 })
      expect([atServer.bytes.length, atClient.bytes.length]).toEqual(reached)
    }
  })

  test('a clog holds one direction until its release', async () => {
    const { world, client, server, atClient, atServer } = await pairIn(1)
    world.network.clog('a', 'b')
    client.write([Buffer.from('held')])
    server().write([Buffer.from('through')])
    await world.run({ forMs: 100 })
    expect([atServer.bytes.toString(), atClient.bytes.toString()]).toEqual(['', 'through'])
    world.network.release('a', 'b')
    await world.run({ forMs: 20 })
    expect(atServer.bytes.toString()).toBe('held')
  })

  test('bytes held longer than the time-out break their connection', async () => {
    const { world, client, atClient } = await pairIn(1, { tcpTimeoutMs: 2_000 })
    world.network.partition(['a'], ['b'])
    client.write([Buffer.from('x')])
    await world.run({ forMs: 1_900 })
    expect(atClient.closed).toBe(undefined)
    await world.run({ forMs: 200 })
    expect(atClient.closed).toMatchObject({ code: 'ETIMEDOUT' })
  })

  test('a connect through a partition is made when it heals in time', async () => {
    const { world, a, b } = await pairIn(1)
    const listener = await world.settle(b.env.sockets.listen('127.0.0.1', 0, () => {}))
    world.network.partition(['a'], ['b'])
    const seen = new Recorder()
    a.env.sockets.connect('127.0.0.1', listener.port).setHandlers(seen)
    await world.run({ forMs: 1_000 })
    expect(seen.connected).toBe(false)
    world.network.heal()
    await world.run({ forMs: 500 })
    expect(seen.connected).toBe(true)
  })
})

describe('damage', () => {
  test('a reset cuts a stream at a byte of its flight, and both ends hear of it', async () => {
    const lengths = new Set<number>()
    for (let seed = 1; seed <= 8; seed++) {
      const { world, client, atClient, atServer } = await pairIn(seed, { splitRate: 0 })
      const frame = Buffer.from([...Array(1_000).keys()])
      client.write([frame])
      world.network.reset('a', 'b')
      await world.run({ forMs: 100 })
      expect(atClient.closed).toMatchObject({ code: 'ECONNRESET' })
      expect(atServer.closed).toMatchObject({ code: 'ECONNRESET' })
      expect(atServer.bytes.equals(frame.subarray(0, atServer.bytes.length))).toBe(true)
      lengths.add(atServer.bytes.length)
    }
    expect(lengths.size).toBeGreaterThan(4)
    expect(Math.max(...lengths)).toBeGreaterThan(0)
    expect(Math.min(...lengths)).toBeLessThan(1_000)
  })

  test('a reset rate breaks connections by itself', async () => {
    const { world, client, atClient } = await pairIn(1, { resetRate: 0.2 })
    for (let i = 0; i < 100 && atClient.closed === undefined; i++) {
      client.write([Buffer.from('frame')])
      await world.run({ forMs: 5 })
    }
    expect(atClient.closed).toMatchObject({ code: 'ECONNRESET' })
  })

  test('a lost write is gone in whole, and what follows it arrives', async () => {
    const { world, client, atServer } = await pairIn(1, { splitRate: 0.5 })
    const send = async (rate: number, text: string) => {
      world.network.configureLink('a', 'b', { lossRate: rate })
      client.write([Buffer.from(text)])
      await world.run({ forMs: 10 })
    }
    await send(0, 'one,')
    await send(1, 'two,')
    await send(0, 'three')
    expect(atServer.bytes.toString()).toBe('one,three')
    expect(atServer.closed).toBeUndefined()
    expect(world.smallFaults.loss).toBe(1)
  })

  test('a write overtakes the one before it while that is under way, and not when it has arrived', async () => {
    const { world, client, atServer } = await pairIn(1, { splitRate: 0, reorderRate: 1 })
    client.write([Buffer.from('one,')])
    await world.run({ forMs: 10 })
    expect(world.smallFaults.reorder).toBe(0)
    client.write([Buffer.from('two,')])
    client.write([Buffer.from('three,')])
    await world.run({ forMs: 10 })
    expect(atServer.bytes.toString()).toBe('one,three,two,')
    expect(world.smallFaults.reorder).toBe(1)
  })

  test('corruption flips exactly one bit of a piece', async () => {
    const { world, client, atServer } = await pairIn(1, { splitRate: 0 })
    world.network.configureLink('a', 'b', { corruptRate: 1 })
    client.write([Buffer.alloc(500)])
    await world.run({ forMs: 100 })
    const ones = [...atServer.bytes].reduce(
      (sum, byte) => sum + byte.toString(2).replaceAll('0', '').length,
      0,
    )
    expect(ones).toBe(1)
  })
})
