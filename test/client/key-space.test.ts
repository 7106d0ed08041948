import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { rangeInRegion, rangeOf, regionsOf } from '../../src/client/key-range.ts'
import { keyAfterPrefix, Keyspace } from '../../src/kv/keyspace.ts'
import { decodeRegion, encodeRegion, RegionMap } from '../../src/kv/regions.ts'

const name = fc
  .string({ minLength: 1, maxLength: 20, unit: 'grapheme' })
  .filter((text) => Buffer.byteLength(text) < 256)
const key = fc.uint8Array({ maxLength: 12 }).map((bytes) => Buffer.from(bytes))

describe('keyspaces', () => {
  test('keep the order of their keys and give every key back', () => {
    fc.assert(
      fc.property(name, key, key, (text, a, b) => {
        const keyspace = new Keyspace(text)
        const order = keyspace.fullKey(a).compare(keyspace.fullKey(b))
        expect(Math.sign(order)).toBe(Math.sign(a.compare(b)))
        expect(keyspace.userKey(keyspace.fullKey(a))).toEqual(a)
      }),
    )
  })

  test('are contiguous and never overlap: every key of one lies on the same side of every key of another', () => {
    fc.assert(
      fc.property(name, name, key, key, (one, other, a, b) => {
        const x = new Keyspace(one)
        const y = new Keyspace(other)
        fc.pre(one !== other)
        const side = Math.sign(x.prefix.compare(y.prefix))
        expect(side).not.toBe(0)
        expect(Math.sign(x.fullKey(a).compare(y.fullKey(b)))).toBe(side)
        for (const keyspace of [x, y]) {
          const full = keyspace.fullKey(a)
          expect(keyspace.prefix.compare(full)).toBeLessThanOrEqual(0)
          expect(keyspace.end === null || full.compare(keyspace.end) < 0).toBe(true)
        }
        const outside = y.fullKey(b)
        expect(outside.compare(x.prefix) < 0 || (x.end !== null && outside.compare(x.end) >= 0)).toBe(true)
      }),
    )
  })

  test('the key after a prefix lies behind all keys with it, and there is none behind 0xff', () => {
    expect(keyAfterPrefix(Buffer.from([1, 0xff]))).toEqual(Buffer.from([2]))
    expect(keyAfterPrefix(Buffer.from([0xff, 0xff]))).toBeNull()
  })

  test.each(['', 'x'.repeat(256), 'é'.repeat(128), 7 as unknown as string, undefined as unknown as string])(
    'the name %j is refused',
    (bad) => {
      expect(() => new Keyspace(bad)).toThrow(expect.objectContaining({ code: 'FLOTILLA_INVALID_ARGUMENT' }))
    },
  )
})

describe('regions', () => {
  test('every key lies in exactly the region that the map names', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(key, { selector: (k) => k.toString('hex'), maxLength: 20 }),
        key,
        // What they all begin with: bounds are short, or longer than what is compared byte by byte.
        fc.constantFrom(0, 100).map((length) => Buffer.alloc(length, 7)),
        (ends, end, beginning) => {
          const keys = ends.map((one) => Buffer.concat([beginning, one]))
          const asked = Buffer.concat([beginning, end])
          const map = RegionMap.fromSplitKeys(keys)
          expect(map.regions).toHaveLength(keys.length + 1)
          const full = new Keyspace('default').fullKey(asked)
          const owners = map.regions.filter(({ start, end }) => {
            return start.compare(full) <= 0 && (end === null || full.compare(end) < 0)
          })
          expect(owners).toEqual([map.regionOf(full)])
        },
      ),
    )
  })

  test('split keys may name keyspaces, in any order; group names count from kv/0000', () => {
    const map = RegionMap.fromSplitKeys([
      'm',
      { keyspace: 'a', key: 'x' },
      { keyspace: 'default', key: Buffer.from('c') },
    ])
    expect(map.regions.map(({ groupId }) => groupId)).toEqual(['kv/0000', 'kv/0001', 'kv/0002', 'kv/0003'])
    const at = (keyspace: string, text: string) =>
      map.indexOf(new Keyspace(keyspace).fullKey(Buffer.from(text)))
    expect([at('a', 'w'), at('a', 'x'), at('default', 'b'), at('default', 'c'), at('default', 'm')]).toEqual([
      0, 1, 1, 2, 3,
    ])
  })

  test('a split key given twice is refused', () => {
    expect(() => RegionMap.fromSplitKeys(['m', Buffer.from('m')])).toThrow(
      expect.objectContaining({ code: 'FLOTILLA_INVALID_ARGUMENT' }),
    )
  })

  test('the arguments of a region’s group give the region back', () => {
    const map = RegionMap.fromSplitKeys(['c', 'm'])
    const again = map.regions.map((region) => decodeRegion(region.groupId, encodeRegion(region)))
    expect(again).toEqual(map.regions)
    expect(RegionMap.fromRegions([...again].reverse())?.regions).toEqual(map.regions)
    expect(RegionMap.fromRegions(again.slice(1))).toBeNull()
    expect(RegionMap.fromRegions(again.slice(0, 2))).toBeNull()
    expect(RegionMap.fromRegions([again[0]!, again[2]!])).toBeNull()
  })
})

test('a range cut along regions holds the same keys, in order, both ways', () => {
  const bound = fc.option(key, { nil: undefined })
  fc.assert(
    fc.property(
      fc.array(key, { maxLength: 30 }),
      fc.uniqueArray(key, { selector: (k) => k.toString('hex'), maxLength: 6 }),
      fc.record({ gte: bound, gt: bound, lte: bound, lt: bound }),
      fc.boolean(),
      (keys, splits, bounds, reverse) => {
        const keyspace = new Keyspace('default')
        const map = RegionMap.fromSplitKeys(splits)
        const all = [...new Set(keys.map((k) => k.toString('hex')))].map((hex) => Buffer.from(hex, 'hex'))
        all.sort(Buffer.compare)
        if (reverse) all.reverse()
        const wanted = all.filter((k) => {
          const { gte, gt, lte, lt } = bounds
          const low = gte !== undefined ? k.compare(gte) >= 0 : gt === undefined || k.compare(gt) > 0
          const high = lte !== undefined ? k.compare(lte) <= 0 : lt === undefined || k.compare(lt) < 0
          return low && high
        })
        const range = rangeOf(keyspace, bounds)
        const found = regionsOf(map, range, reverse).flatMap((region) => {
          const { gte, gt, lte, lt } = rangeInRegion(range, region, reverse, true)
          return all.filter((k) => {
            const full = keyspace.fullKey(k)
            if (map.regionOf(full) !== region) return false
            if (gte !== undefined ? full.compare(gte) < 0 : gt !== undefined && full.compare(gt) <= 0)
              return false
            return lte !== undefined ? full.compare(lte) <= 0 : lt === undefined || full.compare(lt) < 0
          })
        })
        expect(found).toEqual(wanted)
      },
    ),
  )
})
