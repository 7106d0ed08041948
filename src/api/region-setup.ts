import { KV_GROUP_PREFIX } from '../client/group.ts'
import { decodeRegion, encodeRegion, type Region, RegionMap } from '../kv/regions.ts'
import { firstMembers, type GroupSpec } from '../store/group-spec.ts'
import { KV_TYPE } from '../store/group-replica.ts'
import { FlotillaError } from '../util/errors.ts'
import type { CheckedOptions } from './options.ts'

export interface RegionSetup {
  readonly map: RegionMap
  /** Groups that this store should host and has not recorded. */
  readonly missing: readonly GroupSpec[]
  /** The options name other regions than those recorded here, which win. */
  readonly overruled: boolean
}

/**
 * The regions of a store: what it has recorded, else what its options say. Throws CONFIGURATION_MISMATCH when the two
 * contradict each other and what is recorded does not cover the key space.
 */
export function setUpRegions(
  options: NonNullable<CheckedOptions['kv']>,
  storeId: string,
  recorded: readonly GroupSpec[],
): RegionSetup {
  const wanted = RegionMap.fromSplitKeys(options.splitKeys)
  const kept = recorded.filter(isRegion).map((spec) => decodeRegion(spec.groupId, spec.args))
  if (!kept.every((region) => wanted.regions.some((other) => sameRegion(region, other)))) {
    const map = RegionMap.fromRegions(kept)
    if (map !== null) return { map, missing: [], overruled: true }
    const text =
      'kv.splitKeys contradict the regions that this store has recorded; give it the keys of its first start'
    throw new FlotillaError('CONFIGURATION_MISMATCH', text)
  }
  const all = RegionMap.fromRegions(kept)
  if (all !== null && all.regions.length < wanted.regions.length)
    return { map: all, missing: [], overruled: true }
  const { members } = options
  const known = new Set(kept.map((region) => region.groupId))
  const missing = members.includes(storeId)
    ? wanted.regions.flatMap((region, i) =>
        known.has(region.groupId) ? [] : [regionSpec(region, members, i)],
      )
    : []
  return { map: wanted, missing, overruled: false }
}

function isRegion(spec: GroupSpec): boolean {
  return spec.type === KV_TYPE && spec.groupId.startsWith(KV_GROUP_PREFIX)
}

function sameRegion(a: Region, b: Region): boolean {
  return a.groupId === b.groupId && encodeRegion(a).equals(encodeRegion(b))
}

/** Leaders spread evenly: each region prefers the next member. */
function regionSpec(region: Region, members: readonly string[], position: number): GroupSpec {
  return {
    groupId: region.groupId,
    type: KV_TYPE,
    args: encodeRegion(region),
    members: firstMembers(members, members[position % members.length]!),
    nextReplica: members.length + 1,
  }
}
