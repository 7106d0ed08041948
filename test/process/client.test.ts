import { expect, test, vi } from 'vitest'
import { Client, FlotillaError } from '../../src/client.ts'
import { COUNTER, withCluster } from './cluster-harness.ts'
import { HANG_MS, until } from './guard.ts'

vi.setConfig({ testTimeout: 3 * HANG_MS })

const CALLERS = 16

interface Calls {
  started: number
  settled: number
  readonly acked: Map<string, string>
  readonly refused: Set<string>
  unknown: number
}

test('stores are killed one after the other under a client: every call settles once, what was acknowledged is there, what was refused is not', async () => {
  await withCluster(async (cluster) => {
    await cluster.start()
    await using client = await Client.connect({ stores: Object.values(cluster.stores) })
    const kv = client.kv('client')
    const calls: Calls = { started: 0, settled: 0, acked: new Map(), refused: new Set(), unknown: 0 }
    let busy = true
    const caller = async (name: number) => {
      for (let i = 0; busy; i++) {
        const key = `${(name * 7 + i) % 16}`.padStart(2, '0')
        const id = `${key}-${name}-${i}`
        calls.started++
        try {
          await kv.put(id, id, { timeoutMs: 4_000 })
          calls.acked.set(id, id)
        } catch (error) {
          if (!(error instanceof FlotillaError)) throw error
          if (error.outcome === 'unknown') calls.unknown++
          else calls.refused.add(id)
        }
        calls.settled++
      }
    }
    const callers = Array.from({ length: CALLERS }, (_, name) => caller(name))
    const more = async (count: number) => {
      const goal = calls.acked.size + count
      await until(`${goal} acknowledged writes`, () => calls.acked.size >= goal)
    }
    await more(200)
    for (let round = 0; round < 3; round++) {
      const [most] = await cluster.byGroupsLed()
      await cluster.kill(most!)
      await more(200)
      await cluster.startStore(most!)
      await more(100)
    }
    await cluster.kill(...cluster.storeIds)
    await until('a refusal', () => calls.refused.size > 0 || calls.unknown > 0)
    await cluster.startStores(cluster.storeIds)
    await more(100)
    busy = false
    await Promise.all(callers)
    expect(calls.settled).toBe(calls.started)
    expect(calls.acked.size + calls.refused.size + calls.unknown).toBe(calls.settled)
    expect(client.pendingCalls).toBe(0)

    const patience = { timeoutMs: 60_000 }
    const ids = [...calls.acked.keys()]
    for (let at = 0; at < ids.length; at += 1_000) {
      const some = ids.slice(at, at + 1_000)
      expect(await kv.getMany(some, patience)).toEqual(some)
    }
    const refused = [...calls.refused]
    if (refused.length > 0) {
      expect(new Set(await kv.getMany(refused, patience))).toEqual(new Set([undefined]))
    }
    const rows = await kv.keys(patience as object).all()
    expect(rows.length).toBeGreaterThanOrEqual(ids.length)
    expect(rows.length).toBeLessThanOrEqual(ids.length + calls.unknown)
    expect(rows).toEqual([...rows].sort())
    const groups = await client.listGroups(patience)
    expect(groups.map(({ groupId }) => groupId)).toContain(COUNTER)
    for (const { groupId, type } of groups) {
      if (type !== 'kv') continue
      expect(await client.verifyGroup(groupId, patience)).toMatchObject({ equal: true, complete: true })
    }
  })
})
