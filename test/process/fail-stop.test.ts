import { describe, expect, test, vi } from 'vitest'
import type { ThreadEnd } from './child-calls.ts'
import { type Cluster, COUNTER, withCluster } from './cluster-harness.ts'
import { HANG_MS } from './guard.ts'

vi.setConfig({ testTimeout: 3 * HANG_MS })

const ACKS = 100
/** By itself, with nothing said. */
const QUIET_END = { code: 0, signal: null, output: '' }
/** A quarter or half of a MiB, as the shell counts: some hundred writes. */
const FEW_BLOCKS = 512

/** The store has failed: it promises nothing more, its process ends by itself, and the others do not miss it. */
async function isOut(cluster: Cluster, storeId: string): Promise<void> {
  const store = cluster.store(storeId)
  await expect(store.call('put', { key: 'late', value: 'late' })).rejects.toMatchObject({
    code: expect.stringMatching(/^FLOTILLA_(CLOSED|STORAGE_FAILED)$/),
    outcome: 'not-applied',
  })
  const { ended } = await store.call('health', null)
  expect(ended?.code).toBe('FLOTILLA_STORAGE_FAILED')
  const { counts, end } = await cluster.close(storeId)
  expect(counts.settled).toBe(counts.started)
  expect(end).toEqual(QUIET_END)
  await cluster.moreAcks(ACKS)
}

/** It comes back with all that was acknowledged, by it and by the others. */
async function comesBack(cluster: Cluster, storeId: string): Promise<void> {
  const store = await cluster.startStore(storeId)
  expect((await store.call('view', null)).map(({ groupId }) => groupId)).toContain(COUNTER)
  await cluster.stopLoad()
  await cluster.untilEqual()
  await cluster.verify()
}

describe('a store whose shard thread has ended', () => {
  test.each<[ThreadEnd, RegExp]>([
    ['terminate', /worker exited/],
    ['throw', /a bug in the thread/],
    ['exit', /exited|gone/],
  ])(
    'by %s: it stops all its promises with STORAGE_FAILED, ends with its process, and loses nothing',
    (how, why) =>
      withCluster(async (cluster) => {
        await cluster.start()
        await cluster.startLoad()
        await cluster.moreAcks(ACKS)
        const [leader] = await cluster.byGroupsLed()
        const store = cluster.store(leader!)
        expect(await store.call('view', null)).toHaveLength(7)
        const closed = store.call('closed', null)
        await store.call('endThread', how)
        expect(await closed).toBe('FLOTILLA_STORAGE_FAILED')
        expect((await store.call('health', null)).ended?.message).toMatch(why)
        await isOut(cluster, leader!)
        await comesBack(cluster, leader!)
      }),
  )
})

describe.skipIf(process.platform === 'win32')('a store whose files cannot grow any more', () => {
  test('fails with the first write that fails, the others go on, and nothing acknowledged is lost', () =>
    withCluster(async (cluster) => {
      cluster.maxFileBlocks.set('s1', FEW_BLOCKS)
      await cluster.start()
      const store = cluster.store('s1')
      const closed = store.call('closed', null)
      await cluster.startLoad()
      expect(await closed).toBe('FLOTILLA_STORAGE_FAILED')
      const { ended } = await store.call('health', null)
      expect(ended?.message).toMatch(/File too large/)
      expect(ended?.message).toContain(cluster.dirOf('s1'))
      await isOut(cluster, 's1')
      cluster.maxFileBlocks.delete('s1')
      await comesBack(cluster, 's1')
    }))
})
