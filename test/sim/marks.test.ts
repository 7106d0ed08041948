import { expect, test } from 'vitest'
import type { HistoryEntry } from '../../src/sim/history.ts'
import { markCalls } from '../../src/sim/mark-lives.ts'
import { MARKS } from '../../src/sim/mark-table.ts'
import { Marks, marksBelow } from '../../src/sim/marks.ts'
import { drawPlan, withoutFaults } from '../../src/sim/run-plan.ts'
import { runPlan } from '../../src/sim/run-seed.ts'

test('there are at least sixty marks, and those below a count are named', () => {
  const names = Object.keys(MARKS)
  expect(names.length).toBeGreaterThanOrEqual(60)
  const counts = Object.fromEntries(names.map((name) => [name, 10]))
  expect(marksBelow(counts, 10)).toEqual([])
  expect(marksBelow({ ...counts, 'cut/suffix': 9 }, 10)).toEqual(['cut/suffix'])
})

test('a call that is told BUSY is a mark of the queue that had no room', () => {
  const marks = new Marks()
  const busy = (message: string): void => {
    const told = { outcome: 'refused', error: 'FLOTILLA_BUSY', message } as HistoryEntry
    markCalls(marks, [told, { ...told, error: 'FLOTILLA_TIMEOUT' }])
  }
  busy('group g has too much in flight: 48 calls')
  busy('group g has too much in flight: the cache of its log is full')
  busy('group g has 3 reads waiting')
  busy('the leader has too many reads waiting')
  busy('Too many reads wait for the shard.')
  const reached = Object.entries(marks.counts()).filter(([, count]) => count > 0)
  const queues = { 'busy/calls': 1, 'busy/log-cache': 1, 'busy/reads': 2 }
  expect(Object.fromEntries(reached)).toEqual({ 'call/busy': 5, 'call/timeout': 5, ...queues })
})

test('leaders that are cut off and killed: the run has been where such runs must have been', async () => {
  const plan = drawPlan(105, { stores: 3, maxGroups: 4, faultsForMs: 15_000, livenessMs: 10_000 })
  const partitions = { everyMs: 2_000, forMs: 1_500 }
  const kills = { everyMs: 4_000, forMs: 500 }
  const { marks } = await runPlan({ ...plan, faults: { partitions, kills, maxDown: 1 } })
  const reached = Object.keys(marks).filter((name) => marks[name]! > 0)
  expect(reached).toEqual(
    expect.arrayContaining([
      'vote/granted',
      'step-down/no-quorum',
      'cut/suffix',
      'crash/leader',
      'start/vote',
    ]),
  )
})

test('a run without faults has been in no state that only faults lead to', async () => {
  const plan = drawPlan(3, { stores: 3, maxGroups: 4, faultsForMs: 3_000, livenessMs: 6_000 })
  const { marks } = await runPlan(withoutFaults(plan))
  const reached = Object.keys(marks).filter((name) => marks[name]! > 0)
  for (const name of reached) expect(name).not.toMatch(/^(crash|cut|end|disk|suspect)\//)
  expect(reached).toContain('election/first')
})
