import { expect, test } from 'vitest'
import { type BlockPlace, KIND_DATA, packBlock } from '../../src/block/log-block.ts'
import { VOTE_GRANTED, VOTE_REFUSED_VOTED } from '../../src/raft/messages.ts'
import { proposeAtFirst } from './proposal-outcome.ts'
import { SimCluster } from './sim-cluster.ts'

/** Nothing is promised before it is on disk: each promise alone, on a disk that takes nothing. */
const GROUP = 'list-0'

async function quiet(seed: number): Promise<SimCluster> {
  const cluster = new SimCluster({ seed, listGroups: 1, kvGroups: 0, load: false })
  await cluster.world.waitFor(() => cluster.leaderOf(GROUP) === 's1', 3_000)
  await cluster.world.run({ forMs: 500 })
  return cluster
}

function describeGroup(cluster: SimCluster, store: string) {
  return cluster.hosts.get(store)!.group(GROUP)!.describe()
}

function kill(cluster: SimCluster, store: string): void {
  cluster.world.process(store).kill('process')
  cluster.hosts.delete(store)
}

function propose(cluster: SimCluster): { text: string } {
  return proposeAtFirst(cluster, GROUP, Buffer.from('x'))
}

/** Shorter than an election timeout, after which a flush that is out counts as stuck. */
const BEFORE_STUCK_MS = 450

test('a vote is counted only once it is on the disk of its voter', async () => {
  const cluster = await quiet(1)
  kill(cluster, 's1')
  cluster.world.process('s3').disk.stall()
  await cluster.world.waitFor(() => describeGroup(cluster, 's2').state === 'candidate', 3_000)
  await cluster.world.run({ forMs: BEFORE_STUCK_MS })
  expect(cluster.leaderOf(GROUP)).toBe(null)
  cluster.world.process('s3').disk.unstall()
  await cluster.world.waitFor(() => cluster.leaderOf(GROUP) !== null, 3_000)
})

test('a candidate asks for votes only once its own is on its disk', async () => {
  const cluster = await quiet(2)
  kill(cluster, 's1')
  cluster.world.process('s2').disk.stall()
  const node = cluster.hosts.get('s3')!.group(GROUP)!.node!
  const terms: number[] = []
  const handle = node.election.handleVoteRequest.bind(node.election)
  node.election.handleVoteRequest = (from, request) => {
    if (!request.preVote) terms.push(request.term)
    handle(from, request)
  }
  await cluster.world.waitFor(() => describeGroup(cluster, 's2').state === 'candidate', 3_000)
  await cluster.world.run({ forMs: 100 })
  expect(terms).toEqual([])
  cluster.world.process('s2').disk.unstall()
  await cluster.world.waitFor(() => cluster.leaderOf(GROUP) !== null, 3_000)
})

test('one vote per term, also after a restart', async () => {
  const cluster = await quiet(5)
  const { world } = cluster
  for (const name of ['s1', 's2']) kill(cluster, name)
  const answers: string[] = []
  const ask = async (store: string, replica: number): Promise<void> => {
    const host = cluster.hosts.get('s3')!
    const node = host.group(GROUP)!.node!
    host.link(store).sendVoteResponse = (_to, message) => {
      answers.push(`${store} ${message.answer}`)
      return true
    }
    const { firstConfigurationHash } = node
    const log = { lastLogIndex: 100, lastLogTerm: 8 }
    const request = { preVote: false, round: 1, term: 9, ...log, firstConfigurationHash, token: null }
    node.election.handleVoteRequest(node.memberFrom(store, replica), request)
    await world.run({ forMs: 50 })
  }
  await world.waitFor(() => describeGroup(cluster, 's3').leader === '', 2_000)
  await ask('s2', 2)
  await ask('s1', 1)
  await ask('s2', 2)
  world.process('s3').kill('lose-unsynced')
  cluster.hosts.delete('s3')
  world.process('s3').restart()
  await world.waitFor(() => cluster.hosts.has('s3'), 2_000)
  // It refuses everybody for a timeout first.
  await world.run({ forMs: 520 })
  await ask('s1', 1)
  await ask('s2', 2)
  const [granted, voted] = [VOTE_GRANTED, VOTE_REFUSED_VOTED]
  expect(answers).toEqual([`s2 ${granted}`, `s1 ${voted}`, `s2 ${granted}`, `s1 ${voted}`, `s2 ${granted}`])
})

test('an ack is counted only once the entry is on the disk of its follower', async () => {
  const cluster = await quiet(3)
  kill(cluster, 's3')
  cluster.world.process('s2').disk.stall()
  const written = propose(cluster)
  await cluster.world.run({ forMs: BEFORE_STUCK_MS })
  expect([written.text, describeGroup(cluster, 's2').lastIndex]).toEqual([
    '',
    describeGroup(cluster, 's1').lastIndex,
  ])
  cluster.world.process('s2').disk.unstall()
  await cluster.world.waitFor(() => written.text === 'done', 1_000)
})

test('an ack whose term has passed by the time of its flush is not sent', async () => {
  const cluster = await quiet(6)
  for (const name of ['s1', 's2']) kill(cluster, name)
  const host = cluster.hosts.get('s3')!
  const node = host.group(GROUP)!.node!
  const acks: string[] = []
  for (const store of ['s1', 's2']) {
    host.link(store).sendAppendResponse = (_to, { term, answer, index }) => {
      acks.push(`${store} term ${term} answer ${answer} index ${index}`)
      return true
    }
  }
  const { index: prevIndex, term: prevTerm } = node.log.lastLogId
  const append = (store: string, replica: number, term: number, count: number): void => {
    const payloads = new Array<Buffer>(count).fill(Buffer.from('x'))
    const { groupTag } = node
    const place: BlockPlace = { groupTag, kind: KIND_DATA, term, firstIndex: prevIndex + 1, prevTerm }
    const blocks = [packBlock(place, payloads, 0, count)]
    const request = {
      term,
      prevIndex,
      prevTerm,
      lastIndex: prevIndex + count,
      commit: prevIndex,
      heldByAll: 0,
      blocks,
    }
    node.appends.handleAppendRequest(node.memberFrom(store, replica), request)
  }
  cluster.world.process('s3').disk.stall()
  append('s1', 1, 7, 3)
  await cluster.world.run({ forMs: 20 })
  append('s2', 2, 8, 5)
  cluster.world.process('s3').disk.unstall()
  await cluster.world.run({ forMs: 50 })
  expect(acks).toEqual([`s2 term 8 answer 0 index ${prevIndex + 5}`])
  expect(node.log.durableIndex).toBe(prevIndex + 5)
})

test('the leader counts itself only once the entry is on its own disk', async () => {
  const cluster = await quiet(4)
  kill(cluster, 's3')
  cluster.world.process('s1').disk.stall()
  const written = propose(cluster)
  await cluster.world.run({ forMs: BEFORE_STUCK_MS })
  expect([written.text, describeGroup(cluster, 's2').durableIndex]).toEqual([
    '',
    describeGroup(cluster, 's1').lastIndex,
  ])
  cluster.world.process('s1').disk.unstall()
  await cluster.world.waitFor(() => written.text === 'done', 1_000)
})
