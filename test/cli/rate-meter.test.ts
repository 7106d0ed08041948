import { describe, expect, test } from 'vitest'
import { RateMeter } from '../../src/cli/rate-meter.ts'

describe('RateMeter', () => {
  test('tells the rate of the last two seconds, and forgets what was before', () => {
    const meter = new RateMeter()
    expect(meter.update(0, 0, 0)).toEqual({ writesPerSecond: 0, bytesPerSecond: 0 })
    expect(meter.update(1_000, 100, 5_000)).toEqual({ writesPerSecond: 100, bytesPerSecond: 5_000 })
    for (let ms = 1_100; ms <= 10_000; ms += 50) meter.update(ms, 100, 5_000)
    expect(meter.update(10_050, 100, 5_000)).toEqual({ writesPerSecond: 0, bytesPerSecond: 0 })
  })
})
