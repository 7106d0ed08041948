import { describe, expect, test } from 'vitest'
import { encodeDigest, type GroupDigest, type ReplicaReport } from '../../src/client/admin-reports.ts'
import { CallTime } from '../../src/client/call-time.ts'
import { verifyGroup } from '../../src/client/group-verification.ts'
import { FlotillaError } from '../../src/util/errors.ts'
import { World } from './world.ts'

const NAMES = ['s1', 's2', 's3']

/** A replica: what it has applied `ms` after the beginning; 'gone' and 'broken' ones answer so. */
interface Script {
  readonly index: (ms: number) => number
  /** Of its state, at an index. */
  readonly digest?: (index: number) => string
  readonly is?: 'gone' | 'broken'
}

const still = (index: number, rest: Partial<Script> = {}): Script => ({ index: () => index, ...rest })
/** Written to all the time: so many entries a second, and so far behind. */
const moving = (rate: number, lagMs: number, rest: Partial<Script> = {}): Script => ({
  index: (ms) => 100_000 + Math.floor(((ms - lagMs) * rate) / 1_000),
  ...rest,
})

/** A question takes so long to come to a store. */
const HOP_MS = 3

function questions(scripts: readonly Script[], type = 'kv') {
  const world = new World(NAMES)
  world.group('g', NAMES, type)
  const asked = { reports: 0, digests: 0, read: 0 }
  const startMs = world.nowMs
  const script = (storeId: string) => scripts[NAMES.indexOf(storeId)]!
  const indexOf = (storeId: string) => script(storeId).index(world.nowMs - startMs)
  const report = (storeId: string): ReplicaReport => {
    const { is } = script(storeId)
    if (is === 'gone') {
      return { storeId, description: null, error: new FlotillaError('CONNECTION_LOST', `${storeId} is gone`) }
    }
    const error = is === 'broken' ? new FlotillaError('STATE_MACHINE_FAILED', 'broken') : null
    const described = world.store(storeId).replicas.get('g')!.describe()
    const [appliedIndex, commitIndex] = [indexOf(storeId), indexOf(storeId)]
    return { storeId, description: { ...described, appliedIndex, commitIndex, error }, error: null }
  }
  const after = (ms: number) => new Promise<void>((resolve) => world.schedule(ms, resolve))
  /** As a store does it: waits for the index, stops there to look, and has nothing to show once it has passed. */
  const digest = async (storeId: string, at: number): Promise<GroupDigest> => {
    await after(HOP_MS)
    const nothing = { appliedIndex: indexOf(storeId), appliedTerm: 1, keys: 0, bytes: 0, digest: '' }
    if (nothing.appliedIndex > at) return nothing
    while (indexOf(storeId) < at) await after(1)
    asked.read++
    const { digest = (index: number) => `a${index}` } = script(storeId)
    return { appliedIndex: at, appliedTerm: 1, keys: 1, bytes: 1, digest: digest(at) }
  }
  const time = new CallTime(world.store('s1'), 'the verification', { timeoutMs: 5_000 }, 1)
  const verifying = verifyGroup('g', time, {
    reports: async () => {
      asked.reports++
      return NAMES.map(report)
    },
    digest: async (storeId, at) => {
      asked.digests++
      return encodeDigest(await digest(storeId, at))
    },
  })
  return { asked, outcome: world.settle(verifying) }
}

describe('the comparison of replicas', () => {
  test('of a group at rest takes one look, and reads each state once', async () => {
    const { asked, outcome } = questions([still(6), still(6), still(6)])
    const { value } = await outcome
    expect(value).toMatchObject({ equal: true, complete: true, appliedIndex: 6 })
    expect(asked).toEqual({ reports: 1, digests: 3, read: 3 })
  })

  test('of a group at rest waits for the one that catches up', async () => {
    const late = { index: (ms: number) => Math.min(6, Math.floor(ms / 300)) }
    const { asked, outcome } = questions([still(6), late, still(6)])
    expect((await outcome).value).toMatchObject({ equal: true, complete: true, appliedIndex: 6 })
    expect(asked.read).toBe(3)
  })

  test.each([1, 20, 1_000, 50_000])(
    'of a group that %i writes a second go to without a pause meets ahead of them, with one reading of each state',
    async (rate) => {
      const { asked, outcome } = questions([moving(rate, 0), moving(rate, 8), moving(rate, 15)])
      const { value, error } = await outcome
      expect(error).toBeNull()
      expect(value).toMatchObject({ equal: true, complete: true })
      expect(new Set(value?.replicas.map(({ digest }) => digest?.appliedIndex))).toEqual(
        new Set([value?.appliedIndex]),
      )
      // Who was asked in time may have read for nothing, a time or two.
      expect(asked.read).toBeLessThanOrEqual(9)
    },
  )

  test('finds the replica that differs, also while all of them move', async () => {
    const other = { digest: (index: number) => `b${index}` }
    for (const scripts of [
      [still(6), still(6, other), still(6)],
      [moving(1_000, 0), moving(1_000, 5, other), moving(1_000, 9)],
    ]) {
      const { value } = await questions(scripts).outcome
      expect(value).toMatchObject({ equal: false, complete: true })
      const at = value?.appliedIndex
      expect(value?.replicas.map(({ storeId, digest }) => `${storeId} ${digest?.digest}`)).toEqual([
        `s1 a${at}`,
        `s2 b${at}`,
        `s3 a${at}`,
      ])
    }
  })

  test('writes that end before the index is reached are not waited for', async () => {
    const burst = (lagMs: number): Script => ({ index: (ms) => 1 + Math.min(20, Math.max(0, ms - lagMs)) })
    const { value } = await questions([burst(0), burst(4), burst(8)]).outcome
    expect(value).toMatchObject({ equal: true, complete: true, appliedIndex: 21 })
  })

  test('goes on without a replica that is gone or broken, and says so', async () => {
    const { value } = await questions([still(6), still(0, { is: 'gone' }), still(2, { is: 'broken' })])
      .outcome
    expect(value).toMatchObject({ equal: true, complete: false, appliedIndex: 6 })
    expect(value?.replicas.map(({ error }) => error?.code ?? '')).toEqual([
      '',
      'FLOTILLA_CONNECTION_LOST',
      'FLOTILLA_STATE_MACHINE_FAILED',
    ])
  })

  test('ends with TIMEOUT when one stays behind, and names where they stand', async () => {
    const { error } = await questions([still(5), still(3), still(5)]).outcome
    expect(error).toMatchObject({ code: 'FLOTILLA_TIMEOUT', outcome: 'not-applied' })
    expect(error?.message).toContain('5, 3, 5')
  })

  test('refuses groups that are no key-value regions, and those of which nothing works', async () => {
    expect((await questions([still(1), still(1), still(1)], 'log').outcome).error?.code).toBe(
      'FLOTILLA_NOT_A_KV_GROUP',
    )
    const broken = still(1, { is: 'broken' })
    const { error } = await questions([broken, broken, still(1, { is: 'gone' })]).outcome
    expect(error).toMatchObject({ code: 'FLOTILLA_GROUP_FAILED', outcome: 'not-applied' })
  })
})
