import { describe, expect, test } from 'vitest'
import { ProgressLine } from '../../src/bench/progress-line.ts'
import { formatReport, medianOf } from '../../src/bench/report.ts'
import type { RunResult } from '../../src/bench/scenario.ts'

function run(scenario: string, groups: number, opsPerSecond: number): RunResult {
  return {
    scenario,
    groups,
    inFlight: 256,
    payloadBytes: 16,
    opsPerSecond,
    p50Ms: 1,
    p99Ms: 2,
    entriesPerFsync: 256,
    cpuSecondsPerMillion: 6,
    peakRssMiB: 100,
    fsyncsPerSecond: 3_000,
  }
}

function report(runs: RunResult[], dataDirInMemory = false): string {
  const machine = {
    cpu: 'CPU',
    cores: 2,
    memoryGiB: 8,
    os: 'linux',
    node: 'v20',
    dataDir: '/data',
    dataDirInMemory,
  }
  return formatReport({ machine, runs })
}

describe('the report', () => {
  test('compares medians with the skeleton, point by point', () => {
    const text = report([
      run('skeleton', 1, 1_000),
      run('raw-log', 1, 500),
      run('skeleton', 1, 9_000),
      run('raw-log', 1, 1_500),
      run('skeleton', 1, 2_000),
      run('raw-log', 1, 1_400),
      run('skeleton', 48, 400),
      run('raw-log', 48, 100),
    ])
    expect(text).toContain('2,000 (1,000–9,000)')
    expect(text).toContain('raw-log / skeleton at 1 × 256, 16 B: 0.70\n')
    expect(text).toContain('raw-log / skeleton at 48 × 256, 16 B: 0.25\n')
  })

  test('says nothing of a ratio where the skeleton did not run', () => {
    expect(report([run('raw-log', 1, 500), run('skeleton', 48, 500)])).not.toContain('/ skeleton')
  })

  test('warns when the data lay in memory', () => {
    expect(report([run('skeleton', 1, 500)], true)).toContain('Warning: /data is memory')
    expect(report([run('skeleton', 1, 500)], false)).not.toContain('Warning')
  })

  test('the median of an even count lies between the middle two', () => {
    expect(medianOf([4, 1])).toBe(2.5)
    expect(medianOf([10, 2, 3])).toBe(3)
  })
})

describe('the progress line', () => {
  test('is rewritten in place on a terminal, a shorter line covering a longer one', () => {
    const written: string[] = []
    const line = new ProgressLine({ isTTY: true, write: (text) => written.push(text) })
    line.show('long line')
    line.show('short')
    line.clear()
    expect(written).toEqual(['\rlong line', '\rshort    ', '\r     \r'])
  })

  test('in a pipe shows the first line and drops those that follow too soon', () => {
    const written: string[] = []
    const line = new ProgressLine({ write: (text) => written.push(text) })
    line.show('one')
    line.show('two')
    line.clear()
    expect(written).toEqual(['one\n'])
  })
})
