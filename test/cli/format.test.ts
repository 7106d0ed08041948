import { describe, expect, test } from 'vitest'
import { formatBytes, formatMs, formatRate, plural, printable } from '../../src/cli/format.ts'

describe('formats', () => {
  test('bytes', () => {
    expect([0, 812, 1024, 3_500, 64 * 1024 ** 2, 5 * 1024 ** 4].map(formatBytes)).toEqual([
      '0 B',
      '812 B',
      '1 KiB',
      '3.4 KiB',
      '64 MiB',
      '5 TiB',
    ])
  })

  test('milliseconds keep three figures and change their unit in time', () => {
    expect([0, 0.844, 9.999, 12.34, 99.97, 420.4, 999.7, 1_420, 9_999, 34_500].map(formatMs)).toEqual([
      '0.00 ms',
      '0.84 ms',
      '10.0 ms',
      '12.3 ms',
      '100 ms',
      '420 ms',
      '1.00 s',
      '1.42 s',
      '10.0 s',
      '34.5 s',
    ])
  })

  test('rates and counts', () => {
    expect(formatRate(1_234.4, 9.5 * 1024 ** 2)).toBe('1,234 writes/s, 9.5 MiB/s')
    expect([plural(1, 'file'), plural(2_000, 'file')]).toEqual(['1 file', '2,000 files'])
  })

  test('names lose what would move a cursor', () => {
    expect(printable('a\r\n\u001b[1mb\u009b')).toBe('a\\u000d\\u000a\\u001b[1mb\\u009b')
  })
})
