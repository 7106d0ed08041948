import type { Mark } from '../../src/sim/mark-table.ts'
import type { Shape } from '../mutants/dense-plan.ts'

/** The runs of every test run, in fast motion: picked for the marks that they reach, in little time. */
export const FIXED_SEEDS: Readonly<Record<Shape, readonly number[]>> = {
  mixed: [
    3, 5, 7, 9, 10, 13, 15, 16, 18, 19, 20, 21, 22, 24, 25, 26, 29, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40,
    45, 48, 51, 52, 54, 56, 57, 61, 62, 63, 65, 66, 67, 68, 69, 70,
  ],
  damaged: [4, 5, 6, 7, 8, 9, 11, 17, 18, 19],
  crowded: [4, 7, 8, 17],
  noisy: [1, 2],
  patient: [2, 10, 18, 26],
  worn: [1, 3, 13],
  deposed: [1, 2],
  restless: [1, 2],
}

/** How often each mark is reached in these runs, at least. */
export const LEAST_MARKS = 10

/** Marks that campaigns reach, and these runs less often than that. Each that is taken off this list is a gain. */
export const RARE_MARKS: readonly Mark[] = [
  'election/two-at-once',
  'election/after-state-lost',
  'step-down/lost-election',
  'step-down/missing-prefix',
  'append/busy',
  'cut/inside-block',
  'cut/acknowledged',
  'cut/while-unflushed',
  'left-behind',
  'read/busy',
  'forward/busy',
  'forward/unknown',
  'forward/in-parts',
  'link/refused-send',
  'link/handshake-late',
  'crash/candidate',
  'crash/half-sent-frame',
  'crash/vote-not-told',
  'start/state-ahead',
  'start/torn-log',
  'start/ledger-slot',
  'start/state-set-aside',
  'start/state-lost',
  'start/ledger-refuses',
  'start/replaced',
  'end/stuck-disk',
  'call/lost-leadership',
]
