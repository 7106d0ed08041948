import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { FlotillaError, Kv, type Store } from '../../src/index.ts'
import { Counter, TestCluster, until } from './cluster.ts'

const bytes = (text: string) => Buffer.from(text)
const code = (name: string) => expect.objectContaining({ code: `FLOTILLA_${name}` })
const VOTERS = ['s1', 's2', 's3']

describe('four stores, three of them with the regions', () => {
  let cluster: TestCluster

  beforeAll(async () => {
    cluster = await TestCluster.open([...VOTERS, 's4'], { kv: { splitKeys: ['m'], members: VOTERS } })
  })

  afterAll(async () => {
    await cluster.close()
  })

  test('keys written on any store are read on every store, in order and both ways', async () => {
    const stores = [...cluster.stores.values()]
    await Promise.all(stores.map((store) => store.kv('users').put(`user:${store.storeId}`, store.storeId)))
    await Promise.all(
      stores.map((store) => store.kv().batch([{ type: 'put', key: `z${store.storeId}`, value: '' }])),
    )
    for (const store of stores) {
      expect(await store.kv('users').values().all()).toEqual(['s1', 's2', 's3', 's4'])
      expect(await store.kv().keys({ reverse: true }).all()).toEqual(['zs4', 'zs3', 'zs2', 'zs1'])
      expect(await store.kv('users').get('user:s3')).toBe('s3')
    }
  })

  test('a read after a write on another store sees it, every time', async () => {
    const stores = [...cluster.stores.values()]
    for (let i = 0; i < 40; i++) {
      await stores[i % 4]!.kv('seen').put('k', String(i))
      expect(await stores[(i * 3 + 1) % 4]!.kv('seen').get('k')).toBe(String(i))
    }
  })

  test('a value names the store and index that it was read at, from the store’s own state when asked to', async () => {
    await cluster.store('s1').kv().put('own', 'x')
    for (const storeId of VOTERS) {
      const detailed = await cluster.store(storeId).kv().getDetailed('own', { localOnly: true })
      expect(detailed).toMatchObject({ value: 'x', storeId, groupId: 'kv/0001' })
      expect(detailed.appliedIndex).toBeGreaterThan(1)
    }
    const far = cluster.store('s4').kv()
    await expect(far.getDetailed('own', { localOnly: true })).rejects.toEqual(code('NO_SUCH_REPLICA'))
  })

  test('any bytes are a key and a value: none at all, NUL, newlines, all of them', async () => {
    const bytes = (text: string) => Buffer.from(text, 'latin1')
    const all = Buffer.from(Array.from({ length: 256 }, (_, i) => i))
    const keys = [
      bytes(''),
      bytes('\0'),
      bytes('\0\0'),
      bytes('\n'),
      bytes('a\0b'),
      bytes('a\nb'),
      bytes('\xff'),
      all,
    ]
    const rows = keys.map(
      (key, i) => [key, [bytes(''), bytes('\0'), bytes('line\nline\n'), all][i % 4]!] as const,
    )
    const binary = { keyEncoding: 'buffer', valueEncoding: 'buffer' } as const
    const db = (storeId: string) => cluster.store(storeId).kv<Buffer, Buffer>('bytes', binary)
    for (const [key, value] of rows) await db('s1').put(key, value)
    const sorted = [...rows].sort(([a], [b]) => Buffer.compare(a, b))
    for (const storeId of ['s2', 's4']) {
      for (const [key, value] of rows) expect(await db(storeId).get(key)).toEqual(value)
      expect(await db(storeId).iterator().all()).toEqual(sorted)
    }
    await db('s4').batch(keys.map((key) => ({ type: 'del' as const, key })))
    expect(await db('s1').keys().all()).toEqual([])
  })

  test('a batch over two regions is refused', async () => {
    const operations = ['a', 'z'].map((key) => ({ type: 'put' as const, key, value: '1' }))
    await expect(cluster.store('s1').kv('default').batch(operations)).rejects.toEqual(code('CROSS_REGION'))
  })

  test('replicas of a region come to one digest', async () => {
    await cluster.store('s1').kv().put('d', '1')
    await Promise.all(VOTERS.map((storeId) => cluster.store(storeId).group('kv/0000').readIndex()))
    const digests = await Promise.all(VOTERS.map((storeId) => cluster.store(storeId).digest('kv/0000')))
    const atOneIndex = new Map(digests.map(({ appliedIndex, digest }) => [appliedIndex, digest]))
    expect(atOneIndex.size).toBe(1)
    await expect(cluster.store('s4').digest('kv/0000')).rejects.toEqual(code('NO_SUCH_REPLICA'))
  })

  test('createGroup on all stores at once is one group; any store applies, queries and describes it', async () => {
    const request = {
      groupId: 'counter',
      type: 'counter',
      members: ['s3', 's1', 's2'],
      preferredLeader: 's2',
    }
    const groups = await Promise.all([...cluster.stores.values()].map((store) => store.createGroup(request)))
    let sum = 0
    for (const group of groups) {
      sum += 5
      const { result, index, term } = await group.apply(bytes('5'))
      expect(result!.toString()).toBe(String(sum))
      expect(index).toBeGreaterThan(1)
      expect(term).toBeGreaterThan(0)
      expect((await group.query(bytes(''))).toString()).toBe(String(sum))
      expect((await group.readIndex()).index).toBeGreaterThanOrEqual(index)
      const { type, members, leader } = await group.describe()
      expect([type, members.map(({ storeId, replica }) => `${storeId}#${replica}`)]).toEqual([
        'counter',
        ['s1#1', 's2#2', 's3#3'],
      ])
      expect(VOTERS).toContain(leader)
    }
  })

  test('createGroup under a name or of a type that nobody could read is refused', async () => {
    const request = { groupId: 'named', type: 'counter', members: VOTERS }
    for (const odd of [{ groupId: 'a\u0007b' }, { groupId: 'named ' }, { type: '\tcounter' }]) {
      const refused = cluster.store('s1').createGroup({ ...request, ...odd })
      await expect(refused).rejects.toEqual(code('INVALID_ARGUMENT'))
    }
  })

  test('createGroup with other arguments is refused', async () => {
    const request = { groupId: 'once', type: 'counter', members: VOTERS }
    await cluster.store('s1').createGroup(request)
    for (const other of [
      { args: bytes('x') },
      { members: ['s1', 's2'] },
      { type: 'other' },
      { preferredLeader: 's1' },
    ]) {
      const again = cluster.store('s2').createGroup({ ...request, ...other })
      await expect(again).rejects.toEqual(code('GROUP_EXISTS'))
    }
    await cluster.store('s3').createGroup({ ...request, members: ['s3', 's2', 's1'] })
  })

  test('many groups are made at once', async () => {
    const requests = Array.from({ length: 50 }, (_, i) => ({
      groupId: `many-${i}`,
      type: 'counter',
      members: VOTERS,
      preferredLeader: VOTERS[i % 3]!,
    }))
    const groups = await cluster.store('s4').createGroups(requests)
    const results = await Promise.all(groups.map((group) => group.apply(bytes('1'))))
    expect(results.map(({ result }) => result!.toString())).toEqual(requests.map(() => '1'))
  })

  test('a type that a member does not know stops its replica there, visibly, and disturbs no other', async () => {
    const errors: string[] = []
    cluster.store('s1').on('groupError', ({ groupId, error }) => errors.push(`${groupId} ${error.code}`))
    const group = await cluster
      .store('s1')
      .createGroup({ groupId: 'odd', type: 'unheard-of', members: ['s1'] })
    expect(errors).toEqual(['odd FLOTILLA_UNKNOWN_TYPE'])
    expect(await group.describe()).toMatchObject({ state: 'down', error: { code: 'FLOTILLA_UNKNOWN_TYPE' } })
    const refused = expect.objectContaining({ outcome: 'not-applied' })
    await expect(group.apply(bytes('1'), { timeoutMs: 100 })).rejects.toEqual(refused)
    expect((await cluster.store('s1').group('counter').apply(bytes('0'))).result).not.toBeNull()
  })

  test('a group that nobody hosts is unknown', async () => {
    await expect(cluster.store('s1').group('nobody').apply(bytes('1'))).rejects.toEqual(code('UNKNOWN_GROUP'))
  })

  test('wrong requests are refused by name and value', async () => {
    const store = cluster.store('s1')
    const good = { groupId: 'g', type: 'counter', members: ['s1'] }
    const wrong: [object, RegExp][] = [
      [{ groupId: '' }, /groupId must have 1 to 255 bytes, not 0/],
      [{ groupId: 'kv/x' }, /kv/],
      [{ type: 'kv' }, /kv/],
      [{ type: 7 }, /type must be a text .*, not 7/],
      [{ members: [] }, /1 to 31 members, not 0/],
      [{ members: 's1' }, /members must be a list of store ids, not "s1"/],
      [{ members: ['s1', 's1'] }, /members names "s1" twice/],
      [{ members: ['s9'] }, /members names "s9", which is not among the stores/],
      [{ args: 'text' }, /args must be a Buffer or Uint8Array, not "text"/],
      [{ args: Buffer.alloc(70_000) }, /args may have 65536 bytes, not 70000/],
      [{ preferredLeader: 's2' }, /preferredLeader must be one of the members, not "s2"/],
      [{ leader: 's1' }, /unknown option leader: known are groupId/],
    ]
    for (const [change, message] of wrong) {
      const error = await store.createGroup({ ...good, ...change }).catch((reason: FlotillaError) => reason)
      expect(error).toMatchObject({ outcome: 'not-applied' })
      expect((error as Error).message).toMatch(message)
    }
  })

  test('describe shows every replica, the peers and the regions', () => {
    const { groups, peers, regions, address, shards } = cluster.store('s2').describe()
    expect(groups.map(({ groupId }) => groupId)).toEqual(
      expect.arrayContaining(['kv/0000', 'kv/0001', 'counter']),
    )
    expect(peers.map(({ storeId, connected }) => `${storeId} ${connected}`).sort()).toEqual([
      's1 true',
      's3 true',
      's4 true',
    ])
    expect(regions.map(({ groupId, end }) => [groupId, end === null])).toEqual([
      ['kv/0000', false],
      ['kv/0001', true],
    ])
    expect(address).toMatch(/^127\.0\.0\.1:\d+$/)
    expect(shards[0]!.flushes).toBeGreaterThan(0)
  })

  test('what a listener throws harms nobody', async () => {
    const store = cluster.store('s3')
    let called = 0
    store.on('leaderChange', () => {
      called++
      throw new Error('a bug of the listener')
    })
    const group = await store.createGroup({ groupId: 'listened', type: 'counter', members: VOTERS })
    expect((await group.apply(bytes('1'))).result!.toString()).toBe('1')
    await until(() => called > 0)
  })
})

describe('stores that come and go', () => {
  test('a majority makes a group; the member that was away gets it when it comes', async () => {
    const cluster = await TestCluster.open(VOTERS, { kv: false })
    try {
      await cluster.stop('s3')
      const group = await cluster.store('s1').createGroup({ groupId: 'g', type: 'counter', members: VOTERS })
      expect((await group.apply(bytes('7'))).result!.toString()).toBe('7')
      const s3 = await cluster.start('s3')
      await until(async () => (await s3.group('g').describe()).storeId === 's3')
      expect((await s3.group('g').query(bytes(''))).toString()).toBe('7')
    } finally {
      await cluster.close()
    }
  })

  test('calls outlive the leader’s store: what was not handed over goes to the next leader', async () => {
    const cluster = await TestCluster.open(VOTERS)
    try {
      const kv = cluster.store('s2').kv()
      await kv.put('a', '1')
      const { leader } = await cluster.store('s2').group('kv/0000').describe()
      const reader = VOTERS.find((storeId) => storeId !== leader)!
      await cluster.stop(leader)
      const left = cluster.store(reader).kv()
      expect(await left.get('a')).toBe('1')
      await left.put('b', '2')
      expect(await left.keys().all()).toEqual(['a', 'b'])
    } finally {
      await cluster.close()
    }
  })

  test('a store opens again with what it had, whatever its options say of the regions', async () => {
    const cluster = await TestCluster.open(['s1'], { kv: { splitKeys: ['m'] } })
    try {
      await cluster.store('s1').kv().put('a', '1')
      const group = await cluster.store('s1').createGroup({ groupId: 'g', type: 'counter', members: ['s1'] })
      await group.apply(bytes('3'))
      await cluster.stop('s1')
      const again = await cluster.start('s1', { kv: { splitKeys: ['c', 'x'] } })
      expect(again.describe().regions).toHaveLength(2)
      expect(await again.kv().get('a')).toBe('1')
      expect((await again.group('g').query(bytes(''))).toString()).toBe('3')
    } finally {
      await cluster.close()
    }
  })

  test('after close every call is refused, closed resolves with null, and close is idempotent', async () => {
    const cluster = await TestCluster.open(['s1'])
    const store = cluster.store('s1')
    const kv = store.kv()
    const group = await store.createGroup({ groupId: 'g', type: 'counter', members: ['s1'] })
    await kv.put('a', '1')
    const last = [group.apply(bytes('1')), kv.get('a')].map((call: Promise<unknown>) =>
      call.catch((error: FlotillaError) => error),
    )
    await Promise.all([store.close(), store.close()])
    for (const outcome of await Promise.all(last)) {
      if (outcome instanceof FlotillaError) expect(outcome.code).toBe('FLOTILLA_CLOSED')
    }
    expect(await store.closed).toBeNull()
    await expect(group.apply(bytes('1'))).rejects.toEqual(code('CLOSED'))
    await expect(kv.put('a', '1')).rejects.toEqual(code('CLOSED'))
    await expect(store.createGroup({ groupId: 'h', type: 'counter', members: ['s1'] })).rejects.toEqual(
      code('CLOSED'),
    )
    await cluster.close()
  })

  test('a store disposes of itself, and without regions it has no keyspaces', async () => {
    const cluster = await TestCluster.open([])
    let store: Store
    {
      await using opened = await cluster.start('s1', { kv: false, stores: { s1: '127.0.0.1:0' } })
      store = opened
      expect(() => opened.kv()).toThrow(code('NO_KV'))
    }
    expect(await store.closed).toBeNull()
    await cluster.close()
  })

  test('a failed open leaves nothing behind: the directory can be opened again', async () => {
    const cluster = await TestCluster.open([])
    await cluster.start('s1', { stores: { s1: '127.0.0.1:0' }, kv: { splitKeys: ['m'] } })
    await cluster.stop('s1')
    const other = cluster.start('s1', { clusterId: 'another', stores: { s1: '127.0.0.1:0' } })
    await expect(other).rejects.toEqual(code('IDENTITY_MISMATCH'))
    const store = await cluster.start('s1', { stores: { s1: '127.0.0.1:0' } })
    expect(store.kv()).toBeInstanceOf(Kv)
    await cluster.close()
  })
})

test('the state machine of the tests counts', () => {
  expect(new Counter().onQuery().toString()).toBe('0')
})
