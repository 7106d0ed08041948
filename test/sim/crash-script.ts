import type { StateMachine } from '../../src/api/state-machine.ts'
import type { GroupRequest } from '../../src/api/group-request.ts'
import { SimCluster, type SimClusterOptions } from '../../src/sim/cluster.ts'
import { KvGhost } from '../../src/sim/kv-ghost.ts'
import { SimWorld } from '../../src/sim/world.ts'

/** Three stores, two regions of keys and a counter: every group on every store. */
export const STORE_IDS: readonly string[] = ['s1', 's2', 's3']
const SECOND_REGION = 'm'
const COUNTER: GroupRequest = {
  groupId: 'counter',
  type: 'counter',
  members: [...STORE_IDS],
  preferredLeader: 's2',
}
/** The least: logs are looked at when they grew by a quarter of it. */
const LOG_BUDGET_BYTES = 1 << 20
const SMALL_BYTES = 100
const LARGE_BYTES = 8_000

class Counter implements StateMachine {
  #sum = 0

  onApply(entries: Parameters<StateMachine['onApply']>[0]): void {
    for (const entry of entries) {
      this.#sum += entry.data.length
      entry.reply(Buffer.from(String(this.#sum)))
    }
  }
}

export const CLUSTER: SimClusterOptions = {
  storeIds: STORE_IDS,
  electionTimeoutMs: 300,
  maxLogBytes: LOG_BUDGET_BYTES,
  kv: { splitKeys: [SECOND_REGION], members: [...STORE_IDS] },
  groups: [COUNTER],
  stateMachines: { counter: () => new Counter() },
}

/** A write that a client was told of as done. */
export interface AckedPut {
  readonly key: string
  readonly value: string
}

/** A run that always goes the same way: births, writes, a lost leader, a suffix that is cut, truncations, restarts. */
export class CrashScript {
  readonly world = new SimWorld({ seed: 'crash-points' })
  readonly kv = new KvGhost(
    () => true,
    () => 0,
  )
  readonly cluster: SimCluster
  readonly acked: AckedPut[] = []
  #next = 0

  constructor() {
    this.cluster = new SimCluster(this.world, CLUSTER, {
      onCommitted: (group, index, entry) => {
        if (group.groupId.startsWith('kv/')) this.kv.onCommitted(group, index, entry)
      },
      onState: (group, storeId, step) => this.kv.onState(group, storeId, step),
    })
  }

  async play(): Promise<void> {
    const { world, cluster } = this
    await world.waitFor(() => cluster.groupsMade && this.#allLed(), 20_000, 'leaders of all groups')
    await this.#write('s1', 6)
    // Whoever leads the first region is cut off with entries that nobody else has; they are replaced.
    const old = this.#leaderOf('kv/0000')!
    const others = STORE_IDS.filter((storeId) => storeId !== old)
    world.network.isolate(old)
    const lost = this.#put(old, 'lost').catch(() => {})
    await world.waitFor(
      () => others.includes(this.#leaderOf('kv/0000', others) ?? ''),
      20_000,
      'another leader',
    )
    await this.#write(others[0]!, 4)
    world.network.heal()
    await world.settle(lost, 20_000)
    await world.run({ forMs: 600 })
    // Enough for the logs to be truncated.
    await this.#write('s3', 18, LARGE_BYTES)
    await world.run({ forMs: 600 })
    await this.#write('s3', 2)
    await this.#restart('s2', 'process')
    await this.#write('s1', 4)
    await this.#restart('s1', 'power')
    await this.#write('s3', 4)
    await world.run({ forMs: 300 })
  }

  #allLed(): boolean {
    return ['kv/0000', 'kv/0001', 'counter'].every((groupId) => this.#leaderOf(groupId) !== null)
  }

  #leaderOf(groupId: string, among: readonly string[] = STORE_IDS): string | null {
    let best: { readonly storeId: string; readonly term: number } | null = null
    for (const storeId of among) {
      const found = this.cluster.hosts.get(storeId)?.group(groupId)?.describe()
      if (found?.state === 'leader' && found.term > (best?.term ?? 0)) best = { storeId, term: found.term }
    }
    return best?.storeId ?? null
  }

  async #restart(storeId: string, mode: 'process' | 'power'): Promise<void> {
    this.cluster.process(storeId).restart(mode)
    await this.world.waitFor(() => this.cluster.stores.has(storeId), 20_000, `${storeId} to open`)
    await this.world.run({ forMs: 300 })
  }

  /** Writes in turn to each group, two at a time, through one store. */
  async #write(storeId: string, count: number, bytes = SMALL_BYTES): Promise<void> {
    for (let i = 0; i < count; i++) {
      const both = Promise.all([
        this.#put(storeId, 'a', bytes),
        this.#put(storeId, 'n', bytes),
        this.#add(storeId),
      ])
      await this.world.settle(both, 20_000, 'two writes')
    }
  }

  async #put(storeId: string, prefix: string, bytes = SMALL_BYTES): Promise<void> {
    const key = `${prefix}-${this.#next++}`
    const value = `${key}:`.padEnd(bytes, 'x')
    await this.cluster.stores.get(storeId)!.kv<string, string>().put(key, value, { timeoutMs: 10_000 })
    this.acked.push({ key, value })
  }

  async #add(storeId: string): Promise<void> {
    await this.cluster.stores.get(storeId)!.group('counter').apply(Buffer.from('x'), { timeoutMs: 10_000 })
  }
}
