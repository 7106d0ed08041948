import { describe, expect, test } from 'vitest'
import { Kv, type KvOptions } from '../../src/client/kv.ts'
import { Keyspace } from '../../src/kv/keyspace.ts'
import { RegionMap, type SplitKey } from '../../src/kv/regions.ts'
import { MAX_BATCH_BYTES, MAX_KEY_BYTES, MAX_VALUE_BYTES } from '../../src/util/limits.ts'
import type { TestStore } from './world.ts'
import { World } from './world.ts'

/** Regions on s1 (leader), s2 and s3; s4 hosts none. */
function cluster(splitKeys: readonly SplitKey[] = ['g', 'p']) {
  const world = new World(['s1', 's2', 's3', 's4'])
  const regions = RegionMap.fromSplitKeys(splitKeys)
  const groups = regions.regions.map(({ groupId }) => world.group(groupId, ['s1', 's2', 's3'], 'kv'))
  const kv = <K = string, V = string>(store: TestStore, name = 'default', options: KvOptions<K, V> = {}) =>
    new Kv<K, V>({ router: store.router, reads: store.reads, regions }, new Keyspace(name), options)
  const fill = async (keys: string) => {
    const db = kv(world.store('s1'))
    await world.settle(Promise.all([...keys].map((key) => db.put(key, key.toUpperCase()))))
  }
  return { world, groups, kv, fill, s1: world.store('s1'), s2: world.store('s2'), s4: world.store('s4') }
}

describe.each(['s1', 's2', 's4'])('a keyspace on %s (leader, follower, no member)', (storeId) => {
  test('writes, reads and deletes', async () => {
    const { world, kv } = cluster()
    const db = kv(world.store(storeId))
    await world.settle(db.put('a', '1'))
    await world.settle(
      db.batch([
        { type: 'put', key: 'b', value: '2' },
        { type: 'del', key: 'a' },
      ]),
    )
    await world.settle(db.batch().put('x', 'X').put('y', 'Y').del('y').write())
    await world.settle(db.put('x', ''))
    expect((await world.settle(db.getMany(['a', 'b', 'x', 'nope']))).value).toEqual([
      undefined,
      '2',
      '',
      undefined,
    ])
    expect((await world.settle(db.get('b'))).value).toBe('2')
    expect((await world.settle(db.has('x'))).value).toBe(true)
    expect((await world.settle(db.hasMany(['x', 'y']))).value).toEqual([true, false])
    await world.settle(db.del('b'))
    expect((await world.settle(db.get('b'))).value).toBeUndefined()
  })

  test('scans over regions both ways, with every kind of bound, limit and seek', async () => {
    const { world, kv, fill } = cluster()
    await fill('acfgjpsz')
    const db = kv(world.store(storeId))
    const keys = async (options: object) => (await world.settle(db.keys(options).all())).value!.join('')
    expect(await keys({})).toBe('acfgjpsz')
    expect(await keys({ reverse: true })).toBe('zspjgfca')
    expect(await keys({ gt: 'c', lte: 'p' })).toBe('fgjp')
    expect(await keys({ gte: 'c', lt: 'p' })).toBe('cfgj')
    expect(await keys({ gt: 'c', lt: 'p', reverse: true })).toBe('jgf')
    expect(await keys({ gte: 'g', lt: 'g' })).toBe('')
    expect(await keys({ gt: 'z' })).toBe('')
    expect(await keys({ limit: 3 })).toBe('acf')
    expect(await keys({ limit: 5, reverse: true })).toBe('zspjg')
    expect((await world.settle(db.iterator({ gte: 'p' }).all())).value).toEqual([
      ['p', 'P'],
      ['s', 'S'],
      ['z', 'Z'],
    ])
    expect((await world.settle(db.values({ lt: 'f' }).all())).value).toEqual(['A', 'C'])
    const iterator = db.keys()
    iterator.seek('h')
    expect((await world.settle(iterator.nextv(2))).value).toEqual(['j', 'p'])
    iterator.seek('b')
    expect((await world.settle(iterator.next())).value).toBe('c')
    await world.settle(iterator.close())
  })

  test('clears a range, or as many as the limit says, from either end', async () => {
    const { world, kv, fill, groups } = cluster()
    await fill('acfgjpsz')
    const db = kv(world.store(storeId))
    await world.settle(db.clear({ gt: 'c', lt: 's' }))
    expect((await world.settle(db.keys().all())).value).toEqual(['a', 'c', 's', 'z'])
    await world.settle(db.clear({ reverse: true, limit: 1 }))
    expect((await world.settle(db.keys().all())).value).toEqual(['a', 'c', 's'])
    await world.settle(db.clear())
    expect(groups.map((group) => group.state.size)).toEqual([0, 0, 0])
  })
})

describe('keyspaces', () => {
  test('do not see each other, whatever their names begin with', async () => {
    const { world, kv, s1 } = cluster()
    const names = ['a', 'ab', 'b', 'default']
    for (const name of names) await world.settle(kv(s1, name).put('key', name))
    for (const name of names) {
      expect((await world.settle(kv(s1, name).iterator().all())).value).toEqual([['key', name]])
    }
    await world.settle(kv(s1, 'a').clear())
    expect((await world.settle(kv(s1, 'ab').get('key'))).value).toBe('ab')
  })

  test('take any encoding, and the empty key', async () => {
    const { world, kv, s1 } = cluster()
    const db = kv<Buffer, { n: number }>(s1, 'bin', { keyEncoding: 'buffer', valueEncoding: 'json' })
    await world.settle(db.put(Buffer.alloc(0), { n: 1 }))
    await world.settle(db.put(Buffer.from([0xff, 0, 0xff]), { n: 2 }))
    expect((await world.settle(db.iterator().all())).value).toEqual([
      [Buffer.alloc(0), { n: 1 }],
      [Buffer.from([0xff, 0, 0xff]), { n: 2 }],
    ])
  })

  test('closing a handle closes nothing else', async () => {
    const { world, kv, s1 } = cluster()
    const first = kv(s1)
    await world.settle(first.put('a', '1'))
    await world.settle(first.close())
    expect((await world.settle(first.get('a'))).error).toMatchObject({ code: 'LEVEL_DATABASE_NOT_OPEN' })
    expect((await world.settle(kv(s1).get('a'))).value).toBe('1')
  })
})

describe('batches', () => {
  test('one that spans regions is refused before anything is sent', async () => {
    const { world, kv, s1, groups } = cluster()
    const operations = [...'abz'].map((key) => ({ type: 'put' as const, key, value: '1' }))
    const { error } = await world.settle(kv(s1).batch(operations))
    expect(error).toMatchObject({ code: 'FLOTILLA_CROSS_REGION', outcome: 'not-applied' })
    expect(groups.map((group) => group.on('s1').asked.proposals)).toEqual([0, 0, 0])
  })

  test('one within a region is one entry of its log', async () => {
    const { world, kv, s1, groups } = cluster()
    await world.settle(kv(s1).batch([...'abc'].map((key) => ({ type: 'put', key, value: '1' }))))
    expect(groups.map((group) => group.log.length)).toEqual([1, 0, 0])
  })

  test('an operation on another database is refused', async () => {
    const { world, kv, s1, groups } = cluster()
    const sublevel = kv(s1, 'other').sublevel('x') as never
    const { error } = await world.settle(kv(s1).batch([{ type: 'put', key: 'a', value: '1', sublevel }]))
    expect(error).toMatchObject({ code: 'FLOTILLA_INVALID_ARGUMENT' })
    expect(groups[0]!.log).toHaveLength(0)
  })
})

describe('limits', () => {
  test('keys, values and batches over their limit are refused before anything is logged', async () => {
    const { world, kv, s1, groups } = cluster([])
    const db = kv<Buffer, Buffer>(s1, 'default', { keyEncoding: 'buffer', valueEncoding: 'buffer' })
    const key = Buffer.alloc(MAX_KEY_BYTES + 1)
    const value = Buffer.alloc(MAX_VALUE_BYTES + 1)
    const many = Array.from({ length: MAX_BATCH_BYTES / MAX_VALUE_BYTES + 1 }, (_, i) => {
      return { type: 'put' as const, key: Buffer.from([i]), value: value.subarray(1) }
    })
    const calls: (() => Promise<unknown>)[] = [
      () => db.put(key, Buffer.alloc(1)),
      () => db.del(key),
      () => db.get(key),
      () => db.getMany([key]),
      () => db.put(Buffer.from('a'), value),
      () => db.batch(many),
    ]
    for (const call of calls)
      expect((await world.settle(call())).error).toMatchObject({ code: 'FLOTILLA_TOO_LARGE' })
    expect(groups[0]!.log).toHaveLength(0)
    expect((await world.settle(db.put(key.subarray(1), value.subarray(1)))).error).toBeNull()
  })
})

describe('reads of a turn', () => {
  test('share one read index and one look-up per region', async () => {
    const { world, kv, s2, fill, groups } = cluster()
    await fill('abgz')
    const db = kv(s2)
    await world.settle(db.open())
    const { value } = await world.settle(Promise.all([db.get('a'), db.get('g'), db.getMany(['b', 'z', 'a'])]))
    expect(value).toEqual(['A', 'G', ['B', 'Z', 'A']])
    expect(groups.map((group) => group.on('s2').asked)).toMatchObject([
      { readIndex: 1, getMany: 1 },
      { readIndex: 1, getMany: 1 },
      { readIndex: 1, getMany: 1 },
    ])
  })

  test('share one call to another store', async () => {
    const { world, kv, s4, fill } = cluster([])
    await fill('abc')
    const db = kv(s4)
    await world.settle(db.get('a'))
    const before = s4.linkTo('s1').calls.length
    await world.settle(Promise.all([...'abcabc'].map((key) => db.get(key))))
    expect(s4.linkTo('s1').calls.length - before).toBe(1)
  })

  test('an answer that one frame does not hold comes in several', async () => {
    const { world, kv, s4 } = cluster([])
    const db = kv<string, Buffer>(s4, 'default', { valueEncoding: 'buffer' })
    const keys = [...'abcdefghij']
    for (const key of keys) await world.settle(db.put(key, Buffer.alloc(MAX_VALUE_BYTES, key)))
    const { value } = await world.settle(db.getMany([...keys, 'none']))
    expect(value!.map((one) => one && String.fromCharCode(one[0]!))).toEqual([...keys, undefined])
    expect(value!.slice(0, 10).every((one) => one!.length === MAX_VALUE_BYTES)).toBe(true)
  })

  test('are of one moment each, though an answer that they share holds only a part of one', async () => {
    const { world, kv, s1, s4, groups } = cluster([])
    const writer = kv<string, Buffer>(s1, 'default', { valueEncoding: 'buffer' })
    const db = kv<string, Buffer>(s4, 'default', { valueEncoding: 'buffer' })
    const keys = ['a', 'b', 'c']
    const write = (round: number) =>
      writer.batch(
        keys.map((key) => {
          return { type: 'put' as const, key, value: Buffer.alloc(MAX_VALUE_BYTES, round) }
        }),
      )
    await world.settle(write(0))
    await world.settle(db.get('none'))
    for (let round = 1; round < 40; round++) world.schedule(round / 2, () => void write(round))
    const before = s4.linkTo('s1').calls.length
    const all = Array.from({ length: 5 }, () => db.getMany(keys))
    const { value } = await world.settle(Promise.all(all))
    // One of them fits an answer, and the next begins in it.
    expect(s4.linkTo('s1').calls.length - before).toBe(5)
    const rounds = value!.map((values) => new Set(values.map((one) => one![0]!)))
    expect(rounds.map(({ size }) => size)).toEqual([1, 1, 1, 1, 1])
    expect(new Set(rounds.map(([round]) => round)).size).toBe(5)
    expect(groups[0]!.log.length).toBeGreaterThan(5)
  })
})

describe('getDetailed', () => {
  test('names the store and the applied index, from this store’s own state when asked to', async () => {
    const { world, kv, s2, fill } = cluster()
    await fill('ab')
    const { value } = await world.settle(kv(s2).getDetailed('b', { localOnly: true }))
    expect(value).toEqual({ value: 'B', storeId: 's2', appliedIndex: 2, groupId: 'kv/0000' })
  })

  test('does not fall back to another store when it may not', async () => {
    const { world, kv, s4, fill } = cluster()
    await fill('a')
    const { error } = await world.settle(kv(s4).getDetailed('a', { localOnly: true }))
    expect(error).toMatchObject({ code: 'FLOTILLA_NO_SUCH_REPLICA' })
    expect((await world.settle(kv(s4).getDetailed('a'))).value).toMatchObject({ value: 'A', storeId: 's1' })
  })
})

describe('scans', () => {
  test('close their views: at a region’s end, when abandoned, and when sought elsewhere', async () => {
    const { world, kv, s1, groups, fill } = cluster()
    await fill('abcghpq')
    const db = kv(s1)
    const iterator = db.keys()
    await world.settle(iterator.next())
    iterator.seek('p')
    await world.settle(iterator.next())
    await world.settle(iterator.close())
    await world.settle(db.keys().all())
    expect(groups.map((group) => group.on('s1').asked.openScans)).toEqual([0, 0, 0])
  })

  test('take pages of a bounded size', async () => {
    const { world, kv, s1, s4, groups } = cluster([])
    const db = kv(s1)
    for (let i = 0; i < 2_500; i += 500) {
      const operations = Array.from({ length: 500 }, (_, j) => {
        return { type: 'put' as const, key: String(i + j).padStart(4, '0'), value: 'v' }
      })
      await world.settle(db.batch(operations))
    }
    expect((await world.settle(kv(s4).keys().all())).value).toHaveLength(2_500)
    expect(s4.linkTo('s1').calls.filter((method) => method === 'kv.scan')).toHaveLength(3)
    await world.settle(db.clear())
    expect(groups[0]!.state.size).toBe(0)
  })

  test('go on after a lost connection where they were', async () => {
    const { world, kv, s4, fill } = cluster([])
    await fill('abcdef')
    const iterator = kv(s4).keys({ limit: 6 })
    await world.settle(iterator.nextv(2))
    world.cut('s1', 's4')
    expect((await world.settle(iterator.nextv(10))).value).toEqual(['c', 'd', 'e', 'f'])
  })

  test('an aborted page rejects as abstract-level does, and leaves no view open', async () => {
    const { world, kv, s1, groups, fill } = cluster([])
    await fill('ab')
    groups[0]!.lead('')
    const controller = new AbortController()
    const page = kv(s1).keys({ signal: controller.signal }).next()
    world.schedule(20, () => controller.abort())
    expect((await world.settle(page)).error).toMatchObject({ name: 'AbortError', code: 'LEVEL_ABORTED' })
    expect(groups[0]!.on('s1').asked.openScans).toBe(0)
  })
})

describe('a call’s own options', () => {
  test('timeoutMs and signal reach every call; the handle’s timeoutMs is the default', async () => {
    const { world, kv, s1, groups } = cluster([])
    groups[0]!.lead('')
    const db = kv(s1, 'default', { timeoutMs: 200 })
    const before = world.nowMs
    expect((await world.settle(db.put('a', '1'))).error).toMatchObject({ code: 'FLOTILLA_TIMEOUT' })
    expect(world.nowMs - before).toBeLessThan(230)
    expect((await world.settle(db.get('a', { timeoutMs: 50 }))).error).toMatchObject({
      outcome: 'not-applied',
    })
    expect(world.nowMs - before).toBeLessThan(310)
    const signal = AbortSignal.abort()
    expect((await world.settle(db.del('a', { signal }))).error).toMatchObject({ code: 'FLOTILLA_ABORTED' })
  })
})

test('the manifest promises what is true', () => {
  const { kv, s1 } = cluster()
  expect(kv(s1).supports).toMatchObject({
    implicitSnapshots: false,
    explicitSnapshots: false,
    has: true,
    seek: true,
    permanence: true,
    createIfMissing: false,
    errorIfExists: false,
  })
})
