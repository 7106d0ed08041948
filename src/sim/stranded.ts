import type { SimCluster } from './cluster.ts'
import type { LogMirror } from './disk-mirror.ts'
import type { GroupGhost } from './ghost.ts'

/**
 * Stores of each group whose replica lacks what another member's log has given up: past the budget of its log a store does
 * not wait for who lags. Only a snapshot can bring such a replica up, so it counts for nothing in its group.
 */
export function strandedReplicas(cluster: SimCluster): ReadonlyMap<string, ReadonlySet<string>> {
  return lacking(cluster, ({ firstIndex }) => firstIndex)
}

/** Those among them that a truncation stranded: a log also begins anew where a crash left it behind its state. */
export function strandedByTruncation(cluster: SimCluster): ReadonlyMap<string, ReadonlySet<string>> {
  return lacking(cluster, ({ group, replica, firstIndex }, storeId) =>
    Math.min(firstIndex, group.replica(storeId, replica).truncatedTo),
  )
}

/** By group, who lacks what is below `beginning` of some log. */
function lacking(
  cluster: SimCluster,
  beginning: (log: LogMirror, storeId: string) => number,
): ReadonlyMap<string, ReadonlySet<string>> {
  const { ghost, damaged } = cluster
  const stranded = new Map<string, ReadonlySet<string>>()
  for (const [groupId, members] of cluster.memberships()) {
    const able = members.filter((storeId) => !damaged.has(storeId))
    const logs = new Map(able.map((storeId) => [storeId, ghost.disk(storeId).log(groupId)]))
    const firsts = able.map((storeId) => {
      const log = logs.get(storeId) ?? null
      return log === null ? 1 : beginning(log, storeId)
    })
    const found = able.filter(
      (storeId) => matched(ghost.group(groupId), logs.get(storeId) ?? null) + 1 < Math.max(...firsts),
    )
    if (found.length > 0) stranded.set(groupId, new Set(found))
  }
  return stranded
}

/** Up to where a log on disk is the committed one. What lies before its beginning is in the state. */
function matched({ committed }: GroupGhost, log: LogMirror | null): number {
  if (log === null) return 0
  let index = Math.min(log.lastIndex, committed.length - 1)
  while (index >= log.firstIndex && !log.holds(index, committed[index]!.entry.term)) index--
  return Math.max(index, log.firstIndex - 1)
}
