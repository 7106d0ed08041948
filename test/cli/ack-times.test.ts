import { describe, expect, test } from 'vitest'
import { AckTimes } from '../../src/cli/ack-times.ts'

describe('AckTimes', () => {
  test('finds the longest gap whatever order the times come in', () => {
    const times = new AckTimes(2)
    for (const at of [100, 5_000, 130, 90, 4_200, 150, 120]) times.record(at)
    expect(times.longestGap()).toEqual({ ms: 4_050, startedAtMs: 150 })
    expect(times.count).toBe(7)
    expect(times.lastMs).toBe(5_000)
  })

  test('one write or none has no gap', () => {
    const times = new AckTimes(0)
    expect([times.longestGap().ms, times.lastMs]).toEqual([0, 0])
    times.record(7)
    expect([times.longestGap().ms, times.lastMs]).toEqual([0, 7])
  })
})
