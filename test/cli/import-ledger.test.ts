import { describe, expect, test } from 'vitest'
import { ImportLedger } from '../../src/cli/import-ledger.ts'

function ledgerOf(count: number): ImportLedger {
  return new ImportLedger(
    Uint32Array.from({ length: count }, (_, i) => i),
    Array.from({ length: count }, () => 10),
    3,
  )
}

describe('ImportLedger', () => {
  test('hands out every file once and is done when all are settled', () => {
    const ledger = ledgerOf(5)
    expect(ledger.take(0, 2)).toEqual([0, 1])
    expect(ledger.take(1, 9)).toEqual([2, 3, 4])
    expect(ledger.take(2, 9)).toEqual([])
    expect([ledger.outstanding(0), ledger.outstanding(1), ledger.outstanding(2)]).toEqual([2, 3, 0])
    for (const file of [0, 1, 2, 3]) expect(ledger.settle(file)).toBe(true)
    expect(ledger).toMatchObject({ settled: 4, settledBytes: 40, totalBytes: 50, done: false })
    ledger.settle(4)
    expect(ledger.done).toBe(true)
  })

  test('what a dead store had not settled is handed out again, before the rest', () => {
    const ledger = ledgerOf(6)
    ledger.take(0, 3)
    ledger.settle(1)
    expect(ledger.requeue(0)).toBe(2)
    expect(ledger.outstanding(0)).toBe(0)
    expect(ledger.take(1, 3).sort()).toEqual([0, 2, 3])
    expect(ledger.outstanding(1)).toBe(3)
  })

  test('a file that is settled twice counts once', () => {
    const ledger = ledgerOf(2)
    ledger.take(0, 1)
    expect([ledger.settle(0), ledger.settle(0), ledger.settle(99)]).toEqual([true, false, false])
    expect(ledger).toMatchObject({ settled: 1, settledBytes: 10 })
    expect(ledger.outstanding(0)).toBe(0)
  })

  test('an ack that comes late, after another store was given the file, settles it', () => {
    const ledger = ledgerOf(1)
    ledger.take(0, 1)
    ledger.requeue(0)
    ledger.take(1, 1)
    expect(ledger.settle(0)).toBe(true)
    expect([ledger.outstanding(0), ledger.outstanding(1), ledger.done]).toEqual([0, 0, true])
  })
})
