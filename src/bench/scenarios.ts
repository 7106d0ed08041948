import type { StartStore } from './scenario.ts'

/**
 * The scenarios by name. A loader, not a module: a store process loads only what it measures.
 */
const LOADERS: Readonly<Record<string, () => Promise<StartStore>>> = {
  skeleton: async () => (await import('./skeleton-store.ts')).startSkeletonStore,
  'raw-log': async () => (await import('./raw-log-store.ts')).startRawLogStore,
}

/** What `bench` runs when nothing is named, as far as it is there. */
export const DEFAULT_SCENARIOS: readonly string[] = ['skeleton', 'raw-log'].filter((name) => name in LOADERS)

/** The speed of light of this machine: the design without Raft. Ratios are taken against it. */
export const BASELINE_SCENARIO = 'skeleton'

export const SCENARIO_NAMES: readonly string[] = Object.keys(LOADERS)

export async function loadScenario(name: string): Promise<StartStore> {
  const load = LOADERS[name]
  if (load === undefined) throw new Error(`unknown scenario ${name}`)
  return await load()
}
