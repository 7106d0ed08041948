import { describe, expect, test } from 'vitest'
import { address, append, block, linked, simNode } from './rpc-node.ts'
import { SimNetwork, SimWorld } from './sim-network.ts'

async function pair() {
  const network = new SimNetwork(new SimWorld())
  network.weather.pieces = true
  const a = simNode(network, 's1')
  const b = simNode(network, 's2')
  a.hosted.add('g')
  b.hosted.add('g')
  await linked(network, a, b)
  return { network, a, b, world: network.world }
}

const TOKEN = { leaderReplica: 1, term: 6, targetReplica: 2 }
const VOTE = {
  preVote: true,
  round: 3,
  term: 7,
  lastLogIndex: 2 ** 47,
  lastLogTerm: 6,
  firstConfigurationHash: 0xffffffff,
  token: TOKEN,
}
const ACK = { term: 7, answer: 0, index: 5, lastIndex: 0, hintIndex: 0, hintTerm: 0, waitsForSnapshot: false }
const FORWARD = {
  requestId: 9,
  groupId: 'g',
  expectedTerm: 0,
  payloads: [Buffer.from('one'), Buffer.alloc(0), Buffer.from('two')],
}
const ANSWER = {
  requestId: 9,
  from: 0,
  count: 2,
  error: '',
  message: '',
  unknownOutcome: false,
  leader: 's1',
  firstIndex: 12,
  term: 7,
  results: [Buffer.from('r1'), Buffer.alloc(0)],
}

describe('two multiplexers', () => {
  test('come up once and exchange every message in both directions', async () => {
    const { a, b, world } = await pair()
    expect(a.events).toEqual(['up s2'])
    expect(b.events).toEqual(['up s1'])
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      const link = from.mux.link(to.storeId)
      const to1 = address(4, 'g')
      const request = append([block('g', 1, 10), block('g', 2, 40_000)], 7)
      expect(link.connected).toBe(true)
      expect(link.sendVoteRequest(to1, VOTE)).toBe(true)
      expect(link.sendVoteResponse(to1, { preVote: false, round: 1, term: 7, answer: 3 })).toBe(true)
      expect(link.sendAppendRequest(to1, request)).toBe(true)
      expect(link.sendAppendResponse(to1, ACK)).toBe(true)
      expect(link.sendTimeoutNow(to1, { term: 7 })).toBe(true)
      expect(link.sendReadIndexRequest(to1, { requestId: 5 })).toBe(true)
      expect(link.sendReadIndexResponse(to1, { requestId: 5, answer: 1, index: 2 ** 40 })).toBe(true)
      expect(link.sendForwardRequest(FORWARD)).toBe(true)
      expect(link.sendForwardResponse(ANSWER)).toBe(true)
      const called = link.call('Echo', Buffer.from('hello'), 1000)
      await world.run(10)
      expect(to.of('voteRequest')).toEqual([VOTE])
      expect(to.of('voteResponse')).toEqual([{ preVote: false, round: 1, term: 7, answer: 3 }])
      expect(to.of('appendRequest')).toEqual([request])
      expect(to.of('appendResponse')).toEqual([ACK])
      expect(to.of('timeoutNow')).toEqual([{ term: 7 }])
      expect(to.of('readIndexRequest')).toEqual([{ requestId: 5 }])
      expect(to.of('readIndexResponse')).toEqual([{ requestId: 5, answer: 1, index: 2 ** 40 }])
      expect(to.of('forwardRequest')).toEqual([FORWARD])
      expect(to.of('forwardResponse')).toEqual([ANSWER])
      expect((await called).toString()).toBe('hello')
    }
    await Promise.all([a.mux.close(), b.mux.close()])
    await world.run(10_000)
    expect(world.pendingTimers).toBe(0)
  })
})
