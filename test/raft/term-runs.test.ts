import fc from 'fast-check'
import { expect, test } from 'vitest'
import { TermRuns } from '../../src/raft/term-runs.ts'

test('runs answer as a list of one term per entry would, through appends and cuts at both ends', () => {
  const step = fc.oneof(
    fc.record({
      kind: fc.constant('append' as const),
      rise: fc.integer({ min: 0, max: 2 }),
      count: fc.integer({ min: 1, max: 5 }),
    }),
    fc.record({ kind: fc.constant('cut' as const), by: fc.integer({ min: 0, max: 6 }) }),
    fc.record({ kind: fc.constant('cutBefore' as const), by: fc.integer({ min: 0, max: 6 }) }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const runs = new TermRuns()
      const model: number[] = []
      /** Entries below this are gone. */
      let first = 1
      let term = 1
      for (const one of steps) {
        if (one.kind === 'append') {
          term += one.rise
          runs.append(model.length + 1, term)
          for (let i = 0; i < one.count; i++) model.push(term)
        } else if (one.kind === 'cut') {
          model.length = Math.max(first - 1, model.length - one.by)
          runs.cutAfter(model.length)
        } else if (first + one.by <= model.length) {
          first += one.by
          runs.cutBefore(first)
        }
        for (let index = first; index <= model.length; index++) {
          expect(runs.termAt(index)).toBe(model[index - 1])
          expect(runs.runStart(index)).toBe(Math.max(first, model.indexOf(model[index - 1]!) + 1))
        }
        for (let wanted = 0; wanted <= term + 1; wanted++) {
          for (let limit = first - 1; limit <= model.length; limit++) {
            let expected = 0
            for (let index = first; index <= limit; index++) if (model[index - 1]! <= wanted) expected = index
            expect(runs.lastIndexAtOrBelowTerm(wanted, limit)).toBe(expected)
          }
        }
      }
    }),
    { numRuns: 200 },
  )
})
