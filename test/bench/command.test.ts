import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { startBench, withTempDir } from './run-bench.ts'

/** One very short run. */
const TINY = ['--scenario', 'skeleton', '--groups', '1', '--in-flight', '4', '--warmup', '0']

const TINY_RUN = {
  groups: 1,
  inFlight: 4,
  payloadBytes: 16,
  opsPerSecond: expect.any(Number),
  p50Ms: expect.any(Number),
  p99Ms: expect.any(Number),
  entriesPerFsync: expect.any(Number),
  cpuSecondsPerMillion: expect.any(Number),
  peakRssMiB: expect.any(Number),
}

describe('bench', () => {
  test('--json prints one object with machine and runs of every scenario, and nothing else on stdout', async () => {
    await withTempDir(async (tmp) => {
      const args = ['--groups', '1', '--in-flight', '4', '--warmup', '0', '--seconds', '0.3', '--json']
      const bench = startBench(tmp, args)
      expect(await bench.ended, bench.output.stderr).toBe(0)
      const report = JSON.parse(bench.output.stdout)
      expect(report).toEqual({
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
          { scenario: 'skeleton', ...TINY_RUN },
          { scenario: 'raw-log', ...TINY_RUN },
          { scenario: 'kv-put', ...TINY_RUN },
        ],
      })
      for (const run of report.runs) {
        for (const key of [
          'opsPerSecond',
          'p50Ms',
          'entriesPerFsync',
          'cpuSecondsPerMillion',
          'peakRssMiB',
        ]) {
          expect(run[key], key).toBeGreaterThan(0)
        }
        expect(run.p99Ms).toBeGreaterThanOrEqual(run.p50Ms)
      }
      expect(await readdir(tmp)).toEqual([])
    })
  })

  test('a run for people ends with a table, and progress in a pipe carries no control codes', async () => {
    await withTempDir(async (tmp) => {
      const bench = startBench(tmp, [...TINY, '--seconds', '0.3', '--repeat', '2'])
      expect(await bench.ended, bench.output.stderr).toBe(0)
      expect(bench.output.stdout).toMatch(/scenario.*writes\/s/)
      expect(bench.output.stdout).toMatch(/skeleton .*1 × 4 /)
      expect(bench.output.stderr).toMatch(/\[1\/2\] skeleton 1 × 4, 16 B: starting/)
      expect(bench.output.stderr).toMatch(/\n2 runs in \d+ s\n$/)
      const controlCodes = [...(bench.output.stdout + bench.output.stderr)].filter(
        (c) => c < ' ' && c !== '\n',
      )
      expect(controlCodes).toEqual([])
    })
  })

  test.each([
    ['SIGINT', 0, 'starting', 'kv-put'],
    ['SIGINT', 500, 'starting', 'kv-put'],
    ['SIGINT', 1_000, 'starting', 'kv-put'],
    ['SIGINT', 0, 'warming up', 'kv-put'],
    ['SIGINT', 0, 'measuring', 'kv-put'],
    ['SIGTERM', 0, 'measuring', 'raw-log'],
    ['SIGHUP', 0, 'measuring', 'skeleton'],
  ] as const)('%s %i ms after %s leaves no process and no directory (%s)', async (...moment) => {
    const [signal, delayMs, phase, scenario] = moment
    await withTempDir(async (tmp) => {
      const warmup = phase === 'warming up' ? '600' : '0'
      const flags = ['--groups', '3', '--in-flight', '12', '--warmup', warmup, '--seconds', '600']
      const bench = startBench(tmp, ['--scenario', scenario, ...flags])
      while (!bench.output.stderr.includes(phase)) await once(bench.child.stderr!, 'data')
      await new Promise((resolve) => setTimeout(resolve, delayMs))
      // As a terminal does it: the stores get the signal too.
      process.kill(-bench.child.pid!, signal)
      expect(await bench.ended).toBe({ SIGINT: 130, SIGTERM: 143, SIGHUP: 129 }[signal])
      expect(await readdir(tmp)).toEqual([])
      expect(bench.output.stdout).toBe('')
      expect(bench.output.stderr).toMatch(new RegExp(`flotilla bench: interrupted \\(${signal}\\)\n$`))
    })
  })

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
    [['--scenario', 'kv-put', '--groups', '5000'], /at most 4096 groups/],
    [['--scenario', 'kv-put', '--payload', '2000000'], /at most 1048576 bytes/],
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
