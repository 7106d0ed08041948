import { expect, test } from 'vitest'
import { runSeed } from '../../src/sim/run-seed.ts'
import { FAILED_SEEDS } from './failed-seeds.ts'

for (const { seed, limits, found } of FAILED_SEEDS) {
  test(`seed ${seed}, which once failed, ends well (${found})`, async () => {
    const { history } = await runSeed(seed, limits)
    expect(history.undecided).toBe(0)
  })
}
