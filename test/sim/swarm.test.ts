import { describe, expect, test } from 'vitest'
import { drawPlan } from '../../src/sim/run-plan.ts'
import { runPlan, runSeed } from '../../src/sim/run-seed.ts'

/** Small enough for every test run; campaigns are `npm run sim`. */
const SMALL = { maxGroups: 8, faultsForMs: 6_000, livenessMs: 10_000 }

describe('whole clusters under drawn faults', () => {
  for (const seed of [1, 2, 3, 4, 5, 6]) {
    test(`seed ${seed}: no invariant breaks, the core comes to rest, every history is linearizable`, async () => {
      const report = await runSeed(seed, SMALL)
      expect(report.calls.done).toBeGreaterThan(300)
      expect(report.history.undecided).toBe(0)
      const strikes = Object.values(report.faultsByClass).reduce((sum, count) => sum + count, 0)
      expect(strikes).toBeGreaterThan(0)
    })
  }

  test('a seed played twice is the same run to the last event, and another seed is another', async () => {
    const limits = { stores: 3, maxGroups: 4, faultsForMs: 4_000, livenessMs: 8_000 }
    const [first, second, other] = [
      await runSeed(11, limits),
      await runSeed(11, limits),
      await runSeed(12, limits),
    ]
    expect(second).toEqual(first)
    expect(other.traceHash).not.toBe(first.traceHash)
  })

  test('seeds draw clusters of every size, and every kind of fault', () => {
    const plans = Array.from({ length: 300 }, (_, seed) => drawPlan(seed))
    const sizes = new Set(plans.map(({ storeIds }) => storeIds.length))
    expect([...sizes].sort()).toEqual([1, 2, 3, 4, 5, 6, 7])
    const groups = plans.map(({ splitKeys, counters }) => splitKeys.length + 1 + counters.length)
    expect(Math.min(...groups)).toBe(3)
    expect(Math.max(...groups)).toBeGreaterThan(55)
    const kinds = new Set(
      plans.flatMap(({ faults }) => Object.entries(faults).flatMap(([kind, on]) => (on ? [kind] : []))),
    )
    expect([...kinds].sort()).toEqual(
      [
        'ambushes',
        'bitRot',
        'bridges',
        'brokenDisks',
        'clogs',
        'corrupt',
        'crashLoops',
        'damage',
        'diskErrors',
        'gasps',
        'kills',
        'loss',
        'maxDown',
        'partitions',
        'pauses',
      ]
        .concat([
          'reorder',
          'resets',
          'restarts',
          'rot',
          'slowDisk',
          'stale',
          'swizzles',
          'threadDeaths',
          'wallJumps',
        ])
        .sort(),
    )
    for (const plan of plans) expect(plan.faults.kills).toBeTruthy()
    for (const kind of ['loss', 'reorder'] as const) {
      const drawn = plans.filter(({ faults }) => (faults[kind] ?? 0) > 0)
      expect(drawn.length).toBeGreaterThan(20)
      expect(drawn.length).toBeLessThan(80)
    }
    const ownDelays = plans.filter(({ links }) => links.length > 0)
    expect(ownDelays.length).toBeGreaterThan(30)
    expect(ownDelays.length).toBeLessThan(90)
  })

  test('a cluster that nobody troubles answers every call', async () => {
    const plan = drawPlan(1, { stores: 3, maxGroups: 4, faultsForMs: 5_000, livenessMs: 8_000 })
    const clocks = {}
    const report = await runPlan({
      ...plan,
      faults: {},
      faultsFromMs: 2_000,
      network: {},
      clocks,
      hangsMachine: false,
    })
    expect(report.calls.unknown).toBeLessThan(20)
    expect(report.elections).toBeLessThanOrEqual(report.groups * 4)
  })
})
