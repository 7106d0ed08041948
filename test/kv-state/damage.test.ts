import { afterEach, describe, expect, test } from 'vitest'
import type { EngineDb } from '../../src/env/ports.ts'
import { META_BATCH_NUMBER } from '../../src/kv/data-keys.ts'
import { KEY_RECORD, logKey, SHARD_SLOT } from '../../src/storage/log-keys.ts'
import { encodeReplicaRecord } from '../../src/storage/replica-record.ts'
import { memoryWorld, TestShard } from '../storage/shard-harness.ts'

type MemoryWorld = ReturnType<typeof memoryWorld>

const shards: TestShard[] = []

async function open(world: MemoryWorld): Promise<TestShard> {
  const shard = await TestShard.open(world)
  shards.push(shard)
  return shard
}

afterEach(async () => {
  for (const { shard } of shards.splice(0)) await shard.close()
})

/** A shard of one group with `puts` entries, each applied in a batch of its own; closed or still open. */
async function filled(puts: number): Promise<{ world: MemoryWorld; test: TestShard; slot: number }> {
  const world = memoryWorld()
  const test = await open(world)
  const a = await test.create('a')
  await a.setTerm(1)
  for (let i = 1; i <= puts; i++) {
    await a.put({ [`k${i}`]: `v${i}` })
    await a.apply(i)
  }
  return { world, test, slot: a.slot }
}

async function change(
  world: MemoryWorld,
  name: string,
  work: (db: EngineDb) => Promise<void>,
): Promise<void> {
  const db = await world.worker.engine.open(`/shard/${name}`, {
    writeBufferBytes: 1 << 20,
    compression: false,
  })
  await work(db)
  await db.close()
}

async function remove(db: EngineDb, key: Buffer): Promise<void> {
  const batch = db.createBatch()
  batch.del(key)
  await db.write(batch, true)
}

describe('a damaged KV state', () => {
  test('holes that a power cut left in it are seen: it is moved aside and replayed from the log', async () => {
    const { world } = await filled(6)
    shards.length = 0
    // Batch 0 is the id of the log; the fourth of the others is lost, later ones are there.
    world.disk.crash((batch, path) => path !== '/shard/data' || batch !== 4)
    const next = await open(world)
    expect(next.warnings).toHaveLength(1)
    expect(next.warnings[0]).toMatch(/flush 5 is missing among others.*moved to \/shard\/data\.damaged-1/)
    expect(next.recovered('a')).toMatchObject({ lastIndex: 6, appliedIndex: 0, stateLost: false })
    await next.replica('a').apply(6)
    const keys = ['k1', 'k4', 'k6']
    expect((await next.get(next.replica('a').slot, keys)).values).toEqual(['v1', 'v4', 'v6'])
  })

  test('of several damaged states the newest is kept', async () => {
    const { world, test } = await filled(3)
    await test.shard.close()
    for (let round = 1; round <= 3; round++) {
      await change(world, 'data', (db) => remove(db, logKey(SHARD_SLOT, META_BATCH_NUMBER, 2)))
      const next = await open(world)
      expect(next.warnings[0]).toContain(`data.damaged-${round}`)
      await next.replica('a').apply(3)
      await next.shard.close()
    }
    const kept = (path: string): boolean => world.disk.directory(path).recover().size > 0
    expect([1, 2, 3].map((n) => kept(`/shard/data.damaged-${n}`))).toEqual([false, false, true])
  })

  test('below the beginning of its log it is lost, and the replica says so', async () => {
    const { world, test, slot } = await filled(3)
    const record = { ...test.shard.recordOf(slot), firstIndex: 4, prevTerm: 1 }
    await test.shard.close()
    await change(world, 'log', async (db) => {
      const batch = db.createBatch()
      batch.put(logKey(slot, KEY_RECORD, 0), encodeReplicaRecord(record))
      await db.write(batch, true)
    })
    const whole = await open(world)
    expect(whole.recovered('a').stateLost).toBe(false)
    await whole.shard.close()
    world.disk.remove('/shard/data')
    const next = await open(world)
    expect(next.recovered('a')).toMatchObject({ lastIndex: 3, appliedIndex: 0, stateLost: true })
  })

  test('of another log it is not taken', async () => {
    const { world, test } = await filled(2)
    await test.shard.close()
    const other = await filled(5)
    await other.test.shard.close()
    world.disk.remove('/shard/data')
    const stranger = other.world.disk.directory('/shard/data').recover()
    await change(world, 'data', async (db) => {
      const batch = db.createBatch()
      for (const [key, value] of stranger) batch.put(Buffer.from(key, 'latin1'), value)
      await db.write(batch, true)
    })
    const next = await open(world)
    expect(next.warnings[0]).toContain('it was built from another log')
    await next.replica('a').apply(2)
  })

  test('built after flushes that the log does not have, it proves that the log was rolled back', async () => {
    const { world, test } = await filled(2)
    await test.shard.close()
    const log = new Map(world.disk.directory('/shard/log').recover())
    const ledger = Buffer.from((await world.files.readFile('/shard/ledger'))!)
    const later = await open(world)
    const a = later.replica('a')
    for (const k of ['x', 'y', 'z']) await a.put({ [k]: '1' })
    await a.apply(5)
    await later.shard.close()
    world.disk.remove('/shard/log')
    await change(world, 'log', async (db) => {
      const batch = db.createBatch()
      for (const [key, value] of log) batch.put(Buffer.from(key, 'latin1'), value)
      await db.write(batch, true)
    })
    await world.files.writeFile('/shard/ledger', ledger)
    await expect(TestShard.open(world)).rejects.toThrow(
      /log in \/shard\/log is damaged: flushes \d+ to \d+ are missing: the state in \/shard\/data was built after them/,
    )
  })
})
