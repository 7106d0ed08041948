import { describe, expect, test } from 'vitest'
import { MemoryEngine } from '../../src/env/memory-engine.ts'
import type { EngineDb } from '../../src/env/ports.ts'
import { FlushNumbers } from '../../src/storage/flush-numbers.ts'
import { logKey, SHARD_SLOT } from '../../src/storage/log-keys.ts'
import { FlotillaError } from '../../src/util/errors.ts'

const KIND = 3
const FLUSHES = 2_500
const OPEN = { writeBufferBytes: 1 << 20, compression: false }
const OPTIONS = { kind: KIND, damaged: (what: string) => new FlotillaError('CORRUPT', what) }

/** A database whose newest batch is the 2,500th, and how often it was asked. */
async function stamped(): Promise<{ db: EngineDb; asked: () => number }> {
  const db = await new MemoryEngine().open('numbers', OPEN)
  const numbers = await FlushNumbers.load(db, OPTIONS)
  for (let i = 0; i < FLUSHES; i++) {
    const batch = db.createBatch()
    numbers.stamp(batch, 7)
    await db.write(batch, false)
  }
  let asked = 0
  const getMany = db.getMany.bind(db)
  const value: EngineDb['getMany'] = (keys) => {
    asked++
    return getMany(keys)
  }
  Object.defineProperty(db, 'getMany', { value })
  return { db, asked: () => asked }
}

async function writeHead(db: EngineDb, highest: number, lowest: number): Promise<void> {
  const head = Buffer.alloc(18)
  head.writeUIntLE(highest, 0, 6)
  head.writeUIntLE(lowest, 6, 6)
  const batch = db.createBatch()
  batch.put(logKey(SHARD_SLOT, KIND, 0), head)
  await db.write(batch, false)
}

describe('numbers of flushes', () => {
  test('are read back, all of them', async () => {
    const { db } = await stamped()
    const { highest, witness } = await FlushNumbers.load(db, OPTIONS)
    expect([highest, witness]).toEqual([FLUSHES, 7])
  })

  test('a hole is named', async () => {
    const { db } = await stamped()
    const batch = db.createBatch()
    for (const number of [1_200, 1_201]) batch.del(logKey(SHARD_SLOT, KIND, number))
    await db.write(batch, false)
    await expect(FlushNumbers.load(db, OPTIONS)).rejects.toThrow(/1200 to 1201.* missing among others/)
  })

  test('a head that names far more than there are is damage, and is looked into no further than the first page', async () => {
    for (const [highest, lowest] of [
      [2 ** 47 + FLUSHES, 1],
      [FLUSHES + 2 ** 20, 1],
      [2 ** 40 + FLUSHES, 2 ** 39],
    ] as const) {
      const { db, asked } = await stamped()
      await writeHead(db, highest, lowest)
      await expect(FlushNumbers.load(db, OPTIONS)).rejects.toThrow(/missing among others that its head names/)
      expect(asked()).toBeLessThanOrEqual(2 + Math.ceil(FLUSHES / 1_000))
    }
  })

  test('a head that names none, or ends before the last, is damage', async () => {
    for (const [highest, lowest, what] of [
      [FLUSHES, FLUSHES + 1, /not what was written/],
      [FLUSHES, 0, /not what was written/],
      [FLUSHES - 1, 1, /flush 2500 is there but the head ends at 2499/],
    ] as const) {
      const { db } = await stamped()
      await writeHead(db, highest, lowest)
      await expect(FlushNumbers.load(db, OPTIONS)).rejects.toThrow(what)
    }
  })
})
