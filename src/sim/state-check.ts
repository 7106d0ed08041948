import type { SimCluster } from './cluster.ts'
import { InvariantViolation } from './invariants.ts'
import type { KvGhost } from './kv-ghost.ts'

const DIGEST_WITHIN_MS = 10_000

/** I-16: the key-value state of an open store, as it lies there now, of every region. */
export function checkStoreState(cluster: SimCluster, storeId: string, kv: KvGhost): void {
  const { memory } = cluster.process(storeId).disk
  // A space has a number of its own in its store, so the rows of all shards may lie together.
  const rows = new Map<string, Buffer>()
  for (const path of memory.paths()) {
    if (!path.endsWith('/data')) continue
    for (const [key, value] of memory.directory(path).recover()) rows.set(key, value)
  }
  for (const { group, space } of cluster.ghost.disk(storeId).logs()) {
    if (space !== 0) kv.checkState(group.groupId, storeId, space, rows)
  }
}

/**
 * I-23, as the stores themselves say it: equal digests at equal indexes, of the replicas that are `able`. Answers how many
 * were compared.
 */
export async function checkDigests(
  cluster: SimCluster,
  able: (groupId: string, storeId: string) => boolean,
): Promise<number> {
  let compared = 0
  for (const [groupId, members] of cluster.memberships()) {
    if (!groupId.startsWith('kv/')) continue
    let first: { readonly storeId: string; readonly text: string } | null = null
    for (const storeId of members) {
      const store = able(groupId, storeId) ? cluster.stores.get(storeId) : undefined
      if (store === undefined) continue
      const what = `the digest of ${groupId} on ${storeId}`
      const text = JSON.stringify(await cluster.world.settle(store.digest(groupId), DIGEST_WITHIN_MS, what))
      compared++
      first ??= { storeId, text }
      if (first.text !== text) {
        const detail = `${groupId}: ${first.storeId} has ${first.text}, ${storeId} has ${text}`
        throw new InvariantViolation('I-23', detail)
      }
    }
  }
  return compared
}
