import { describe, expect, test } from 'vitest'
import { specsOf } from '../../src/bench/points.ts'

describe('what is measured', () => {
  test('the default set is the three scenarios at three points, and kv-put with 1 KiB', () => {
    const text = specsOf({}).map((s) => `${s.scenario} ${s.groups}x${s.inFlight} ${s.payloadBytes}`)
    expect(text).toEqual([
      'skeleton 1x256 16',
      'raw-log 1x256 16',
      'kv-put 1x256 16',
      'skeleton 1x4096 16',
      'raw-log 1x4096 16',
      'kv-put 1x4096 16',
      'skeleton 48x1024 16',
      'raw-log 48x1024 16',
      'kv-put 48x1024 16',
      'kv-put 48x1024 1024',
    ])
  })

  test('--scenario alone takes that part of the default set', () => {
    expect(specsOf({ scenario: ['kv-put'] })).toHaveLength(4)
    expect(specsOf({ scenario: ['skeleton'] })).toHaveLength(3)
  })

  test('counts and payloads that are given are combined, and nothing is added', () => {
    const wanted = { scenario: ['kv-put'], groups: [2, 3], inFlight: [8], payload: [1, 100] }
    expect(specsOf(wanted)).toEqual([
      { scenario: 'kv-put', groups: 2, inFlight: 8, payloadBytes: 1 },
      { scenario: 'kv-put', groups: 2, inFlight: 8, payloadBytes: 100 },
      { scenario: 'kv-put', groups: 3, inFlight: 8, payloadBytes: 1 },
      { scenario: 'kv-put', groups: 3, inFlight: 8, payloadBytes: 100 },
    ])
    expect(specsOf({ groups: [300] }).map((spec) => spec.inFlight)).toEqual([256, 256, 256])
    expect(specsOf({ payload: [64] })).toHaveLength(9)
  })
})
