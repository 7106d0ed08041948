import { expect, test } from 'vitest'
import type { NemesisOptions } from '../../src/sim/nemesis.ts'
import { drawPlan, type RunPlan } from '../../src/sim/run-plan.ts'
import { type RunReport, runPlan } from '../../src/sim/run-seed.ts'

/** A small cluster of three with the faults that are named, and no others. */
function planWith(faults: NemesisOptions): RunPlan {
  const plan = drawPlan(1, { stores: 3, maxGroups: 3, faultsForMs: 5_000, livenessMs: 8_000 })
  return { ...plan, electionTimeoutMs: 300, hangsMachine: false, faultsFromMs: 0, faults }
}

async function play(plan: RunPlan): Promise<{ report: RunReport; count: (text: string) => number }> {
  const lines: string[] = []
  const report = await runPlan(plan, { onLine: (line) => lines.push(line) })
  return { report, count: (text) => lines.filter((line) => line.includes(text)).length }
}

test('what strikes single writes is counted by class', async () => {
  const { report, count } = await play(planWith({ corrupt: 0.002, stale: 0.005 }))
  const { corrupt, stale } = report.faultsByClass
  expect(corrupt).toBe(count('a bit flips on'))
  expect(stale).toBe(count('old bytes come again on'))
  for (const struck of [corrupt, stale]) expect(struck).toBeGreaterThan(0)
})

test('late timers are counted', async () => {
  const plan = planWith({})
  const clock = { clockRate: 1, lateTimers: { rate: 0.05, maxMs: 20 } }
  const clocks = Object.fromEntries(plan.storeIds.map((storeId) => [storeId, clock]))
  const { report } = await play({ ...plan, clocks })
  expect(report.faultsByClass.lateTimers).toBeGreaterThan(10)
  expect((await play({ ...plan, clocks: {} })).report.faultsByClass.lateTimers).toBeUndefined()
})
