import { expect, test } from 'vitest'
import type { NemesisOptions } from '../../src/sim/nemesis.ts'
import { drawPlan, type RunPlan } from '../../src/sim/run-plan.ts'
import { type RunReport, runPlan } from '../../src/sim/run-seed.ts'

/** A small cluster of three with the faults that are named, and no others. */
function planWith(faults: NemesisOptions): RunPlan {
  const plan = drawPlan(1, { stores: 3, maxGroups: 3, faultsForMs: 5_000, livenessMs: 8_000 })
  return { ...plan, electionTimeoutMs: 300, hangsMachine: false, faultsFromMs: 0, faults }
}

async function play(plan: RunPlan): Promise<{ report: RunReport; lines: readonly string[] }> {
  const lines: string[] = []
  const report = await runPlan(plan, { onLine: (line) => lines.push(line) })
  return { report, lines }
}

test('what strikes single writes is counted by class, and ends with the faults', async () => {
  const rates = { corrupt: 0.01, stale: 0.02, loss: 0.02, reorder: 0.2 }
  const { report, lines } = await play(planWith(rates))
  const { corrupt, stale, loss, reorder } = report.faultsByClass
  const ended = lines.findIndex((line) => line.includes('the nemesis stops'))
  for (const [struck, text] of [
    [corrupt, 'a bit flips on'],
    [stale, 'old bytes come again on'],
    [loss, 'a write is lost on'],
    [reorder, 'bytes overtake others on'],
  ] as const) {
    const at = lines.flatMap((line, i) => (line.includes(text) ? [i] : []))
    expect(struck).toBe(at.length)
    expect(struck).toBeGreaterThan(0)
    expect(at.at(-1)).toBeLessThan(ended)
  }
})

test('a cluster lives with connections that lose and mix up what they carry', async () => {
  for (const faults of [{ loss: 0.02 }, { reorder: 0.2 }]) {
    const { report } = await play(planWith(faults))
    expect(report.calls.done).toBeGreaterThan(300)
    // Nothing else makes a sound frame come out of its turn.
    expect(report.marks['link/protocol-error']).toBeGreaterThan(0)
  }
})

test('each direction of a link may have delays of its own, until the faults end', async () => {
  const plan = { ...planWith({}), counters: [] }
  const kvMembers = plan.storeIds
  const links = kvMembers
    .flatMap((from) => kvMembers.map((to) => ({ from, to, minDelayMs: 2_000, meanDelayMs: 0 })))
    .filter(({ from, to }) => from !== to)
  // No vote comes in time while it takes longer than an election may. Afterwards the core must come to rest.
  const slow = await play({ ...plan, kvMembers, links })
  expect(slow.lines[0]).toContain('other delays in ms: s1>s2 2000+0, s1>s3 2000+0')
  const one = await play({ ...plan, kvMembers, links: links.slice(0, 1) })
  expect(slow.report.calls.done).toBeGreaterThan(0)
  expect(one.report.calls.done).toBeGreaterThan(2 * slow.report.calls.done)
})

test('late timers are counted', async () => {
  const plan = planWith({})
  const clock = { clockRate: 1, lateTimers: { rate: 0.05, maxMs: 20 } }
  const clocks = Object.fromEntries(plan.storeIds.map((storeId) => [storeId, clock]))
  const { report } = await play({ ...plan, clocks })
  expect(report.faultsByClass.lateTimers).toBeGreaterThan(10)
  expect((await play({ ...plan, clocks: {} })).report.faultsByClass.lateTimers).toBeUndefined()
})
