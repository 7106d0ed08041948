import { describe, expect, test } from 'vitest'
import { APPEND_BUSY, APPEND_MISMATCH, APPEND_OK, HEARTBEAT_NO_REPLICA } from '../../src/rpc/messages.ts'
import { FlotillaError } from '../../src/util/errors.ts'
import {
  MAX_BULK_IN_FLIGHT_BYTES,
  MAX_CONTROL_QUEUE_BYTES,
  MAX_FORWARD_QUEUE_BYTES,
  MAX_SOCKET_WRITE_BYTES,
} from '../../src/util/limits.ts'
import { address, append, block, pair, simNode, TestSubject } from './rpc-node.ts'
import { SimNetwork, SimWorld } from './sim-network.ts'

const MIB = 1024 * 1024
const ack = (index: number, answer = APPEND_OK, term = 1) => ({
  term,
  answer,
  index,
  lastIndex: 0,
  hintIndex: 0,
  hintTerm: 0,
  waitsForSnapshot: false,
})
const forward = (bytes: number, requestId = 1) => ({
  requestId,
  groupId: 'g',
  expectedTerm: 0,
  payloads: [Buffer.alloc(bytes)],
})

describe('a turn', () => {
  test('makes one write per connection and one frame per queue, whatever was sent in it', async () => {
    const { a, world, link } = await pair()
    await world.run(51)
    const before = { ...a.mux.stats }
    for (let i = 1; i <= 100; i++) {
      link.sendAppendRequest(address(i % 7, 'g'), append([block('g', i, 100)]))
      link.sendVoteResponse(address(i % 7, 'g'), { preVote: false, round: i, term: 1, answer: 0 })
      link.sendForwardRequest(forward(10, i))
    }
    await world.run(0)
    expect(a.mux.stats.writes - before.writes).toBe(2)
    // Control, appends, calls.
    expect(a.mux.stats.framesOut - before.framesOut).toBe(3)
    expect(a.flushes).toBeLessThan(10)
  })

  test('keeps the order of messages per connection', async () => {
    const { b, world, link } = await pair()
    for (let i = 1; i <= 500; i++) link.sendForwardRequest(forward(5000, i))
    await world.run(20)
    expect(b.of('forwardRequest').map((m) => (m as { requestId: number }).requestId)).toEqual(
      Array.from({ length: 500 }, (_, i) => i + 1),
    )
  })

  test('control messages do not wait behind clogged bulk', async () => {
    const { network, b, world, link } = await pair()
    const bulk = link.bulk!.socket
    bulk.write = () => false
    for (let i = 1; i <= 100; i++) link.sendAppendRequest(address(1, 'g'), append([block('g', i, 100_000)]))
    link.sendTimeoutNow(address(1, 'g'), { term: 3 })
    await world.run(5)
    expect(b.of('timeoutNow')).toEqual([{ term: 3 }])
    expect(network.weather.clogged).toBe(false)
  })

  test('appends and calls do not wait for each other: whichever came late is in the next write', async () => {
    for (const late of ['appendRequest', 'forwardRequest'] as const) {
      const { network, b, world, link } = await pair()
      const sendAppend = (): boolean => link.sendAppendRequest(address(1, 'g'), append([block('g', 1, MIB)]))
      const sendCall = (): boolean => link.sendForwardRequest(forward(MIB))
      const [early, sendEarly, sendLate] =
        late === 'appendRequest'
          ? (['forwardRequest', sendCall, sendAppend] as const)
          : (['appendRequest', sendAppend, sendCall] as const)
      network.weather.clogged = true
      network.highWaterBytes = 1
      sendEarly()
      await world.run(1)
      for (let i = 0; i < 24; i++) expect(sendEarly()).toBe(true)
      expect(sendLate()).toBe(true)
      network.unclog()
      await world.run(100)
      const kinds = b.heard.map(({ kind }) => kind).filter((kind) => kind === early || kind === late)
      expect(kinds).toHaveLength(26)
      // The one that was on its way, and half a write.
      expect(kinds.indexOf(late)).toBeLessThanOrEqual(1 + MAX_SOCKET_WRITE_BYTES / 2 / MIB)
    }
  })
})

describe('append answers', () => {
  test('hold one place per group and turn: the newest stands for all', async () => {
    const { b, world, link } = await pair()
    for (let i = 1; i <= 50; i++) {
      link.sendAppendResponse(address(1, 'g'), ack(i))
      link.sendAppendResponse(address(2, 'h'), ack(i * 10))
    }
    await world.run(5)
    expect(b.heard.filter((each) => each.kind === 'appendResponse')).toEqual([
      { kind: 'appendResponse', groupId: 'g', message: ack(50) },
      { kind: 'appendResponse', groupId: 'h', message: ack(500) },
    ])
  })

  test('an OK does not give way to an older OK, nor a newer term to an older', async () => {
    const { b, world, link } = await pair()
    const to = address(1, 'g')
    link.sendAppendResponse(to, ack(9))
    link.sendAppendResponse(to, ack(7))
    link.sendAppendResponse(address(2, 'h'), ack(3, APPEND_OK, 5))
    link.sendAppendResponse(address(2, 'h'), ack(8, APPEND_OK, 4))
    link.sendAppendResponse(address(2, 'h'), ack(8, APPEND_MISMATCH, 4))
    await world.run(5)
    expect(b.of('appendResponse')).toEqual([ack(9), ack(3, APPEND_OK, 5)])
  })

  test('a refusal leaves the OK its place, and the order is kept', async () => {
    const { b, world, link } = await pair()
    const to = address(1, 'g')
    link.sendAppendResponse(to, ack(9))
    link.sendAppendResponse(to, ack(10, APPEND_MISMATCH))
    link.sendAppendResponse(to, ack(12, APPEND_BUSY))
    link.sendAppendResponse(address(2, 'h'), ack(5, APPEND_MISMATCH))
    link.sendAppendResponse(address(2, 'h'), ack(6))
    await world.run(5)
    expect(b.of('appendResponse')).toEqual([ack(9), ack(12, APPEND_BUSY), ack(5, APPEND_MISMATCH), ack(6)])
  })

  test('while the connection takes nothing they go on replacing each other', async () => {
    const { network, b, world, link } = await pair()
    network.highWaterBytes = 1
    network.weather.clogged = true
    link.sendTimeoutNow(address(1, 'g'), { term: 1 })
    await world.run(1)
    for (let i = 1; i <= 10_000; i++) {
      link.sendAppendResponse(address(1, 'g'), ack(i))
      if (i % 100 === 0) await world.run(0)
    }
    network.unclog()
    await world.run(5)
    expect(b.of('appendResponse')).toEqual([ack(10_000)])
  })
})

describe('aliases', () => {
  test('are defined once per connection, and again when a replica number or group changes', async () => {
    const { b, world, link } = await pair()
    const say = async (to: ReturnType<typeof address>) => {
      link.sendTimeoutNow(to, { term: 1 })
      link.sendAppendRequest(to, append([]))
      await world.run(5)
    }
    await say(address(1, 'g'))
    await say(address(1, 'g'))
    expect(b.refs.map((ref) => ref.toReplica)).toEqual([2, 2])
    await say(address(1, 'g', 1, 3))
    await say(address(1, 'g', 4, 3))
    await say(address(1, 'h', 4, 3))
    await say(address(2, 'h', 4, 3))
    expect(b.refs).toHaveLength(10)
    expect(b.refs.at(-1)).toMatchObject({ storeId: 's1', groupId: 'h', fromReplica: 4, toReplica: 3 })
    expect(b.of('timeoutNow')).toHaveLength(6)
  })

  test('start anew with a new connection', async () => {
    const { network, b, world, link } = await pair()
    link.sendTimeoutNow(address(1, 'g'), { term: 1 })
    await world.run(5)
    network.resetAll()
    await world.run(2000)
    link.sendTimeoutNow(address(1, 'g'), { term: 2 })
    await world.run(5)
    expect(b.refs).toHaveLength(2)
    expect(b.of('timeoutNow')).toEqual([{ term: 1 }, { term: 2 }])
  })

  test('of replicas that are not here: each message is answered, once per alias and turn, and not delivered', async () => {
    const { a, b, world, link } = await pair()
    const to = address(3, 'nowhere', 5, 6)
    link.sendTimeoutNow(to, { term: 1 })
    link.sendVoteResponse(to, { preVote: false, round: 1, term: 1, answer: 0 })
    link.sendReadIndexRequest(to, { requestId: 1 })
    await world.run(5)
    link.sendAppendRequest(to, append([block('nowhere', 1, 10)]))
    await world.run(5)
    expect(b.heard).toEqual([])
    expect(a.of('noSuchReplica')).toEqual([
      { storeId: 's2', fromReplica: 5, toReplica: 6 },
      { storeId: 's2', fromReplica: 5, toReplica: 6 },
    ])
    expect(b.mux.stats.noSuchReplica).toBe(4)
  })

  test('a replica that appears later is found, because the alias is defined again after the refusal', async () => {
    const { b, world, link } = await pair()
    const to = address(3, 'late')
    const subject = new TestSubject(3, 'late')
    link.addHeartbeat(subject)
    link.sendTimeoutNow(to, { term: 1 })
    await world.run(300)
    expect(subject.exceptions.length).toBeGreaterThan(1)
    expect(subject.exceptions[0]!.answer).toBe(HEARTBEAT_NO_REPLICA)
    b.hosted.add('late')
    await world.run(250)
    link.sendTimeoutNow(to, { term: 2 })
    await world.run(5)
    expect(subject.acks.length).toBeGreaterThan(0)
    expect(b.of('timeoutNow')).toEqual([{ term: 2 }])
  })

  test('a block of another group closes the link', async () => {
    const { b, world, link } = await pair()
    link.sendAppendRequest(address(1, 'g'), append([block('h', 1, 10)]))
    await world.run(5)
    expect(b.of('appendRequest')).toEqual([])
    expect(b.mux.stats.protocolErrors).toBe(1)
  })
})

describe('the bulk window', () => {
  const size = 1_000_000
  const fill = (link: Awaited<ReturnType<typeof pair>>['link']) => {
    let index = 1
    while (link.sendAppendRequest(address(1, 'g'), append([block('g', index, size)]))) index++
    return index - 1
  }

  test('admits so many bytes until they are released, and always one when nothing is in flight', async () => {
    const { world, link } = await pair()
    const sent = fill(link)
    expect(sent).toBe(Math.floor(MAX_BULK_IN_FLIGHT_BYTES / block('g', 1, size).byteLength))
    await world.run(10)
    expect(link.sendAppendRequest(address(1, 'g'), append([block('g', 1, size)]))).toBe(false)
    expect(link.sendAppendRequest(address(1, 'g'), append([]))).toBe(true)
    link.releaseBulk(block('g', 1, size).byteLength, link.epoch)
    expect(link.sendAppendRequest(address(1, 'g'), append([block('g', 1, size)]))).toBe(true)
    link.releaseBulk(link.bulkInFlightBytes, link.epoch)
    expect(() => link.releaseBulk(1, link.epoch)).toThrow('no more bulk')
    link.releaseBulk(1, link.epoch - 1)
  })

  test('wakes those that wait in order, each once, as far as there is room', async () => {
    const { world, link } = await pair()
    fill(link)
    const woken: number[] = []
    for (let i = 0; i < 4; i++) {
      const waiter = {
        onWritable() {
          woken.push(i)
          link.sendAppendRequest(address(1, 'g'), append([block('g', 1, size)]))
        },
      }
      link.waitWritable(waiter)
      link.waitWritable(waiter)
    }
    await world.run(10)
    expect(woken).toEqual([])
    link.releaseBulk(2 * size, link.epoch)
    await world.run(10)
    expect(woken).toEqual([0, 1])
    link.releaseBulk(link.bulkInFlightBytes, link.epoch)
    await world.run(10)
    expect(woken).toEqual([0, 1, 2, 3])
  })

  test('a waiter that waits again is asked when more was released, not for ever in every turn', async () => {
    const { world, link } = await pair()
    link.sendAppendRequest(address(1, 'g'), append([block('g', 1, size)]))
    let calls = 0
    const waiter = {
      onWritable() {
        if (++calls < 5) link.waitWritable(waiter)
      },
    }
    link.waitWritable(waiter)
    await world.run(50)
    expect(calls).toBe(1)
    for (let i = 2; i <= 6; i++) {
      link.releaseBulk(10, link.epoch)
      await world.run(5)
      expect(calls).toBe(Math.min(i, 5))
    }
  })

  test('starts anew with a new link, and those that wait are woken', async () => {
    const { network, world, link } = await pair()
    fill(link)
    let woken = 0
    link.waitWritable({ onWritable: () => void woken++ })
    network.resetAll()
    await world.run(2000)
    expect([woken, link.bulkInFlightBytes, link.epoch]).toEqual([1, 0, 2])
    link.releaseBulk(123, 1)
  })

  test('what the socket does not take waits in the queue and is written when it drains', async () => {
    const { network, b, world, link } = await pair()
    network.weather.clogged = true
    const sent = fill(link)
    await world.run(100)
    expect(link.bulk!.socket.bufferedBytes).toBeLessThan(8 * size)
    expect(link.bulk!.queue.waitingBytes).toBeGreaterThan(20 * size)
    network.unclog()
    await world.run(100)
    expect(b.of('appendRequest')).toHaveLength(sent)
    expect(link.bulk!.queue.waitingBytes).toBe(0)
  })
})

describe('bounded queues', () => {
  test('forwards are refused past their bound, answers past a higher one', async () => {
    const { network, world, link } = await pair()
    network.weather.clogged = true
    network.highWaterBytes = 1
    link.sendForwardRequest(forward(1))
    await world.run(1)
    const count = (send: () => boolean) => {
      let sent = 0
      while (send()) sent++
      return sent
    }
    const requests = count(() => link.sendForwardRequest(forward(1 << 20)))
    expect(requests).toBe(MAX_FORWARD_QUEUE_BYTES / (1 << 20) - 1)
    await expect(link.call('X', Buffer.alloc(1 << 20), 100)).rejects.toMatchObject({ code: 'FLOTILLA_BUSY' })
    const answer = {
      requestId: 1,
      from: 0,
      count: 1,
      error: '',
      message: '',
      unknownOutcome: false,
      leader: '',
      firstIndex: 1,
      term: 1,
      results: [Buffer.alloc(1 << 20)],
    }
    expect(count(() => link.sendForwardResponse(answer))).toBeGreaterThan(requests / 2)
    expect(link.bulk!.calls!.waitingBytes).toBeLessThanOrEqual(2 * MAX_FORWARD_QUEUE_BYTES)
  })

  test('control messages are refused past theirs', async () => {
    const { network, world, link } = await pair()
    network.weather.clogged = true
    network.highWaterBytes = 1
    link.sendTimeoutNow(address(1, 'g'), { term: 1 })
    await world.run(1)
    let sent = 0
    while (link.sendReadIndexRequest(address(1, 'g'), { requestId: 2 ** 40 + sent })) sent++
    expect(sent).toBeGreaterThan(100_000)
    expect(link.control!.queue.waitingBytes).toBeLessThan(MAX_CONTROL_QUEUE_BYTES + 100)
    expect(link.sendAppendResponse(address(1, 'g'), ack(1))).toBe(false)
  })

  test('without a link nothing is sent', async () => {
    const network = new SimNetwork(new SimWorld())
    const link = simNode(network, 's1').mux.link('s2')
    expect(link.sendTimeoutNow(address(1, 'g'), { term: 1 })).toBe(false)
    expect(link.sendAppendRequest(address(1, 'g'), append([]))).toBe(false)
    expect(link.sendAppendResponse(address(1, 'g'), ack(1))).toBe(false)
    expect(link.sendForwardRequest(forward(1))).toBe(false)
    await expect(link.call('X', Buffer.alloc(0), 100)).rejects.toMatchObject({
      code: 'FLOTILLA_CONNECTION_LOST',
      outcome: 'not-applied',
    })
  })
})

describe('calls', () => {
  test('errors travel with code, message, outcome and leader; those that are none are INTERNAL', async () => {
    const { b, world, link } = await pair()
    const ask = async (error: unknown, thrown = false) => {
      b.serve = thrown
        ? () => {
            throw error
          }
        : () => Promise.reject(error)
      const call = link.call('X', Buffer.alloc(0), 1000).catch((reason: unknown) => reason)
      await world.run(10)
      return call
    }
    const typed = new FlotillaError('NOT_LEADER', 'ask s3', { leader: 's3' })
    expect(await ask(typed)).toMatchObject({
      code: 'FLOTILLA_NOT_LEADER',
      message: 'ask s3',
      leader: 's3',
      outcome: 'not-applied',
    })
    const unknown = new FlotillaError('NOT_LEADER', 'who knows', { outcome: 'unknown' })
    expect(await ask(unknown, true)).toMatchObject({
      code: 'FLOTILLA_NOT_LEADER',
      outcome: 'unknown',
      leader: undefined,
    })
    expect(await ask(new TypeError('bug'))).toMatchObject({
      code: 'FLOTILLA_INTERNAL',
      message: 'bug',
      outcome: 'unknown',
    })
  })

  test('without an answer end with TIMEOUT, outcome unknown, and a late answer is dropped', async () => {
    const { b, world, link } = await pair()
    b.serve = (_method, body) => new Promise((resolve) => world.setTimeout(() => resolve(body), 500))
    const call = link.call('Slow', Buffer.alloc(0), 200).catch((reason: unknown) => reason)
    await world.run(260)
    expect(await call).toMatchObject({ code: 'FLOTILLA_TIMEOUT', outcome: 'unknown' })
    await world.run(1000)
    expect(link.calls.size).toBe(0)
    expect(link.connected).toBe(true)
  })

  test('end with CONNECTION_LOST when the link goes down, CLOSED when we close', async () => {
    const { network, a, b, world, link } = await pair()
    b.serve = () => new Promise(() => {})
    const lost = link.call('X', Buffer.alloc(0), 60_000).catch((reason: unknown) => reason)
    await world.run(10)
    network.resetAll()
    await world.run(10)
    expect(await lost).toMatchObject({ code: 'FLOTILLA_CONNECTION_LOST', outcome: 'unknown' })
    await world.run(2000)
    const closed = link.call('X', Buffer.alloc(0), 60_000).catch((reason: unknown) => reason)
    await a.mux.close()
    expect(await closed).toMatchObject({ code: 'FLOTILLA_CLOSED', outcome: 'unknown' })
  })

  test('too large a question is refused here, too large an answer there', async () => {
    const { b, world, link } = await pair()
    await expect(link.call('X', Buffer.alloc(6 << 20), 100)).rejects.toMatchObject({
      code: 'FLOTILLA_TOO_LARGE',
    })
    b.serve = async () => Buffer.alloc(6 << 20)
    const call = link.call('X', Buffer.alloc(5 << 20), 1000).catch((reason: unknown) => reason)
    await world.run(20)
    expect(await call).toMatchObject({ code: 'FLOTILLA_TOO_LARGE', outcome: 'unknown' })
    for (const bad of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
      await expect(link.call('X', Buffer.alloc(0), bad)).rejects.toMatchObject({
        code: 'FLOTILLA_INVALID_ARGUMENT',
      })
    }
  })

  test('a probe of a silent or absent address ends', async () => {
    const { network, a, world } = await pair()
    const silent = a.mux.probe('nowhere:9', 1000).catch((reason: unknown) => reason)
    await world.run(10)
    expect(await silent).toMatchObject({ code: 'FLOTILLA_CONNECTION_LOST' })
    network.weather.delayMs = 5000
    const late = a.mux.probe('nowhere:9', 1000).catch((reason: unknown) => reason)
    await world.run(1000)
    expect(await late).toMatchObject({ code: 'FLOTILLA_TIMEOUT' })
  })
})
