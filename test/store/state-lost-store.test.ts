import { expect, test } from 'vitest'
import { Store } from '../../src/api/store.ts'
import { SimWorld } from '../../src/sim/world.ts'

/** What callers of a store see whose replica of a region has lost its state: the others answer for it. */
const NAMES = ['s1', 's2', 's3']
const MIB = 1024 * 1024

class Stores {
  readonly world: SimWorld
  readonly open = new Map<string, Store>()
  readonly errors: string[] = []
  readonly members: readonly string[]

  constructor(seed: number, members: readonly string[] = NAMES) {
    this.world = new SimWorld({ seed })
    this.members = members
    const stores = Object.fromEntries(NAMES.map((name) => [name, `${name}:7000`]))
    for (const name of NAMES) {
      this.world.process(name, {
        main: async ({ env, dir }) => {
          this.open.delete(name)
          const options = {
            clusterId: 'sim',
            storeId: name,
            dataDir: dir,
            stores,
            electionTimeoutMs: 300,
            maxLogBytes: MIB,
            kv: { members },
          }
          const store = await Store.open(options, env)
          store.on('groupError', ({ error }) => this.errors.push(`${name}: ${error.code}`))
          this.open.set(name, store)
        },
      })
    }
  }

  store(name: string): Store {
    return this.open.get(name)!
  }

  async ready(): Promise<void> {
    await this.world.waitFor(() => this.open.size === NAMES.length, 5_000)
    await this.world.run({ forMs: 2_000 })
  }

  /** Enough for logs to be cut: more than a quarter of the budget, several times. */
  async fill(): Promise<void> {
    const kv = this.store(this.members[0]!).kv('users')
    for (let i = 0; i < 40; i++) {
      const operations = Array.from({ length: 16 }, (_, n) => {
        return { type: 'put' as const, key: `k${n}`, value: `${i}`.padEnd(4096, '.') }
      })
      await this.world.settle(kv.batch(operations), 10_000)
    }
    await this.world.run({ forMs: 3_000 })
  }

  async loseState(name: string): Promise<void> {
    const process = this.world.process(name)
    process.kill('power')
    this.open.delete(name)
    process.disk.remove(`${process.dir}/shard-00/data`)
    process.restart()
    await this.world.waitFor(() => this.open.has(name), 5_000)
  }
}

test('reads, writes and scans on its store go to the other members', async () => {
  const stores = new Stores(1)
  const { world } = stores
  await stores.ready()
  await stores.fill()
  await stores.loseState('s2')
  const store = stores.store('s2')
  const [region] = store.describe().groups
  expect(region).toMatchObject({ waitsForSnapshot: true, appliedIndex: 0, keepsLog: false })
  expect(region!.firstIndex).toBeGreaterThan(1)
  expect(region!.error?.code).toBe('FLOTILLA_STATE_LOST')

  const kv = store.kv('users')
  expect(await world.settle(kv.get('k3'), 10_000)).toMatch(/^39\./)
  const { storeId } = await world.settle(kv.getDetailed('k3'), 10_000)
  expect(storeId).not.toBe('s2')
  await world.settle(kv.put('new', 'value'), 10_000)
  expect(await world.settle(kv.get('new'), 10_000)).toBe('value')
  expect(await world.settle(kv.keys({ gte: 'k1' }).all(), 10_000)).toHaveLength(16)

  const refused = await world.settle(
    kv.getDetailed('k3', { localOnly: true, timeoutMs: 500 }).catch((error) => error),
    10_000,
  )
  expect(refused.cause ?? refused).toMatchObject({ code: 'FLOTILLA_STATE_LOST' })
  const digest = await world.settle(
    store.digest(region!.groupId).catch((error) => error),
    10_000,
  )
  expect(digest).toMatchObject({ code: 'FLOTILLA_STATE_LOST', outcome: 'not-applied' })
  // Who asks another store hears of it too.
  const seen = await world.settle(stores.store('s1').describeReplicas(region!.groupId), 10_000)
  const report = seen.find(({ storeId }) => storeId === 's2')
  expect(report?.description).toMatchObject({ waitsForSnapshot: true, keepsLog: false })
  expect(report?.description?.error?.code).toBe('FLOTILLA_STATE_LOST')
})

test('the only member of a region refuses at once, and says what to do', async () => {
  const stores = new Stores(2, ['s1'])
  const { world } = stores
  await stores.ready()
  await stores.fill()
  await stores.loseState('s1')
  await world.run({ forMs: 1_000 })
  const store = stores.store('s1')
  expect(store.describe().groups[0]).toMatchObject({ state: 'leader', waitsForSnapshot: true })
  const kv = store.kv('users')
  const beforeMs = world.nowMs
  for (const call of [() => kv.get('k3'), () => kv.put('a', 'b')]) {
    const error = await world.settle(
      call().then(
        () => null,
        (reason) => reason,
      ),
      10_000,
    )
    expect(error.cause ?? error).toMatchObject({ code: 'FLOTILLA_STATE_LOST', outcome: 'not-applied' })
  }
  expect(world.nowMs - beforeMs).toBeLessThan(500)
  // From elsewhere the call ends with its deadline, and says why.
  const far = await world.settle(
    stores
      .store('s2')
      .kv('users')
      .put('a', 'b', { timeoutMs: 1_000 })
      .catch((error) => error),
    10_000,
  )
  expect(far).toMatchObject({ outcome: 'not-applied', cause: { code: 'FLOTILLA_STATE_LOST' } })
})
