import { cpSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { rocksWorld, TestShard } from './shard-harness.ts'

const PAGE = 4_096

function walOf(dir: string): string {
  const wals = readdirSync(dir).filter((name) => name.endsWith('.log'))
  return join(dir, wals.sort().at(-1)!)
}

function zero(path: string, from: number, to: number): void {
  writeFileSync(path, readFileSync(path).fill(0, from, to))
}

/** What a power cut may leave of the write-ahead log of the state, of which the first `synced` bytes are on the disk. */
const CUTS: ReadonlyArray<readonly [string, (wal: string, synced: number, size: number) => void]> = [
  ['nothing of what was not synced', (wal, synced) => truncateSync(wal, synced)],
  ['its length and no more of it', (wal, synced, size) => zero(wal, synced, size)],
  [
    'the end of the page that was synced',
    (wal, synced, size) => zero(wal, Math.ceil(synced / PAGE) * PAGE, size),
  ],
  [
    'all pages but the first that was not synced',
    (wal, synced) => zero(wal, synced, (Math.floor(synced / PAGE) + 1) * PAGE),
  ],
  [
    'all pages but one in the middle',
    (wal, synced, size) => zero(wal, Math.max(synced, (synced + size) >> 1), ((synced + size) >> 1) + PAGE),
  ],
]

/** RocksDB's own recovery would pass over the hole, and show the newest applied index over missing keys. */
test('whatever a power cut leaves of the state behind the marker, it reaches its truncated log and replays to the end', async () => {
  const world = rocksWorld()
  const left = rocksWorld()
  try {
    const shard = await TestShard.open(world)
    const a = await shard.create('a')
    await a.setTerm(1)
    const put = async (count: number): Promise<void> => {
      for (let i = 0; i < count; i++) {
        await a.put({ [`k${(a.lastIndex + 1) % 50}`]: `${a.lastIndex + 1}:${'x'.repeat(500)}` })
        await a.apply(a.lastIndex)
        // A view is of what is written: so each is in a batch of its own.
        await shard.shard.digest(a.slot)
      }
    }
    await put(40)
    const data = join(world.dir, 'data')
    const { pairs } = await shard.plan([a.slot, a.lastIndex])
    const synced = statSync(walOf(data)).size
    expect([...pairs]).toEqual([a.slot, 41])
    shard.shard.truncate(a.slot, 41, 1)
    await put(60)
    for (const [what, cut] of CUTS) {
      rmSync(left.dir, { recursive: true })
      cpSync(world.dir, left.dir, { recursive: true })
      const wal = walOf(join(left.dir, 'data'))
      cut(wal, synced, statSync(wal).size)
      const found = await TestShard.open(left)
      const { record, appliedIndex, stateLost, lastIndex } = found.recovered('a')
      expect({ firstIndex: record.firstIndex, stateLost, lastIndex }, what).toEqual({
        firstIndex: 41,
        stateLost: false,
        lastIndex: 100,
      })
      expect(appliedIndex, what).toBeGreaterThanOrEqual(40)
      expect(appliedIndex, what).toBeLessThan(100)
      await found.replica('a').apply(100)
      const keys = Array.from({ length: 50 }, (_, i) => `k${i}`)
      const { values } = await found.get(a.slot, keys)
      expect(values.map((value) => value?.split(':')[0])).toEqual(
        keys.map((_, i) => `${i === 0 ? 100 : 50 + i}`),
      )
      await found.shard.close()
    }
    await shard.shard.close()
  } finally {
    world.remove()
    left.remove()
  }
})
