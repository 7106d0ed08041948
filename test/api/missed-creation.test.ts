import { expect, test } from 'vitest'
import { Store } from '../../src/api/store.ts'
import { CounterMachine, counterCommand } from '../../src/sim/counter-machine.ts'
import { SimWorld } from '../../src/sim/world.ts'

const NAMES = ['s1', 's2', 's3']
const MEMBERS = { groupId: 'g', type: 'counter', members: NAMES }

/** Three stores on simulated machines; those not named yet do not run. */
class Cluster {
  readonly world = new SimWorld({ seed: 1 })
  readonly open = new Map<string, Store>()

  async start(...names: readonly string[]): Promise<void> {
    for (const name of names) this.world.process(name, { main: ({ env, dir }) => this.#main(name, dir, env) })
    await this.world.waitFor(() => names.every((name) => this.open.has(name)), 5_000)
  }

  async #main(storeId: string, dataDir: string, env: Parameters<typeof Store.open>[1]): Promise<void> {
    const stores = Object.fromEntries(NAMES.map((name) => [name, `${name}:7000`]))
    const options = { clusterId: 'sim', storeId, dataDir, stores, electionTimeoutMs: 300, kv: false as const }
    const stateMachines = {
      counter: () =>
        new CounterMachine(
          () => {},
          () => false,
        ),
    }
    this.open.set(storeId, await Store.open({ ...options, stateMachines }, env))
  }

  leads(storeId: string): boolean {
    return this.open
      .get(storeId)!
      .describe()
      .groups.some(({ state }) => state === 'leader')
  }
}

test('a member that missed its group’s creation gets it from one that knows of no leader, and elects with it', async () => {
  const cluster = new Cluster()
  const { world, open } = cluster
  await cluster.start('s1', 's2')
  await world.settle(open.get('s1')!.createGroups([MEMBERS]), 5_000)
  await world.waitFor(() => cluster.leads('s1') || cluster.leads('s2'), 5_000)
  const [leader, other] = cluster.leads('s1') ? (['s1', 's2'] as const) : (['s2', 's1'] as const)
  world.process(leader).kill('power')
  // The other one that has it leads nothing, and cannot without s3.
  await cluster.start('s3')
  await world.waitFor(() => cluster.leads(other) || cluster.leads('s3'), 10_000)
  const { result } = await world.settle(open.get('s3')!.group('g').apply(counterCommand(1, 5)), 5_000)
  expect(result?.toString()).toBe('5')
})
