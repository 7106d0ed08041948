import { describe, expect, test } from 'vitest'
import { SimCluster } from './sim-cluster.ts'

/**
 * A process whose event loop stands still: when it goes on, the timers that came due run before what waited in its
 * sockets, as in Node. Times are those of the simulated world, with an election timeout of one second.
 */
const GROUP = 'list-0'
const T = 1_000

async function quiet(seed: number): Promise<SimCluster> {
  const cluster = new SimCluster({ seed, listGroups: 1, kvGroups: 0, load: false, electionTimeoutMs: T })
  await cluster.world.waitFor(() => cluster.leaderOf(GROUP) === 's1', 3_000)
  // A different moment of the heartbeats for each seed.
  await cluster.world.run({ forMs: 2_000 + seed * 7 })
  return cluster
}

function describeGroup(cluster: SimCluster, store: string) {
  return cluster.hosts.get(store)!.group(GROUP)!.describe()
}

function terms(cluster: SimCluster): number[] {
  return cluster.names.map((name) => describeGroup(cluster, name).term)
}

/** What the store did since `fromMs` that only elections do. */
function electionsOf(cluster: SimCluster, store: string, fromMs: number): string[] {
  return cluster.world
    .process(store)
    .logs.filter(
      ({ timeMs, message }) => timeMs >= fromMs && /election|stepped down|became leader/.test(message),
    )
    .map(({ message }) => message)
}

interface Read {
  readonly floor: number
  index: number
  refused: string
}

function read(cluster: SimCluster, store: string, floor: number): Read {
  const outcome: Read = { floor, index: -1, refused: '' }
  cluster.hosts
    .get(store)!
    .group(GROUP)!
    .readIndex({
      isWanted: true,
      onReadIndex: (index) => {
        outcome.index = index
      },
      onReadRefused: (error) => {
        outcome.refused = error.shortName
      },
    })
  return outcome
}

async function write(cluster: SimCluster, store: string): Promise<number> {
  let at = 0
  const sink = {
    onDone: (_position: number, index: number) => {
      at = index
    },
    onRefused: () => {},
  }
  cluster.hosts.get(store)!.group(GROUP)!.propose(Buffer.from('x'), 0, sink, 0)
  await cluster.world.waitFor(() => at > 0, 5_000)
  return at
}

describe('a follower whose event loop was blocked', () => {
  test.each([1_001, 1_500, 2_300, 3_500])(
    'for %i ms never loses its leader and starts no election',
    async (ms) => {
      for (let seed = 0; seed < 15; seed++) {
        const cluster = await quiet(seed)
        const { world } = cluster
        const before = terms(cluster)
        const fromMs = world.nowMs
        world.process('s3').pause(ms)
        const lost = await world.run({
          until: () => describeGroup(cluster, 's3').leader !== 's1',
          untilMs: world.nowMs + ms + 3 * T,
        })
        expect([lost, terms(cluster), electionsOf(cluster, 's3', fromMs)]).toEqual([false, before, []])
      }
    },
  )

  test('elects like any other when the leader died meanwhile', async () => {
    for (let seed = 0; seed < 15; seed++) {
      const cluster = await quiet(seed)
      const { world } = cluster
      // The other follower stays away, so that the blocked one has to stand.
      world.process('s3').pause(1_500)
      world.process('s1').kill('process')
      cluster.hosts.delete('s1')
      await world.waitFor(() => cluster.leaderOf(GROUP) !== null, 1_500 + 3 * T)
    }
  })
})

describe('a leader whose event loop was blocked', () => {
  test('answers no read with what was true before: neither one begun then nor one begun after', async () => {
    for (let seed = 0; seed < 40; seed++) {
      const cluster = await quiet(seed)
      const { world } = cluster
      const floor = await write(cluster, 's1')
      // Its heartbeats are answered while it stands still: those answers wait in its sockets.
      const before = read(cluster, 's1', floor)
      await world.run({ forMs: (seed % 8) * 0.05 })
      const early = before.index >= 0
      world.process('s1').pause(60_000)
      await world.waitFor(() => ['s2', 's3'].includes(cluster.leaderOf(GROUP)!), 5_000)
      const newest = await write(cluster, cluster.leaderOf(GROUP)!)
      expect(newest).toBeGreaterThan(floor)
      expect(describeGroup(cluster, 's1').state).toBe('leader')
      // The very turn in which it goes on: no timer has run, no socket was read.
      world.process('s1').resume()
      const after = read(cluster, 's1', newest)
      await world.run({ forMs: 3 * T })
      for (const one of early ? [after] : [before, after]) {
        expect(one.index >= one.floor || one.refused !== '', JSON.stringify(one)).toBe(true)
      }
      expect(before.index).toBeGreaterThanOrEqual(early ? floor : -1)
      const again = read(cluster, 's1', newest)
      await world.waitFor(() => again.index >= newest, 5_000)
    }
  })

  test('stays in office while its followers wait for it', async () => {
    let kept = 0
    for (let seed = 0; seed < 40; seed++) {
      const cluster = await quiet(seed)
      const { world } = cluster
      const fromMs = world.nowMs
      // The first follower stands after 1 to 1.2 timeouts without a word: whether one did tells what is right.
      world.process('s1').pause(900 + seed * 10)
      await world.run({ forMs: 5 * T })
      if (['s2', 's3'].some((other) => electionsOf(cluster, other, fromMs).length > 0)) continue
      expect(electionsOf(cluster, 's1', fromMs)).toEqual([])
      kept++
    }
    expect(kept).toBeGreaterThan(20)
  })

  test('leaves it all the same when nobody follows it, also when it is blocked again and again', async () => {
    for (let seed = 0; seed < 5; seed++) {
      const cluster = await quiet(seed)
      const { world } = cluster
      world.network.isolate('s1')
      for (let i = 0; i < 8; i++) {
        world.process('s1').pause(300)
        await world.run({ forMs: 400 })
      }
      expect(describeGroup(cluster, 's1').state).not.toBe('leader')
    }
  })
})

describe('when all event loops are blocked at once', () => {
  test.each([1_001, 1_500, 3_500])('for %i ms everything stays as it was', async (ms) => {
    for (let seed = 0; seed < 15; seed++) {
      const cluster = await quiet(seed)
      const { world } = cluster
      const before = terms(cluster)
      const fromMs = world.nowMs
      for (const name of cluster.names) world.process(name).pause(ms)
      await world.run({ forMs: ms + 5 * T })
      const elections = cluster.names.flatMap((name) => electionsOf(cluster, name, fromMs))
      expect([terms(cluster), elections]).toEqual([before, []])
    }
  })

  test('again and again, and the leader is gone, one of them stands', async () => {
    for (let seed = 0; seed < 5; seed++) {
      const cluster = await quiet(seed)
      const { world } = cluster
      world.process('s1').kill('process')
      cluster.hosts.delete('s1')
      for (let i = 0; i < 20 && cluster.leaderOf(GROUP) === null; i++) {
        world.process('s2').pause(300)
        world.process('s3').pause(300)
        await world.run({ forMs: 400 })
      }
      expect(cluster.leaderOf(GROUP)).not.toBeNull()
    }
  })
})
