import { basename, join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Model, ModelState, Operation } from '../../src/sim/history-model.ts'
import { checkLinearizable } from '../../src/sim/linearizability.ts'
import {
  counterModel,
  kvModel,
  type RegisterInput,
  type RegisterOutput,
  registerModel,
} from '../../src/sim/models.ts'
import { filesOf, findPorcupine, parseJepsen, parseKv } from './porcupine.ts'

/** The logs of etcd that are linearizable; of 95 nobody knows, all others are not. */
const GOOD = [2, 5, 7, 18, 25, 31, 38, 45, 48, 49, 51, 53, 56, 67, 75, 76, 80, 87, 92, 98, 100, 101, 102]
const data = findPorcupine()

describe.skipIf(data === null)('the histories of porcupine', () => {
  test('102 logs of etcd under Jepsen, with failures and unknown outcomes, get the known verdicts', () => {
    const files = filesOf(join(data!, 'jepsen')).filter((file) => !file.endsWith('etcd_095.log'))
    expect(files.length).toBe(102)
    const wrong: string[] = []
    for (const file of files) {
      const number = Number(/etcd_(\d+)/.exec(basename(file))![1])
      const { verdict } = checkLinearizable(parseJepsen(file), registerModel)
      if (verdict !== (GOOD.includes(number) ? 'ok' : 'violation')) wrong.push(`${number}: ${verdict}`)
    }
    expect(wrong).toEqual([])
  }, 30_000)

  test('6 histories of a key-value store with up to 50 clients get the known verdicts', () => {
    const files = filesOf(join(data!, 'kv'))
    expect(files.length).toBe(6)
    for (const file of files) {
      const { verdict } = checkLinearizable(parseKv(file), kvModel)
      expect(`${basename(file)} ${verdict}`).toBe(
        `${basename(file)} ${file.includes('-ok') ? 'ok' : 'violation'}`,
      )
    }
  }, 30_000)
})

if (data === null) {
  test('histories of porcupine: SKIPPED, the data is not beside this checkout', () => {
    process.stderr.write('histories of porcupine skipped: shared/peerdata/porcupine is absent\n')
  })
}

type Line = readonly [input: RegisterInput, output: RegisterOutput | undefined, call: number, back?: number]
const write = (value: number): RegisterInput => ({ f: 'write', value })
const read: RegisterInput = { f: 'read' }
const cas = (from: number, to: number): RegisterInput => ({ f: 'cas', from, to })
const swapped = { swapped: true }
const refused = { swapped: false }

function verdictOf(...lines: readonly Line[]): string {
  return checkLinearizable(lines.map(toOperation), registerModel).verdict
}

function toOperation([input, output, calledAt, returnedAt = Infinity]: Line): Operation<
  RegisterInput,
  RegisterOutput
> {
  return { input, output, calledAt, returnedAt }
}

describe('histories that a toy checker gets wrong', () => {
  test('an empty history is linearizable', () => {
    expect(verdictOf()).toBe('ok')
  })

  test('answers in the order of their returns would be wrong here: a write that ends last came first', () => {
    expect(verdictOf([write(1), {}, 0, 10], [write(2), {}, 1, 2], [read, { value: 2 }, 11, 12])).toBe('ok')
    expect(verdictOf([write(1), {}, 0, 10], [write(2), {}, 1, 2], [read, { value: 1 }, 11, 12])).toBe('ok')
  })

  test('two readers that see two overlapping writes in different orders are caught', () => {
    const writes: Line[] = [
      [write(1), {}, 0, 20],
      [write(2), {}, 0, 20],
    ]
    const one: Line[] = [
      [read, { value: 1 }, 1, 2],
      [read, { value: 2 }, 3, 4],
    ]
    const other: Line[] = [
      [read, { value: 2 }, 5, 6],
      [read, { value: 1 }, 7, 8],
    ]
    expect(verdictOf(...writes, ...one)).toBe('ok')
    expect(verdictOf(...writes, ...one, ...other)).toBe('violation')
  })

  test('a stale read after a finished write is caught, though each client alone saw nothing odd', () => {
    expect(verdictOf([write(1), {}, 0, 1], [write(2), {}, 2, 3], [read, { value: 1 }, 4, 5])).toBe(
      'violation',
    )
    expect(verdictOf([write(1), {}, 0, 1], [write(2), {}, 2, 5], [read, { value: 1 }, 4, 5])).toBe('ok')
  })

  test('a read that saw a write, then one that does not: a value cannot be un-written', () => {
    expect(verdictOf([write(1), {}, 0, 9], [read, { value: 1 }, 1, 2], [read, { value: null }, 3, 4])).toBe(
      'violation',
    )
  })

  test('a write of unknown outcome may take effect long after its caller gave up, or never', () => {
    const unknown: Line = [write(7), undefined, 0]
    expect(verdictOf(unknown, [read, { value: null }, 100, 101])).toBe('ok')
    expect(verdictOf(unknown, [read, { value: 7 }, 100, 101])).toBe('ok')
    expect(verdictOf(unknown, [write(1), {}, 50, 51], [read, { value: 7 }, 100, 101])).toBe('ok')
  })

  test('… but only once, and never before its call', () => {
    const unknown: Line = [write(7), undefined, 10]
    expect(verdictOf(unknown, [read, { value: 7 }, 1, 2])).toBe('violation')
    expect(
      verdictOf(unknown, [read, { value: 7 }, 20, 21], [write(1), {}, 22, 23], [read, { value: 7 }, 24, 25]),
    ).toBe('violation')
  })

  test('a swap that was refused saw another value; one of unknown outcome may have swapped', () => {
    expect(verdictOf([write(1), {}, 0, 1], [cas(1, 2), refused, 2, 3])).toBe('violation')
    expect(verdictOf([write(1), {}, 0, 1], [cas(1, 2), swapped, 2, 3], [cas(1, 3), swapped, 4, 5])).toBe(
      'violation',
    )
    const unknown: Line = [cas(1, 2), undefined, 2]
    expect(verdictOf([write(1), {}, 0, 1], unknown, [read, { value: 2 }, 8, 9])).toBe('ok')
    expect(verdictOf([write(1), {}, 0, 1], unknown, [read, { value: 3 }, 8, 9])).toBe('violation')
  })

  test('a call and a return at the same time overlap', () => {
    expect(verdictOf([write(1), {}, 0, 5], [write(2), {}, 5, 6], [read, { value: 1 }, 7, 8])).toBe('ok')
  })

  test('keys are independent: the one that broke is named, with the operation that fits nowhere', () => {
    const result = checkLinearizable(
      [
        { input: { f: 'put', key: 'a', value: '1' }, output: null, calledAt: 0, returnedAt: 1 },
        { input: { f: 'put', key: 'b', value: '2' }, output: null, calledAt: 0, returnedAt: 1 },
        { input: { f: 'get', key: 'a' }, output: '1', calledAt: 2, returnedAt: 3 },
        { input: { f: 'get', key: 'b' }, output: null, calledAt: 2, returnedAt: 3, client: 'ada' },
      ],
      kvModel,
    )
    expect(result.verdict).toBe('violation')
    expect(result.partition).toBe('b')
    expect(result.stuckAt?.client).toBe('ada')
  })

  test('a counter that applied one addition twice is caught', () => {
    const add = { groupId: 'g', add: 1 }
    const once = [
      { input: add, output: 1, calledAt: 0, returnedAt: 1 },
      { input: add, output: undefined, calledAt: 2, returnedAt: Infinity },
    ]
    const look = (output: number) => ({ input: { groupId: 'g', add: 0 }, output, calledAt: 8, returnedAt: 9 })
    expect(checkLinearizable([...once, look(2)], counterModel).verdict).toBe('ok')
    expect(checkLinearizable([...once, look(3)], counterModel).verdict).toBe('violation')
  })
})

describe('bounds', () => {
  /** 40 writes at once of unknown order and a read of none of them. */
  const hard = [
    ...Array.from({ length: 40 }, (_, i): Line => [write(i), {}, 0, 100]),
    ...Array.from({ length: 40 }, (_, i): Line => [read, { value: i % 2 === 0 ? i : 39 - i }, 1, 99]),
    [read, { value: 1000 }, 101, 102] as Line,
  ].map(toOperation)

  test('a search that runs out of steps is undecided, not ok', () => {
    const result = checkLinearizable(hard, registerModel, { maxSteps: 50_000 })
    expect(result.verdict).toBe('undecided')
    expect(result.steps).toBeLessThanOrEqual(50_000)
  })

  test('a search that runs out of memory is undecided, not ok', () => {
    expect(checkLinearizable(hard, registerModel, { maxMemoWords: 10_000 }).verdict).toBe('undecided')
  })

  test('a violation in one key is found though another key would take for ever', () => {
    const inputs = hard.map(({ input, output, calledAt, returnedAt }) => ({
      input: { ...input, key: 'hard' },
      output,
      calledAt,
      returnedAt,
    }))
    const model: Model<RegisterInput & { key: string }, RegisterOutput, number | null> = {
      ...registerModel,
      partition: ({ key }) => key,
    }
    const bad = { input: { ...read, key: 'easy' }, output: { value: 5 }, calledAt: 0, returnedAt: 1 }
    const result = checkLinearizable([...inputs, bad], model, { maxSteps: 1_000_000 })
    expect([result.verdict, result.partition]).toEqual(['violation', 'easy'])
  })
})

describe('against a search without wit', () => {
  /** Tries every order of every subset of the unknown ones. */
  function naive<I, O, S extends ModelState>(
    history: readonly Operation<I, O>[],
    model: Model<I, O, S>,
  ): boolean {
    const place = (left: readonly Operation<I, O>[], state: S): boolean => {
      if (left.every(({ output }) => output === undefined)) return true
      const firstReturn = Math.min(
        ...left.map(({ output, returnedAt }) => (output === undefined ? Infinity : returnedAt)),
      )
      return left.some((one) => {
        if (one.calledAt > firstReturn) return false
        const after = model.apply(state, one.input, one.output)
        return (
          after !== undefined &&
          place(
            left.filter((other) => other !== one),
            after,
          )
        )
      })
    }
    return place(history, model.initial)
  }

  test('2,000 small random histories get the same verdict', () => {
    const operation = fc
      .record({
        kind: fc.constantFrom('read', 'write', 'cas'),
        a: fc.integer({ min: 1, max: 3 }),
        b: fc.integer({ min: 1, max: 3 }),
        seen: fc.constantFrom(null, 1, 2, 3),
        swapped: fc.boolean(),
        unknown: fc.boolean(),
        calledAt: fc.integer({ min: 0, max: 12 }),
        length: fc.integer({ min: 1, max: 8 }),
      })
      .map((drawn): Operation<RegisterInput, RegisterOutput> => {
        const { calledAt } = drawn
        const returnedAt = calledAt + drawn.length
        const place = { calledAt, returnedAt }
        if (drawn.kind === 'read') return { input: read, output: { value: drawn.seen }, ...place }
        if (drawn.kind === 'write')
          return { input: write(drawn.a), output: drawn.unknown ? undefined : {}, ...place }
        return {
          input: cas(drawn.a, drawn.b),
          output: drawn.unknown ? undefined : { swapped: drawn.swapped },
          ...place,
        }
      })
    const seen = { ok: 0, violation: 0, undecided: 0 }
    fc.assert(
      fc.property(fc.array(operation, { minLength: 1, maxLength: 7 }), (history) => {
        const { verdict } = checkLinearizable(history, registerModel)
        seen[verdict]++
        expect(verdict).toBe(naive(history, registerModel) ? 'ok' : 'violation')
      }),
      { numRuns: 2_000, seed: 7 },
    )
    expect(seen.ok).toBeGreaterThan(100)
    expect(seen.violation).toBeGreaterThan(100)
  })
})
