import { describe, expect, test } from 'vitest'
import { KIND_DATA, packBlock } from '../../src/block/log-block.ts'
import type { BlockPlace } from '../../src/block/log-block.ts'
import { FlotillaError } from '../../src/util/errors.ts'
import { hash32 } from '../../src/util/hash.ts'
import { MAX_WORKER_BLOCK_CACHE_BYTES } from '../../src/util/limits.ts'
import { KEY_BLOCK, KEY_FLUSH_NUMBER, KEY_RECORD, logKey, SHARD_SLOT } from '../../src/storage/log-keys.ts'
import { memoryWorld, payloadsOf, TestShard, texts, WORLDS } from './shard-harness.ts'
import type { EngineDb } from '../../src/env/ports.ts'

type MemoryWorld = ReturnType<typeof memoryWorld>

/** Opens a database of the closed shard and changes it behind its back. */
async function tamper(
  world: MemoryWorld,
  name: string,
  change: (db: EngineDb) => Promise<void>,
): Promise<void> {
  const db = await world.worker!.engine.open(`${world.dir}/${name}`, {
    writeBufferBytes: 1 << 20,
    compression: false,
  })
  await change(db)
  await db.close()
}

async function remove(db: EngineDb, key: Buffer): Promise<void> {
  const batch = db.createBatch()
  batch.del(key)
  await db.write(batch, true)
}

async function rewrite(db: EngineDb, key: Buffer, value: Buffer): Promise<void> {
  const batch = db.createBatch()
  batch.put(key, value)
  await db.write(batch, true)
}

/** A closed shard with one group: blocks [1, 2], [3], [4] of term 1 and [5] of term 2. */
async function closedShard(): Promise<{ world: MemoryWorld; slot: number }> {
  const world = memoryWorld()
  const shard = await TestShard.open(world)
  const a = await shard.create('orders')
  await a.setTerm(1)
  await a.append(texts('1', '2'))
  await a.append(texts('3'))
  await a.append(texts('4'))
  await a.setTerm(2)
  await a.append(texts('5'))
  await shard.shard.close()
  return { world, slot: a.slot }
}

const DAMAGES: ReadonlyArray<readonly [string, RegExp, (db: EngineDb, slot: number) => Promise<void>]> = [
  [
    'a flipped bit in a block',
    /"orders".*index 3: the block is not what was written/,
    async (db, slot) => {
      const key = logKey(slot, KEY_BLOCK, 3)
      const [value] = await db.getMany([key])
      value![value!.length - 1]! ^= 1
      await rewrite(db, key, value!)
    },
  ],
  [
    'a missing block',
    /"orders".*index 4: a gap: the entry before it is 2/,
    (db, slot) => remove(db, logKey(slot, KEY_BLOCK, 3)),
  ],
  [
    'a block of another place',
    /"orders".*index 3: the block there begins at 4/,
    async (db, slot) => {
      const [value] = await db.getMany([logKey(slot, KEY_BLOCK, 4)])
      await rewrite(db, logKey(slot, KEY_BLOCK, 3), value!)
    },
  ],
  [
    'a damaged record',
    /record of replica slot 1/,
    async (db, slot) => {
      await rewrite(db, logKey(slot, KEY_RECORD, 0), Buffer.from('nonsense'))
    },
  ],
  [
    'a missing record',
    /block of replica slot 1 and no record/,
    (db, slot) => remove(db, logKey(slot, KEY_RECORD, 0)),
  ],
  [
    'a missing flush number',
    /flush 4 is missing/,
    (db) => remove(db, logKey(SHARD_SLOT, KEY_FLUSH_NUMBER, 4)),
  ],
]

describe('damage of the log', () => {
  test.each(DAMAGES)(
    '%s is told at opening, with the group, the index and the remedy',
    async (_what, text, damage) => {
      const { world, slot } = await closedShard()
      await tamper(world, 'log', (db) => damage(db, slot))
      const error = await TestShard.open(world).then(
        () => null,
        (reason) => reason as Error & { code: string },
      )
      expect(error?.code).toBe('FLOTILLA_CORRUPT')
      expect(error?.message).toMatch(text)
      expect(error?.message).toContain('/shard/log')
      expect(error?.message).toContain('readmit')
      // The engines were closed on the way out: a second try says the same, not that the directory is locked.
      await expect(TestShard.open(world)).rejects.toMatchObject({ code: 'FLOTILLA_CORRUPT' })
    },
  )

  const FORGED: ReadonlyArray<readonly [string, RegExp, BlockPlace]> = [
    ['an overlap', /index 2: an overlap: the entry before it is 2/, place(1, 2, 1)],
    [
      'another term before',
      /index 6: it continues term 1 but the entry before it is of term 2/,
      place(2, 6, 1),
    ],
    ["a term above the replica's", /index 6: its term 9 is above the replica's term 2/, place(9, 6, 2)],
    ['another group', /index 6: the block is of another group/, { ...place(2, 6, 2), groupTag: 1 }],
  ]

  test.each(FORGED)('a sound block with %s is told', async (_what, text, where) => {
    const { world, slot } = await closedShard()
    const block = packBlock(where, texts('?'), 0, 1)
    await tamper(world, 'log', (db) => rewrite(db, logKey(slot, KEY_BLOCK, where.firstIndex), block.bytes))
    await expect(TestShard.open(world)).rejects.toThrow(text)
  })
})

function place(term: number, firstIndex: number, prevTerm: number): BlockPlace {
  return { groupTag: hash32('orders'), kind: KIND_DATA, term, firstIndex, prevTerm }
}

describe('failure of the storage', () => {
  test('a failing flush releases no vouch, then or later, and refuses all that comes', async () => {
    const world = memoryWorld()
    const test = await TestShard.open(world)
    const a = await test.create('a')
    await a.setTerm(1)
    world.disk.failNextWrites(1)
    let released = 0
    const count = (): void => {
      released++
    }
    void a.append(texts('lost')).then(count)
    await test.until(() => test.failures.length > 0)
    expect(test.failures).toHaveLength(1)
    expect(test.shard.failed).toMatchObject({ code: 'FLOTILLA_STORAGE_FAILED' })
    await expect(a.append(texts('refused'))).rejects.toThrow('refused')
    await expect(test.get(a.slot, ['k'])).rejects.toMatchObject({ code: 'FLOTILLA_STORAGE_FAILED' })
    await expect(test.shard.createReplicas([])).rejects.toMatchObject({ code: 'FLOTILLA_STORAGE_FAILED' })
    await test.shard.close()
    expect(released).toBe(0)
    expect(test.failures).toHaveLength(1)
  })

  test('a flush posted behind the failing one is not vouched for either', async () => {
    const world = memoryWorld()
    const test = await TestShard.open(world)
    const a = await test.create('a')
    await a.setTerm(1)
    const release = world.disk.stallWrites()
    world.disk.failNextWrites(1)
    let released = 0
    const written = [a.append(texts('1'))]
    test.shard.flushTurn()
    written.push(a.append(texts('2')))
    test.shard.flushTurn()
    written.push(a.append(texts('3')))
    test.shard.flushTurn()
    for (const write of written) void write.then(() => released++)
    expect(test.shard.postedFlushes).toBe(2)
    await new Promise<void>((resolve) => setImmediate(() => setImmediate(resolve)))
    release()
    await test.until(() => test.failures.length > 0)
    await test.shard.close()
    expect(released).toBe(0)
  })

  test('an error that the engine keeps to itself fails the shard after the next flush', async () => {
    const world = memoryWorld()
    const test = await TestShard.open(world)
    const a = await test.create('a')
    world.disk.setProperty('rocksdb.background-errors', '1')
    void a.setTerm(1)
    await test.until(() => test.failures.length > 0)
    expect(test.shard.failed).toMatchObject({ code: 'FLOTILLA_STORAGE_FAILED' })
    await test.shard.close()
  })

  test('a failing apply fails the shard', async () => {
    const world = memoryWorld()
    const test = await TestShard.open(world)
    const a = await test.create('a')
    await a.setTerm(1)
    await a.put({ k: 'v' })
    world.disk.failNextWrites(1)
    test.shard.apply(a.slot, 1)
    await test.until(() => test.failures.length > 0)
    await test.shard.close()
  })

  test('the owner may give the shard up while its disk hangs', async () => {
    const world = memoryWorld()
    const test = await TestShard.open(world)
    const a = await test.create('a')
    world.disk.stallWrites()
    let released = 0
    void a.setTerm(1).then(() => released++)
    test.shard.flushTurn()
    test.shard.abandon(new FlotillaError('STORAGE_FAILED', 'The disk does not answer.'))
    expect(test.failures).toHaveLength(1)
    await test.shard.close()
    expect(released).toBe(0)
  })
})

describe.each(WORLDS)("the worker's thread on %s", (_name, makeWorld) => {
  test('its death fails the shard, once', async () => {
    const world = makeWorld()
    const threads = {
      last: null as null | { terminate(): Promise<void> },
      startShard(init: unknown) {
        const thread = world.threads.startShard(init)
        threads.last = thread
        return thread
      },
    }
    const test = await TestShard.open({ ...world, threads })
    const a = await test.create('a')
    await a.setTerm(1)
    await threads.last!.terminate()
    await test.until(() => test.failures.length > 0)
    expect(test.failures.map((error) => error.code)).toEqual(['FLOTILLA_STORAGE_FAILED'])
    await test.shard.close()
    expect(test.failures).toHaveLength(1)
    world.remove()
  })

  test('what is evicted from its memory is read from disk', async () => {
    const world = makeWorld()
    const test = await TestShard.open(world)
    const a = await test.create('a')
    await a.setTerm(1)
    const large = Buffer.alloc(1 << 20, 7)
    const writes: Array<Promise<void>> = []
    for (let bytes = 0; bytes < MAX_WORKER_BLOCK_CACHE_BYTES + 2 * large.length; bytes += large.length) {
      writes.push(
        a.append([Buffer.concat([Buffer.from(String(a.lastIndex + 1).padStart(3, '0')), large.subarray(3)])]),
      )
    }
    await Promise.all(writes)
    const blocks = await test.read(a.slot, 1, 3, 4 << 20)
    expect(payloadsOf(blocks).map((text) => text.slice(0, 3))).toEqual(['001', '002', '003'])
    await test.shard.close()
    world.remove()
  })
})
