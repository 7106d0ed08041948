import { describe, expect, test } from 'vitest'
import { KIND_DATA } from '../../src/block/log-block.ts'
import { MAX_PENDING_TASKS_PER_GROUP } from '../../src/util/limits.ts'
import type { FlotillaError } from '../../src/util/errors.ts'
import { SimCluster } from './sim-cluster.ts'

/** The rules of one group, one by one, on the production store in simulation. */
const GROUP = 'list-0'

interface Outcome {
  text: string
}

function propose(cluster: SimCluster, store: string, data: string, expectedTerm = 0): Outcome {
  const outcome: Outcome = { text: '' }
  const settle = (text: string): void => {
    if (outcome.text !== '') throw new Error(`settled twice: ${outcome.text}, then ${text}`)
    outcome.text = text
  }
  cluster.hosts
    .get(store)!
    .group(GROUP)!
    .propose(
      Buffer.from(data),
      expectedTerm,
      {
        onDone: () => settle('done'),
        onRefused: (_position, error: FlotillaError) => settle(`${error.shortName} ${error.outcome}`),
      },
      0,
    )
  return outcome
}

function describeGroup(cluster: SimCluster, store: string) {
  return cluster.hosts.get(store)!.group(GROUP)!.describe()
}

async function quiet(seed: number): Promise<SimCluster> {
  const cluster = new SimCluster({ seed, listGroups: 1, kvGroups: 1, load: false })
  await cluster.world.waitFor(() => cluster.leaderOf(GROUP) === 's1', 3_000)
  await cluster.world.run({ forMs: 500 })
  return cluster
}

describe('leadership', () => {
  test('without faults nobody leaves office: one minute, the same terms', async () => {
    const cluster = new SimCluster({ seed: 1 })
    await cluster.world.run({ forMs: 60_000 })
    for (const spec of cluster.specs) {
      for (const name of cluster.names)
        expect(cluster.hosts.get(name)!.group(spec.groupId)!.describe().term).toBe(1)
    }
  })

  test('a leader cut off resigns within two timeouts and acknowledges nothing; the others elect one', async () => {
    const cluster = await quiet(2)
    cluster.world.network.isolate('s1')
    const lost = propose(cluster, 's1', 'lost')
    await cluster.world.run({ forMs: 1_500 })
    expect(describeGroup(cluster, 's1').state).not.toBe('leader')
    const next = cluster.leaderOf(GROUP)
    expect(['s2', 's3']).toContain(next)
    expect(lost.text).toBe('')
    const kept = propose(cluster, next!, 'kept')
    await cluster.world.run({ forMs: 200 })
    expect(kept.text).toBe('done')
    cluster.world.network.heal()
    await cluster.world.run({ forMs: 2_000 })
    // Its entry was cut and another stands at the index: certainly not applied.
    expect(lost.text).toBe('LEADERSHIP_LOST not-applied')
    await cluster.converge(5_000)
  })

  test('all groups of a dead store are led again within two election timeouts', async () => {
    for (let seed = 30; seed < 40; seed++) {
      const cluster = new SimCluster({ seed, listGroups: 6, kvGroups: 6, load: false })
      await cluster.world.waitFor(
        () => cluster.specs.every((spec) => cluster.leaderOf(spec.groupId) !== null),
        3_000,
      )
      await cluster.world.run({ forMs: 1_000 })
      cluster.world.process('s1').kill('process')
      cluster.hosts.delete('s1')
      const killedAtMs = cluster.world.nowMs
      await cluster.world.waitFor(
        () => cluster.specs.every((spec) => cluster.leaderOf(spec.groupId) !== null),
        5_000,
      )
      expect(cluster.world.nowMs - killedAtMs).toBeLessThan(2 * 500)
    }
  })

  test('a follower that hears nobody raises no term, and disturbs nobody when it returns', async () => {
    const cluster = await quiet(3)
    cluster.world.network.isolate('s3', 'receive')
    await cluster.world.run({ forMs: 5_000 })
    expect(describeGroup(cluster, 's3').term).toBe(1)
    cluster.world.network.heal()
    await cluster.world.run({ forMs: 2_000 })
    expect(cluster.leaderOf(GROUP)).toBe('s1')
    expect(describeGroup(cluster, 's1').term).toBe(1)
  })

  test('a voter that has just started gives no vote for a whole timeout', async () => {
    const cluster = await quiet(4)
    // s3 restarts, and at once the leader dies: s2 needs the vote of s3.
    cluster.world.process('s3').restart()
    await cluster.world.waitFor(() => cluster.hosts.has('s3'), 1_000)
    const startedAtMs = cluster.world.nowMs
    cluster.world.process('s1').kill('process')
    cluster.hosts.delete('s1')
    await cluster.world.waitFor(() => cluster.leaderOf(GROUP) !== null, 5_000)
    expect(cluster.world.nowMs - startedAtMs).toBeGreaterThan(500)
  })

  test('a whole cluster that loses power comes back with all it acknowledged', async () => {
    const cluster = new SimCluster({ seed: 5 })
    await cluster.world.run({ forMs: 4_000 })
    const acked = cluster.acked.length
    expect(acked).toBeGreaterThan(50)
    for (const process of cluster.processes) process.kill('lose-unsynced')
    cluster.hosts.clear()
    for (const process of cluster.processes) process.restart()
    await cluster.world.run({ forMs: 4_000 })
    expect(cluster.acked.length).toBeGreaterThan(acked)
    await cluster.converge(5_000)
  })
})

describe('proposals', () => {
  test('a caller whose entry was cut is told by the next term, though nobody writes again', async () => {
    const cluster = await quiet(16)
    cluster.world.network.isolate('s1')
    const lost = Array.from({ length: 3 }, (_, i) => propose(cluster, 's1', `lost ${i}`))
    await cluster.world.run({ forMs: 20 })
    for (let i = 0; i < 3; i++) propose(cluster, 's1', `lost later ${i}`)
    await cluster.world.waitFor(() => ['s2', 's3'].includes(cluster.leaderOf(GROUP) ?? ''), 2_000)
    cluster.world.network.heal()
    await cluster.world.run({ forMs: 2_000 })
    expect(lost.map((outcome) => outcome.text)).toEqual(new Array(3).fill('LEADERSHIP_LOST not-applied'))
  })

  test('only the leader takes them, in the expected term only', async () => {
    const cluster = await quiet(6)
    const wrongTerm = propose(cluster, 's1', 'a', 7)
    const follower = propose(cluster, 's2', 'b')
    const right = propose(cluster, 's1', 'c', 1)
    expect(wrongTerm.text).toBe('TERM_MISMATCH not-applied')
    expect(follower.text).toBe('NOT_LEADER not-applied')
    await cluster.world.run({ forMs: 100 })
    expect(right.text).toBe('done')
  })

  test('everything proposed in one turn is one block, written by one flush on each store', async () => {
    const cluster = await quiet(7)
    const before = cluster.names.map((name) => cluster.hosts.get(name)!.stats().shards[0]!.flushes)
    const outcomes = Array.from({ length: 100 }, (_, i) => propose(cluster, 's1', `n${i}`))
    await cluster.world.run({ forMs: 50 })
    expect(outcomes.every((outcome) => outcome.text === 'done')).toBe(true)
    const after = cluster.names.map((name) => cluster.hosts.get(name)!.stats().shards[0]!.flushes)
    expect(after.map((count, i) => count - before[i]!)).toEqual([1, 1, 1])
    const block = cluster.hosts
      .get('s2')!
      .group(GROUP)!
      .node!.log.blockAt(describeGroup(cluster, 's2').lastIndex)
    expect([block?.kind, block?.count]).toEqual([KIND_DATA, 100])
  })

  test('past the bound of a group calls are refused at once: BUSY, certainly not applied', async () => {
    const cluster = await quiet(8)
    cluster.world.network.isolate('s1')
    const outcomes = Array.from({ length: MAX_PENDING_TASKS_PER_GROUP + 3 }, (_, i) =>
      propose(cluster, 's1', `${i}`),
    )
    expect(outcomes.slice(-3).map((outcome) => outcome.text)).toEqual(new Array(3).fill('BUSY not-applied'))
    expect(outcomes[MAX_PENDING_TASKS_PER_GROUP - 1]!.text).toBe('')
  })

  test('a closed store tells every caller, and says which outcome is known', async () => {
    const cluster = await quiet(9)
    cluster.world.network.isolate('s1')
    const sent = propose(cluster, 's1', 'has an index')
    await cluster.world.run({ forMs: 50 })
    const fresh = propose(cluster, 's1', 'has none')
    const closing = cluster.hosts.get('s1')!.close()
    expect(sent.text).toBe('CLOSED unknown')
    expect(fresh.text).toBe('CLOSED not-applied')
    await cluster.world.settle(closing)
    expect(propose(cluster, 's1', 'late').text).toBe('CLOSED not-applied')
  })
})

describe('reads', () => {
  test('a follower reads what was just written without waiting for the next interval of heartbeats', async () => {
    const cluster = await quiet(15)
    const waits: number[] = []
    for (let round = 0; round < 60; round++) {
      const written = propose(cluster, 's1', `${round}`)
      await cluster.world.waitFor(() => written.text === 'done', 200)
      const sinceMs = cluster.world.nowMs
      let read = false
      cluster.hosts
        .get('s2')!
        .group(GROUP)!
        .readIndex({
          isWanted: true,
          onReadIndex: () => {
            read = true
          },
          onReadRefused: (error) => cluster.world.fail(error),
        })
      await cluster.world.waitFor(() => read, 1_000)
      waits.push(cluster.world.nowMs - sinceMs)
    }
    // The interval is 50 ms; a round trip, a flush and another trip are far less.
    expect(Math.max(...waits)).toBeLessThan(15)
  })

  test('a read that joins a round sees what was acknowledged since the round began', async () => {
    const cluster = await quiet(14)
    const node = cluster.hosts.get('s1')!.group(GROUP)!.node!
    const indexes: number[] = []
    const sink = {
      isWanted: true,
      onReadIndex: (index: number) => indexes.push(index),
      onReadRefused: (error: FlotillaError) => cluster.world.fail(error),
    }
    cluster.world.network.isolate('s1')
    const written = propose(cluster, 's1', 'between two reads')
    await cluster.world.run({ forMs: 20 })
    node.readOnly.read(sink)
    // The ack of a follower, in the same turn.
    const last = node.log.lastIndex
    const ack = {
      term: 1,
      answer: 0,
      index: last,
      lastIndex: last,
      hintIndex: 0,
      hintTerm: 0,
      waitsForSnapshot: false,
    }
    node.replicators.get(2)!.onAppendResponse(ack)
    expect(node.ballotBox.lastCommittedIndex).toBe(last)
    node.readOnly.read(sink)
    cluster.world.network.heal()
    await cluster.world.waitFor(() => indexes.length === 2, 400)
    expect(written.text).toBe('done')
    expect(indexes[1]).toBe(last)
  })

  test('a restarted follower does not take the answer to a read of its former life for its own', async () => {
    const cluster = await quiet(13)
    const { world } = cluster
    const index: number[] = []
    const read = (store: string): void =>
      cluster.hosts
        .get(store)!
        .group(GROUP)!
        .readIndex({
          isWanted: true,
          onReadIndex: (at) => index.push(at),
          onReadRefused: (error) => world.fail(error),
        })
    // The leader cannot confirm the round: one follower is cut off, the other dies right after asking.
    world.network.isolate('s2')
    read('s3')
    await world.waitFor(() => cluster.hosts.get('s1')!.group(GROUP)!.node!.readOnly.pendingCount > 0, 100)
    world.process('s3').kill('process')
    const written = propose(cluster, 's1', 'after the first read')
    world.process('s3').restart()
    await world.waitFor(() => written.text === 'done', 400)
    const floor = describeGroup(cluster, 's1').commitIndex
    read('s3')
    await world.waitFor(() => index.length > 0, 400)
    expect(index[0]).toBeGreaterThanOrEqual(floor)
  })

  test('a single voter answers reads by itself, also while its learner is away', async () => {
    const cluster = new SimCluster({ seed: 15, stores: 2, listGroups: 1, kvGroups: 0, load: false })
    await cluster.world.run({ forMs: 1_000 })
    const [voter, learner] = cluster.specs[0]!.members
    const members = [voter!, { ...learner!, role: 'learner' as const }]
    const spec = { ...cluster.specs[0]!, groupId: 'single', members }
    const host = cluster.hosts.get('s1')!
    await cluster.world.settle(host.createGroups([spec]))
    cluster.world.process('s2').kill('process')
    await cluster.world.waitFor(() => host.group('single')!.isLeader, 2_000)
    await cluster.world.run({ forMs: 100 })
    const found: number[] = []
    host.group('single')!.readIndex({
      isWanted: true,
      onReadIndex: (index) => found.push(index),
      onReadRefused: (error) => cluster.world.fail(error),
    })
    await cluster.world.waitFor(() => found.length === 1, 200)
    expect(found).toEqual([1])
  })
})

describe('storage errors', () => {
  test('the first failing fsync stops the store: no promise leaves it, the others go on, a restart brings it back', async () => {
    const cluster = new SimCluster({ seed: 10 })
    cluster.expectFailures = true
    await cluster.world.run({ forMs: 3_000 })
    cluster.world.process('s1').disk.failNextSync(1)
    await cluster.world.waitFor(() => cluster.stopped.length > 0, 3_000)
    expect(cluster.stopped).toEqual(['s1: FLOTILLA_STORAGE_FAILED'])
    expect(cluster.hosts.get('s1')!.group(GROUP)!.describe().state).not.toBe('leader')
    await cluster.world.run({ forMs: 3_000 })
    const acked = cluster.acked.length
    await cluster.world.run({ forMs: 1_000 })
    expect(cluster.acked.length).toBeGreaterThan(acked)
    cluster.expectFailures = false
    cluster.world.process('s1').restart()
    await cluster.world.waitFor(() => cluster.hosts.get('s1')?.failure === null, 3_000)
    await cluster.converge(10_000)
  })
})

describe('first configurations', () => {
  test('replicas that were given other members do not vote for each other, and say so', async () => {
    const cluster = new SimCluster({ seed: 11, listGroups: 1, kvGroups: 0, load: false })
    cluster.expectFailures = true
    const [spec] = cluster.specs
    const twisted = { ...spec!, groupId: 'twisted' }
    await cluster.world.run({ forMs: 1_000 })
    for (const name of cluster.names) {
      const members = twisted.members.map((member) => ({
        ...member,
        priority: name === 's1' ? 1 : member.priority,
      }))
      await cluster.world.settle(cluster.hosts.get(name)!.createGroups([{ ...twisted, members }]))
    }
    await cluster.world.run({ forMs: 3_000 })
    expect(cluster.failures.some((one) => one === 's1/twisted: FLOTILLA_CONFIGURATION_MISMATCH')).toBe(true)
    // s2 and s3 agree, and they are a majority.
    expect(['s2', 's3']).toContain(cluster.leaderOf('twisted'))
  })

  test('a group made on some of its members only is refused to messages, not made from them', async () => {
    const cluster = new SimCluster({ seed: 12, listGroups: 1, kvGroups: 0, load: false })
    await cluster.world.run({ forMs: 1_000 })
    const spec = { ...cluster.specs[0]!, groupId: 'partial' }
    for (const name of ['s1', 's2']) {
      expect(await cluster.world.settle(cluster.hosts.get(name)!.createGroups([spec]))).toEqual([null])
    }
    await cluster.world.run({ forMs: 2_000 })
    expect(cluster.leaderOf('partial')).toBe('s1')
    expect(cluster.hosts.get('s3')!.group('partial')).toBe(null)
    await cluster.world.settle(cluster.hosts.get('s3')!.createGroups([spec]))
    await cluster.world.run({ forMs: 2_000 })
    const described = ['s1', 's3'].map((name) => cluster.hosts.get(name)!.group('partial')!.describe())
    expect(described[1]!.appliedIndex).toBe(described[0]!.lastIndex)
  })
})

describe('a stuck disk', () => {
  test('takes its leaders out of office within two timeouts, and gives the store back when it answers again', async () => {
    const cluster = await quiet(20)
    const { disk } = cluster.world.process('s1')
    disk.stall()
    const stuck = propose(cluster, 's1', 'on a stuck disk')
    await cluster.world.waitFor(() => describeGroup(cluster, 's1').state !== 'leader', 1_000)
    await cluster.world.waitFor(() => ['s2', 's3'].includes(cluster.leaderOf(GROUP) ?? ''), 1_500)
    const leader = cluster.leaderOf(GROUP)!
    const other = propose(cluster, leader, 'meanwhile')
    await cluster.world.run({ forMs: 300 })
    expect(other.text).toBe('done')
    // The followers' disks were well: the entry had its majority.
    expect(stuck.text).toBe('done')
    expect(cluster.hosts.get('s1')!.failure).toBe(null)
    disk.unstall()
    await cluster.world.run({ forMs: 1_000 })
    expect(describeGroup(cluster, 's1').state).toBe('follower')
    await cluster.converge(5_000)
  })

  test('a store whose disk is stuck confirms no leader: two such stores, and nothing is acknowledged', async () => {
    const cluster = await quiet(21)
    for (const name of ['s2', 's3']) cluster.world.process(name).disk.stall()
    const written = propose(cluster, 's1', 'without a majority')
    await cluster.world.run({ forMs: 3_000 })
    expect(written.text).toBe('')
    expect(cluster.leaderOf(GROUP)).toBe(null)
    for (const name of ['s2', 's3']) cluster.world.process(name).disk.unstall()
    await cluster.converge(5_000)
  })

  test('ten timeouts without an answer are a storage error', async () => {
    const cluster = await quiet(22)
    cluster.expectFailures = true
    cluster.world.process('s1').disk.stall()
    propose(cluster, 's1', 'never flushed')
    await cluster.world.waitFor(() => cluster.stopped.length > 0, 10_000)
    expect(cluster.stopped).toEqual(['s1: FLOTILLA_STORAGE_FAILED'])
    cluster.world.process('s1').restart()
    cluster.world.process('s1').disk.unstall()
    await cluster.converge(10_000)
  })
})
