import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { FlotillaError, type Group, type GroupRequest, Store, type StoreOptions } from '../../src/index.ts'

export interface LocalStores extends AsyncDisposable {
  readonly stores: readonly Store[]
  readonly dir: string
  optionsOf(storeId: string): StoreOptions
}

/**
 * Stores s1, s2, … of one cluster in this process, each with a real disk and a real port, which the system chose.
 * Disposing closes them and removes their files.
 */
export async function openLocalStores(count: number, more: Partial<StoreOptions> = {}): Promise<LocalStores> {
  const dir = await mkdtemp(path.join(os.tmpdir(), 'flotilla-local-'))
  const ids = Array.from({ length: count }, (_, i) => `s${i + 1}`)
  const optionsOf = (storeId: string): StoreOptions => ({
    clusterId: 'local-tests',
    storeId,
    dataDir: path.join(dir, storeId),
    stores: Object.fromEntries(ids.map((id) => [id, '127.0.0.1:0'])),
    ...more,
  })
  const stores = await Promise.all(ids.map((storeId) => Store.open(optionsOf(storeId))))
  introduce(stores)
  return {
    stores,
    dir,
    optionsOf,
    async [Symbol.asyncDispose]() {
      await Promise.all(stores.map((store) => store.close()))
      await rm(dir, { recursive: true, force: true })
    },
  }
}

/** Tells all of them the addresses of all others. */
export function introduce(stores: readonly Store[]): void {
  for (const store of stores) {
    for (const other of stores) if (other !== store) store.setAddress(other.storeId, other.address)
  }
}

/** A machine too slow to make a group in the engine's own time gets more of it: it is made once all the same. */
export async function createGroup(store: Store, request: GroupRequest): Promise<Group> {
  for (let tries = 1; ; tries++) {
    try {
      return await store.createGroup(request)
    } catch (error) {
      const late = error instanceof FlotillaError && error.code === 'FLOTILLA_TIMEOUT'
      if (!late || tries === 5) throw error
    }
  }
}
