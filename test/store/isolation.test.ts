import { expect, test } from 'vitest'
import type { NodeImpl } from '../../src/raft/node-impl.ts'
import { InvariantError } from '../../src/util/assert.ts'
import type { FlotillaError } from '../../src/util/errors.ts'
import { RaftDispatcher, type WireHandlers } from '../../src/store/raft-dispatcher.ts'
import { SimCluster } from './sim-cluster.ts'

/** A replica whose bookkeeping is wrong stops by itself: its store, and every other group there, goes on. */
const BROKEN = 'list-0'
const OTHER = 'list-1'

async function led(seed: number): Promise<SimCluster> {
  const cluster = new SimCluster({ seed, listGroups: 4, kvGroups: 0, load: false })
  cluster.expectFailures = true
  await cluster.world.waitFor(
    () => cluster.specs.every((spec) => cluster.leaderOf(spec.groupId) !== null),
    3_000,
  )
  await cluster.world.run({ forMs: 500 })
  return cluster
}

function propose(cluster: SimCluster, store: string, groupId: string): { text: string } {
  const outcome = { text: '' }
  const sink = {
    onDone: () => {
      outcome.text += 'done'
    },
    onRefused: (_position: number, error: FlotillaError) => {
      outcome.text += `${error.shortName} ${error.outcome}`
    },
  }
  cluster.hosts.get(store)!.group(groupId)!.propose(Buffer.from('x'), 0, sink, 0)
  return outcome
}

function broken(): never {
  throw new InvariantError('broken on purpose')
}

/** Where an assertion of one replica may fail: in what order of the store's loops it is called. */
const PLACES: [name: string, breakIt: (node: NodeImpl) => void][] = [
  ['a vouch, between those of other groups', (node) => Object.assign(node.log, { markDurable: broken })],
  ['the end of a turn', (node) => Object.assign(node.log, { append: broken })],
  ['a heartbeat, between other groups', (node) => Object.assign(node.readOnly, { onAck: broken })],
  ['a timer', (node) => Object.assign(node.readOnly, { tick: broken })],
]

test.each(PLACES)('a failed assertion in %s', async (_name, breakIt) => {
  const cluster = await led(1)
  const host = cluster.hosts.get('s1')!
  expect([cluster.leaderOf(BROKEN), cluster.leaderOf('list-3')]).toEqual(['s1', 's1'])
  breakIt(host.group(BROKEN)!.node!)
  const before = propose(cluster, 's1', 'list-3')
  const own = propose(cluster, 's1', BROKEN)
  const after = propose(cluster, 's1', 'list-3')
  await cluster.world.run({ forMs: 2_000 })
  expect(cluster.failures).toEqual([`s1/${BROKEN}: FLOTILLA_INTERNAL`])
  expect(cluster.stopped).toEqual([])
  expect([before.text, after.text]).toEqual(['done', 'done'])
  expect(own.text).toMatch(/^(done|INTERNAL unknown)$/)
  // The others lead the group on, and s1 serves what it served.
  expect(['s2', 's3']).toContain(cluster.leaderOf(BROKEN))
  expect(cluster.leaderOf('list-3')).toBe('s1')
  const next = propose(cluster, cluster.leaderOf(OTHER)!, OTHER)
  await cluster.world.run({ forMs: 200 })
  expect(next.text).toBe('done')
})

test('a caller that tries again while its leader steps down finds a follower', async () => {
  const cluster = await led(2)
  const node = cluster.hosts.get('s1')!.group(BROKEN)!.node!
  const answers: string[] = []
  const sink = {
    onDone: () => answers.push('done'),
    onRefused: (position: number, error: FlotillaError) => {
      answers.push(error.shortName)
      if (position < 3) node.propose(Buffer.from('again'), 0, sink, position + 1)
    },
  }
  node.propose(Buffer.from('first'), 0, sink, 1)
  node.stepDown(node.currTerm, 'for the test')
  expect(answers).toEqual(['NOT_LEADER', 'NO_LEADER', 'NO_LEADER'])
})

test('a sender under the replica number of another store is unknown', async () => {
  const cluster = await led(3)
  const group = cluster.hosts.get('s1')!.group(BROKEN)!
  const dispatcher = new RaftDispatcher(new Map([[BROKEN, group]]), {} as WireHandlers)
  const target = (storeId: string, fromReplica: number, toReplica: number): unknown => {
    const ref = { storeId, slot: 1, groupId: BROKEN, groupTag: 0, fromReplica, toReplica, target: null }
    dispatcher.onAlias(ref)
    return ref.target
  }
  expect(target('s2', 2, 1)).not.toBe(null)
  // A voter may lag behind the configuration that brought a new member in.
  expect(target('s9', 9, 1)).not.toBe(null)
  expect(target('s9', 2, 1)).toBe(null)
  expect(target('s2', 2, 7)).toBe(null)
})
