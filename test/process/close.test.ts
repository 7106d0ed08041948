import { describe, expect, test, vi } from 'vitest'
import { COUNTER, withCluster } from './cluster-harness.ts'
import { HANG_MS } from './guard.ts'

vi.setConfig({ testTimeout: 2 * HANG_MS })

const ACKS = 100
/** By itself, with nothing said. */
const QUIET_END = { code: 0, signal: null, output: '' }

describe('a store closed under load', () => {
  test('settles every call, ends its process by itself, and is not missed', () =>
    withCluster(async (cluster) => {
      await cluster.start()
      await cluster.startLoad()
      await cluster.moreAcks(ACKS)
      const [leader] = await cluster.byGroupsLed()
      const { counts, end } = await cluster.close(leader!)
      expect(end).toEqual(QUIET_END)
      expect(counts.started).toBeGreaterThan(ACKS)
      expect(counts.settled).toBe(counts.started)
      await cluster.moreAcks(ACKS)
      await cluster.startStore(leader!)
      await cluster.stopLoad()
      await cluster.untilEqual()
      await cluster.verify()
    }))

  test('with all others closes too, and all of them know every acknowledged write afterwards', () =>
    withCluster(async (cluster) => {
      await cluster.start()
      await cluster.startLoad()
      await cluster.moreAcks(ACKS)
      const ends = await Promise.all(cluster.storeIds.map((storeId) => cluster.close(storeId)))
      for (const { counts, end } of ends) {
        expect(end).toEqual(QUIET_END)
        expect(counts.settled).toBe(counts.started)
      }
      await cluster.startStores(cluster.storeIds)
      await cluster.untilEqual()
      await cluster.verify()
    }))

  test('settles the calls that wait for stores which are gone', () =>
    withCluster(async (cluster) => {
      await cluster.start()
      await cluster.startLoad(['s1'])
      await cluster.moreAcks(ACKS)
      await cluster.kill('s2', 's3')
      const { counts, end } = await cluster.close('s1')
      expect(end).toEqual(QUIET_END)
      expect(counts.settled).toBe(counts.started)
      await cluster.startStores(cluster.storeIds)
      await cluster.untilEqual()
      await cluster.verify()
    }))
})

describe('a store whose shard thread has ended', () => {
  test('stops all its promises with STORAGE_FAILED, ends with its process, and loses nothing', () =>
    withCluster(async (cluster) => {
      await cluster.start()
      await cluster.startLoad()
      await cluster.moreAcks(ACKS)
      const [leader] = await cluster.byGroupsLed()
      const store = cluster.store(leader!)
      const before = (await store.call('view', null)).length
      expect(before).toBe(7)
      const closed = store.call('closed', null)
      await store.call('terminateThread', null)
      expect(await closed).toBe('FLOTILLA_STORAGE_FAILED')
      await expect(store.call('put', { key: 'late', value: 'late' })).rejects.toMatchObject({
        code: 'FLOTILLA_CLOSED',
        outcome: 'not-applied',
      })
      const { counts, end } = await cluster.close(leader!)
      expect(counts.settled).toBe(counts.started)
      expect(end).toEqual(QUIET_END)
      await cluster.moreAcks(ACKS)
      await cluster.startStore(leader!)
      expect((await cluster.store(leader!).call('view', null)).map(({ groupId }) => groupId)).toContain(
        COUNTER,
      )
      await cluster.stopLoad()
      await cluster.untilEqual()
      await cluster.verify()
    }))
})
