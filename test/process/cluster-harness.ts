import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { findFreePorts } from '../../src/cli/free-ports.ts'
import type { GroupView, LoadCounts, OpenArgs, Verdict } from './child-calls.ts'
import { until } from './guard.ts'
import { Ledger } from './ledger.ts'
import { type End, Refusal, StoreProcess } from './store-process.ts'

const HOST = '127.0.0.1'
const STORE_IDS = ['s1', 's2', 's3']
/** Keys of the load begin with a hexadecimal digit: six regions, two for each store to lead. */
const SPLIT_KEYS = ['3', '6', '9', 'b', 'd']
export const COUNTER = 'counter-1'
/** Of one store's load. */
export const WRITERS = 8

/** Runs `body` with a cluster of three store processes, and leaves neither process nor file behind. */
export async function withCluster(body: (cluster: Cluster) => Promise<void>): Promise<void> {
  const dir = await mkdtemp(path.join(os.tmpdir(), 'flotilla-process-'))
  const ports = await findFreePorts(STORE_IDS.length, HOST)
  const cluster = new Cluster(dir, ports)
  try {
    await body(cluster)
  } finally {
    await cluster.killAll()
    await rm(dir, { recursive: true, force: true })
  }
}

/** Three stores, each a process of its own, with kv regions and one group of a user's state machine. */
export class Cluster {
  readonly storeIds: readonly string[] = STORE_IDS
  readonly ledger = new Ledger()
  readonly stores: Readonly<Record<string, string>>
  readonly #dir: string
  readonly #running = new Map<string, StoreProcess>()
  /** Processes that were started: none may outlive the test. */
  readonly #all = new Set<StoreProcess>()
  readonly #ackedBy = new Map<string, number>()
  readonly #loads = new Map<string, string>()
  #loadNumber = 0

  constructor(dir: string, ports: readonly number[]) {
    this.#dir = dir
    this.stores = Object.fromEntries(STORE_IDS.map((storeId, i) => [storeId, `${HOST}:${ports[i]}`]))
  }

  /** All three, and the counter's group. */
  async start(): Promise<void> {
    await this.startStores(this.storeIds)
    await this.store('s1').call('createCounter', { groupId: COUNTER, members: this.storeIds })
    await this.#untilLed()
  }

  async startStores(storeIds: readonly string[]): Promise<void> {
    await Promise.all(storeIds.map((storeId) => this.startStore(storeId)))
  }

  async startStore(storeId: string): Promise<StoreProcess> {
    let store = this.spawn(storeId)
    await until(`${storeId} has its address`, async () => {
      try {
        await store.open(this.openArgs(storeId))
        return true
      } catch (error) {
        // Its port is one that the system may have lent to an outgoing connection meanwhile.
        if (!(error instanceof Refusal) || error.code !== 'FLOTILLA_ADDRESS_IN_USE') throw error
        store = this.spawn(storeId)
        return false
      }
    })
    this.#running.set(storeId, store)
    return store
  }

  /** A process without a store. */
  spawn(storeId: string): StoreProcess {
    const store = new StoreProcess(storeId)
    this.#all.add(store)
    store.ended.then(() => this.#all.delete(store))
    store.onLoad = (rows) => {
      for (const row of rows) {
        this.ledger.add(row)
        if (row.outcome === 'acked') this.#ackedBy.set(storeId, this.ackedBy(storeId) + 1)
      }
    }
    return store
  }

  openArgs(storeId: string): OpenArgs {
    return {
      clusterId: 'process-tests',
      storeId,
      dataDir: path.join(this.#dir, storeId),
      stores: this.stores,
      shards: 1,
      splitKeys: SPLIT_KEYS,
    }
  }

  store(storeId: string): StoreProcess {
    const store = this.#running.get(storeId)
    if (store === undefined) throw new Error(`${storeId} does not run`)
    return store
  }

  get running(): readonly StoreProcess[] {
    return [...this.#running.values()]
  }

  ackedBy(storeId: string): number {
    return this.#ackedBy.get(storeId) ?? 0
  }

  // ---- load ------------------------------------------------------------------------------------------------------------

  async startLoad(storeIds: readonly string[] = this.storeIds): Promise<void> {
    await Promise.all(
      storeIds.map(async (storeId) => {
        const prefix = `${storeId}.${++this.#loadNumber}`
        this.#loads.set(storeId, prefix)
        const args = { prefix, writers: WRITERS, counterGroupId: COUNTER }
        await this.store(storeId).call('startLoad', args)
      }),
    )
  }

  /** Resolves when every store that runs a load has had so many more writes acknowledged from now on. */
  async moreAcks(count: number): Promise<void> {
    const goals = [...this.#loads.keys()].map((storeId) => ({ storeId, goal: this.ackedBy(storeId) + count }))
    const what = () => `acks of ${goals.map(({ storeId, goal }) => `${storeId} to ${goal}`).join(', ')}`
    await until(what(), () => goals.every(({ storeId, goal }) => this.ackedBy(storeId) >= goal))
  }

  async stopLoad(): Promise<void> {
    await Promise.all([...this.#loads.keys()].map((storeId) => this.store(storeId).call('stopLoad', null)))
    this.#loads.clear()
  }

  // ---- ends --------------------------------------------------------------------------------------------------------

  async kill(...storeIds: readonly string[]): Promise<void> {
    const dying = storeIds.map((storeId) => this.store(storeId))
    for (const storeId of storeIds) {
      this.#running.delete(storeId)
      const load = this.#loads.get(storeId)
      this.#loads.delete(storeId)
      if (load !== undefined) this.ledger.cut(load)
    }
    await Promise.all(dying.map((store) => store.kill()))
  }

  /** Closes the store. Resolves when its process has ended by itself. */
  async close(storeId: string): Promise<{ readonly counts: LoadCounts; readonly end: End }> {
    const store = this.store(storeId)
    const counts = await store.call('close', null)
    const end = await this.gone(storeId)
    return { counts, end }
  }

  /** Resolves when the process has ended by itself. */
  async gone(storeId: string): Promise<End> {
    const store = this.store(storeId)
    let end: End | null = null
    void store.ended.then((ended) => {
      end = ended
    })
    await until(`end of ${storeId} by itself`, () => end !== null)
    this.#running.delete(storeId)
    this.#loads.delete(storeId)
    return end!
  }

  async killAll(): Promise<void> {
    await Promise.all([...this.#all].map((store) => store.kill()))
  }

  // ---- what is seen --------------------------------------------------------------------------------------------------

  async #untilLed(): Promise<void> {
    await until('every group has a leader', async () => (await this.leaders()).size === SPLIT_KEYS.length + 2)
  }

  /** The store that leads each group, by itself. */
  async leaders(): Promise<Map<string, string>> {
    const leaders = new Map<string, string>()
    for (const store of this.running) {
      const views: readonly GroupView[] = await store.call('view', null)
      for (const { groupId, state } of views) if (state === 'leader') leaders.set(groupId, store.storeId)
    }
    return leaders
  }

  /** Stores that run, those that lead most groups first. */
  async byGroupsLed(): Promise<string[]> {
    const leaders = [...(await this.leaders()).values()]
    const led = (storeId: string) => leaders.filter((leader) => leader === storeId).length
    return this.running.map((store) => store.storeId).sort((a, b) => led(b) - led(a))
  }

  /** Resolves when all replicas of each region have one digest at one applied index. No load may run. */
  async untilEqual(): Promise<void> {
    let seen = ''
    const what = 'one digest on all stores'
    try {
      await until(what, async () => {
        await Promise.all(this.running.map((store) => store.call('catchUp', null)))
        const digests = await Promise.all(this.running.map((store) => store.call('digests', null)))
        const texts = digests.map((views) =>
          views
            .map(({ groupId, appliedIndex, digest }) => `${groupId} ${appliedIndex} ${digest}`)
            .sort()
            .join('\n'),
        )
        seen = texts.join('\n\n')
        return texts.every((text) => text !== '' && text === texts[0])
      })
    } catch (error) {
      throw new Error(`${what}:\n${seen}`, { cause: error })
    }
  }

  /** Every store by itself must hold what was promised, and all of them the same. Returns what they said. */
  async verify(): Promise<readonly Verdict[]> {
    const expected = this.ledger.expected(COUNTER)
    const verdicts = await Promise.all(this.running.map((store) => store.call('verify', expected)))
    this.running.forEach(({ storeId }, i) => {
      const { storeIds, differences } = verdicts[i]!
      if (differences.length > 0) throw new Error(`${storeId} differs:\n${differences.join('\n')}`)
      if (storeIds.join() !== storeId) throw new Error(`${storeId} was asked, ${storeIds.join()} answered`)
    })
    const counters = new Set(
      verdicts.map(({ counterTotal, counterDigest }) => `${counterTotal} ${counterDigest}`),
    )
    if (counters.size !== 1) throw new Error(`counters differ: ${[...counters].join(', ')}`)
    return verdicts
  }
}
