import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { leadershipProblem } from '../../src/bench/leadership.ts'
import type { BenchStore, StoreArgs } from '../../src/bench/scenario.ts'
import { STORE_COUNT } from '../../src/bench/scenario.ts'
import { withTempDir } from './run-bench.ts'

/** Three stores of a scenario in this process, joined, their leaders where they belong. */
export async function withStores<S extends BenchStore>(
  groups: number,
  start: (args: StoreArgs) => Promise<S>,
  body: (stores: readonly S[]) => Promise<void>,
): Promise<void> {
  await withTempDir(async (dir) => {
    const indexes = Array.from({ length: STORE_COUNT }, (_, i) => i)
    const stores = await Promise.all(
      indexes.map(async (storeIndex) => {
        const dataDir = join(dir, String(storeIndex))
        await mkdir(dataDir)
        return await start({ storeIndex, dataDir, groups, inFlight: 64, payloadBytes: 16 })
      }),
    )
    try {
      const addresses = stores.map((store) => store.address)
      await Promise.all(stores.map((store) => store.join(addresses)))
      while (stores.some((store, i) => leadershipProblem(i, groups, store.leaders()) !== null)) {
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
      await body(stores)
    } finally {
      await Promise.all(stores.map((store) => store.close()))
    }
  })
}
