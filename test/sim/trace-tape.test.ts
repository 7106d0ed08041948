import { describe, expect, test } from 'vitest'
import { Trace } from '../../src/sim/trace.ts'
import { type Divergence, TraceTape } from '../../src/sim/trace-tape.ts'

type Step = string | number

/** Texts are remarks, numbers are decisions. Answers the first difference and how often it was told. */
function compare(one: readonly Step[], other: readonly Step[]): [Divergence | null, number] {
  const tape = new TraceTape()
  const first = new Trace()
  tape.record(first)
  play(first, one)
  const second = new Trace()
  let told = 0
  tape.compare(second, () => told++)
  play(second, other)
  tape.end(first.hash === second.hash)
  return [tape.divergence, told]
}

function play(trace: Trace, steps: readonly Step[]): void {
  for (const step of steps) {
    if (typeof step === 'string') trace.note(0, step)
    else trace.decide(step, 0, 0)
  }
}

describe('the first difference of two runs', () => {
  test('is none between equal runs', () => {
    expect(compare(['a', 1, 'b'], ['a', 1, 'b'])).toEqual([null, 0])
  })

  test('is the first event whose words differ, told once and at once', () => {
    const [divergence, told] = compare(['a', 'b', 'c'], ['a', 'x', 'y'])
    expect(divergence?.at).toBe(1)
    expect(divergence?.first).toContain('world b')
    expect(divergence?.second).toContain('world x')
    expect(told).toBe(1)
  })

  test('is the event behind the first decision that differs, though its words are equal', () => {
    const [divergence, told] = compare(['a', 1, 'b', 'c'], ['a', 2, 'b', 'x'])
    expect(divergence?.at).toBe(1)
    expect(divergence?.first).toContain('world b')
    expect(divergence?.second).toMatch(/world b .*decided otherwise/)
    expect(told).toBe(1)
  })

  test('is the end of the shorter one', () => {
    const [shorter] = compare(['a', 'b', 'c'], ['a', 'b'])
    expect(shorter).toEqual({ at: 2, first: expect.stringContaining('world c'), second: 'the end' })
    const [longer] = compare(['a'], ['a', 'b'])
    expect(longer).toEqual({ at: 1, first: 'the end', second: expect.stringContaining('world b') })
  })

  test('may come after the last event', () => {
    const [divergence] = compare(['a', 1], ['a', 2])
    expect(divergence?.at).toBe(1)
    expect(divergence?.first).toContain('after the last event')
  })
})
