import { afterEach, describe, expect, test } from 'vitest'
import { KIND_DATA, packBlock } from '../../src/block/log-block.ts'
import type { EngineDb } from '../../src/env/ports.ts'
import { encodeBatch, encodeDel, encodePut } from '../../src/kv/command.ts'
import { appliedKey, dataKey } from '../../src/kv/data-keys.ts'
import { encodePosition } from '../../src/kv/state-engine.ts'
import { KEY_BLOCK, logKey } from '../../src/storage/log-keys.ts'
import { MAX_APPLY_BATCH_BYTES, MAX_AWAITED_DIGESTS, MAX_OPEN_SCANS } from '../../src/util/limits.ts'
import { hash32 } from '../../src/util/hash.ts'
import { memoryWorld, TestShard, WORLDS } from '../storage/shard-harness.ts'
import type { World } from '../storage/shard-harness.ts'

const shards: TestShard[] = []
const worlds: World[] = []

async function open(world: World): Promise<TestShard> {
  const shard = await TestShard.open(world)
  shards.push(shard)
  if (!worlds.includes(world)) worlds.push(world)
  return shard
}

afterEach(async () => {
  for (const { shard } of shards.splice(0)) await shard.close()
  for (const { remove } of worlds.splice(0)) remove()
})

function put(key: string, value: string): Buffer {
  return encodePut(Buffer.from(key), Buffer.from(value))
}

async function scanAll(test: TestShard, scan: number, maxRows = 2): Promise<Array<[string, string | null]>> {
  const all: Array<[string, string | null]> = []
  for (;;) {
    const rows = await page(test, scan, maxRows)
    if (rows.length === 0) return all
    all.push(...rows)
  }
}

function page(test: TestShard, scan: number, maxRows: number): Promise<Array<[string, string | null]>> {
  return new Promise((resolve, reject) => {
    test.shard.scanNext(scan, maxRows, (error, rows) => {
      if (error) reject(error)
      else resolve(rows.map(([key, value]) => [key.toString(), value?.toString() ?? null]))
    })
  })
}

function openScan(
  test: TestShard,
  slot: number,
  options = {},
): Promise<{ scan: number; appliedIndex: number }> {
  return new Promise((resolve, reject) => {
    test.shard.scanOpen(slot, options, (error, opened) => (error ? reject(error) : resolve(opened!)))
  })
}

describe.each(WORLDS)('the KV state on %s', (_name, makeWorld) => {
  test('holds what committed entries say, in their order, and the applied index of the view', async () => {
    const test = await open(makeWorld())
    const a = await test.create('a')
    const b = await test.create('b')
    for (const replica of [a, b]) await replica.setTerm(1)
    void a.put({ x: '1', y: '2' })
    void a.append([encodeDel(Buffer.from('x')), put('y', '3'), put('z', '')])
    void b.put({ x: 'other' })
    // Applied as soon as posted: the flush may still be under way.
    await Promise.all([a.apply(4), b.apply(1)])
    expect(await test.get(a.slot, ['x', 'y', 'z'])).toEqual({ values: [null, '3', null], appliedIndex: 4 })
    expect(await test.get(b.slot, ['x', 'y'])).toEqual({ values: ['other', null], appliedIndex: 1 })
    await a.apply(5)
    expect(await test.get(a.slot, ['z'])).toEqual({ values: [''], appliedIndex: 5 })
  })

  test('goes on where it was after a reopening, and applies nothing twice', async () => {
    const world = makeWorld()
    const first = await open(world)
    const a = await first.create('a')
    await a.setTerm(1)
    await a.append([put('n', '1'), put('n', '2')])
    await a.configure('c')
    await a.apply(3)
    await a.append([put('m', 'late')])
    await first.shard.close()
    const second = await open(world)
    expect(second.recovered('a')).toMatchObject({ lastIndex: 4, appliedIndex: 3, appliedTerm: 1 })
    expect((await second.get(a.slot, ['n', 'm'])).values).toEqual(['2', null])
    const again = second.replica('a')
    await again.apply(4)
    expect((await second.get(a.slot, ['n', 'm'])).values).toEqual(['2', 'late'])
    expect(second.shard.stats.appliedEntries).toBe(1)
  })

  test('a scan is one view until it is closed, both ways, within bounds, with keys only', async () => {
    const test = await open(makeWorld())
    const a = await test.create('a')
    const b = await test.create('b')
    for (const replica of [a, b]) await replica.setTerm(1)
    await a.put({ a: '1', b: '2', c: '3', d: '4' })
    await b.put({ a: 'foreign' })
    await Promise.all([a.apply(4), b.apply(1)])
    const whole = await openScan(test, a.slot)
    expect(whole.appliedIndex).toBe(4)
    expect(await page(test, whole.scan, 1)).toEqual([['a', '1']])
    await a.append([
      encodeBatch([
        { type: 'del', key: Buffer.from('b') },
        { type: 'put', key: Buffer.from('c'), value: Buffer.from('new') },
      ]),
    ])
    await a.apply(5)
    expect(await scanAll(test, whole.scan)).toEqual([
      ['b', '2'],
      ['c', '3'],
      ['d', '4'],
    ])
    test.shard.scanClose(whole.scan)
    await expect(page(test, whole.scan, 1)).rejects.toMatchObject({ code: 'FLOTILLA_CLOSED' })
    const back = await openScan(test, a.slot, { reverse: true, gt: Buffer.from('a'), lte: Buffer.from('d') })
    expect(await scanAll(test, back.scan)).toEqual([
      ['d', '4'],
      ['c', 'new'],
    ])
    const keys = await openScan(test, a.slot, { values: false, gte: Buffer.from('c'), lt: Buffer.from('d') })
    expect(await scanAll(test, keys.scan)).toEqual([['c', null]])
    // An open scan does not stand in the way of closing.
  })

  test('digests agree between shards that were given the same entries cut differently', async () => {
    const [one, two] = [await open(makeWorld()), await open(makeWorld())]
    const [a, b] = [await one.create('a'), await two.create('a')]
    for (const replica of [a, b]) await replica.setTerm(1)
    const entries = Array.from({ length: 300 }, (_, i) =>
      i % 5 === 4 ? encodeDel(Buffer.from(`k${i - 3}`)) : put(`k${i}`, `v${i * 7}`),
    )
    await a.append(entries)
    await b.append(entries.slice(0, 7))
    for (let i = 7; i < 300; i += 50) await b.append(entries.slice(i, i + 50))
    await a.apply(300)
    for (const to of [3, 100, 300]) await b.apply(to)
    const digest = await one.shard.digest(a.slot)
    expect(digest).toMatchObject({ appliedIndex: 300, appliedTerm: 1, keys: 180 })
    expect(await two.shard.digest(b.slot)).toEqual(digest)
    await b.put({ k0: 'different' })
    await b.apply(301)
    expect((await two.shard.digest(b.slot)).digest).not.toBe(digest.digest)
  })

  test('a digest at an index to come is of the state at that very index, also when an apply goes far beyond', async () => {
    const one = await open(makeWorld())
    const a = await one.create('a')
    await a.setTerm(1)
    const written: string[] = []
    const at = async (entries: number) => {
      const other = await open(makeWorld())
      const b = await other.create('a')
      await b.setTerm(1)
      await b.append(written.slice(0, entries).map((key) => put(key, key)))
      await b.apply(entries)
      return await other.shard.digest(b.slot)
    }
    for (let i = 0; i < 300; i++) written.push(`k${i % 90}`)
    await a.append(written.map((key) => put(key, key)))
    const [now, middle, same, end] = [0, 120, 120, 300].map((index) => one.shard.digest(a.slot, index))
    expect(await now).toMatchObject({ appliedIndex: 0, keys: 0 })
    await a.apply(300)
    expect(await middle).toEqual(await at(120))
    expect(await same).toEqual(await middle)
    expect(await end).toMatchObject({ appliedIndex: 300, keys: 90 })
    // Where it was passed there is none; nor for those for whom too many wait.
    expect(await one.shard.digest(a.slot, 299)).toMatchObject({ appliedIndex: 300, digest: '' })
    const waiting = Array.from({ length: MAX_AWAITED_DIGESTS + 1 }, () => one.shard.digest(a.slot, 400))
    expect(await waiting[0]).toMatchObject({ appliedIndex: 300, digest: '' })
    // The others are let go when the shard is closed.
    const rest = Promise.all(waiting.slice(1))
    await one.shard.close()
    const ended = await rest.catch((error) => error.code)
    if (ended !== 'FLOTILLA_CLOSED') for (const { digest } of ended) expect(digest).toBe('')
  })

  test('more than a batch holds is applied in several, from memory and from disk', async () => {
    const world = makeWorld()
    const first = await open(world)
    const a = await first.create('a')
    await a.setTerm(1)
    const value = 'x'.repeat(200_000)
    const writes: Array<Promise<void>> = []
    let bytes = 0
    for (let i = 0; bytes < 2.5 * MAX_APPLY_BATCH_BYTES; i++, bytes += 800_000) {
      writes.push(
        a.append([put(`${i}a`, value), put(`${i}b`, value), put(`${i}c`, value), put(`${i}d`, value)]),
      )
    }
    await Promise.all(writes)
    const { lastIndex } = a
    await a.apply(6)
    await first.shard.close()
    const second = await open(world)
    const again = second.replica('a')
    await again.apply(lastIndex)
    expect(await second.shard.digest(a.slot)).toMatchObject({ keys: lastIndex, appliedIndex: lastIndex })
  })

  test('an entry that is no command stops its own group before it, and no other', async () => {
    const test = await open(makeWorld())
    const a = await test.create('a')
    const b = await test.create('b')
    for (const replica of [a, b]) await replica.setTerm(1)
    await a.append([put('k', '1'), Buffer.from('garbage garbage'), put('k', '2')])
    await b.put({ k: 'fine' })
    test.shard.apply(a.slot, 3)
    await b.apply(1)
    await test.until(() => test.applyFailures.length > 0)
    expect(test.applyFailures).toMatchObject([{ slot: a.slot, index: 2 }])
    expect(await test.get(a.slot, ['k'])).toEqual({ values: ['1'], appliedIndex: 1 })
    await b.put({ k: 'still' })
    await b.apply(2)
    expect((await test.get(b.slot, ['k'])).values).toEqual(['still'])
    expect(test.failures).toEqual([])
  })

  test('many reads of one turn are answered each with its own', async () => {
    const test = await open(makeWorld())
    const a = await test.create('a')
    await a.setTerm(1)
    await a.put(Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`k${i}`, `v${i}`])))
    await a.apply(500)
    const reads = Array.from({ length: 200 }, (_, i) => test.get(a.slot, [`k${i}`, `none${i}`, `k${i + 1}`]))
    const answers = await Promise.all(reads)
    answers.forEach(({ values }, i) => expect(values).toEqual([`v${i}`, null, `v${i + 1}`]))
  })
})

describe('log and state after a crash', () => {
  async function tamper(
    world: ReturnType<typeof memoryWorld>,
    name: string,
    change: (db: EngineDb) => Promise<void>,
  ) {
    const db = await world.worker!.engine.open(`/shard/${name}`, {
      writeBufferBytes: 1 << 20,
      compression: false,
    })
    await change(db)
    await db.close()
  }

  async function replace(db: EngineDb, key: Buffer, value: Buffer | null): Promise<void> {
    const batch = db.createBatch()
    if (value) batch.put(key, value)
    else batch.del(key)
    await db.write(batch, true)
  }

  test('a state ahead of the log makes the log begin behind it, with the configuration that the log lost', async () => {
    const world = memoryWorld()
    const first = await open(world)
    const a = await first.create('a')
    await a.setTerm(1)
    await a.put({ x: '1' })
    await a.setTerm(2)
    await a.configure('moved')
    await a.put({ y: '2' })
    await a.apply(3)
    await first.shard.close()
    await tamper(world, 'log', async (db) => {
      await replace(db, logKey(a.slot, KEY_BLOCK, 2), null)
      await replace(db, logKey(a.slot, KEY_BLOCK, 3), null)
    })
    for (const _again of [1, 2]) {
      const next = await open(world)
      expect(next.recovered('a')).toMatchObject({
        lastIndex: 3,
        appliedIndex: 3,
        appliedTerm: 2,
        termRuns: [],
        record: {
          firstIndex: 4,
          prevTerm: 2,
          configurations: [{ index: 2, term: 2, bytes: Buffer.from('moved') }],
        },
      })
      expect((await next.get(a.slot, ['x', 'y'])).values).toEqual(['1', '2'])
      await next.shard.close()
    }
    const last = await open(world)
    const again = last.replica('a')
    await again.put({ z: '3' })
    await again.apply(4)
    expect((await last.get(a.slot, ['z'])).values).toEqual(['3'])
  })

  test('entries that a newer leader had replaced give way to the state that was built from the new ones', async () => {
    const world = memoryWorld()
    const first = await open(world)
    const a = await first.create('a')
    await a.setTerm(1)
    await a.put({ x: '1' })
    await a.setTerm(3)
    await a.put({ y: 'new' })
    await a.apply(2)
    await first.shard.close()
    const old = { groupTag: hash32('a'), kind: KIND_DATA, term: 1, firstIndex: 2, prevTerm: 1 } as const
    await tamper(world, 'log', (db) => {
      return replace(
        db,
        logKey(a.slot, KEY_BLOCK, 2),
        packBlock(old, [put('y', 'old'), put('z', 'old')], 0, 2).bytes,
      )
    })
    const next = await open(world)
    expect(next.recovered('a')).toMatchObject({
      lastIndex: 2,
      appliedIndex: 2,
      record: { firstIndex: 3, prevTerm: 3 },
    })
    expect((await next.get(a.slot, ['y', 'z'])).values).toEqual(['new', null])
  })

  test("a log whose term at the applied index is above the state's is damaged", async () => {
    const world = memoryWorld()
    const first = await open(world)
    const a = await first.create('a')
    await a.setTerm(2)
    await a.put({ x: '1' })
    await a.apply(1)
    await first.shard.close()
    // The state says that it was built from an entry of term 1.
    const { space } = first.shard.recordOf(a.slot)
    await tamper(world, 'data', (db) => replace(db, appliedKey(space), encodePosition(1, 1, null)))
    await expect(TestShard.open(world)).rejects.toMatchObject({ code: 'FLOTILLA_CORRUPT' })
  })

  test('a state that is lost is replayed from the whole log', async () => {
    const world = memoryWorld()
    const first = await open(world)
    const a = await first.create('a')
    await a.setTerm(1)
    await a.put({ x: '1', y: '2' })
    await a.apply(2)
    world.disk.crash((_batch, path) => path !== '/shard/data')
    const next = await open(world)
    expect(next.recovered('a')).toMatchObject({ lastIndex: 2, appliedIndex: 0, appliedTerm: 0 })
    await next.replica('a').apply(2)
    expect((await next.get(a.slot, ['x', 'y'])).values).toEqual(['1', '2'])
    shards.splice(shards.indexOf(first), 1)
  })

  test('a damaged value fails the reads and scans that touch it, and no other', async () => {
    const world = memoryWorld()
    const first = await open(world)
    const a = await first.create('a')
    await a.setTerm(1)
    await a.put({ x: '1', y: '2' })
    await a.apply(2)
    const { space } = first.shard.recordOf(a.slot)
    await first.shard.close()
    await tamper(world, 'data', async (db) => {
      const [stored] = await db.getMany([dataKey(space, Buffer.from('x'))])
      stored![4]! ^= 1
      await replace(db, dataKey(space, Buffer.from('x')), stored!)
    })
    const next = await open(world)
    const good = next.get(a.slot, ['y'])
    const bad = next.get(a.slot, ['y', 'x'])
    const alsoGood = next.get(a.slot, ['y', 'y'])
    await expect(bad).rejects.toMatchObject({ code: 'FLOTILLA_CORRUPT' })
    expect((await good).values).toEqual(['2'])
    expect((await alsoGood).values).toEqual(['2', '2'])
    await expect(next.shard.digest(a.slot)).rejects.toMatchObject({ code: 'FLOTILLA_CORRUPT' })
    expect(next.failures).toEqual([])
  })

  test('scans are bounded: one too many is BUSY until another is closed', async () => {
    const test = await open(memoryWorld())
    const a = await test.create('a')
    const scans = []
    for (let i = 0; i < MAX_OPEN_SCANS; i++) scans.push(await openScan(test, a.slot))
    await expect(openScan(test, a.slot)).rejects.toMatchObject({ code: 'FLOTILLA_BUSY' })
    test.shard.scanClose(scans[0]!.scan)
    await openScan(test, a.slot)
  })
})
