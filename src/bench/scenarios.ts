import { MAX_ENTRY_BYTES, MAX_GROUPS_PER_CALL, MAX_REGIONS, MAX_VALUE_BYTES } from '../util/limits.ts'
import type { StartStore } from './scenario.ts'

interface Scenario {
  /** A loader, not a module: a store process loads only what it measures. */
  readonly load: () => Promise<StartStore>
  readonly maxGroups: number
  readonly maxPayloadBytes: number
}

const LOG = { maxGroups: MAX_GROUPS_PER_CALL, maxPayloadBytes: MAX_ENTRY_BYTES }
const KV = { maxGroups: MAX_REGIONS, maxPayloadBytes: MAX_VALUE_BYTES }

/** By name, in the order in which they run. */
export const SCENARIOS: Readonly<Record<string, Scenario>> = {
  skeleton: { ...LOG, load: async () => (await import('./skeleton-store.ts')).startSkeletonStore },
  'raw-log': { ...LOG, load: async () => (await import('./raw-log-store.ts')).startRawLogStore },
  'kv-put': { ...KV, load: async () => (await import('./kv-put-store.ts')).startKvPutStore },
}

export const SCENARIO_NAMES: readonly string[] = Object.keys(SCENARIOS)

/** The speed of light of this machine: the design without Raft. Ratios are taken against it. */
export const BASELINE_SCENARIO = 'skeleton'

export async function loadScenario(name: string): Promise<StartStore> {
  const scenario = SCENARIOS[name]
  if (scenario === undefined) throw new Error(`unknown scenario ${name}`)
  return await scenario.load()
}
