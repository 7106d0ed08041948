import fc from 'fast-check'
import { expect, test } from 'vitest'
import { FlotillaError } from '../../src/util/errors.ts'
import type { TestGroup } from './replica.ts'
import { World } from './world.ts'

const STORES = ['s1', 's2', 's3', 's4']

type Step =
  | {
      readonly do: 'apply'
      readonly store: number
      readonly timeoutMs: number
      readonly abortAfterMs: number | null
    }
  | { readonly do: 'lead'; readonly store: number; readonly held: 'apply' | 'lose' | 'forget' }
  | { readonly do: 'hold' | 'letGo' }
  | { readonly do: 'believe'; readonly store: number; readonly leader: number }
  | { readonly do: 'cut' | 'mend'; readonly a: number; readonly b: number }
  | { readonly do: 'run'; readonly ms: number }

const store = fc.nat(3)
const member = fc.nat(2)
const apply = fc.record({
  do: fc.constant('apply' as const),
  store,
  timeoutMs: fc.integer({ min: 1, max: 400 }),
  abortAfterMs: fc.option(fc.nat(200), { freq: 5 }),
})
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: apply },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('lead' as const),
      // 3 is nobody.
      store: fc.nat(3),
      held: fc.constantFrom('apply' as const, 'lose' as const, 'forget' as const),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('hold' as const, 'letGo' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('believe' as const), store: member, leader: member }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constantFrom('cut' as const, 'mend' as const), a: store, b: store }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('run' as const), ms: fc.oneof(fc.nat(3), fc.nat(60)) }),
  },
)

interface Settled {
  readonly text: string
  times: number
  outcome: 'done' | 'not-applied' | 'unknown' | null
  index: number
}

function perform(world: World, group: TestGroup, step: Step, calls: Settled[]): void {
  if (step.do === 'apply') call(world, STORES[step.store]!, step.timeoutMs, step.abortAfterMs, calls)
  else if (step.do === 'lead') group.lead(step.store === 3 ? '' : STORES[step.store]!, step.held)
  else if (step.do === 'hold') group.holding = true
  else if (step.do === 'letGo') group.letGo()
  else if (step.do === 'believe') group.on(STORES[step.store]!).belief = STORES[step.leader]!
  else if (step.do === 'cut' || step.do === 'mend') {
    if (step.a !== step.b) world[step.do](STORES[step.a]!, STORES[step.b]!)
  }
}

function call(
  world: World,
  storeId: string,
  timeoutMs: number,
  abortAfterMs: number | null,
  calls: Settled[],
): void {
  const settled: Settled = { text: `call ${calls.length}`, times: 0, outcome: null, index: 0 }
  calls.push(settled)
  const controller = new AbortController()
  if (abortAfterMs !== null) world.schedule(abortAfterMs, () => controller.abort())
  const options = abortAfterMs === null ? { timeoutMs } : { timeoutMs, signal: controller.signal }
  world
    .store(storeId)
    .router.apply('g', Buffer.from(settled.text), options)
    .then(
      ({ index }) => {
        settled.times++
        settled.outcome = 'done'
        settled.index = index
      },
      (error: FlotillaError) => {
        settled.times++
        settled.outcome = error instanceof FlotillaError ? error.outcome : null
      },
    )
}

test('under lost links, changing leaders, deadlines and aborts every call is settled once and its outcome is true', async () => {
  const seen = { done: 0, 'not-applied': 0, unknown: 0 }
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 80 }), async (steps) => {
      const world = new World(STORES)
      const group = world.group('g', STORES.slice(0, 3))
      const calls: Settled[] = []
      for (const one of steps) {
        perform(world, group, one, calls)
        if (one.do === 'run') await world.run(one.ms)
      }
      await world.run(1_000)
      group.letGo()
      await world.run(1_000)
      const log = group.log.map(({ payload }) => payload.toString())
      expect(new Set(log).size).toBe(log.length)
      for (const { text, times, outcome, index } of calls) {
        expect([text, times]).toEqual([text, 1])
        seen[outcome!]++
        if (outcome === 'done') expect(log[index - 1]).toBe(text)
        if (outcome === 'not-applied') expect(log).not.toContain(text)
      }
      expect(world.pending).toBe(0)
    }),
    { numRuns: 200, seed: 20_251_123 },
  )
  // The faults were worth their name: each outcome was met often.
  expect(Math.min(seen.done, seen['not-applied'], seen.unknown)).toBeGreaterThan(100)
})
