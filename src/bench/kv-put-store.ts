import type { Store } from '../api/store.ts'
import type { Kv } from '../client/kv.ts'
import { regionGroupId } from '../kv/regions.ts'
import { EngineStore, openStore } from './engine-store.ts'
import type { StoreArgs } from './scenario.ts'

/** Different keys over all regions: enough that hardly a write finds its key in the same batch. */
const KEY_COUNT = 1_000_000
const KEY_NUMBER_BASE = 1_000_000_000

/**
 * `store.kv()` as users call it: every group is a region, a write is a `put` of the payload. Keys are strings of 16 bytes
 * such as `r0007:1000012345`, drawn evenly from a million: each region owns the same number of them.
 */
export async function startKvPutStore(args: StoreArgs): Promise<KvPutStore> {
  const prefixes = regionPrefixes(args.groups)
  const store = await openStore(args, { kv: { splitKeys: prefixes.slice(1) } })
  return new KvPutStore(store, args, prefixes)
}

export class KvPutStore extends EngineStore {
  readonly kv: Kv<string, Buffer>
  readonly #prefixes: readonly string[]
  readonly #keysPerRegion: number

  constructor(store: Store, args: StoreArgs, prefixes: readonly string[]) {
    super(
      store,
      args,
      Array.from(prefixes, (_, group) => regionGroupId(group)),
    )
    this.kv = store.kv<string, Buffer>('default', { valueEncoding: 'buffer' })
    this.#prefixes = prefixes
    this.#keysPerRegion = Math.ceil(KEY_COUNT / prefixes.length)
  }

  propose(group: number, payload: Buffer): Promise<void> {
    const number = KEY_NUMBER_BASE + Math.floor(Math.random() * this.#keysPerRegion)
    return this.kv.put(this.#prefixes[group]! + number, payload)
  }
}

/** What the keys of each region begin with; in the order of the regions. */
function regionPrefixes(regions: number): string[] {
  return Array.from({ length: regions }, (_, region) => `r${String(region).padStart(4, '0')}:`)
}
