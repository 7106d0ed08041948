import { describe, expect, test } from 'vitest'
import { startKvPutStore } from '../../src/bench/kv-put-store.ts'
import { startRawLogStore } from '../../src/bench/raw-log-store.ts'
import { homeOfGroup, STORE_COUNT } from '../../src/bench/scenario.ts'
import type { BenchStore } from '../../src/bench/scenario.ts'
import { withStores } from './stores.ts'

const GROUPS = 5
const CALLS = 100

async function writeToAll(stores: readonly BenchStore[], payload: Buffer): Promise<void> {
  const calls: Promise<unknown>[] = []
  for (let group = 0; group < GROUPS; group++) {
    for (let i = 0; i < CALLS; i++) calls.push(stores[homeOfGroup(group)]!.propose(group, payload))
  }
  await Promise.all(calls)
}

describe('kv-put', () => {
  test('puts the payload under different keys of the group that is named, for every reader of the keyspace', async () => {
    await withStores(GROUPS, startKvPutStore, async (stores) => {
      const payload = Buffer.alloc(16, 7)
      await writeToAll(stores, payload)
      const keysOf = new Map<string, number>()
      for await (const [key, value] of stores[1]!.kv.iterator()) {
        expect(value).toEqual(payload)
        expect(Buffer.byteLength(key)).toBe(16)
        const { groupId } = await stores[2]!.kv.getDetailed(key)
        expect(groupId).toBe(`kv/${key.slice(1, 5)}`)
        keysOf.set(groupId, (keysOf.get(groupId) ?? 0) + 1)
      }
      expect(keysOf.size).toBe(GROUPS)
      // Of 200,000 keys a hundred draws hit hardly one twice.
      for (const keys of keysOf.values()) expect(keys).toBeGreaterThan(CALLS - 10)
    })
  })
})

describe.each([
  ['raw-log', startRawLogStore],
  ['kv-put', startKvPutStore],
] as const)('%s', (_name, start) => {
  test('counts the entries and the flushes of every store', async () => {
    await withStores(GROUPS, start, async (stores) => {
      await writeToAll(stores, Buffer.alloc(16, 7))
      const totals = stores.map((store) => store.stats())
      const entries = totals.reduce((sum, one) => sum + one.entries, 0)
      // A store beside the two that made each majority may be behind.
      expect(entries).toBeGreaterThanOrEqual(GROUPS * CALLS * (STORE_COUNT - 1))
      for (const { fsyncs } of totals) expect(fsyncs).toBeGreaterThan(0)
    })
  })
})
