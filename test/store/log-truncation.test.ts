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
    for (let round = 0; round < 40; round++) {
      for (const { groupId } of cluster.specs) await write(cluster, 25, groupId)
      for (const name of ALL) {
        for (const { groupId } of cluster.specs) {
          const { firstIndex, lastIndex } = describeGroup(cluster, name, groupId)
          longest = Math.max(longest, lastIndex - firstIndex + 1)
        }
      }
    }
    // 1000 KiB were written to each; a pass begins after 64 KiB.
    for (const { groupId } of cluster.specs) {
      for (const first of firstIndexes(cluster, groupId)) expect(first).toBeGreaterThan(700)
    }
    expect(longest).toBeLessThan(250)
    await cluster.converge(5_000)
  })
})
void startNemesis
void drawNemesisOptions
void SimRandom
