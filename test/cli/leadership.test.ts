import { describe, expect, test } from 'vitest'
import { REGIONS } from '../../src/cli/demo-settings.ts'
import {
  busiestLeader,
  catchUpOf,
  type ClusterView,
  describeLeaders,
  leadershipOf,
} from '../../src/cli/leadership.ts'

/** `leaders[i]` leads group i (-1: nobody); every store has applied `applied` of its own. */
function viewOf(leaders: readonly number[], applied: readonly (number | null)[], term = 1): ClusterView {
  return applied.map((appliedIndex, store) => {
    if (appliedIndex === null) return null
    const groups = leaders.map((leader, i) => {
      return { groupId: `g${i}`, isLeader: leader === store, term, commitIndex: 9, appliedIndex, error: null }
    })
    return { groups, fsyncs: 0, entries: 0 }
  })
}

const SPREAD = Array.from({ length: REGIONS }, (_, i) => i % 3)

describe('leadership', () => {
  test('is even when every group is led and the counts differ by one at most', () => {
    const leaders = leadershipOf(viewOf(SPREAD, [9, 9, 9]))
    expect(leaders).toEqual({ counts: [6, 5, 5], led: 16, even: true })
    expect(busiestLeader(leaders)).toBe(0)
  })

  test('is not even with a group without leader, nor with one store leading two more', () => {
    expect(leadershipOf(viewOf([-1, ...SPREAD.slice(1)], [9, 9, 9]))).toMatchObject({ led: 15, even: false })
    expect(leadershipOf(viewOf([1, ...SPREAD.slice(1)], [9, 9, 9]))).toMatchObject({
      counts: [5, 6, 5],
      even: true,
    })
    expect(leadershipOf(viewOf([1, 1, ...SPREAD.slice(2)], [9, 9, 9])).even).toBe(true)
    expect(leadershipOf(viewOf([1, 1, 1, ...SPREAD.slice(3)], [9, 9, 9])).even).toBe(false)
  })

  test('a dead store is not compared with', () => {
    const view = viewOf(
      Array.from({ length: REGIONS }, (_, i) => 1 + (i % 2)),
      [null, 9, 9],
    )
    expect(leadershipOf(view)).toEqual({ counts: [0, 8, 8], led: 16, even: true })
    expect(describeLeaders(leadershipOf(view), view)).toBe('s2 8, s3 8')
  })

  test('of two that both think they lead, the one of the later term does', () => {
    const [old] = viewOf([0], [9], 1)
    const [, fresh] = viewOf([1], [9, 9], 2)
    expect(leadershipOf([old!, fresh!, null]).counts).toEqual([0, 1, 0])
  })

  test('catching up is counted by group and by entry, against the leaders', () => {
    expect(catchUpOf(viewOf(SPREAD, [9, 9, 3]), 2)).toEqual({
      groups: 5,
      applied: 5 * 3 + 11 * 3,
      goal: 5 * 3 + 11 * 9,
    })
    expect(catchUpOf(viewOf(SPREAD, [9, 9, 9]), 2)).toMatchObject({ groups: 16 })
    expect(catchUpOf(viewOf(SPREAD, [9, 9, null]), 2)).toMatchObject({ groups: 0 })
  })
})
