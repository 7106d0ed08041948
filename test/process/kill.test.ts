import { describe, expect, test, vi } from 'vitest'
import { type Cluster, WRITERS, withCluster } from './cluster-harness.ts'
import { HANG_MS, until } from './guard.ts'

vi.setConfig({ testTimeout: 2 * HANG_MS })

const ACKS = 150

/** Everything stops, everyone catches up, and every store must hold what was acknowledged. */
async function settle(cluster: Cluster): Promise<void> {
  await cluster.stopLoad()
  await cluster.untilEqual()
  await cluster.verify()
}

describe('three store processes', () => {
  test('under load from all sides end with the same state, and each has every acknowledged write', () =>
    withCluster(async (cluster) => {
      await cluster.start()
      const leaders = await cluster.leaders()
      await cluster.startLoad()
      await cluster.moreAcks(2 * ACKS)
      await settle(cluster)
      expect(new Set(leaders.values()).size, 'leaders are spread over all stores').toBe(3)
      expect(cluster.ledger.acked).toBeGreaterThanOrEqual(6 * ACKS)
    }))

  test('lose no acknowledged write when the leader of most groups is killed under load', () =>
    withCluster(async (cluster) => {
      await cluster.start()
      await cluster.startLoad()
      await cluster.moreAcks(ACKS)
      const [leader] = await cluster.byGroupsLed()
      await cluster.kill(leader!)
      await cluster.moreAcks(ACKS)
      await cluster.startStore(leader!)
      await cluster.startLoad([leader!])
      await cluster.moreAcks(ACKS)
      await settle(cluster)
    }))

  test('lose no acknowledged write when each is killed in turn under load, the first as a follower', () =>
    withCluster(async (cluster) => {
      await cluster.start()
      await cluster.startLoad()
      await cluster.moreAcks(ACKS)
      const order = (await cluster.byGroupsLed()).reverse()
      for (const storeId of order) {
        await cluster.kill(storeId)
        await cluster.moreAcks(ACKS)
        await cluster.startStore(storeId)
        await cluster.startLoad([storeId])
        await cluster.moreAcks(ACKS)
      }
      await settle(cluster)
    }))

  test('have every acknowledged write after all of them were killed at once and restarted, twice', () =>
    withCluster(async (cluster) => {
      await cluster.start()
      for (let round = 0; round < 2; round++) {
        await cluster.startLoad()
        await cluster.moreAcks(ACKS)
        await cluster.kill(...cluster.storeIds)
        await cluster.startStores(cluster.storeIds)
        await cluster.untilEqual()
        await cluster.verify()
      }
      await cluster.startLoad()
      await cluster.moreAcks(10)
      await settle(cluster)
    }))

  test('acknowledge nothing by one alone: what it took while the others stood still may be gone, no more', () =>
    withCluster(async (cluster) => {
      await cluster.start()
      await cluster.startLoad()
      await cluster.moreAcks(ACKS)
      const [leader, ...others] = await cluster.byGroupsLed()
      for (const storeId of others) cluster.store(storeId).freeze()
      // Each of its writers has a call, and these are all there can be until the others move again.
      const { failed } = cluster.ledger
      await until('its calls have failed', () => cluster.ledger.failed >= failed + WRITERS)
      await cluster.kill(leader!, ...others)
      await cluster.startStores(others)
      await cluster.untilEqual()
      await cluster.verify()
      await cluster.startStore(leader!)
      await cluster.startLoad()
      await cluster.moreAcks(ACKS)
      await settle(cluster)
    }))

  test('go on without a store whose data directory was left by kill -9 in the middle of its start', () =>
    withCluster(async (cluster) => {
      await cluster.start()
      await cluster.startLoad(['s1', 's2'])
      for (let round = 0; round < 4; round++) {
        await cluster.kill('s3')
        const starting = cluster.spawn('s3')
        const opened = starting.open(cluster.openArgs('s3')).then(
          () => 'opened',
          () => 'killed',
        )
        await cluster.moreAcks(5 * (round + 1))
        await starting.kill()
        await opened
        await cluster.startStore('s3')
      }
      await cluster.moreAcks(ACKS)
      await settle(cluster)
    }))
})
