import { expect, test } from 'vitest'
import { drawPlan } from '../../src/sim/run-plan.ts'
import { runPlan } from '../../src/sim/run-seed.ts'
import { fastPlan } from '../mutants/dense-plan.ts'
import { FAILED_SEEDS } from './failed-seeds.ts'

for (const { seed, limits, shape, found } of FAILED_SEEDS) {
  test(`seed ${seed}, which once failed, ends well (${found})`, async () => {
    const plan = shape === undefined ? drawPlan(seed, limits) : fastPlan(seed, limits, shape)
    const { history } = await runPlan(plan)
    expect(history.undecided).toBe(0)
  })
}
