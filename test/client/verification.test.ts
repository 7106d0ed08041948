import { describe, expect, test } from 'vitest'
import { encodeDigest, type GroupDigest, type ReplicaReport } from '../../src/client/admin-reports.ts'
import { CallTime } from '../../src/client/call-time.ts'
import type { GroupDescription } from '../../src/client/group-description.ts'
import { verifyGroup } from '../../src/client/group-verification.ts'
import { FlotillaError } from '../../src/util/errors.ts'
import { World } from './world.ts'

const NAMES = ['s1', 's2', 's3']

/** Replicas as a script: what each stands at, and what its state is, at each round. */
function questions(rounds: ReadonlyArray<readonly string[]>, type = 'kv') {
  const world = new World(NAMES)
  world.group('g', NAMES, type)
  const asked = { reports: 0, digests: 0 }
  const at = (storeId: string) => {
    const round = rounds[Math.min(asked.reports, rounds.length) - 1]!
    const [index, state] = round[NAMES.indexOf(storeId)]!.split(' ')
    return { index: Number(index), state: state! }
  }
  const report = (storeId: string): ReplicaReport => {
    const { index, state } = at(storeId)
    if (state === 'gone') {
      return { storeId, description: null, error: new FlotillaError('CONNECTION_LOST', `${storeId} is gone`) }
    }
    const error = state === 'broken' ? new FlotillaError('STATE_MACHINE_FAILED', 'broken') : null
    const described = world.store(storeId).replicas.get('g')!.describe()
    const description: GroupDescription = { ...described, appliedIndex: index, error }
    return { storeId, description, error: null }
  }
  const digest = (storeId: string): GroupDigest => {
    const { index, state } = at(storeId)
    return { appliedIndex: index, appliedTerm: 1, keys: 1, bytes: 1, digest: state }
  }
  const time = new CallTime(world.store('s1'), 'the verification', { timeoutMs: 5_000 }, 1)
  const verifying = verifyGroup('g', time, {
    reports: async () => {
      asked.reports++
      return NAMES.map(report)
    },
    digest: async (storeId) => {
      asked.digests++
      return encodeDigest(digest(storeId))
    },
  })
  return { asked, outcome: world.settle(verifying) }
}

describe('the comparison of replicas', () => {
  test('waits until they meet, and asks for no digest before', async () => {
    const { asked, outcome } = questions([
      ['5 x', '3 x', '4 x'],
      ['6 x', '5 x', '6 x'],
      ['6 a', '6 a', '6 a'],
    ])
    const { value } = await outcome
    expect(value).toMatchObject({ equal: true, complete: true, appliedIndex: 6 })
    expect(asked).toEqual({ reports: 3, digests: 3 })
  })

  test('finds the replica that differs', async () => {
    const { value } = await questions([['6 a', '6 b', '6 a']]).outcome
    expect(value).toMatchObject({ equal: false, complete: true, appliedIndex: 6 })
    expect(value?.replicas.map(({ storeId, digest }) => `${storeId} ${digest?.digest}`)).toEqual([
      's1 a',
      's2 b',
      's3 a',
    ])
  })

  test('goes on without a replica that is gone or broken, and says so', async () => {
    const { value } = await questions([['6 a', '0 gone', '2 broken']]).outcome
    expect(value).toMatchObject({ equal: true, complete: false, appliedIndex: 6 })
    expect(value?.replicas.map(({ error }) => error?.code ?? '')).toEqual([
      '',
      'FLOTILLA_CONNECTION_LOST',
      'FLOTILLA_STATE_MACHINE_FAILED',
    ])
  })

  test('ends with TIMEOUT when they never meet, and names where they stand', async () => {
    const { error } = await questions([['5 x', '3 x', '4 x']]).outcome
    expect(error).toMatchObject({ code: 'FLOTILLA_TIMEOUT', outcome: 'not-applied' })
    expect(error?.message).toContain('5, 3, 4')
  })

  test('refuses groups that are no key-value regions, and those of which nothing works', async () => {
    expect((await questions([['1 a', '1 a', '1 a']], 'log').outcome).error?.code).toBe(
      'FLOTILLA_NOT_A_KV_GROUP',
    )
    const { error } = await questions([['1 broken', '1 broken', '1 gone']]).outcome
    expect(error).toMatchObject({ code: 'FLOTILLA_GROUP_FAILED', outcome: 'not-applied' })
  })
})
