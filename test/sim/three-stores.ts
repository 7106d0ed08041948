import { SimCluster } from '../../src/sim/cluster.ts'
import { SimWorld } from '../../src/sim/world.ts'

export const STORES = ['s1', 's2', 's3']

/** Three stores with one region, or with more on two shards, a second after their birth. */
export async function startStores(
  seed: number,
  options: { readonly shards?: number; readonly splitKeys?: readonly string[] } = {},
): Promise<SimCluster> {
  const { shards = 1, splitKeys = [] } = options
  const world = new SimWorld({ seed })
  const cluster = new SimCluster(world, {
    storeIds: STORES,
    electionTimeoutMs: 200,
    shards,
    kv: { splitKeys, members: STORES },
    groups: [],
    stateMachines: {},
  })
  await world.run({ forMs: 1_000 })
  return cluster
}
