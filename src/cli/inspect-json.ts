import type { InspectedGroup, InspectedStore } from '../admin/inspected-store.ts'
import { jsonBytes } from './kv-text.ts'
import { splitFullKey } from './region-bound.ts'

/** An inspection as `--json` prints it: bytes become text, or base64 under a name that ends with 64. */
export function inspectionJson(store: InspectedStore): object {
  return {
    ...store,
    shards: store.shards.map((shard) => ({ ...shard, groups: shard.groups.map(groupJson) })),
  }
}

function groupJson(group: InspectedGroup): object {
  const { region, state } = group
  return {
    ...group,
    region: region && { start: boundJson(region.start), end: region.end && boundJson(region.end) },
    state: state && {
      ...state,
      keyList: state.keyList.map(({ keyspace, key, valueBytes }) => ({
        keyspace,
        ...jsonBytes('key', key),
        valueBytes,
      })),
    },
  }
}

/** Null for the beginning of the key space. */
function boundJson(bound: Buffer): object | null {
  if (bound.length === 0) return null
  const { keyspace, key } = splitFullKey(bound)
  return { keyspace, ...jsonBytes('key', key) }
}
