import type { SimClusterOptions } from './cluster.ts'
import { DAMAGING_KINDS, type NemesisOptions } from './fault-kinds.ts'
import { drawPlan } from './run-plan.ts'
import type { SimWorldOptions } from './world.ts'

/** What the stores of a run live with: machines, network, and what goes wrong. */
export interface Surroundings {
  readonly faults: NemesisOptions
  readonly world: Pick<SimWorldOptions, 'network' | 'disk'>
  readonly cluster: Pick<SimClusterOptions, 'heartbeatIntervalMs' | 'shards' | 'limits' | 'clockOf'>
}

/**
 * As whole runs draw it, for stores and groups of somebody else. Without damage, which only a cluster stands that is made
 * for it, and with room for all logs: nobody knows how much is written, and who is left behind gets no snapshot yet.
 */
export function drawSurroundings(
  seed: number | string,
  storeIds: readonly string[],
  electionTimeoutMs: number,
): Surroundings {
  const plan = drawPlan(seed, { stores: storeIds.length })
  const { network, disk, shards, limits, heartbeats } = plan
  const clocks = new Map(storeIds.map((storeId, i) => [storeId, plan.clocks[plan.storeIds[i]!]!]))
  return {
    faults: { ...plan.faults, ...Object.fromEntries(DAMAGING_KINDS.map((kind) => [kind, false])) },
    world: { network, disk },
    cluster: {
      heartbeatIntervalMs: Math.floor(electionTimeoutMs / heartbeats),
      shards,
      ...(limits !== null && { limits }),
      clockOf: (storeId) => clocks.get(storeId) ?? {},
    },
  }
}
