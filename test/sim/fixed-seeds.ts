import type { Shape } from '../mutants/dense-plan.ts'

/** The runs of every test run, in fast motion: picked for the marks that they reach, in little time. */
export const FIXED_SEEDS: Readonly<Record<Shape, readonly number[]>> = {
  mixed: [
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29,
    30, 41, 46, 52, 54, 63, 67,
  ],
  damaged: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 16, 21, 23, 24],
  crowded: [4, 17, 18, 19, 26, 28, 30, 31],
  noisy: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14],
  patient: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14],
  worn: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20],
  deposed: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 17, 18, 24],
  restless: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 18],
  fallen: [1, 2, 3, 4, 5, 6],
  outgrown: [3, 4, 7, 9, 11, 12, 14],
  decayed: [2, 3, 4, 5, 7, 8, 9, 14, 15, 16, 20, 26, 27, 28, 31, 41, 42, 46, 47, 77, 91, 124],
  cramped: [4, 7, 9, 11, 16, 20, 24, 29],
}

/** How often each mark is reached in these runs, at least. */
export const LEAST_MARKS = 10
