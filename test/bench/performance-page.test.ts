import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { SCENARIO_NAMES } from '../../src/bench/scenarios.ts'
import { codeBlocks } from '../docs/markdown.ts'
import { ROOT } from '../docs/pages.ts'
import { startBench, withTempDir } from './run-bench.ts'

const PAGE = readFileSync(join(ROOT, 'docs/performance.md'), 'utf8')

interface Run {
  readonly scenario: string
  readonly groups: number
  readonly inFlight: number
  readonly payloadBytes: number
  readonly opsPerSecond: number
}

/** A run of the skeleton and one of the raw log at each point that has a floor, and puts. */
function runs(share: number, puts: number): Run[] {
  const points = [
    [1, 256],
    [1, 1024],
    [1, 4096],
    [48, 1024],
  ] as const
  const at = (scenario: string, groups: number, inFlight: number, opsPerSecond: number): Run => {
    return { scenario, groups, inFlight, payloadBytes: 16, opsPerSecond }
  }
  const pairs = points.flatMap(([groups, inFlight]) => [
    at('skeleton', groups, inFlight, 500_000),
    at('raw-log', groups, inFlight, share * 500_000),
  ])
  return [...pairs, at('kv-put', 48, 1024, puts)]
}

/** The page's program, with a report on its standard input. */
async function floors(report: string): Promise<{ code: number | null; lines: string[] }> {
  return await withTempDir(async (dir) => {
    const { text } = codeBlocks(PAGE).find(({ file }) => file === 'floors.mjs')!
    await writeFile(join(dir, 'floors.mjs'), text)
    const { status, stdout, stderr } = spawnSync(process.execPath, ['floors.mjs'], {
      cwd: dir,
      input: report,
      encoding: 'utf8',
    })
    expect(stderr).toBe('')
    return { code: status, lines: stdout.split('\n').filter((line) => line !== '') }
  })
}

describe('docs/performance.md', () => {
  test('floors.mjs finds every floor held where it is', async () => {
    const { code, lines } = await floors(JSON.stringify({ machine: {}, runs: runs(0.41, 60_001) }))
    expect(lines).toHaveLength(5)
    expect(lines.filter((line) => !line.startsWith('held'))).toEqual([])
    expect(code).toBe(0)
  })

  test('floors.mjs takes the median of three runs, names a floor that is missed and fails', async () => {
    const all = [runs(0.38, 70_000), runs(0.38, 59_000), runs(0.45, 10_000)].flat()
    const { code, lines } = await floors(JSON.stringify({ machine: {}, runs: all }))
    expect(lines.filter((line) => line.startsWith('missed'))).toEqual([
      'missed raw-log / skeleton at 1 × 256: 0.38, at least 0.4',
      'missed puts at 48 × 1024: 59000, at least 60000',
    ])
    expect(code).toBe(1)
  })

  test('floors.mjs reads what the bench prints', async () => {
    await withTempDir(async (tmp) => {
      const point = ['--scenario', 'skeleton,raw-log', '--groups', '1', '--in-flight', '256']
      const bench = startBench(tmp, [...point, '--seconds', '0.3', '--warmup', '0', '--json'])
      expect(await bench.ended, bench.output.stderr).toBe(0)
      const { lines } = await floors(bench.output.stdout)
      expect(lines).toEqual([
        expect.stringMatching(/^(held {2}|missed) raw-log \/ skeleton at 1 × 256: [\d.]+, /),
      ])
    })
  })

  test('says what each scenario is, and gives figures of each', () => {
    const rows = PAGE.split('\n').filter((line) => line.startsWith('|'))
    for (const name of SCENARIO_NAMES) {
      expect(rows.filter((row) => row.startsWith(`| \`${name}\` |`)).length, name).toBeGreaterThan(1)
    }
  })
})
