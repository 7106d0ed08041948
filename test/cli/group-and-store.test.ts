import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { RocksEngine } from '../../src/env/rocks.ts'
import { Store } from '../../src/index.ts'
import { dataKey } from '../../src/kv/data-keys.ts'
import { Keyspace } from '../../src/kv/keyspace.ts'
import { crc32 } from '../../src/util/crc.ts'
import { Counter } from '../process/counter.ts'
import { createGroup, introduce, type LocalStores, openLocalStores } from '../process/local-stores.ts'
import { type Ended, jsonOf, runCommand } from './command-line.ts'

const PATIENCE = { timeoutMs: 60_000 }
const MEMBERS = ['s1', 's2', 's3']

let cluster: LocalStores
let stores: Store[]

function flotilla(...args: string[]): Promise<Ended> {
  return runCommand([...args, '--stores', stores[1]!.address, '--timeout-ms', '60000'])
}

/** For programs, and for people. */
function both(...args: string[]): Promise<[Ended, Ended]> {
  return Promise.all([flotilla(...args, '--json'), flotilla(...args)])
}

interface Verified {
  readonly equal: boolean
  readonly skipped: number
  readonly groups: ReadonlyArray<{
    readonly groupId: string
    readonly result: string
    readonly problem: string
  }>
}

beforeAll(async () => {
  cluster = await openLocalStores(3, {
    kv: { splitKeys: ['m'] },
    stateMachines: { counter: () => new Counter() },
  })
  stores = [...cluster.stores]
  await createGroup(stores[0]!, { groupId: 'hits', type: 'counter', members: MEMBERS })
  const kv = stores[0]!.kv('default', PATIENCE)
  await Promise.all([kv.put('a', '1'), kv.put('b', '2'), kv.put('x', '3')])
  // Every store has heard of every leader once it has answered a read.
  for (const store of stores) {
    const reads = [store.kv('default', PATIENCE).get('a'), store.kv('default', PATIENCE).get('x')]
    await Promise.all([...reads, store.group('hits').query(Buffer.from('[]'), PATIENCE)])
  }
})

afterAll(async () => {
  await Promise.all(stores.map((store) => store.close()))
  await cluster[Symbol.asyncDispose]()
})

describe('groups', () => {
  test('list: each with its leader, term and replicas, for people and programs', async () => {
    const [ended, people] = await both('group', 'list')
    expect(ended.code).toBe(0)
    const groups =
      jsonOf<Array<{ groupId: string; type: string; leader: string; replicas: unknown[] }>>(ended)
    expect(groups.map(({ groupId, type }) => [groupId, type])).toEqual([
      ['hits', 'counter'],
      ['kv/0000', 'kv'],
      ['kv/0001', 'kv'],
    ])
    for (const { leader, replicas } of groups) {
      expect(MEMBERS).toContain(leader)
      expect(replicas).toMatchObject(MEMBERS.map((storeId) => ({ storeId, error: null })))
    }
    const text = people.stdout.toString()
    expect(text).toMatch(/│ kv\/0000 │ kv +│ s[123] +│ +\d+ │ s1 s2 s3 │/)
    expect(text).toContain('3 groups')
  })

  test('describe: what each member says, and what the leader knows; an unknown one is exit 1', async () => {
    const [ended, people] = await both('group', 'describe', 'kv/0000')
    const view = jsonOf<{ leader: string; replicas: unknown[] }>(ended)
    expect(MEMBERS).toContain(view.leader)
    const described = MEMBERS.map((storeId) => ({
      storeId,
      error: null,
      description: { groupId: 'kv/0000', storeId },
    }))
    expect(view.replicas).toMatchObject(described)
    const text = people.stdout.toString()
    expect(text).toContain('Group kv/0000 of type kv')
    expect(text).toMatch(/What s[123] knows of the others/)
    const unknown = await flotilla('group', 'describe', 'nope')
    expect([unknown.code, unknown.stderr]).toEqual([1, expect.stringContaining('hosts group nope')])
  })

  test('verify: all key-value groups are compared; one of another type cannot be', async () => {
    const ended = await flotilla('group', 'verify', '--json')
    expect(ended.code).toBe(0)
    expect(jsonOf<Verified>(ended)).toMatchObject({
      equal: true,
      skipped: 1,
      groups: [
        { groupId: 'kv/0000', result: 'equal', problem: '' },
        { groupId: 'kv/0001', result: 'equal', problem: '' },
      ],
    })
    const other = await flotilla('group', 'verify', 'hits', 'kv/0001')
    expect(other.code).toBe(1)
    expect(other.stdout.toString()).toMatch(/hits +│ failed.*type counter/)
  })

  test('verify: one replica with one byte too many is found and named, exit 1', async () => {
    await stores[2]!.close()
    await addKeyBehindItsBack(join(cluster.dir, 's3/shard-00/data'))
    const missing = await flotilla('group', 'verify', 'kv/0000', '--json')
    expect(missing.code).toBe(1)
    expect(jsonOf<Verified>(missing).groups).toMatchObject([
      { result: 'incomplete', problem: expect.stringContaining('s3 was not compared') },
    ])
    stores[2] = await Store.open(cluster.optionsOf('s3'))
    introduce(stores)
    const ended = await flotilla('group', 'verify', '--json')
    expect(ended.code).toBe(1)
    const { equal, groups } = jsonOf<Verified>(ended)
    expect(equal).toBe(false)
    expect(groups).toMatchObject([
      { groupId: 'kv/0000', result: 'different', problem: 's3 differs from s1, s2' },
      { groupId: 'kv/0001', result: 'equal' },
    ])
  })
})

/** A key more in the first region's state, sound by its checksum. */
async function addKeyBehindItsBack(dir: string): Promise<void> {
  const db = await new RocksEngine().open(dir, { writeBufferBytes: 1024 * 1024, compression: true })
  const key = dataKey(1, new Keyspace('default').fullKey(Buffer.from('c')))
  const value = Buffer.from('not from the log')
  const stored = Buffer.alloc(4 + value.length)
  stored.set(value, 4)
  stored.writeUInt32LE(crc32(value, crc32(key.subarray(4))), 0)
  const batch = db.createBatch()
  batch.put(key, stored)
  await db.write(batch, true)
  await db.close()
}

describe('stores', () => {
  test('list: all of them, found through one', async () => {
    const [ended, people] = await both('store', 'list')
    expect(ended.code).toBe(0)
    expect(jsonOf(ended)).toMatchObject(
      MEMBERS.map((storeId) => ({ storeId, reachable: true, error: null, groupsHosted: 3, suspect: null })),
    )
    expect(people.stdout.toString()).toMatch(/│ s2 +│ 127\.0\.0\.1:\d+ │ up +│/)
  })

  test('describe: one with its peers and replicas; an unknown one names those that are known', async () => {
    const [ended, people] = await both('store', 'describe', 's1')
    const view = jsonOf<{ peers: unknown[]; groups: unknown[] }>(ended)
    expect(view).toMatchObject({ storeId: 's1', versions: { dataFormat: 1 } })
    expect(view.groups).toMatchObject([{ groupId: 'hits' }, { groupId: 'kv/0000' }, { groupId: 'kv/0001' }])
    const text = people.stdout.toString()
    expect(text).toMatch(/^Store s1 at 127/)
    expect(text).toContain('Other stores')
    const unknown = await flotilla('store', 'describe', 's9')
    expect(unknown.code).not.toBe(0)
    expect(unknown.stderr).toContain('known are s1, s2, s3')
  })
})
