import { fork } from 'node:child_process'
import { once } from 'node:events'
import { describe, expect, test } from 'vitest'
import { homeOfGroup } from '../../src/bench/scenario.ts'
import { startSkeletonStore } from '../../src/bench/skeleton-store.ts'
import { withStores } from './stores.ts'

const GROUPS = 5

describe('the skeleton', () => {
  test('settles every call with its own index, also across blocks and turns', async () => {
    await withStores(GROUPS, startSkeletonStore, async (stores) => {
      const payload = Buffer.alloc(16, 1)
      const calls = 2_500
      const results = await Promise.all(
        Array.from({ length: GROUPS }, async (_, group) => {
          const store = stores[homeOfGroup(group)]!
          const first = await Promise.all(Array.from({ length: calls }, () => store.propose(group, payload)))
          return [...first, await store.propose(group, payload)]
        }),
      )
      const expected = Array.from({ length: calls + 1 }, (_, i) => i + 1)
      for (const indexes of results) expect(indexes).toEqual(expected)
      for (const store of stores) {
        // The others are a majority without it: its own flush may come later than the last ack.
        await expect.poll(() => store.stats().fsyncs, { timeout: 30_000 }).toBeGreaterThan(0)
        expect(store.stats().entries).toBeLessThanOrEqual((calls + 1) * GROUPS)
      }
    })
  })
})

describe('a store process', () => {
  const main = new URL('../../src/bench/bench-store.js', import.meta.url)

  test('ends when its runner is gone', async () => {
    const child = fork(main, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
    await once(child, 'spawn')
    child.disconnect()
    expect(await once(child, 'exit')).toEqual([0, null])
  })

  test('says why it failed before it ends', async () => {
    const child = fork(main, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
    child.send({ kind: 'load', scenario: 'nothing' })
    const [message] = await once(child, 'message')
    expect(message).toEqual({
      kind: 'failed',
      message: expect.stringContaining('unknown scenario nothing'),
      leadership: false,
    })
    expect(await once(child, 'exit')).toEqual([1, null])
  })
})
