import { describe, expect, test } from 'vitest'
import { type DemoSummary, formatDifferences, formatSummary } from '../../src/cli/demo-summary.ts'
import { Differences } from '../../src/cli/differences.ts'
import { problemOf } from '../../src/cli/verify-run.ts'

function summaryOf(): DemoSummary {
  const store = {
    leadersAtStart: 5,
    leadersAfterCrash: 8,
    leadersAtEnd: 8,
    keysMatched: 7_016,
    readAtAppliedIndex: 9,
  }
  return {
    ok: true,
    source: 'somewhere',
    keys: 7_016,
    bytes: 61_934_000,
    leftOut: [],
    importMs: 9_000,
    writesPerSecond: 780,
    bytesPerSecond: 6_880_000,
    p50Ms: 120.4,
    p99Ms: 2_210,
    maxMs: 2_400,
    longestGapMs: 1_310,
    unknownOutcomes: 311,
    refusals: 12,
    crash: { store: 's1', groupsLed: 6, writesInFlight: 300, ledAgainMs: 1_500, caughtUpMs: 2_000 },
    stores: ['s1', 's2', 's3'].map((name) => ({
      store: name,
      ...store,
      fsyncs: 1_234,
      entriesPerFsync: 3.2,
    })),
    groups: { count: 16, oneDigest: 16 },
    differences: { count: 0, listed: [] },
    totalMs: 20_000,
  }
}

describe('the summary', () => {
  test('fits a terminal of 80 columns and has no control codes', () => {
    const text = formatSummary(summaryOf())
    for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(80)
    expect([...text].filter((c) => c < ' ' && c !== '\n')).toEqual([])
  })

  test('holds every figure, and names the store that was killed', () => {
    const text = formatSummary(summaryOf())
    for (const figure of [
      '7,016',
      '59.1 MiB',
      '780 writes/s',
      '120 ms / 2.21 s',
      '1.31 s',
      '311',
      '16 of 16',
      '1,234',
      '3.2',
    ]) {
      expect(text).toContain(figure)
    }
    expect(text.split('\n').find((line) => / s1 /.test(line) && line.includes('killed'))).toBeDefined()
  })
})

describe('differences', () => {
  test('are counted all and listed some', () => {
    const differences = new Differences()
    for (let i = 0; i < 50; i++) differences.add({ store: 's1', key: `k${i}\n`, problem: 'gone' })
    const lines = formatDifferences(differences)
    expect(lines[0]).toBe('s1  k0\\u000a: gone')
    expect(lines).toHaveLength(21)
    expect(lines.at(-1)).toBe('… and 30 more')
  })

  test('tell a lost value, a wrong one and a file that has changed apart', () => {
    const [a, b] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)]
    expect(problemOf(a, a, a)).toBeNull()
    expect(problemOf(a, null, a)).toMatch(/not in the store/)
    expect(problemOf(a, b, a)).toMatch(/other bytes than were acknowledged/)
    expect(problemOf(a, b, b)).toMatch(/other bytes than were acknowledged/)
    expect(problemOf(a, a, b)).toMatch(/file has changed/)
    expect(problemOf(a, a, null)).toMatch(/no longer be read/)
  })
})
