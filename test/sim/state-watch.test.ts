import { afterEach, expect, test, vi } from 'vitest'
import { StateBuffer } from '../../src/kv/state-buffer.ts'
import { drawPlan, withoutFaults } from '../../src/sim/run-plan.ts'
import { runPlan } from '../../src/sim/run-seed.ts'

afterEach(() => vi.restoreAllMocks())

/** A few keys that are written all the time: what is wrong with one of them is soon hidden. */
const PLAN = (() => {
  const limits = { stores: 3, maxGroups: 3, faultsForMs: 1_500, livenessMs: 3_000 }
  return { ...withoutFaults(drawPlan(5, limits)), keysPerRegion: 12, callsAtOnce: 1, callsPerSecond: 300 }
})()

type Put = Parameters<StateBuffer['put']>

/** The sixtieth put of each state, done once more twenty puts later. */
function putsTwice(): void {
  const seen = new Map<StateBuffer, { count: number; kept: Put | null }>()
  const { put } = StateBuffer.prototype
  vi.spyOn(StateBuffer.prototype, 'put').mockImplementation(function (this: StateBuffer, ...given: Put) {
    const state = seen.get(this) ?? { count: 0, kept: null }
    seen.set(this, state)
    const [space, source, ...places] = given
    if (++state.count === 60) state.kept = [space, Buffer.from(source), ...places]
    if (state.count === 80) put.apply(this, state.kept!)
    put.apply(this, given)
  })
}

test('a row that is put once more, among later ones, is a violation at the batch that holds it', async () => {
  await runPlan(PLAN)
  putsTwice()
  await expect(runPlan(PLAN)).rejects.toThrow(
    /I-7: .*the state of kv\/\d+ on s\d was at \d+: .* as no entry there says/,
  )
})

test('so is one that is left out', async () => {
  let count = 0
  const { put } = StateBuffer.prototype
  vi.spyOn(StateBuffer.prototype, 'put').mockImplementation(function (this: StateBuffer, ...given: Put) {
    if (++count !== 100) put.apply(this, given)
  })
  await expect(runPlan(PLAN)).rejects.toThrow(/I-7: .*keys are written, up to \d+ \d+ change/)
})
