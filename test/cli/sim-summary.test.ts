import { expect, test } from 'vitest'
import { formatProgress } from '../../src/cli/sim-summary.ts'
import { MARKS } from '../../src/sim/mark-table.ts'
import { NO_TOTALS } from '../../src/sim/totals.ts'

test('a campaign that goes on shows hours, speed, marks, and its kinds of faults, the most frequent first', () => {
  const totals = {
    ...NO_TOTALS,
    seeds: 3,
    simulatedMs: 1_800_000,
    marks: { 'vote/granted': 7, candidacy: 0 },
    faultsByClass: { clogs: 12, 'kills/power': 4, 'kills/process': 1_000, stale: 0, 'partitions/halves': 5 },
  }
  const marks = Object.keys(MARKS).length
  expect(formatProgress(totals, { realMs: 60_000, cpuMs: 1 })).toEqual([
    `0.50 simulated hours, 30.0 times real time, 1 of ${marks} marks`,
    'faults: kills 1,004, clogs 12, partitions 5, stale 0',
  ])
  expect(formatProgress(NO_TOTALS, { realMs: 0, cpuMs: 0 })[1]).toBe('faults: none yet')
})
