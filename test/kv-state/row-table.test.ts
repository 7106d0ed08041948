import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { dataKey, openValue } from '../../src/kv/data-keys.ts'
import { orderByWords } from '../../src/kv/row-order.ts'
import { RowTable } from '../../src/kv/row-table.ts'
import { MemoryEngine, operationsOf } from '../../src/env/memory-engine.ts'

const engine = new MemoryEngine()
const db = await engine.open('/rows', { writeBufferBytes: 1 << 20, compression: false })

function put(table: RowTable, space: number, key: Buffer, value: Buffer): void {
  // Among other bytes, as it lies in a block.
  const source = Buffer.concat([Buffer.from('before'), key, value, Buffer.from('behind')])
  table.put(space, source, 6, 6 + key.length, 6 + key.length + value.length)
}

function del(table: RowTable, space: number, key: Buffer): void {
  table.del(space, Buffer.concat([Buffer.from('before'), key]), 6, 6 + key.length)
}

/** Whole keys and stored values as a batch gets them, null for a delete; in its order. */
function batchOf(table: RowTable): ReadonlyArray<readonly [string, Buffer | null]> {
  const order = table.order()
  const batch = db.createBatch()
  const half = order.length >> 1
  table.write(batch, order, 0, half)
  table.write(batch, order, half, order.length)
  return operationsOf(batch)
}

function same(a: Buffer | null, b: Buffer | null): boolean {
  return a === null || b === null ? a === b : a.equals(b)
}

const bytes = (maxLength: number) =>
  fc.uint8Array({ minLength: 1, maxLength }).map((array) => Buffer.from(array))
const change = fc.record({
  space: fc.constantFrom(1, 2, 0xfffffffe),
  key: fc.oneof(
    bytes(3),
    bytes(200),
    fc.nat(5_000).map((n) => Buffer.from(`r0001:${n + 1_000_000}`)),
  ),
  value: fc.option(fc.oneof(bytes(20), fc.constant(Buffer.alloc(0)), fc.constant(Buffer.alloc(3_000, 7)))),
})

describe('the table of unwritten rows', () => {
  test('holds of each key what came last, finds it, and gives each to a batch once', () => {
    const table = new RowTable()
    const property = fc.property(fc.array(change, { maxLength: 900, size: 'max' }), (changes) => {
      table.clear()
      const model = new Map<string, Buffer | null>()
      for (const { space, key, value } of changes) {
        if (value === null) del(table, space, key)
        else put(table, space, key, value)
        model.set(dataKey(space, key).toString('latin1'), value)
      }
      expect(table.count).toBe(model.size)
      for (const [text, value] of model) {
        const key = Buffer.from(text, 'latin1')
        const found = table.find(key)
        expect(same(found === null ? null : openValue(key, found!), value)).toBe(true)
      }
      expect(table.find(dataKey(3, Buffer.from('r0001:1000001')))).toBeUndefined()
      const batch = batchOf(table)
      expect(batch.length).toBe(model.size)
      for (const [text, stored] of batch) {
        const value = stored === null ? null : openValue(Buffer.from(text, 'latin1'), stored)
        expect(same(value, model.get(text)!)).toBe(true)
        model.delete(text)
      }
      expect(model.size).toBe(0)
    })
    fc.assert(property, { numRuns: 60, seed: 20_251_128 })
  })

  test('gives the rows of a space one after the other, and in the order of their keys', () => {
    const table = new RowTable()
    const keys: string[] = []
    for (let i = 0; i < 3_000; i++) {
      const space = 1 + (i % 3)
      const number = (i * 7_919) % 3_000
      // The shared beginning is longer than what decides on the order.
      const key = Buffer.from(`\x07default a long beginning:${String(number).padStart(6, '0')}`)
      put(table, space, key, Buffer.from('x'))
      keys.push(dataKey(space, key).toString('latin1'))
    }
    expect(batchOf(table).map(([key]) => key)).toEqual(keys.sort())
  })

  test('counts what it took, also what was put over since, and is as new once it is cleared', () => {
    const table = new RowTable()
    const key = Buffer.from('key')
    for (let i = 0; i < 3; i++) put(table, 1, key, Buffer.from('value'))
    expect(table.count).toBe(1)
    expect(table.byteLength).toBe(3 * (4 + 3 + 4 + 5))
    table.clear()
    expect([table.count, table.byteLength, table.crowded]).toEqual([0, 0, false])
    expect(table.find(dataKey(1, key))).toBeUndefined()
    expect(batchOf(table)).toEqual([])
  })

  test('says when keys fall on few places, as somebody may choose them', () => {
    const plain = new RowTable()
    for (let i = 0; i < 60_000; i++) put(plain, 1 + (i % 48), Buffer.from(`key ${i}`), Buffer.from('v'))
    expect(plain.crowded).toBe(false)
    const chosen = new RowTable()
    for (const key of keysOfOneCrc(300)) put(chosen, 1, key, Buffer.from('v'))
    expect(chosen.crowded).toBe(true)
    expect(chosen.count).toBe(300)
  })

  test('takes an entry whose keys were all chosen to fall on one place in little time, and finds each', () => {
    const table = new RowTable()
    const keys = keysOfOneCrc(30_000)
    const startedMs = performance.now()
    for (const key of keys) put(table, 1, key, Buffer.from('old'))
    for (const [i, key] of keys.entries()) {
      if (i % 3 === 0) del(table, 1, key)
      else put(table, 1, key, Buffer.from('new'))
    }
    // It was some seconds when each was compared with all before it.
    expect(performance.now() - startedMs).toBeLessThan(2_000)
    expect(table.count).toBe(keys.length)
    for (const [i, key] of keys.entries()) {
      const whole = dataKey(1, key)
      const found = table.find(whole)
      expect(found && openValue(whole, found)?.toString()).toBe(i % 3 === 0 ? null : 'new')
    }
    expect(table.find(dataKey(2, keys[0]!))).toBeUndefined()
    expect(batchOf(table).length).toBe(keys.length)
    table.clear()
    expect(table.find(dataKey(1, keys.at(-1)!))).toBeUndefined()
  })
})

/** Keys with equal CRCs: a multiple of the CRC's polynomial, shifted, changes a key and leaves its CRC as it is. */
function keysOfOneCrc(count: number): Buffer[] {
  const polynomial = 0x1db710641n
  return Array.from({ length: count }, (_, i) => {
    let product = 0n
    for (let bit = 0n; bit < 16n; bit++) if ((i >> Number(bit)) & 1) product ^= polynomial << bit
    const key = Buffer.alloc(16)
    key.writeBigUInt64LE(product)
    return key
  })
}

test('numbers are ordered by their words, equal ones as they were', () => {
  const words = fc.array(fc.tuple(fc.nat({ max: 3 }), fc.oneof(fc.nat(2), fc.maxSafeNat())), {
    maxLength: 600,
  })
  const property = fc.property(words, (pairs) => {
    const high = Uint32Array.from(pairs, ([word]) => word)
    const low = Uint32Array.from(pairs, ([, word]) => word)
    const expected = pairs.map((_, i) => i).sort((a, b) => high[a]! - high[b]! || low[a]! - low[b]! || a - b)
    expect([...orderByWords(high, low, pairs.length)]).toEqual(expected)
  })
  fc.assert(property, { numRuns: 200, seed: 20_251_129 })
})
