import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { Store, type StoreOptions } from '../../src/index.ts'
import type { AppliedEntry, StateMachine } from '../../src/index.ts'

/** Adds what it is told; answers with the sum. */
export class Counter implements StateMachine {
  sum = 0

  onApply(entries: Iterable<AppliedEntry>): void {
    for (const entry of entries) {
      this.sum += Number(entry.data.toString())
      entry.reply(Buffer.from(String(this.sum)))
    }
  }

  onQuery(): Buffer {
    return Buffer.from(String(this.sum))
  }
}

/** Stores in this process, on free ports, that know each other. Data goes with `close`. */
export class TestCluster {
  readonly dir = fs.mkdtempSync(path.join(os.tmpdir(), 'flotilla-api-'))
  readonly stores = new Map<string, Store>()
  readonly #storeIds: readonly string[]
  readonly #options: Partial<StoreOptions>

  private constructor(storeIds: readonly string[], options: Partial<StoreOptions>) {
    this.#storeIds = storeIds
    this.#options = options
  }

  static async open(storeIds: readonly string[], options: Partial<StoreOptions> = {}): Promise<TestCluster> {
    const cluster = new TestCluster(storeIds, options)
    for (const storeId of storeIds) await cluster.start(storeId)
    return cluster
  }

  /** Starts a store (again) and tells all where all are. */
  async start(storeId: string, options: Partial<StoreOptions> = {}): Promise<Store> {
    const store = await Store.open({
      clusterId: 'test',
      storeId,
      dataDir: path.join(this.dir, storeId),
      stores: Object.fromEntries(this.#storeIds.map((other) => [other, '127.0.0.1:0'])),
      electionTimeoutMs: 400,
      stateMachines: { counter: () => new Counter() },
      ...this.#options,
      ...options,
    })
    for (const other of this.stores.values()) {
      if (other.storeId === storeId) continue
      other.setAddress(storeId, store.address)
      store.setAddress(other.storeId, other.address)
    }
    this.stores.set(storeId, store)
    return store
  }

  async stop(storeId: string): Promise<void> {
    const store = this.store(storeId)
    this.stores.delete(storeId)
    await store.close()
  }

  store(storeId: string): Store {
    const store = this.stores.get(storeId)
    if (store === undefined) throw new Error(`store ${storeId} is not open`)
    return store
  }

  async close(): Promise<void> {
    await Promise.all([...this.stores.values()].map((store) => store.close()))
    fs.rmSync(this.dir, { recursive: true, force: true })
  }
}

/** Asks until the answer is true; the test's own time limit ends it. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 10))
}
