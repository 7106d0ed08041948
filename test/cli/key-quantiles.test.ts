import { describe, expect, test } from 'vitest'
import { planRegions } from '../../src/cli/key-quantiles.ts'

const REGIONS = 16

function filesOf(sizes: readonly number[]): { key: string; size: number }[] {
  return sizes.map((size, i) => ({ key: `f${String(i).padStart(6, '0')}`, size }))
}

function regionOf(splitKeys: readonly Buffer[], key: string): number {
  return splitKeys.filter((split) => split.compare(Buffer.from(key)) <= 0).length
}

describe('planRegions', () => {
  test('regions carry about the same number of bytes, however uneven the files are', () => {
    const files = filesOf(
      Array.from({ length: 5_000 }, (_, i) => (i < 1_000 ? 100 : 20_000 + ((i * 7919) % 9_000))),
    )
    const { splitKeys } = planRegions(files, REGIONS)
    const bytes = Array.from({ length: REGIONS }, () => 0)
    for (const { key, size } of files) bytes[regionOf(splitKeys, key)]! += size + 1024
    const mean = bytes.reduce((a, b) => a + b) / REGIONS
    for (const one of bytes) expect(Math.abs(one - mean) / mean).toBeLessThan(0.05)
  })

  test.each([1, 2, 15, 16, 17, 40])('%i files make 15 ascending split keys all the same', (count) => {
    const { splitKeys, order } = planRegions(filesOf(Array.from({ length: count }, (_, i) => i)), REGIONS)
    expect(splitKeys).toHaveLength(REGIONS - 1)
    splitKeys.forEach((key, i) => {
      if (i > 0) expect(splitKeys[i - 1]!.compare(key)).toBeLessThan(0)
    })
    expect([...order].sort((a, b) => a - b)).toEqual([...order.keys()])
  })

  test('no empty region while there are files for all', () => {
    const files = filesOf([1_000_000, ...Array.from({ length: 15 }, () => 1)])
    const { splitKeys } = planRegions(files, REGIONS)
    expect(new Set(files.map(({ key }) => regionOf(splitKeys, key))).size).toBeGreaterThan(1)
  })

  test('the order keeps every region busy from beginning to end', () => {
    const files = filesOf(Array.from({ length: 3_200 }, (_, i) => 1_000 + ((i * 31) % 5_000)))
    const { splitKeys, order } = planRegions(files, REGIONS)
    for (let from = 0; from + 320 <= order.length; from += 320) {
      const regions = [...order.subarray(from, from + 320)].map((i) => regionOf(splitKeys, files[i]!.key))
      expect(new Set(regions).size).toBe(REGIONS)
    }
  })
})
