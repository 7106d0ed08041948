import { describe, expect, test, vi } from 'vitest'
import { withCluster } from './cluster-harness.ts'
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
