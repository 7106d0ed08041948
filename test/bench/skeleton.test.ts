import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { homeOfGroup, STORE_COUNT } from '../../src/bench/scenario.ts'
import type { BenchStore } from '../../src/bench/scenario.ts'
import { startSkeletonStore } from '../../src/bench/skeleton-store.ts'
import { withTempDir } from './run-bench.ts'

const GROUPS = 5

async function withStores(body: (stores: BenchStore[]) => Promise<void>): Promise<void> {
  await withTempDir(async (dir) => {
    const indexes = Array.from({ length: STORE_COUNT }, (_, i) => i)
    const stores = await Promise.all(
      indexes.map(async (storeIndex) => {
        const dataDir = join(dir, String(storeIndex))
        await mkdir(dataDir)
        return await startSkeletonStore({
          storeIndex,
          dataDir,
          groups: GROUPS,
          inFlight: 64,
          payloadBytes: 16,
        })
      }),
    )
    const addresses = stores.map((store) => store.address)
    await Promise.all(stores.map((store) => store.join(addresses)))
    await body(stores)
    await Promise.all(stores.map((store) => store.close()))
  })
}

describe('the skeleton', () => {
  test('leads every group exactly once, spread evenly', async () => {
    await withStores(async (stores) => {
      const led = stores.flatMap((store) => store.leaders())
      expect([...led].sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4])
      for (const store of stores) expect(store.leaders().length).toBeGreaterThanOrEqual(1)
    })
  })

  test('settles every call with its own index, also across blocks and turns', async () => {
    await withStores(async (stores) => {
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
        expect(store.stats().fsyncs).toBeGreaterThan(0)
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
    child.send({ kind: 'start', scenario: 'nothing', args: {} })
    const [message] = await once(child, 'message')
    expect(message).toEqual({ kind: 'failed', message: expect.stringContaining('unknown scenario nothing') })
    expect(await once(child, 'exit')).toEqual([1, null])
  })
})
