import { afterEach, describe, expect, test } from 'vitest'
import { MAX_TRUNCATED_BLOCKS_PER_PASS } from '../../src/util/limits.ts'
import { payloadsOf, TestShard, texts, WORLDS } from './shard-harness.ts'
import type { TestReplica, World } from './shard-harness.ts'

const EVERYTHING = Number.MAX_SAFE_INTEGER

/** All of one length, so that all blocks are. */
function keyOf(groupId: string, index: number): string {
  return `${groupId}${String(index).padStart(6, '0')}`
}

describe.each(WORLDS)('truncation of the log on %s', (_name, makeWorld) => {
  const worlds: World[] = []
  const shards: TestShard[] = []

  function world(): World {
    const made = makeWorld()
    worlds.push(made)
    return made
  }

  async function open(where: World): Promise<TestShard> {
    const shard = await TestShard.open(where)
    shards.push(shard)
    return shard
  }

  /** A replica with `blocks` blocks of two entries, nothing applied. */
  async function filled(shard: TestShard, groupId: string, blocks: number): Promise<TestReplica> {
    const replica = await shard.create(groupId)
    await replica.setTerm(1)
    const writes: Array<Promise<void>> = []
    for (let i = 1; i <= blocks; i++) {
      writes.push(replica.put({ [keyOf(groupId, 2 * i - 1)]: 'x'.repeat(90), [keyOf(groupId, 2 * i)]: 'y' }))
    }
    await Promise.all(writes)
    return replica
  }

  afterEach(async () => {
    for (const { shard } of shards.splice(0)) await shard.close()
    for (const { remove } of worlds.splice(0)) remove()
  })

  test('a plan names the block that holds the first entry which must stay, and nothing that is not applied', async () => {
    const shard = await open(world())
    const a = await filled(shard, 'a', 5)
    expect([...(await shard.plan([a.slot, EVERYTHING])).pairs]).toEqual([])
    await a.apply(7)
    const plans = []
    for (const soft of [0, 1, 2, 3, 6, EVERYTHING]) plans.push(await shard.plan([a.slot, soft]))
    expect(plans.map(({ pairs }) => [...pairs])).toEqual([
      [],
      [],
      [a.slot, 3],
      [a.slot, 3],
      [a.slot, 7],
      [a.slot, 7],
    ])
    await a.apply(10)
    expect([...(await shard.plan([a.slot, EVERYTHING])).pairs]).toEqual([a.slot, 11])
  })

  test('what was cut off is gone for good, what stays is read as before, now and after a reopening', async () => {
    const where = world()
    const shard = await open(where)
    const a = await filled(shard, 'a', 5)
    await a.apply(8)
    const before = payloadsOf(await shard.read(a.slot, 1, 10))
    await shard.plan([a.slot, 6])
    expect(shard.shard.truncate(a.slot, 7, 1)).toBe(true)
    await a.setTerm(2, 1)
    expect(shard.shard.recordOf(a.slot)).toMatchObject({ firstIndex: 7, prevTerm: 1, term: 2 })
    expect(shard.shard.stats.truncatedEntries).toBe(6)
    await expect(shard.read(a.slot, 6, 10)).rejects.toMatchObject({ code: 'FLOTILLA_INVALID_ARGUMENT' })
    expect(payloadsOf(await shard.read(a.slot, 7, 10))).toEqual(before.slice(6))
    await shard.shard.close()

    const again = await open(where)
    expect(again.recovered('a')).toMatchObject({
      lastIndex: 10,
      appliedIndex: 8,
      stateLost: false,
      termRuns: [{ firstIndex: 7, term: 1 }],
      record: { firstIndex: 7, prevTerm: 1, term: 2, votedFor: 1 },
    })
    expect(payloadsOf(await again.read(a.slot, 7, 10))).toEqual(before.slice(6))
    await expect(again.read(a.slot, 6, 10)).rejects.toMatchObject({ code: 'FLOTILLA_INVALID_ARGUMENT' })
    await again.replica('a').apply(10)
    expect((await again.get(a.slot, [keyOf('a', 1), keyOf('a', 10)])).values).toEqual(['x'.repeat(90), 'y'])
  })

  test('a log may be truncated to nothing and goes on', async () => {
    const where = world()
    const shard = await open(where)
    const a = await filled(shard, 'a', 2)
    await a.configure('second')
    await a.apply(5)
    const plan = await shard.plan([a.slot, 5])
    expect(plan).toMatchObject({ retainedBytes: 0, more: false })
    expect([...plan.pairs]).toEqual([a.slot, 6])
    shard.shard.truncate(a.slot, 6, 1)
    await a.append(texts('z'))
    await shard.shard.close()
    const again = await open(where)
    expect(again.recovered('a')).toMatchObject({ lastIndex: 6, record: { firstIndex: 6, prevTerm: 1 } })
    // The configuration's block is gone; the record still has it.
    expect(again.recovered('a').record.configurations).toMatchObject([
      { index: 5, bytes: Buffer.from('second') },
    ])
    expect(payloadsOf(await again.read(a.slot, 6, 6))).toEqual(['z'])
  })

  test('above the budget the largest logs are cut to one size, oldest blocks first, never above what is applied', async () => {
    const shard = await open(world())
    const replicas = [await filled(shard, 'a', 40), await filled(shard, 'b', 40), await filled(shard, 'c', 4)]
    const [a, b, c] = replicas as [TestReplica, TestReplica, TestReplica]
    const soft = replicas.flatMap(({ slot }) => [slot, 0])
    const all = (await shard.plan(soft)).retainedBytes
    const block = all / 84
    await a.apply(80)
    await b.apply(10)
    await c.apply(8)
    const plan = await shard.plan(soft, block * 44)
    // c stays whole; 20 blocks are left for each of the others, but b has only 10 entries applied.
    expect([...plan.pairs]).toEqual([a.slot, 41, b.slot, 11])
    expect(plan.retainedBytes).toBeCloseTo(block * (20 + 35 + 4), 0)
    expect([...(await shard.plan(soft, 0)).pairs]).toEqual([a.slot, 81, b.slot, 11, c.slot, 9])
    expect(shard.shard.stats.retainedBytes).toBeCloseTo(all, 0)
  })

  test('one plan takes a bounded number of blocks and says that there are more', async () => {
    const shard = await open(world())
    const a = await filled(shard, 'a', MAX_TRUNCATED_BLOCKS_PER_PASS + 10)
    await a.apply(a.lastIndex)
    const soft = [a.slot, EVERYTHING]
    const plan = await shard.plan(soft)
    expect(plan.more).toBe(true)
    expect([...plan.pairs]).toEqual([a.slot, 2 * MAX_TRUNCATED_BLOCKS_PER_PASS + 1])
    shard.shard.truncate(a.slot, plan.pairs[1]!, 1)
    await a.setTerm(2)
    const rest = await shard.plan(soft)
    expect(rest).toMatchObject({ more: false, retainedBytes: 0 })
    expect([...rest.pairs]).toEqual([a.slot, a.lastIndex + 1])
    shard.shard.truncate(a.slot, a.lastIndex + 1, 1)
    await a.setTerm(3)
    expect([...(await shard.plan(soft)).pairs]).toEqual([])
  })

  test('a plan that was overtaken changes nothing; one that nobody made is refused', async () => {
    const shard = await open(world())
    const a = await filled(shard, 'a', 5)
    const other = await shard.create('other', 'counter')
    await a.apply(10)
    expect(() => shard.shard.truncate(a.slot, 3, 1)).toThrow('what a log loses, its state holds')
    expect([...(await shard.plan([a.slot, 6, other.slot, EVERYTHING])).pairs]).toEqual([a.slot, 7])
    expect(() => shard.shard.truncate(a.slot, 9, 1)).toThrow('what a log loses, its state holds')
    shard.shard.truncate(a.slot, 7, 1)
    shard.shard.truncate(a.slot, 7, 1)
    shard.shard.truncate(a.slot, 3, 1)
    await a.append(texts('11'))
    expect(shard.shard.recordOf(a.slot)).toMatchObject({ firstIndex: 7, prevTerm: 1 })
    expect((await shard.read(a.slot, 7, 11)).map(({ firstIndex }) => firstIndex)).toEqual([7, 9, 11])
    await shard.shard.close()
    expect(shard.shard.truncate(a.slot, 9, 1)).toBe(false)
    await expect(shard.plan([a.slot, 1])).rejects.toMatchObject({ code: 'FLOTILLA_CLOSED' })
  })
})
