import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { NodeFiles } from '../../src/env/node-files.ts'
import { RocksEngine } from '../../src/env/rocks.ts'
import { unpackSnappy } from '../../src/storage/snappy.ts'
import { checkTables } from '../../src/storage/table-check.ts'
import { rocksWorld, TestShard } from './shard-harness.ts'
import type { World } from './shard-harness.ts'

const worlds: World[] = []

function world(): World {
  const made = rocksWorld()
  worlds.push(made)
  return made
}

afterEach(() => {
  for (const { remove } of worlds.splice(0)) remove()
})

function tablesOf(dir: string): string[] {
  return readdirSync(dir)
    .filter((name) => name.endsWith('.sst'))
    .map((name) => join(dir, name))
}

function flip(path: string, at: number): void {
  const bytes = readFileSync(path)
  bytes[at]! ^= 0x04
  writeFileSync(path, bytes)
}

/** A database of two tables of some dozens of blocks. */
async function twoTables(compression: boolean): Promise<string> {
  const { dir } = world()
  for (const half of ['a', 'b', '']) {
    const db = await new RocksEngine().open(dir, { writeBufferBytes: 1 << 20, compression })
    const batch = db.createBatch()
    for (let i = 0; i < 300 && half; i++)
      batch.put(Buffer.from(`${half}${1000 + i}`), Buffer.from(`${i} `.repeat(200)))
    if (half) await db.write(batch, true)
    await db.close()
  }
  return dir
}

describe('the check of tables', () => {
  test.each([false, true])('finds a flipped bit anywhere in them (compressed: %s)', async (compression) => {
    const dir = await twoTables(compression)
    const files = new NodeFiles()
    expect(await checkTables(files, dir)).toEqual({ damage: null, leftovers: [] })
    const tables = tablesOf(dir)
    expect(tables.length).toBeGreaterThan(1)
    for (const path of tables) {
      const size = statSync(path).size
      // The footer's padding, between its handles and the version, is nothing that anybody reads.
      const places = [size - 1, size - 53, size - 10]
      for (let at = 0; at < size - 53; at += Math.ceil(size / 24)) places.push(at)
      for (const at of places) {
        flip(path, at)
        // A version that is not known is RocksDB's to refuse.
        if (at < size - 12 || at >= size - 8)
          expect((await checkTables(files, dir)).damage, `byte ${at}`).not.toBe(null)
        flip(path, at)
      }
    }
  })

  test('of a part begins at any table and ends once it has read enough', async () => {
    const dir = await twoTables(true)
    const files = new NodeFiles()
    const [first, second] = tablesOf(dir).sort()
    flip(first!, 100)
    expect((await checkTables(files, dir, { maxBytes: 1, start: 0 })).damage).toContain('is bad in the block')
    expect((await checkTables(files, dir, { maxBytes: 1, start: 0.5 })).damage).toBe(null)
    expect((await checkTables(files, dir, { maxBytes: 1 << 30, start: 0.5 })).damage).toContain(
      'is bad in the block',
    )
    flip(second!, 100)
    expect((await checkTables(files, dir, { maxBytes: 1, start: 0.99 })).damage).toContain(
      'is bad in the block',
    )
  })

  test('unpacks Snappy, and takes nothing for it that is not', () => {
    // A literal, a copy that overlaps itself, a copy with a longer offset, one with the longest.
    const parts = [
      [14],
      [2 << 2, 0x61, 0x62, 0x63],
      [(4 << 2) | 1, 3],
      [(1 << 2) | 2, 1, 0],
      [3, 13, 0, 0, 0],
    ]
    const packed = Buffer.from(parts.flat())
    expect(unpackSnappy(packed, 100)?.toString()).toBe('abcabcabcabbba')
    for (let length = 0; length < packed.length; length++) {
      expect(unpackSnappy(packed.subarray(0, length), 100)).toBe(null)
    }
    expect(unpackSnappy(packed, 13)).toBe(null)
  })
})

describe('damage of the state while the shard runs', () => {
  /** A shard of one group whose state lies in a table, in many blocks. */
  async function shardWithTable(where: World): Promise<TestShard> {
    const first = await TestShard.open(where)
    const a = await first.create('a')
    await a.setTerm(1)
    const writes: Array<Promise<void>> = []
    for (let i = 0; i < 400; i++) writes.push(a.put({ [`k${1000 + i}`]: `${i}:${'x'.repeat(900)}${i}` }))
    await Promise.all(writes)
    await a.apply(400)
    await first.shard.close()
    return TestShard.open(where)
  }

  test('fails the reads that touch it, with the directory and the remedy, and no other; the next start mends it', async () => {
    const where = world()
    const shard = await shardWithTable(where)
    const { slot } = shard.replica('a')
    const data = join(where.dir, 'data')
    const [table] = tablesOf(data)
    // Not in the first block, which the start has read.
    flip(table!, statSync(table!).size >> 1)
    const keys = Array.from({ length: 400 }, (_, i) => `k${1000 + i}`)
    const answers = await Promise.allSettled(keys.map((key) => shard.get(slot, [key])))
    const refused = answers.flatMap((answer) =>
      answer.status === 'rejected' ? [answer.reason as Error] : [],
    )
    expect(refused.length).toBeGreaterThan(0)
    expect(refused.length).toBeLessThan(100)
    expect(refused[0]).toMatchObject({ code: 'FLOTILLA_CORRUPT' })
    expect(refused[0]!.message).toContain(data)
    expect(refused[0]!.message).toMatch(
      /Stop the store and move .* away \(keep it\).*until it has a snapshot\.$/,
    )
    expect(shard.failures).toEqual([])
    await shard.shard.close()

    const again = await TestShard.open(where)
    expect(again.warnings[0]).toMatch(
      /\.sst is bad in the block at byte \d+ .*moved to .*data\.damaged-1; the log replays/,
    )
    expect(again.recovered('a')).toMatchObject({ appliedIndex: 0, stateLost: false })
    await again.replica('a').apply(400)
    expect((await again.get(slot, ['k1000'])).values).toEqual([expect.stringMatching(/^0:/)])
    await again.shard.close()
  })

  test('is the end of a state that its truncated log cannot replay, and the start says for which groups', async () => {
    const where = world()
    const shard = await shardWithTable(where)
    const a = shard.replica('a')
    await a.setTerm(2)
    const { pairs } = await shard.plan([a.slot, 300])
    shard.shard.truncate(a.slot, pairs[1]!, 1)
    await shard.shard.close()
    flip(tablesOf(join(where.dir, 'data'))[0]!, 100)
    const again = await TestShard.open(where)
    expect(again.recovered('a')).toMatchObject({
      stateLost: true,
      lastIndex: 400,
      record: { firstIndex: 301 },
    })
    expect(again.warnings[1]).toMatch(
      /of "a": it cannot be replayed\. These groups vote on here but serve nothing/,
    )
    expect([...(await again.plan([a.slot, 400], 0)).pairs]).toEqual([])
    await again.replica('a').setTerm(3, 1)
    await again.shard.close()
  })
})
