import { describe, expect, test } from 'vitest'
import { runBench } from '../../src/bench/bench.ts'
import { Driver } from '../../src/bench/driver.ts'
import { LeadershipError, leadershipProblem } from '../../src/bench/leadership.ts'
import type { BenchStore, RunResult, RunSpec } from '../../src/bench/scenario.ts'

describe('leaders are even', () => {
  const home = new Map([
    [1, 4],
    [4, 2],
  ])

  test('when each store leads the groups that are its own, and no others', () => {
    expect(leadershipProblem(1, 6, home)).toBeNull()
    expect(leadershipProblem(1, 6, new Map([[1, 4]]))).toBe('store 2 does not lead group 4, which it should')
    const greedy = new Map([...home, [0, 7]])
    expect(leadershipProblem(1, 6, greedy)).toBe('store 2 leads group 0, which another store should')
  })

  test('and stay in their terms', () => {
    expect(leadershipProblem(1, 6, home, home)).toBeNull()
    const again = new Map([...home, [4, 3]])
    expect(leadershipProblem(1, 6, again, home)).toBe(
      'store 2 lost group 4 and won it again (term 2, then 3)',
    )
  })
})

/** Store 0 of one group, which it leads in the terms given, one per time that it is asked. */
class WaveringStore implements BenchStore {
  readonly address = ''
  readonly #terms: readonly (number | null)[]
  readonly #refuseFrom: number
  #asked = 0
  #calls = 0

  constructor(terms: readonly (number | null)[], refuseFrom = Number.POSITIVE_INFINITY) {
    this.#terms = terms
    this.#refuseFrom = refuseFrom
  }

  leaders(): ReadonlyMap<number, number> {
    const term = this.#terms[Math.min(this.#asked++, this.#terms.length - 1)]!
    return term === null ? new Map() : new Map([[0, term]])
  }

  propose(): Promise<void> {
    if (++this.#calls >= this.#refuseFrom) return Promise.reject(new Error('refused'))
    return new Promise((resolve) => setTimeout(resolve, 1))
  }

  stats() {
    return { fsyncs: 0, entries: 0 }
  }

  async join(): Promise<void> {}
  async close(): Promise<void> {}
}

describe('the closed loop', () => {
  const args = { storeIndex: 0, dataDir: '', groups: 1, inFlight: 2, payloadBytes: 16 }
  const drive = (store: BenchStore) =>
    new Driver({ store, args, warmupMs: 5, measureMs: 20, onProgress: () => {} }).run()

  test('counts what was acknowledged while its groups stay', async () => {
    const result = await drive(new WaveringStore([3]))
    expect(result.ops).toBeGreaterThan(0)
    expect(result.elapsedMs).toBeGreaterThan(15)
  })

  test.each([
    ['lost during the warm-up', [3, null]],
    ['lost during the measurement', [3, 3, null]],
    ['lost and won again', [3, 3, 4]],
  ])('is void when a group was %s', async (_what, terms) => {
    await expect(drive(new WaveringStore(terms))).rejects.toThrow(LeadershipError)
  })

  test('tells a call that failed with its leader from one that failed alone', async () => {
    await expect(drive(new WaveringStore([3, null], 3))).rejects.toThrow(LeadershipError)
    await expect(drive(new WaveringStore([3], 3))).rejects.toThrow('refused')
  })
})

describe('a run with moved leaders', () => {
  const spec: RunSpec = { scenario: 'raw-log', groups: 1, inFlight: 1, payloadBytes: 16 }
  const result = { ...spec, opsPerSecond: 1 } as RunResult

  async function benchWith(failures: number) {
    const notices: string[] = []
    let runs = 0
    const options = {
      specs: [spec],
      warmupSeconds: 0,
      seconds: 1,
      repeat: 1,
      onNotice: (line: string) => notices.push(line),
    }
    const report = runBench(options, async () => {
      if (runs++ < failures) throw new LeadershipError('store 1 does not lead group 0')
      return result
    })
    return { report: await report.catch((error: unknown) => error), notices }
  }

  test('is measured again, and the bench says so', async () => {
    const { report, notices } = await benchWith(2)
    expect(report).toMatchObject({ runs: [result] })
    const line =
      '[1/1] raw-log 1 × 1, 16 B: store 1 does not lead group 0; this run does not count, once more'
    expect(notices).toEqual([line, line])
  })

  test('fails the bench when leaders never stay', async () => {
    const { report } = await benchWith(4)
    expect(report).toEqual(new Error('[1/1] raw-log 1 × 1, 16 B: store 1 does not lead group 0, 4 times'))
  })
})
