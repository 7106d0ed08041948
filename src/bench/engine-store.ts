import { Store } from '../api/store.ts'
import type { StoreOptions } from '../api/options.ts'
import type { BenchStore, BenchStoreStats, StoreArgs } from './scenario.ts'
import { STORE_COUNT } from './scenario.ts'

/** Store ids by index. */
export const STORE_IDS: readonly string[] = Array.from({ length: STORE_COUNT }, (_, i) => `s${i + 1}`)

/** Opens a store as a user's program would, with the defaults of every option that a scenario does not name. */
export async function openStore(
  args: StoreArgs,
  options: Pick<StoreOptions, 'kv' | 'stateMachines'>,
): Promise<Store> {
  const store = await Store.open({
    clusterId: 'bench',
    storeId: STORE_IDS[args.storeIndex]!,
    dataDir: args.dataDir,
    // Where the others are is told by `join`.
    stores: Object.fromEntries(STORE_IDS.map((storeId) => [storeId, '127.0.0.1:0'])),
    ...options,
  })
  store.on('groupError', ({ error }) => throwOutside(error))
  void store.closed.then((reason) => {
    if (reason !== null) throwOutside(reason)
  })
  return store
}

/** What the scenarios of the engine have in common: everything but what a write is. */
export abstract class EngineStore implements BenchStore {
  protected readonly store: Store
  readonly #args: StoreArgs
  readonly #numbers: ReadonlyMap<string, number>

  /** `groupIds`: by group number. */
  constructor(store: Store, args: StoreArgs, groupIds: readonly string[]) {
    this.store = store
    this.#args = args
    this.#numbers = new Map(groupIds.map((groupId, group) => [groupId, group]))
  }

  abstract propose(group: number, payload: Buffer): Promise<unknown>

  get address(): string {
    return this.store.address
  }

  async join(addresses: readonly string[]): Promise<void> {
    addresses.forEach((address, i) => {
      if (i !== this.#args.storeIndex) this.store.setAddress(STORE_IDS[i]!, address)
    })
  }

  leaders(): ReadonlyMap<number, number> {
    const led = new Map<number, number>()
    for (const { groupId, state, term } of this.store.describe().groups) {
      const group = this.#numbers.get(groupId)
      if (state === 'leader' && group !== undefined) led.set(group, term)
    }
    return led
  }

  stats(): BenchStoreStats {
    let fsyncs = 0
    let entries = 0
    for (const shard of this.store.stats().shards) {
      fsyncs += shard.flushes
      entries += shard.entries
    }
    return { fsyncs, entries }
  }

  async close(): Promise<void> {
    await this.store.close()
  }
}

/** A replica or a store that stopped by itself has no figures: the error ends the process, and with it the run. */
function throwOutside(error: Error): void {
  setImmediate(() => {
    throw error
  })
}
