import { afterEach, describe, expect, test } from 'vitest'
import { MAX_POSTED_FLUSHES, MAX_SHARD_PENDING_CALLS } from '../../src/util/limits.ts'
import { memoryWorld, payloadsOf, specOf, TestShard, texts, WORLDS } from './shard-harness.ts'
import type { World } from './shard-harness.ts'

describe.each(WORLDS)('a LogShard on %s', (_name, makeWorld) => {
  const worlds: World[] = []
  const shards: TestShard[] = []

  function world(): World {
    const made = makeWorld()
    worlds.push(made)
    return made
  }

  async function open(where: World, shardIndex = 0, shardCount = 1): Promise<TestShard> {
    const shard = await TestShard.open(where, shardIndex, shardCount)
    shards.push(shard)
    return shard
  }

  afterEach(async () => {
    for (const { shard } of shards.splice(0)) await shard.close()
    for (const { remove } of worlds.splice(0)) remove()
  })

  test('keeps terms, votes, configurations and entries across a reopening', async () => {
    const where = world()
    const first = await open(where)
    const a = await first.create('a')
    const b = await first.create('b', 'counter')
    await a.setTerm(3, 2)
    await a.configure('second')
    await a.append(texts('x', 'y', 'z'))
    await a.setTerm(4)
    await a.configure('second')
    await b.setTerm(1, 1)
    await first.shard.close()

    const again = await open(where)
    const found = again.recovered('a')
    expect(found.record).toMatchObject({
      groupId: 'a',
      replica: 1,
      type: 'kv',
      term: 4,
      votedFor: 0,
      firstIndex: 1,
    })
    expect(found.record.args).toEqual(Buffer.from([0, 255]))
    expect(found.record.firstConfiguration.toString()).toBe('first')
    expect(found.record.configurations).toEqual([{ index: 1, term: 3, bytes: Buffer.from('second') }])
    expect(found.lastIndex).toBe(5)
    expect(found.termRuns).toEqual([
      { firstIndex: 1, term: 3 },
      { firstIndex: 5, term: 4 },
    ])
    expect(payloadsOf(await again.read(found.record.slot, 2, 4))).toEqual(['x', 'y', 'z'])
    expect(again.recovered('b')).toMatchObject({ lastIndex: 0, record: { term: 1, votedFor: 1, space: 0 } })
  })

  test('reads of the log are never refused, however many ask at once', async () => {
    const shard = await open(world())
    const a = await shard.create('a')
    await a.setTerm(1)
    await a.append(texts('x', 'y', 'z'))
    const count = MAX_SHARD_PENDING_CALLS + 10
    const reads = Array.from({ length: count }, () => shard.read(a.slot, 2, 2))
    const found = (await Promise.all(reads)).map((blocks) => payloadsOf(blocks).join())
    expect(new Set(found)).toEqual(new Set(['y']))
    expect(found.length).toBe(count)
  })

  test('gives slots and spaces that are unique in the store and never used again', async () => {
    const where = world()
    const first = await open(where, 1, 3)
    const made = await first.shard.createReplicas([specOf('a'), specOf('b'), specOf('c', 'counter')])
    expect(made.map(({ record }) => [record.slot, record.space])).toEqual([
      [2, 2],
      [5, 5],
      [8, 0],
    ])
    await first.shard.close()
    const again = await open(where, 1, 3)
    const [next] = await again.shard.createReplicas([specOf('d')])
    expect([next!.record.slot, next!.record.space]).toEqual([11, 8])
  })

  test('refuses a directory of another shard', async () => {
    const where = world()
    const first = await open(where, 0, 2)
    await first.shard.close()
    await expect(TestShard.open(where, 0, 3)).rejects.toMatchObject({ code: 'FLOTILLA_IDENTITY_MISMATCH' })
  })

  test('cuts inside a block, and a reopening finds what was left and what came after', async () => {
    const where = world()
    const first = await open(where)
    const a = await first.create('a')
    await a.setTerm(1)
    await a.append(texts('1', '2', '3'))
    await a.append(texts('4', '5', '6'))
    await a.append(texts('7'))
    await a.cut(5, 1)
    await a.setTerm(2)
    await a.append(texts('six'))
    expect(payloadsOf(await first.read(a.slot, 1, 6))).toEqual(['1', '2', '3', '4', '5', 'six'])
    await first.shard.close()

    const second = await open(where)
    expect(second.recovered('a').termRuns).toEqual([
      { firstIndex: 1, term: 1 },
      { firstIndex: 6, term: 2 },
    ])
    const again = second.replica('a')
    expect(payloadsOf(await second.read(again.slot, 1, 6))).toEqual(['1', '2', '3', '4', '5', 'six'])
    // The blocks are only on disk now: the body that is cut must be read back.
    await again.cut(2, 1)
    again.term = 2
    await again.append(texts('three', 'four'))
    expect(payloadsOf(await second.read(again.slot, 2, 4))).toEqual(['2', 'three', 'four'])
    await second.shard.close()

    const third = await open(where)
    expect(third.recovered('a').lastIndex).toBe(4)
    expect(payloadsOf(await third.read(again.slot, 1, 4))).toEqual(['1', '2', 'three', 'four'])
  })
})

test('a read does not show what a flush that still waits cuts off', async () => {
  const where = memoryWorld()
  const test = await TestShard.open(where)
  const turns = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve))
  }
  try {
    const a = await test.create('a')
    const b = await test.create('b')
    await a.setTerm(1)
    await b.setTerm(1)
    await a.append(texts('1', '2', 'old'))
    where.slow.turns = 100
    const writes = [b.append(texts('x'))]
    await turns(2)
    writes.push(b.append(texts('y')))
    await turns(2)
    expect(test.shard.postedFlushes).toBe(MAX_POSTED_FLUSHES)
    writes.push(a.cut(2, 1), a.setTerm(2), a.append(texts('new')))
    expect(payloadsOf(await test.read(a.slot, 1, 3))).toEqual(['1', '2'])
    expect(test.shard.postedFlushes).toBe(MAX_POSTED_FLUSHES)
    await Promise.all(writes)
    expect(payloadsOf(await test.read(a.slot, 1, 3))).toEqual(['1', '2', 'new'])
  } finally {
    await test.shard.close()
  }
})
