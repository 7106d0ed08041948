import { expect, test } from 'vitest'
import type { SimCluster } from '../../src/sim/cluster.ts'
import type { DiskImage } from '../../src/sim/disk.ts'
import type { SimProcess } from '../../src/sim/process.ts'
import { startStores } from './three-stores.ts'

/** Three stores with one region, that have written for a while. */
async function startCluster(seed: number): Promise<SimCluster> {
  const cluster = await startStores(seed)
  await write(cluster, 20)
  return cluster
}

async function write(cluster: SimCluster, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const put = cluster.stores.get('s2')!.kv().put(`k${i}`, `${i}`)
    await cluster.world.settle(put, 2_000, 'a put')
  }
}

/** The log of `process` becomes that of another store, or what it was in `image`. */
function strike(cluster: SimCluster, process: SimProcess, image: DiskImage, from: string): void {
  process.kill('process')
  const before = process.disk.image()
  process.disk.putBack(`${process.dir}/shard-00/log`, image, `${from}/shard-00/log`)
  cluster.onDamaged(process.name, before, 'part')
  process.restart()
}

test('a store refuses a directory that was damaged in part; it is mended, and as good as before', async () => {
  let mended = 0
  for (let seed = 1; seed <= 4; seed++) {
    const cluster = await startCluster(seed)
    const [first, second] = [cluster.process('s1'), cluster.process('s2')]
    strike(cluster, first, second.disk.image(), second.dir)
    expect(cluster.damaged).toEqual(new Set(['s1']))
    await cluster.world.run({ forMs: 3_000 })
    expect(cluster.endings.get('CORRUPT')).toBeGreaterThan(0)
    if (cluster.damaged.size > 0) continue
    mended++
    expect(cluster.stores.has('s1')).toBe(true)
    await write(cluster, 5)
  }
  expect(mended).toBeGreaterThan(1)
})

test('a store that goes by a part that is older than what it said breaks I-21', async () => {
  const cluster = await startCluster(1)
  const process = cluster.process('s1')
  const old = process.disk.image()
  await write(cluster, 20)
  process.kill('process')
  const before = process.disk.image()
  process.restore(old)
  // Its ledger went back too, so it cannot tell; the checker is made to believe that it could.
  cluster.onDamaged('s1', before, 'part')
  process.restart()
  await expect(cluster.world.run({ forMs: 2_000 })).rejects.toThrow(/I-21/)
})
