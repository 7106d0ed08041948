import { describe, expect, test } from 'vitest'
import { marksBelow } from '../../src/sim/marks.ts'
import { type RunReport, runPlan } from '../../src/sim/run-seed.ts'
import { addReport, NO_TOTALS } from '../../src/sim/totals.ts'
import { fastPlan, type Shape } from '../mutants/dense-plan.ts'
import { FIXED_SEEDS, LEAST_MARKS } from './fixed-seeds.ts'

describe('the fixed seeds', () => {
  const reports: RunReport[] = []
  const shapes = Object.entries(FIXED_SEEDS) as [Shape, readonly number[]][]

  for (const [shape, seeds] of shapes) {
    for (const seed of seeds) {
      test(`${shape} ${seed}: no invariant breaks, the core comes to rest, the history is linearizable`, async () => {
        const report = await runPlan(fastPlan(seed, {}, shape))
        expect(report.history.undecided).toBe(0)
        reports.push(report)
      })
    }
  }

  test('a sample of them, one of each shape, is the same run again to the last event', async () => {
    for (const [shape, [seed]] of shapes) {
      const again = await runPlan(fastPlan(seed!, {}, shape))
      expect(reports.map(({ traceHash }) => traceHash)).toContain(again.traceHash)
    }
  })

  test(`together they have been in every state of the table, ${LEAST_MARKS} times or more`, () => {
    const { marks } = reports.reduce(addReport, NO_TOTALS)
    const table = Object.entries(marks).map(([name, count]) => `${String(count).padStart(8)}  ${name}`)
    process.stdout.write(`${table.join('\n')}\n`)
    expect(marksBelow(marks, LEAST_MARKS)).toEqual([])
  })
})
