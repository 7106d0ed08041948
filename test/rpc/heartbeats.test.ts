import { describe, expect, test } from 'vitest'
import { HEARTBEAT_BEHIND, HEARTBEAT_NO_REPLICA } from '../../src/rpc/messages.ts'
import {
  MAX_CONTROL_FRAME_BYTES,
  MAX_HEARTBEAT_SUBJECTS,
  MAX_HEARTBEATS_IN_FLIGHT,
} from '../../src/util/limits.ts'
import { pair, TestSubject } from './rpc-node.ts'

describe('heartbeats', () => {
  test('tell every interval the term and commit of each subject, and their answers reach them all', async () => {
    const { b, world, link } = await pair()
    const subjects = [new TestSubject(1, 'g', 3, 5), new TestSubject(2, 'h', 4, 2 ** 47)]
    for (const subject of subjects) link.addHeartbeat(subject)
    link.addHeartbeat(subjects[0]!)
    await world.run(1000)
    expect(b.heard.slice(0, 2)).toEqual([
      { kind: 'heartbeat', groupId: 'g', message: { term: 3, commit: 5 } },
      { kind: 'heartbeat', groupId: 'h', message: { term: 4, commit: 2 ** 47 } },
    ])
    expect(b.of('heartbeat')).toHaveLength(20)
    for (const { acks } of subjects) {
      expect(acks).toHaveLength(10)
      expect(acks[1]!.sentAtMs - acks[0]!.sentAtMs).toBeCloseTo(100, 6)
      expect(acks[1]!.sequence - acks[0]!.sequence).toBe(1)
    }
  })

  test('exceptions reach their subject only', async () => {
    const { b, world, link } = await pair()
    const subjects = ['g', 'h', 'x'].map((group, i) => new TestSubject(i, group))
    for (const subject of subjects) link.addHeartbeat(subject)
    b.judgeHeartbeat = (groupId, term, answer) => {
      if (groupId === 'h')
        Object.assign(answer, { answer: HEARTBEAT_BEHIND, term: term + 1, lastIndex: 2 ** 40 })
    }
    await world.run(110)
    expect(subjects.map((subject) => subject.acks.length)).toEqual([1, 0, 0])
    expect(subjects[1]!.exceptions).toEqual([{ answer: HEARTBEAT_BEHIND, term: 2, lastIndex: 2 ** 40 }])
    expect(subjects[2]!.exceptions).toEqual([{ answer: HEARTBEAT_NO_REPLICA, term: 0, lastIndex: 0 }])
  })

  test('an answer counts for the term it was asked in only, and not for a subject that was removed', async () => {
    const { network, world, link } = await pair()
    network.weather.delayMs = 30
    const [changed, removed, kept] = [1, 2, 3].map((slot) => new TestSubject(slot, 'g'))
    for (const subject of [changed!, removed!, kept!]) link.addHeartbeat(subject)
    // Links come up at about 5 ms; the first beat is due at 100.
    await world.run(90)
    changed!.term = 2
    link.removeHeartbeat(removed!)
    link.removeHeartbeat(removed!)
    await world.run(60)
    expect([changed!.acks.length, removed!.acks.length, kept!.acks.length]).toEqual([0, 0, 1])
    await world.run(110)
    expect([changed!.acks.length, removed!.acks.length, kept!.acks.length]).toEqual([1, 0, 2])
  })

  test('asked for in a turn they go out with it; the returned sequence is the one that is answered', async () => {
    const { b, world, link } = await pair()
    const listed = new TestSubject(1, 'g')
    const loose = new TestSubject(2, 'h')
    link.addHeartbeat(listed)
    const sequence = link.requestHeartbeat(loose)
    expect(link.requestHeartbeat(loose)).toBe(sequence)
    expect(link.requestHeartbeat(listed)).toBe(sequence)
    const sentAtMs = world.nowMs
    await world.run(5)
    expect(b.of('heartbeat')).toHaveLength(2)
    expect(loose.acks).toEqual([{ sequence, sentAtMs }])
    expect(listed.acks).toEqual([{ sequence, sentAtMs }])
    expect(link.requestHeartbeat(loose)).toBeGreaterThan(sequence)
    link.removeHeartbeat(loose)
    await world.run(200)
    expect(loose.acks).toHaveLength(1)
    expect(listed.acks.length).toBeGreaterThan(1)
  })

  test('are not asked for while there is no link', async () => {
    const { network, link } = await pair()
    network.weather.refusing = true
    network.resetAll()
    await network.world.run(5)
    expect(link.requestHeartbeat(new TestSubject(1, 'g'))).toBe(0)
  })

  test('of very many groups go in several control frames, each answered', async () => {
    const { a, b, network, world, link } = await pair()
    const frames: number[] = []
    const write = link.control!.socket.write.bind(link.control!.socket)
    link.control!.socket.write = (chunks) => {
      for (let rest = Buffer.concat(chunks); rest.length > 0; rest = rest.subarray(rest.readUInt32LE(4))) {
        frames.push(rest.readUInt32LE(4))
      }
      return write(chunks)
    }
    const count = 3 * MAX_HEARTBEAT_SUBJECTS + 5
    const name = 'a-group-of-a-rather-long-name-to-fill-many-frames-with-aliases-'
    const subjects = Array.from({ length: count }, (_, i) => new TestSubject(i, name + i, 2 ** 40, 2 ** 40))
    for (const subject of subjects) {
      b.hosted.add(subject.groupId)
      link.addHeartbeat(subject)
    }
    b.judgeHeartbeat = (_group, _term, answer) => {
      if (link.heartbeats.nextSequence > 9)
        Object.assign(answer, { answer: HEARTBEAT_BEHIND, term: 2 ** 48, lastIndex: 2 ** 48 })
    }
    await world.run(150)
    expect(subjects.every((subject) => subject.acks.length === 1)).toBe(true)
    expect(Math.max(...frames)).toBeLessThanOrEqual(MAX_CONTROL_FRAME_BYTES)
    await world.run(500)
    // Even an answer that is all exceptions fits a frame.
    expect(subjects.every((subject) => subject.exceptions.length > 0)).toBe(true)
    expect([a.events, b.events.filter((event) => !event.startsWith('alias'))]).toEqual([['up s2'], ['up s1']])
    expect(network.weather.clogged).toBe(false)
  })

  test('unanswered ones are forgotten in order, and a late answer still finds its own', async () => {
    const { network, world, link, b } = await pair()
    const subject = new TestSubject(1, 'g')
    // The other side answers nothing for a while, but what it receives it will answer.
    network.weather.delayMs = 2500
    for (let i = 0; i < MAX_HEARTBEATS_IN_FLIGHT + 20; i++) {
      link.requestHeartbeat(subject)
      await world.run(1)
    }
    await world.run(6000)
    expect(b.of('heartbeat')).toHaveLength(MAX_HEARTBEATS_IN_FLIGHT + 20)
    const sequences = subject.acks.map((each) => each.sequence)
    expect(sequences.length).toBeGreaterThan(0)
    expect(sequences.length).toBeLessThanOrEqual(MAX_HEARTBEATS_IN_FLIGHT)
    expect(sequences).toEqual([...sequences].sort((x, y) => x - y))
  })

  test('do not pile up while the connection takes nothing', async () => {
    const { network, a, world, link } = await pair()
    network.highWaterBytes = 1
    network.weather.clogged = true
    link.addHeartbeat(new TestSubject(1, 'g'))
    await world.run(2000)
    expect(a.mux.stats.heartbeatsOut).toBeLessThanOrEqual(2)
  })
})
