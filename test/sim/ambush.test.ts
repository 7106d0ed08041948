import { expect, test } from 'vitest'
import type { Ambush, AmbushStrike } from '../../src/sim/ambush.ts'
import { drawPlan, type RunPlan } from '../../src/sim/run-plan.ts'
import { runPlan } from '../../src/sim/run-seed.ts'
import { simulate } from '../../src/sim/simulate.ts'
import { CounterMachine } from '../../src/sim/counter-machine.ts'

/** A quiet cluster of three but for one ambush, which strikes once. */
function planWith(mark: Ambush['mark'], strike: Partial<AmbushStrike>): RunPlan {
  const strikes = [{ who: 'self', what: 'kill', after: 0, for: 1, ...strike } as const]
  const ambushes = [{ mark, chance: 1, restMs: Number.MAX_VALUE, strikes }]
  const plan = drawPlan(1, { stores: 3, maxGroups: 3, faultsForMs: 2_000, livenessMs: 6_000 })
  const faults = { ambushes, maxDown: 2 }
  return {
    ...plan,
    electionTimeoutMs: 200,
    callsAtOnce: 1,
    heartbeats: 10,
    hangsMachine: false,
    bursts: null,
    faultsFromMs: 0,
    faults,
  }
}

async function ambushesOf(plan: RunPlan): Promise<{ lines: string[]; classes: Record<string, number> }> {
  const lines: string[] = []
  const { faultsByClass } = await runPlan(plan, { onLine: (line) => lines.push(line) })
  return { lines, classes: { ...faultsByClass } }
}

test('a voter dies right after it granted a vote, before anything else happens', async () => {
  const { lines, classes } = await ambushesOf(planWith('vote/granted', {}))
  expect(classes['ambushes/kill']).toBe(1)
  const at = lines.findIndex((line) => line.includes('ambush at vote/granted'))
  const victim = /ambush at vote\/granted of (s\d): kill \1/.exec(lines[at]!)![1]!
  const killed = lines.slice(0, at).findLastIndex((line) => line.includes(`kill ${victim} (`))
  const granted = lines.slice(0, killed).findLastIndex((line) => line.includes(`${victim}#1`))
  const timeOf = (line: string): number => Number(line.trim().split(/\s+/)[0])
  expect(timeOf(lines[killed]!) - timeOf(lines[granted]!)).toBeLessThan(0.1)
})

test('all others are struck, and never more are down than may be', async () => {
  const rest = await ambushesOf(planWith('candidacy', { who: 'rest', what: 'pause', for: 0.5 }))
  expect(rest.classes['ambushes/pause']).toBe(2)
  const plan = planWith('candidacy', { who: 'rest', what: 'pause', for: 0.5 })
  const one = await ambushesOf({ ...plan, faults: { ...plan.faults, maxDown: 1 } })
  expect(one.classes['ambushes/pause']).toBe(1)
})

test('an heir is whoever leads when the strike comes, not when the mark was reached', async () => {
  const plan = planWith('candidacy', {})
  const strikes: readonly AmbushStrike[] = [
    { who: 'self', what: 'cut-off', after: 1, for: 6 },
    { who: 'rival', what: 'stall', after: 5, for: 0.1 },
    { who: 'heir', what: 'slow', after: 5, for: 0.1 },
  ]
  const ambushes = [{ mark: 'candidacy', chance: 1, restMs: Number.MAX_VALUE, strikes } as const]
  const { classes } = await ambushesOf({ ...plan, faultsForMs: 8_000, faults: { ambushes, maxDown: 2 } })
  expect(classes['ambushes/cut-off']).toBe(1)
  expect(classes['ambushes/stall']).toBeUndefined()
  expect(classes['ambushes/slow']).toBe(1)
})

test('a pair is cut off from all others, and not from each other', async () => {
  const stepDowns = async (what: AmbushStrike['what']): Promise<number> => {
    const { marks } = await runPlan({
      ...planWith('candidacy', { what, after: 1, for: 3 }),
      faultsForMs: 4_000,
    })
    return marks['step-down/no-quorum']!
  }
  expect(await stepDowns('cut-off')).toBeGreaterThan(0)
  expect(await stepDowns('pair-off')).toBe(0)
})

test('a seed draws its ambushes, and draws them again', () => {
  const drawn = Array.from({ length: 40 }, (_, seed) => drawPlan(seed).faults.ambushes as readonly Ambush[])
  expect(drawn.map((ambushes) => ambushes.length > 0).filter(Boolean).length).toBeGreaterThan(20)
  expect(drawPlan(7).faults.ambushes).toEqual(drawn[7])
  expect(new Set(drawn.map((ambushes) => JSON.stringify(ambushes))).size).toBeGreaterThan(25)
})

test('a user’s run is ambushed too, and tells the marks that it reached', async () => {
  const { faultsByClass, marks } = await simulate({
    seed: 8,
    durationMs: 4_000,
    stateMachines: {
      counter: () =>
        new CounterMachine(
          () => {},
          () => false,
        ),
    },
    groups: [{ groupId: 'g', type: 'counter' }],
    workload: async () => {},
  })
  expect(Object.keys(faultsByClass).some((name) => name.startsWith('ambushes/'))).toBe(true)
  expect(marks['vote/granted']).toBeGreaterThan(0)
})
