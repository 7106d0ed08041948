import { describe, expect, test } from 'vitest'
import { encodePut } from '../../src/kv/command.ts'
import { drawNemesisOptions } from '../../src/sim/fault-kinds.ts'
import { startNemesis } from '../../src/sim/nemesis.ts'
import { SimRandom } from '../../src/sim/random.ts'
import { SimCluster } from './sim-cluster.ts'

/** Logs stay short: what every member holds and the durable state covers goes; past the budget also what some lack. */
const KIB = 1024
const GROUP = 'kv-0'
const ALL = ['s1', 's2', 's3']

function describeGroup(cluster: SimCluster, store: string, groupId = GROUP) {
  return cluster.hosts.get(store)!.group(groupId)!.describe()
}

async function quiet(seed: number, maxLogBytes: number, kvGroups = 1, listGroups = 0): Promise<SimCluster> {
  const cluster = new SimCluster({ seed, listGroups, kvGroups, load: false, maxLogBytes })
  await cluster.world.waitFor(
    () => cluster.specs.every((spec) => cluster.leaderOf(spec.groupId) !== null),
    3_000,
  )
  await cluster.world.run({ forMs: 500 })
  return cluster
}

/** Writes `count` values of 1 KiB one after the other, in blocks of their own, and waits for the last. */
async function write(cluster: SimCluster, count: number, groupId = GROUP): Promise<void> {
  let done = 0
  const sink = {
    onDone: () => done++,
    onRefused: (_position: number, error: Error) => cluster.world.fail(error),
  }
  const group = cluster.hosts.get(cluster.leaderOf(groupId)!)!.group(groupId)!
  for (let i = 0; i < count; i++) {
    const value = Buffer.alloc(KIB, i)
    group.propose(groupId.startsWith('kv') ? encodePut(Buffer.from(`k${i % 20}`), value) : value, 0, sink, 0)
    await cluster.world.run({ forMs: 2 })
  }
  await cluster.world.waitFor(() => done === count, 5_000)
}

function firstIndexes(cluster: SimCluster, groupId = GROUP, names: readonly string[] = ALL): number[] {
  return names.map((name) => describeGroup(cluster, name, groupId).firstIndex)
}

describe('logs', () => {
  test('stay bounded under load on the leader and on every follower', async () => {
    const cluster = await quiet(1, 256 * KIB, 2)
    let longest = 0
    for (let round = 0; round < 10; round++) {
      for (const { groupId } of cluster.specs) await write(cluster, 25, groupId)
      for (const name of ALL) {
        for (const { groupId } of cluster.specs) {
          const { firstIndex, lastIndex } = describeGroup(cluster, name, groupId)
          longest = Math.max(longest, lastIndex - firstIndex + 1)
        }
      }
    }
    await cluster.world.run({ forMs: 500 })
    // 250 KiB were written to each; a pass begins after 64 KiB.
    for (const { groupId } of cluster.specs) {
      for (const first of firstIndexes(cluster, groupId)) expect(first).toBeGreaterThan(120)
    }
    expect(longest).toBeLessThan(150)
    await cluster.converge(5_000)
  })

  test('of followers that were told nothing more are cut all the same, and then no word is lost on the idle group', async () => {
    const cluster = await quiet(2, 256 * KIB, 2)
    const { world } = cluster
    // s3 hears nothing of it for a while: nobody may give up what it lacks.
    world.network.isolate('s3')
    await write(cluster, 100)
    world.network.heal()
    await cluster.converge(5_000)
    // All hold the leader's first entry.
    expect(describeGroup(cluster, 's2').firstIndex).toBeLessThanOrEqual(2)
    // The group is idle from now on. Within eight election timeouts its followers learn that all hold its log.
    await world.run({ forMs: 5_000 })
    for (const name of ALL) {
      const node = cluster.hosts.get(name)!.group(GROUP)!.node!
      expect(node.heldByAll).toBe(node.log.lastIndex)
    }
    let appends = 0
    for (const name of ['s2', 's3']) {
      const link = cluster.hosts.get('s1')!.link(name)
      const send = link.sendAppendRequest.bind(link)
      link.sendAppendRequest = (to, message) => {
        appends++
        return send(to, message)
      }
    }
    await world.run({ forMs: 20_000 })
    expect(appends).toBe(0)
    // Another group of the shard grows: the pass takes what the idle one holds too.
    await write(cluster, 100, 'kv-1')
    await world.run({ forMs: 500 })
    for (const first of firstIndexes(cluster)) expect(first).toBeGreaterThan(90)
  })

  test('of state machines that keep no state on disk stay whole, and say so', async () => {
    const cluster = await quiet(3, 64 * KIB, 1, 1)
    await write(cluster, 200, 'list-0')
    await write(cluster, 200)
    await cluster.world.run({ forMs: 500 })
    for (const name of ALL) {
      expect(describeGroup(cluster, name, 'list-0')).toMatchObject({ firstIndex: 1, keepsLog: true })
      expect(describeGroup(cluster, name).keepsLog).toBe(false)
      expect(describeGroup(cluster, name).firstIndex).toBeGreaterThan(100)
    }
    for (const name of ALL) {
      cluster.world.process(name).kill('power')
      cluster.world.process(name).restart()
    }
    await cluster.converge(10_000)
    expect(describeGroup(cluster, 's1', 'list-0').appliedIndex).toBeGreaterThan(200)
  })

  test('begin where they ended after any crash, and are never cut below what the state holds durably', async () => {
    const cluster = await quiet(4, 64 * KIB)
    for (const mode of ['power', 'lose-unsynced', 'holes', 'process'] as const) {
      await write(cluster, 60)
      for (const name of ALL) cluster.world.process(name).kill(mode)
      cluster.hosts.clear()
      for (const name of ALL) cluster.world.process(name).restart()
      await cluster.converge(10_000)
      for (const name of ALL) expect(describeGroup(cluster, name).waitsForSnapshot).toBe(false)
    }
    await cluster.world.run({ forMs: 500 })
    for (const first of firstIndexes(cluster)) expect(first).toBeGreaterThan(150)
  })
})

describe('a follower that is down', () => {
  test('keeps the log whole on all others while the budget lasts, catches up from it, and then it is cut', async () => {
    const cluster = await quiet(5, 1024 * KIB)
    cluster.world.process('s3').kill('process')
    cluster.hosts.delete('s3')
    // A pass begins after 256 KiB; the budget has room for all.
    const before = describeGroup(cluster, 's1').lastIndex
    await write(cluster, 600)
    expect(cluster.hosts.get('s1')!.stats().shards[0]!.truncatedEntries).toBeLessThan(before + 10)
    for (const first of firstIndexes(cluster, GROUP, ['s1', 's2']))
      expect(first).toBeLessThanOrEqual(before + 1)
    cluster.world.process('s3').restart()
    await cluster.converge(10_000)
    await cluster.world.run({ forMs: 5_000 })
    await write(cluster, 300)
    await cluster.world.run({ forMs: 500 })
    for (const first of firstIndexes(cluster)) expect(first).toBeGreaterThan(500)
    await cluster.converge(5_000)
  })

  test('past the budget is left behind, visibly and once; the group goes on without it, in the same term', async () => {
    const cluster = await quiet(6, 128 * KIB)
    const { world } = cluster
    const { term } = describeGroup(cluster, 's1')
    world.process('s3').kill('process')
    cluster.hosts.delete('s3')
    await write(cluster, 400)
    await world.run({ forMs: 500 })
    const peer = () => describeGroup(cluster, 's1').replicators.find(({ storeId }) => storeId === 's3')!
    expect(peer().state).toBe('snapshot')
    for (const first of firstIndexes(cluster, GROUP, ['s1', 's2'])) expect(first).toBeGreaterThan(200)
    world.process('s3').restart()
    await world.run({ forMs: 5_000 })
    expect(peer().state).toBe('snapshot')
    // It follows, disturbs nobody, and is not asked to hold what it cannot.
    expect(describeGroup(cluster, 's3')).toMatchObject({ state: 'follower', leader: 's1', error: null })
    let appends = 0
    const link = cluster.hosts.get('s1')!.link('s3')
    const send = link.sendAppendRequest.bind(link)
    link.sendAppendRequest = (to, message) => {
      appends++
      return send(to, message)
    }
    await write(cluster, 100)
    await world.run({ forMs: 10_000 })
    expect(appends).toBe(0)
    expect(describeGroup(cluster, 's1')).toMatchObject({ state: 'leader', term })
    const told = world.process('s1').logs.filter(({ message }) => message.includes('left behind'))
    expect(told.map(({ level }) => level)).toEqual(['warn'])
    expect(describeGroup(cluster, 's1').appliedIndex).toBe(describeGroup(cluster, 's2').appliedIndex)
  })

  test('whose missing entries are truncated while they are read from disk is left behind, and the leader goes on', async () => {
    const cluster = await quiet(7, 64 * 1024 * KIB)
    const { world } = cluster
    world.process('s3').kill('process')
    cluster.hosts.delete('s3')
    await write(cluster, 50)
    // What a restarted store sends to one that lags comes from its disk.
    cluster.hosts.clear()
    for (const name of ['s1', 's2']) world.process(name).restart()
    await world.waitFor(() => cluster.hosts.size === 2, 1_000)
    await world.waitFor(() => cluster.leaderOf(GROUP) !== null, 5_000)
    const leader = cluster.leaderOf(GROUP)!
    const { shard, node } = cluster.hosts.get(leader)!.group(GROUP)!
    await world.waitFor(() => node!.fsmCaller.lastAppliedIndex === node!.log.lastIndex, 5_000)
    const read = shard.readBlocks.bind(shard)
    let races = 0
    shard.readBlocks = (slot, from, to, maxBytes, done) => {
      races++
      shard.planTruncation(Float64Array.of(slot, 0), 0, (_error, plan) => {
        expect(node!.truncatePrefix(plan!.pairs[1]!)).toBe(true)
        read(slot, from, to, maxBytes, done)
      })
    }
    world.process('s3').restart()
    await world.run({ forMs: 3_000 })
    shard.readBlocks = read
    expect(races).toBe(1)
    expect(describeGroup(cluster, leader)).toMatchObject({ state: 'leader', error: null })
    const peer = describeGroup(cluster, leader).replicators.find(({ storeId }) => storeId === 's3')!
    expect(peer.state).toBe('snapshot')
    await write(cluster, 10)
  })

  test('takes what overlaps with a log that it has cut itself, and acknowledges it', async () => {
    const cluster = await quiet(8, 64 * 1024 * KIB)
    await write(cluster, 30)
    const [from, to] = ['s1', 's2'].map((name) => cluster.hosts.get(name)!.group(GROUP)!)
    const log = from!.node!.log
    const firstBlock = log.blockAt(5)!
    const secondBlock = log.blockAt(firstBlock.lastIndex + 1)!
    await cluster.world.run({ forMs: 5_000 })
    const planned = new Promise<number>((resolve) =>
      to!.shard.planTruncation(Float64Array.of(to!.slot, 25), 2 ** 40, (_error, plan) =>
        resolve(plan!.pairs[1]!),
      ),
    )
    const first = await cluster.world.settle(planned)
    expect(first).toBeGreaterThan(20)
    expect(to!.node!.truncatePrefix(first)).toBe(true)
    const acks: number[] = []
    const link = cluster.hosts.get('s2')!.link('s1')
    const send = link.sendAppendResponse.bind(link)
    link.sendAppendResponse = (address, message) => {
      if (message.answer === 0) acks.push(message.index)
      return send(address, message)
    }
    const request = {
      term: from!.node!.currTerm,
      prevIndex: firstBlock.firstIndex - 1,
      prevTerm: firstBlock.prevTerm,
      lastIndex: secondBlock.lastIndex,
      commit: 0,
      heldByAll: 0,
      blocks: [firstBlock, secondBlock],
    }
    to!.node!.appends.handleAppendRequest(to!.node!.memberFrom('s1', 1), request)
    const probe = { ...request, prevIndex: 3, prevTerm: 1, lastIndex: 3, blocks: [] }
    to!.node!.appends.handleAppendRequest(to!.node!.memberFrom('s1', 1), probe)
    await cluster.world.run({ forMs: 50 })
    expect(acks).toContain(secondBlock.lastIndex)
    expect(acks).toContain(3)
    await write(cluster, 10)
    await cluster.converge(5_000)
  })
})

describe('truncation under heavy faults', () => {
  for (let seed = 0; seed < 20; seed++) {
    // Every other seed so short a budget that many followers are left behind.
    const tiny = seed % 2 === 0
    test(`seed ${seed}: kills, power cuts and partitions lose nothing and no state${tiny ? ', with a tiny budget' : ''}`, async () => {
      const cluster = new SimCluster({
        seed: `truncation/${seed}`,
        stores: seed % 5 === 0 ? 5 : 3,
        listGroups: 1,
        kvGroups: 2,
        maxLogBytes: tiny ? 8 * KIB : 32 * KIB,
        mayLeaveBehind: true,
        electionTimeoutMs: 200,
      })
      await cluster.world.run({ forMs: 500 })
      const drawn = drawNemesisOptions(new SimRandom(`truncation/${seed}`))
      const kills = { everyMs: 1_500, forMs: 600 }
      const nemesis = startNemesis(cluster.world, cluster.processes, { ...drawn, kills })
      await cluster.world.run({ forMs: 8_000 })
      nemesis.stop()
      await cluster.converge(30_000)
      let truncated = 0
      for (const name of cluster.names) {
        for (const { groupId, type } of cluster.specs) {
          const { firstIndex, waitsForSnapshot } = describeGroup(cluster, name, groupId)
          expect(waitsForSnapshot).toBe(false)
          if (type !== 'kv') expect(firstIndex).toBe(1)
          else if (firstIndex > 1) truncated++
        }
      }
      expect(truncated).toBeGreaterThan(0)
    })
  }
})
