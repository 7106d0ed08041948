import { createHash } from 'node:crypto'
import { Store } from '../api/store.ts'
import type { Kv } from '../client/kv.ts'
import { KEYSPACE } from './demo-settings.ts'
import { HASH_BYTES } from './store-messages.ts'
import type { GroupDigestView, GroupView, OpenArgs, ReadAnswer, StoreView } from './store-messages.ts'

/** The store of this process, as much of it as the demo needs. */
export class LocalStore {
  readonly #store: Store
  readonly #files: Kv<string, Buffer>

  /** `onEnd` is called when the store stops by itself, with the reason. */
  static async open(args: OpenArgs, onEnd: (reason: Error) => void): Promise<LocalStore> {
    const { clusterId, storeId, dataDir, stores } = args
    const splitKeys = args.splitKeys.map((key) => ({ keyspace: KEYSPACE, key }))
    const store = await Store.open({ clusterId, storeId, dataDir, stores, kv: { splitKeys } })
    store.closed.then((reason) => {
      if (reason !== null) onEnd(reason)
    })
    return new LocalStore(store)
  }

  private constructor(store: Store) {
    this.#store = store
    this.#files = store.kv<string, Buffer>(KEYSPACE, { valueEncoding: 'buffer' })
  }

  async put(key: string, value: Buffer): Promise<void> {
    await this.#files.put(key, value)
  }

  describe(): StoreView {
    const { groups: replicas, shards } = this.#store.describe()
    const groups = replicas.map((group): GroupView => {
      const { groupId, state, term, commitIndex, appliedIndex, error } = group
      const isLeader = state === 'leader'
      return { groupId, isLeader, term, commitIndex, appliedIndex, error: error?.message ?? null }
    })
    const sum = (counts: readonly number[]): number => counts.reduce((total, count) => total + count, 0)
    return {
      groups,
      fsyncs: sum(shards.map((shard) => shard.flushes)),
      entries: sum(shards.map((shard) => shard.entries)),
    }
  }

  /**
   * Values as this store's own RocksDB has them, each read after a read index of its region: nothing is forwarded. All
   * keys of a region share one of each.
   */
  async read(keys: readonly string[]): Promise<ReadAnswer> {
    const answers = await Promise.all(keys.map((key) => this.#files.getDetailed(key, { localOnly: true })))
    const hashes = Buffer.alloc(keys.length * HASH_BYTES)
    answers.forEach(({ value }, i) => {
      if (value !== undefined)
        createHash('sha256')
          .update(value)
          .digest()
          .copy(hashes, i * HASH_BYTES)
    })
    const storeIds = new Set(answers.map(({ storeId }) => storeId))
    return {
      storeId: [...storeIds].join(' and '),
      appliedIndex: Math.min(...answers.map(({ appliedIndex }) => appliedIndex)),
      found: Uint8Array.from(answers, ({ value }) => (value === undefined ? 0 : 1)),
      hashes,
    }
  }

  async digests(): Promise<GroupDigestView[]> {
    const digests = this.#store.describe().groups.map(async ({ groupId }) => {
      const { appliedIndex, keys, digest } = await this.#store.digest(groupId)
      return { groupId, appliedIndex, keys, digest }
    })
    return await Promise.all(digests)
  }

  async close(): Promise<void> {
    await this.#store.close()
  }
}
