import type { Mark } from '../../src/sim/mark-table.ts'
import type { Shape } from '../mutants/dense-plan.ts'

/** The runs of every test run, in fast motion: picked for the marks that they reach, in little time. */
export const FIXED_SEEDS: Readonly<Record<Shape, readonly number[]>> = {
  mixed: [
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29,
    30, 41, 46, 52, 54, 63, 67,
  ],
  damaged: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 16, 21, 24],
  crowded: [4, 17, 18, 19, 26, 28, 30, 31],
  noisy: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14],
  patient: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14],
  worn: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20],
  deposed: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 17, 18, 24],
  restless: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 18],
  fallen: [1, 2, 3, 4, 5, 6],
  outgrown: [3, 4, 7, 9, 11, 12, 14],
}

/** How often each mark is reached in these runs, at least. */
export const LEAST_MARKS = 10

/** Marks that campaigns reach, and these runs less often than that. Each that is taken off this list is a gain. */
export const RARE_MARKS: readonly Mark[] = [
  'election/after-state-lost',
  'append/busy',
  'cut/inside-block',
  'cut/while-unflushed',
  'read/busy',
  'forward/unknown',
  'link/refused-send',
  'start/ledger-slot',
  'start/state-set-aside',
  'start/state-lost',
  'start/replaced',
  'call/lost-leadership',
]
