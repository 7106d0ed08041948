import { REGIONS, STORE_IDS } from './demo-settings.ts'
import type { GroupView, StoreView } from './store-messages.ts'

/** What all stores say of themselves, by position; null for one that is not running. */
export type ClusterView = readonly (StoreView | null)[]

/** Who leads what. */
export interface Leadership {
  /** Groups led, by store. */
  readonly counts: readonly number[]
  /** Groups with a leader. */
  readonly led: number
  /** Every group is led, and no running store leads two more than another. */
  readonly even: boolean
}

export interface CatchUp {
  /** Groups in which the store has applied all that their leaders have. */
  readonly groups: number
  /** Entries, summed over all groups. */
  readonly applied: number
  readonly goal: number
}

export function leadershipOf(view: ClusterView): Leadership {
  const leaders = leadersOf(view)
  const counts = STORE_IDS.map(() => 0)
  for (const { store } of leaders.values()) counts[store]!++
  const running = counts.filter((_, store) => view[store] != null)
  const spread = Math.max(...running) - Math.min(...running)
  return { counts, led: leaders.size, even: leaders.size === REGIONS && spread <= 1 }
}

/** The store that leads the most groups; of equals, the first. */
export function busiestLeader(leadership: Leadership): number {
  return leadership.counts.indexOf(Math.max(...leadership.counts))
}

/** 's1 6, s2 5, s3 5'. A store that does not run is left out. */
export function describeLeaders(leadership: Leadership, view: ClusterView): string {
  const running = STORE_IDS.map((storeId, i) => ({ storeId, count: leadership.counts[i], view: view[i] }))
  return running
    .flatMap(({ storeId, count, view }) => (view == null ? [] : [`${storeId} ${count}`]))
    .join(', ')
}

/** How far a store has applied what its groups' leaders have. */
export function catchUpOf(view: ClusterView, store: number): CatchUp {
  const own = new Map(view[store]?.groups.map(({ groupId, appliedIndex }) => [groupId, appliedIndex]))
  const leaders = leadersOf(view)
  let [groups, applied, goal] = [0, 0, 0]
  for (const [groupId, { group }] of leaders) {
    const here = own.get(groupId) ?? 0
    goal += group.appliedIndex
    applied += Math.min(here, group.appliedIndex)
    if (here >= group.appliedIndex) groups++
  }
  return { groups, applied, goal }
}

/** A deposed leader may not know it yet: of two, the one of the higher term counts. */
function leadersOf(view: ClusterView): Map<string, { store: number; group: GroupView }> {
  const leaders = new Map<string, { store: number; group: GroupView }>()
  view.forEach((one, store) => {
    for (const group of one?.groups ?? []) {
      const known = leaders.get(group.groupId)
      if (!group.isLeader || (known !== undefined && known.group.term >= group.term)) continue
      leaders.set(group.groupId, { store, group })
    }
  })
  return leaders
}
