import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { startBench, withTempDir } from './run-bench.ts'

const TINY = ['--scenario', 'skeleton', '--groups', '1', '--in-flight', '4', '--warmup', '0']

describe('bench', () => {
  test('--json prints one object with machine and runs, and nothing else on stdout', async () => {
    await withTempDir(async (tmp) => {
      const bench = startBench(tmp, [...TINY, '--seconds', '0.3', '--json'])
      expect(await bench.ended, bench.output.stderr).toBe(0)
      expect(JSON.parse(bench.output.stdout)).toEqual({
        machine: {
          cpu: expect.any(String),
          cores: expect.any(Number),
          memoryGiB: expect.any(Number),
          os: expect.any(String),
          node: process.version,
          dataDir: tmp,
          dataDirInMemory: expect.any(Boolean),
        },
        runs: [
          {
            scenario: 'skeleton',
            groups: 1,
            inFlight: 4,
            payloadBytes: 16,
            opsPerSecond: expect.any(Number),
            p50Ms: expect.any(Number),
            p99Ms: expect.any(Number),
            entriesPerFsync: expect.any(Number),
            cpuSecondsPerMillion: expect.any(Number),
            peakRssMiB: expect.any(Number),
          },
        ],
      })
      const [run] = JSON.parse(bench.output.stdout).runs
      for (const key of ['opsPerSecond', 'p50Ms', 'entriesPerFsync', 'cpuSecondsPerMillion', 'peakRssMiB']) {
        expect(run[key], key).toBeGreaterThan(0)
      }
      expect(run.p99Ms).toBeGreaterThanOrEqual(run.p50Ms)
      expect(await readdir(tmp)).toEqual([])
    })
  })

  test('a run for people ends with a table, and progress in a pipe carries no control codes', async () => {
    await withTempDir(async (tmp) => {
      const bench = startBench(tmp, [...TINY, '--seconds', '0.3', '--repeat', '2'])
      expect(await bench.ended, bench.output.stderr).toBe(0)
      expect(bench.output.stdout).toMatch(/scenario.*writes\/s/)
      expect(bench.output.stdout).toMatch(/skeleton .*1 × 4 /)
      expect(bench.output.stderr).toMatch(/\[1\/2\] skeleton 1 × 4: starting/)
      const controlCodes = [...(bench.output.stdout + bench.output.stderr)].filter(
        (c) => c < ' ' && c !== '\n',
      )
      expect(controlCodes).toEqual([])
    })
  })

  test.each(['SIGINT', 'SIGTERM'] as const)(
    '%s ends the run, its stores and its directories',
    async (signal) => {
      await withTempDir(async (tmp) => {
        const bench = startBench(tmp, [...TINY, '--seconds', '600'])
        while (!/measuring/.test(bench.output.stderr)) await once(bench.child.stderr!, 'data')
        expect(await readdir(tmp)).toHaveLength(1)
        bench.child.kill(signal)
        expect(await bench.ended).toBe(signal === 'SIGINT' ? 130 : 143)
        expect(await readdir(tmp)).toEqual([])
        expect(bench.output.stdout).toBe('')
      })
    },
  )

  test('--help explains the flags with an example', async () => {
    await withTempDir(async (tmp) => {
      const bench = startBench(tmp, ['--help'])
      expect(await bench.ended).toBe(0)
      expect(bench.output.stdout).toMatch(/--in-flight <counts>.*Example:\n {2}\$ flotilla bench --scenario/s)
    })
  })

  test.each([
    [['--scenario', 'nothing'], /"nothing" is none of skeleton/],
    [['--groups', '0'], /whole number from 1/],
    [['--groups', '1,x'], /whole number from 1/],
    [['--in-flight', '1.5'], /whole number from 1/],
    [['--payload', '999999999'], /whole number from 1/],
    [['--seconds', '0'], /Seconds from 0.1/],
    [['--warmup', '-1'], /Seconds from 0/],
    [['--repeat'], /argument missing/],
    [['--no-such-flag'], /unknown option/],
    [['extra'], /too many arguments/],
  ])('bad usage %j ends with 2 and says what is wanted', async (args, message) => {
    await withTempDir(async (tmp) => {
      const bench = startBench(tmp, args)
      expect(await bench.ended).toBe(2)
      expect(bench.output.stderr).toMatch(message)
      expect(bench.output.stdout).toBe('')
    })
  })
})
