import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import { type Cluster, ONE_GROUP, withCluster } from './cluster-harness.ts'
import { HANG_MS, until } from './guard.ts'

vi.setConfig({ testTimeout: 3 * HANG_MS })

/** The election timeout of these stores is one second; the last of three voters stands after 1.5 to 1.7 of them. */
const BLOCKED_MS = [1_500, 2_000]
const ROUNDS = 3
const ACKS = 20

async function leaderOf(cluster: Cluster): Promise<string> {
  let leader = ''
  await until('the group has one leader', async () => {
    const leaders = [...(await cluster.leaders()).values()]
    leader = leaders.length === 1 ? leaders[0]! : ''
    return leader !== ''
  })
  return leader
}

async function changes(cluster: Cluster, storeId: string): Promise<readonly string[]> {
  return await cluster.store(storeId).call('leaderChanges', null)
}

async function termOf(cluster: Cluster, storeId: string): Promise<number> {
  const [group] = await cluster.store(storeId).call('view', null)
  return group!.term
}

describe('a store process whose event loop stands still for longer than an election timeout', () => {
  // A machine that stands still for the other stores too makes an election that is right: then it is tried again.
  test('as a follower: it does not even lose its leader, and starts no election', { retry: 2 }, () =>
    withCluster(async (cluster) => {
      await cluster.start()
      await cluster.startLoad()
      let rounds = 0
      // On a machine that is too slow the other follower, which was not blocked, loses its leader too: that round says nothing.
      await until('each follower was blocked twice while the others saw nothing', async () => {
        const leader = await leaderOf(cluster)
        const followers = cluster.storeIds.filter((storeId) => storeId !== leader)
        const [blocked, control] = rounds % 2 === 0 ? followers : followers.reverse()
        const before = await Promise.all(cluster.storeIds.map((storeId) => changes(cluster, storeId)))
        const term = await termOf(cluster, blocked!)
        await cluster.store(blocked!).call('block', { ms: BLOCKED_MS[rounds >> 1]! })
        // What the timers and the sockets had to say has been heard when it has written something.
        await cluster.moreAcks(ACKS)
        const after = await Promise.all(cluster.storeIds.map((storeId) => changes(cluster, storeId)))
        const isNew = (storeId: string): boolean => {
          const i = cluster.storeIds.indexOf(storeId)
          return after[i]!.length !== before[i]!.length
        }
        if (isNew(leader) || isNew(control!)) return false
        expect([isNew(blocked!), await termOf(cluster, blocked!)]).toEqual([false, term])
        rounds++
        return rounds === 2 * BLOCKED_MS.length
      })
      await cluster.stopLoad()
      await cluster.untilEqual()
      await cluster.verify()
    }, ONE_GROUP),
  )

  test('as the leader, until another leads and has acknowledged a write: its next answer is that write', () =>
    withCluster(async (cluster) => {
      await cluster.start()
      for (let round = 0; round < ROUNDS; round++) {
        const leader = await leaderOf(cluster)
        const others = cluster.storeIds.filter((storeId) => storeId !== leader)
        const [key, file] = [`key-${round}`, path.join(cluster.dirOf(leader), `go-on-${round}`)]
        await cluster.store(leader).call('put', { key, value: 'old' })
        const reads = cluster.store(leader).call('readAround', { key, file })
        await until('another store leads', async () => {
          const views = await Promise.all(others.map((storeId) => cluster.store(storeId).call('view', null)))
          return views.flat().some(({ state }) => state === 'leader')
        })
        await cluster.store(others[0]!).call('put', { key, value: 'new' })
        await writeFile(file, '')
        const { before, after } = await reads
        expect(['old', 'new']).toContain(before)
        expect(after).toBe('new')
      }
    }, ONE_GROUP))
})
