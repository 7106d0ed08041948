import { describe, expect, test } from 'vitest'
import { encodePut } from '../../src/kv/command.ts'
import type { FlotillaError } from '../../src/util/errors.ts'
import { SimCluster } from './sim-cluster.ts'

/** A replica whose state is gone and whose log does not reach back: it votes and stores, and serves nothing. */
const KIB = 1024
const GROUP = 'kv-0'
const T = 500

function describeGroup(cluster: SimCluster, store: string, groupId = GROUP) {
  return cluster.hosts.get(store)!.group(groupId)!.describe()
}

async function write(cluster: SimCluster, count: number, groupId = GROUP): Promise<void> {
  let done = 0
  const sink = {
    onDone: () => done++,
    onRefused: (_position: number, error: Error) => cluster.world.fail(error),
  }
  const group = cluster.hosts.get(cluster.leaderOf(groupId)!)!.group(groupId)!
  for (let i = 0; i < count; i++) {
    group.propose(encodePut(Buffer.from(`k${i % 20}`), Buffer.alloc(KIB, i)), 0, sink, 0)
    await cluster.world.run({ forMs: 2 })
  }
  await cluster.world.waitFor(() => done === count, 5_000)
}

/** Kills a store and takes its key-value state away: what is left is the log. */
function loseState(cluster: SimCluster, store: string): void {
  const process = cluster.world.process(store)
  process.kill('power')
  cluster.hosts.delete(store)
  process.disk.remove(`${process.dir}/shard-00/data`)
}

async function start(cluster: SimCluster, ...stores: string[]): Promise<void> {
  for (const store of stores) cluster.world.process(store).restart()
  await cluster.world.waitFor(() => stores.every((store) => cluster.hosts.has(store)), 3_000)
}

/** Three stores whose logs were truncated, kv-0 led by s1 and kv-1 by s2; then `lost` loses its state. */
async function truncated(seed: number, ...lost: string[]): Promise<SimCluster> {
  const cluster = new SimCluster({ seed, listGroups: 0, kvGroups: 2, load: false, maxLogBytes: 128 * KIB })
  cluster.expectFailures = true
  const { world } = cluster
  await world.waitFor(() => cluster.leaderOf(GROUP) === 's1' && cluster.leaderOf('kv-1') === 's2', 3_000)
  for (let round = 0; round < 4; round++) {
    await write(cluster, 50)
    await write(cluster, 50, 'kv-1')
  }
  await world.run({ forMs: 500 })
  for (const store of lost) {
    expect(describeGroup(cluster, store).firstIndex).toBeGreaterThan(50)
    loseState(cluster, store)
  }
  return cluster
}

/** What a call on the replica itself is refused with. */
function refusals(cluster: SimCluster, store: string): Promise<string[]> {
  const group = cluster.hosts.get(store)!.group(GROUP)!
  const codes: Promise<string>[] = [
    new Promise((resolve) => {
      const sink = {
        onDone: () => resolve('done'),
        onRefused: (_: number, e: FlotillaError) => resolve(e.shortName),
      }
      group.propose(encodePut(Buffer.from('x'), Buffer.from('y')), 0, sink, 0)
    }),
    new Promise((resolve) => {
      group.readIndex({
        isWanted: true,
        onReadIndex: () => resolve('read'),
        onReadRefused: (e) => resolve(e.shortName),
      })
    }),
    group.digest().then(
      () => 'digest',
      (e: FlotillaError) => e.shortName,
    ),
  ]
  return cluster.world.settle(Promise.all(codes))
}

describe('a replica whose state is gone', () => {
  test('votes, stores and acknowledges: without it there is no majority', async () => {
    const cluster = await truncated(1, 's3')
    await start(cluster, 's3')
    await cluster.world.waitFor(() => cluster.leaderOf(GROUP) === 's1', 3_000)
    cluster.world.process('s2').kill('process')
    cluster.hosts.delete('s2')
    await write(cluster, 50)
    const [s1, s3] = ['s1', 's3'].map((name) => describeGroup(cluster, name))
    expect(s3).toMatchObject({ state: 'follower', waitsForSnapshot: true, appliedIndex: 0 })
    expect(s3!.durableIndex).toBe(s1!.lastIndex)
    expect(s1!.replicators.map(({ waitsForSnapshot }) => waitsForSnapshot)).toEqual([false, true])
    // Its vote elects another.
    await start(cluster, 's2')
    await cluster.world.waitFor(() => describeGroup(cluster, 's2').lastIndex === s1!.lastIndex, 3_000)
    cluster.world.process('s1').kill('process')
    cluster.hosts.delete('s1')
    await cluster.world.waitFor(() => cluster.leaderOf(GROUP) === 's2', 4 * T)
    await write(cluster, 10)
  })

  test('serves nothing and says why, with a typed error, once and in its description', async () => {
    const cluster = await truncated(2, 's3')
    await start(cluster, 's3')
    await cluster.world.run({ forMs: 2_000 })
    expect(cluster.failures.filter((one) => one.includes('STATE_LOST'))).toEqual([
      's3/kv-0: FLOTILLA_STATE_LOST',
      's3/kv-1: FLOTILLA_STATE_LOST',
    ])
    expect(await refusals(cluster, 's3')).toEqual(['NOT_LEADER', 'STATE_LOST', 'STATE_LOST'])
    const { error } = describeGroup(cluster, 's3')
    expect(error).toMatchObject({ code: 'FLOTILLA_STATE_LOST', outcome: 'not-applied', store: 's3' })
    expect(error!.message).toMatch(/snapshot.*data directory back/)
  })

  test('does not stand for election while others can, not even where it is preferred', async () => {
    for (let seed = 10; seed < 14; seed++) {
      const cluster = await truncated(seed, 's2')
      await start(cluster, 's2')
      await cluster.world.run({ forMs: 2_000 })
      // kv-1 prefers s2.
      cluster.world.process('s1').kill('process')
      cluster.hosts.delete('s1')
      for (let i = 0; i < 40; i++) {
        await cluster.world.run({ forMs: 100 })
        for (const { groupId } of cluster.specs)
          expect(describeGroup(cluster, 's2', groupId).state).toBe('follower')
      }
      for (const { groupId } of cluster.specs) expect(cluster.leaderOf(groupId)).toBe('s3')
      await write(cluster, 10)
    }
  })

  test('with the only log that is up to date it leads, takes nothing, and hands over to whoever has caught up', async () => {
    const cluster = await truncated(3)
    const { world } = cluster
    world.process('s3').kill('process')
    cluster.hosts.delete('s3')
    await write(cluster, 40)
    const last = describeGroup(cluster, 's1').lastIndex
    loseState(cluster, 's2')
    world.process('s1').kill('process')
    cluster.hosts.delete('s1')
    await start(cluster, 's2', 's3')
    await world.waitFor(() => describeGroup(cluster, 's2').state === 'leader', 20 * T)
    const seen = await refusals(cluster, 's2')
    if (describeGroup(cluster, 's2').state === 'leader') {
      expect(seen).toEqual(['STATE_LOST', 'STATE_LOST', 'STATE_LOST'])
    }
    await world.waitFor(() => cluster.leaderOf(GROUP) === 's3', 4 * T)
    expect(describeGroup(cluster, 's2').state).toBe('follower')
    expect(describeGroup(cluster, 's3').lastIndex).toBeGreaterThan(last)
    await write(cluster, 20)
    // And so it stays.
    const { term } = describeGroup(cluster, 's3')
    await world.run({ forMs: 20 * T })
    expect(describeGroup(cluster, 's3')).toMatchObject({ state: 'leader', term })
    const s3 = describeGroup(cluster, 's3')
    expect(s3.appliedIndex).toBe(s3.lastIndex)
  })

  test('two such replicas do not hand over to each other: the third catches up from them and leads', async () => {
    const cluster = await truncated(4)
    const { world } = cluster
    world.process('s3').kill('process')
    cluster.hosts.delete('s3')
    await write(cluster, 60)
    loseState(cluster, 's1')
    loseState(cluster, 's2')
    await start(cluster, 's1', 's2')
    await world.waitFor(() => cluster.leaderOf(GROUP) !== null, 20 * T)
    const leader = cluster.leaderOf(GROUP)!
    const { term } = describeGroup(cluster, leader)
    await world.run({ forMs: 20 * T })
    expect(describeGroup(cluster, leader)).toMatchObject({ state: 'leader', term })
    expect(await refusals(cluster, leader)).toEqual(['STATE_LOST', 'STATE_LOST', 'STATE_LOST'])
    await start(cluster, 's3')
    await world.waitFor(() => cluster.leaderOf(GROUP) === 's3', 10 * T)
    await write(cluster, 10)
  })

  test('alone in its group it stays up as a log and refuses', async () => {
    const cluster = await truncated(5)
    const { world } = cluster
    const host = cluster.hosts.get('s1')!
    const spec = { ...cluster.specs[0]!, groupId: 'kv-single', members: [cluster.specs[0]!.members[0]!] }
    await world.settle(host.createGroups([spec]))
    await world.waitFor(() => host.group('kv-single')!.isLeader, 2_000)
    for (let round = 0; round < 8; round++) await write(cluster, 50, 'kv-single')
    expect(describeGroup(cluster, 's1', 'kv-single').firstIndex).toBeGreaterThan(100)
    loseState(cluster, 's1')
    await start(cluster, 's1')
    await world.waitFor(() => cluster.hosts.get('s1')!.group('kv-single')?.isLeader === true, 2_000)
    const group = cluster.hosts.get('s1')!.group('kv-single')!
    const codes: string[] = []
    group.propose(
      Buffer.from('x'),
      0,
      { onDone: () => codes.push('done'), onRefused: (_, error) => codes.push(error.shortName) },
      0,
    )
    group.readIndex({
      isWanted: true,
      onReadIndex: () => codes.push('read'),
      onReadRefused: (error) => codes.push(error.shortName),
    })
    expect(codes).toEqual(['STATE_LOST', 'STATE_LOST'])
    expect(group.describe()).toMatchObject({ state: 'leader', waitsForSnapshot: true })
  })

  test('holds its log through restarts and crashes, and its lost state is not forgotten', async () => {
    const cluster = await truncated(6, 's3')
    await start(cluster, 's3')
    for (const mode of ['process', 'power', 'lose-unsynced'] as const) {
      await write(cluster, 30)
      cluster.world.process('s3').kill(mode)
      cluster.hosts.delete('s3')
      await start(cluster, 's3')
      const { lastIndex } = describeGroup(cluster, 's1')
      await cluster.world.waitFor(() => describeGroup(cluster, 's3').durableIndex === lastIndex, 3_000)
      expect(describeGroup(cluster, 's3').waitsForSnapshot).toBe(true)
    }
  })
})
