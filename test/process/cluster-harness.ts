import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { findFreePorts } from '../../src/cli/free-ports.ts'
import type { GroupView, LoadArgs, LoadCounts, LoadRow, OpenArgs, Verdict } from './child-calls.ts'
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

export interface ClusterPlan {
  readonly splitKeys: readonly string[]
  /** Groups of a user's state machine. */
  readonly counters: readonly string[]
  readonly load: Pick<LoadArgs, 'pauseMs' | 'readEvery'>
  readonly keepWarnings: boolean
  readonly maxLogBytes?: number
}

/** One region and nothing else: one store leads all there is. */
export const ONE_GROUP: ClusterPlan = { splitKeys: [], counters: [], load: {}, keepWarnings: false }

const PLAN: ClusterPlan = { splitKeys: SPLIT_KEYS, counters: [COUNTER], load: {}, keepWarnings: false }

/** Runs `body` with a cluster of three store processes, and leaves neither process nor file behind. */
export async function withCluster(
  body: (cluster: Cluster) => Promise<void>,
  plan: ClusterPlan = PLAN,
): Promise<void> {
  const dir = await mkdtemp(path.join(os.tmpdir(), 'flotilla-process-'))
  const ports = await findFreePorts(STORE_IDS.length, HOST)
  const cluster = new Cluster(dir, ports, plan)
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
  readonly #plan: ClusterPlan
  #loadNumber = 0
  #over = false
  /** Stores with replicas that wait for a snapshot: they cannot hold all that was acknowledged, and are not asked for it. */
  readonly unsound = new Set<string>()
  /** Of stores whose disk shall fail: see StoreProcess. */
  readonly maxFileBlocks = new Map<string, number>()
  /** Told of every outcome, after the ledger. */
  onRows: (storeId: string, rows: readonly LoadRow[]) => void = () => {}

  constructor(dir: string, ports: readonly number[], plan: ClusterPlan = PLAN) {
    this.#dir = dir
    this.#plan = plan
    this.stores = Object.fromEntries(STORE_IDS.map((storeId, i) => [storeId, `${HOST}:${ports[i]}`]))
  }

  /** All three, and the counters' groups. */
  async start(): Promise<void> {
    await this.startStores(this.storeIds)
    for (const groupId of this.#plan.counters) {
      await this.store('s1').call('createCounter', { groupId, members: this.storeIds })
    }
    await this.#untilLed()
  }

  async startStores(storeIds: readonly string[]): Promise<void> {
    await Promise.all(storeIds.map((storeId) => this.startStore(storeId)))
  }

  /** Rejects when the store was refused or died; its process is gone then. */
  async startStore(storeId: string): Promise<StoreProcess> {
    let store = this.spawn(storeId)
    await until(`${storeId} has its address`, async () => {
      try {
        await store.open(this.openArgs(storeId))
        return true
      } catch (error) {
        // Its port is one that the system may have lent to an outgoing connection meanwhile.
        if (!(error instanceof Refusal) || error.code !== 'FLOTILLA_ADDRESS_IN_USE') {
          await store.kill()
          throw error
        }
        store = this.spawn(storeId)
        return false
      }
    })
    this.#running.set(storeId, store)
    return store
  }

  /** A process without a store. */
  spawn(storeId: string): StoreProcess {
    if (this.#over) throw new Error('the cluster has been killed')
    const store = new StoreProcess(storeId, this.maxFileBlocks.get(storeId) ?? null)
    this.#all.add(store)
    store.ended.then(() => this.#all.delete(store))
    store.onLoad = (rows) => {
      for (const row of rows) {
        this.ledger.add(row)
        if (row.outcome === 'acked' && row.kind !== 'read')
          this.#ackedBy.set(storeId, this.ackedBy(storeId) + 1)
      }
      this.onRows(storeId, rows)
    }
    return store
  }

  openArgs(storeId: string): OpenArgs {
    return {
      clusterId: 'process-tests',
      storeId,
      dataDir: this.dirOf(storeId),
      stores: this.stores,
      shards: 1,
      splitKeys: this.#plan.splitKeys,
      keepWarnings: this.#plan.keepWarnings,
      maxLogBytes: this.#plan.maxLogBytes,
    }
  }

  dirOf(storeId: string): string {
    return path.join(this.#dir, storeId)
  }

  store(storeId: string): StoreProcess {
    const store = this.#running.get(storeId)
    if (store === undefined) throw new Error(`${storeId} does not run`)
    return store
  }

  get running(): readonly StoreProcess[] {
    return [...this.#running.values()]
  }

  get #sound(): readonly StoreProcess[] {
    return this.running.filter(({ storeId }) => !this.unsound.has(storeId))
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
        const { load, counters } = this.#plan
        const args = { ...load, prefix, writers: WRITERS, counterGroupIds: counters }
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

  /** Nothing can be started any more. */
  async killAll(): Promise<void> {
    this.#over = true
    await Promise.all([...this.#all].map((store) => store.kill()))
  }

  // ---- what is seen --------------------------------------------------------------------------------------------------

  async #untilLed(): Promise<void> {
    const { splitKeys, counters } = this.#plan
    const groups = splitKeys.length + 1 + counters.length
    await until('every group has a leader', async () => (await this.leaders()).size === groups)
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

  /** Resolves when all sound replicas of each region have one digest at one applied index. No load may run. */
  async untilEqual(): Promise<void> {
    let seen = ''
    const what = 'one digest on all stores'
    try {
      await until(what, async () => {
        await Promise.all(this.#sound.map((store) => store.call('catchUp', null)))
        const digests = await Promise.all(this.#sound.map((store) => store.call('digests', null)))
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

  /** Every sound store by itself must hold what was promised, and all of them the same. Returns what they said. */
  async verify(): Promise<readonly Verdict[]> {
    const expected = this.ledger.expected(this.#plan.counters)
    const sound = this.#sound
    const verdicts = await Promise.all(sound.map((store) => store.call('verify', expected)))
    sound.forEach(({ storeId }, i) => {
      const { storeIds, differences } = verdicts[i]!
      if (differences.length > 0) throw new Error(`${storeId} differs:\n${differences.join('\n')}`)
      if (storeIds.join() !== storeId) throw new Error(`${storeId} was asked, ${storeIds.join()} answered`)
    })
    const counters = new Set(verdicts.map((verdict) => JSON.stringify(verdict.counters)))
    if (counters.size !== 1) throw new Error(`counters differ: ${[...counters].join(', ')}`)
    return verdicts
  }
}
