import { afterAll, beforeAll, expect, test } from 'vitest'
import { allCases } from './damages.ts'
import { DiskMatrix } from './matrix.ts'
import type { Verdict } from './matrix.ts'

/** A sample of the disk matrix (`npm run disk-matrix` runs all of it), on real files of a store that was killed. */
const SAMPLE: ReadonlyArray<readonly [target: string, damage: string, verdict: Verdict, detail: RegExp]> = [
  [
    'log WAL',
    'bit flipped, middle',
    'refused',
    /\d+\.log is bad at byte \d+ .*a record written later begins/,
  ],
  ['log WAL', 'zeroed tail', 'refused', /flushes \d+ to \d+ are missing, although the ledger/],
  ['log WAL', 'deleted', 'refused', /flushes \d+ to \d+ are missing, although the ledger/],
  ['data WAL', 'bit flipped, middle', 'repaired', /was cut from \d+ to \d+ bytes/],
  ['log SST', 'bit flipped, middle', 'refused', /\d+\.sst is bad in the block at byte \d+/],
  ['log SST', 'page of zeros', 'refused', /\d+\.sst is bad in the block at byte \d+/],
  ['log SST', 'deleted', 'refused', /sst, which the MANIFEST names, is gone.*Put the old directory back/],
  ['data SST', 'bit flipped, start', 'repaired', /moved to .*data\.damaged-1/],
  [
    'data SST',
    'bit flipped, middle',
    'repaired',
    /\d+\.sst is bad in the block at byte \d+ .*data\.damaged-1; the log replays/,
  ],
  [
    'data SST, truncated',
    'bit flipped, middle',
    'gone',
    /\d+\.sst is bad .* of "a", "b", "c": it cannot be replayed/,
  ],
  ['data WAL, truncated', 'bit flipped, end', 'repaired', /was cut from \d+ to \d+ bytes/],
  [
    'data WAL, truncated',
    'cut to nothing',
    'gone',
    /vote on here but serve nothing until they have a snapshot/,
  ],
  [
    'data, truncated',
    'rolled back',
    'gone',
    /the state ends before it and the log begins at .*put a newer state back in .*data if there is one/,
  ],
  ['log MANIFEST', 'cut in half', 'refused', /Put the old directory back/],
  ['log CURRENT', 'deleted', 'refused', /CURRENT is gone, beside/],
  ['data CURRENT', 'deleted', 'repaired', /CURRENT is gone.*moved to/],
  ['ledger', 'deleted', 'refused', /its ledger .* is gone/],
  ['identity', 'bit flipped, middle', 'refused', /identity\.json/],
  ['log', 'rolled back', 'refused', /flushes \d+ to \d+ are missing, although the ledger/],
  ['log + ledger', 'rolled back', 'refused', /the state in .* was built after them/],
  ['data', 'wiped', 'unharmed', /^$/],
  ['store', 'rolled back', 'peers', /the newest flush is/],
]

const matrix = new DiskMatrix()
beforeAll(() => matrix.prepare())
afterAll(() => matrix.remove())

test('a store that was only killed opens without a word and has all that it promised', async () => {
  expect(await matrix.run(null)).toMatchObject({ verdict: 'unharmed' })
  expect(await matrix.run(null, 'truncated')).toMatchObject({ verdict: 'unharmed' })
})

test.each(SAMPLE)('%s, %s: %s', async (target, damage, verdict, detail) => {
  const found = allCases().find((one) => one.target === target && one.damage === damage)!
  const outcome = await matrix.run(found)
  expect(outcome.verdict).toBe(verdict)
  expect(outcome.detail).toMatch(detail)
})
