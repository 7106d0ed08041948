import type { Keyspace } from '../kv/keyspace.ts'
import type { Region, RegionMap } from '../kv/regions.ts'
import type { KvRange } from './ports.ts'

/** Bounds as abstract-level gives them: encoded keys of one keyspace. */
export interface UserBounds {
  readonly gte?: Buffer | undefined
  readonly gt?: Buffer | undefined
  readonly lte?: Buffer | undefined
  readonly lt?: Buffer | undefined
}

/** A part of the one key space, whole keys. A null upper bound is none. */
export interface KeyRange {
  readonly lower: Buffer
  readonly lowerOpen: boolean
  readonly upper: Buffer | null
  readonly upperOpen: boolean
}

/** What `bounds` mean within a keyspace. As in abstract-level, gte wins over gt and lte over lt. */
export function rangeOf(keyspace: Keyspace, bounds: UserBounds): KeyRange {
  const lower = bounds.gte ?? bounds.gt
  const upper = bounds.lte ?? bounds.lt
  return {
    lower: lower === undefined ? keyspace.prefix : keyspace.fullKey(lower),
    lowerOpen: bounds.gte === undefined && bounds.gt !== undefined,
    upper: upper === undefined ? keyspace.end : keyspace.fullKey(upper),
    upperOpen: bounds.lte === undefined,
  }
}

/** The part of `range` that begins (reverse: ends) at `target`; null when `target` lies outside. */
export function rangeFrom(range: KeyRange, target: Buffer, reverse: boolean): KeyRange | null {
  if (isOutside(range, target)) return null
  return reverse
    ? { ...range, upper: target, upperOpen: false }
    : { ...range, lower: target, lowerOpen: false }
}

function isOutside({ lower, lowerOpen, upper, upperOpen }: KeyRange, key: Buffer): boolean {
  const low = key.compare(lower)
  if (low < 0 || (low === 0 && lowerOpen)) return true
  if (upper === null) return false
  const high = key.compare(upper)
  return high > 0 || (high === 0 && upperOpen)
}

export function isEmptyRange({ lower, lowerOpen, upper, upperOpen }: KeyRange): boolean {
  if (upper === null) return false
  const order = lower.compare(upper)
  return order > 0 || (order === 0 && (lowerOpen || upperOpen))
}

/** Regions that may hold keys of `range`, in scan order. */
export function regionsOf(map: RegionMap, range: KeyRange, reverse: boolean): readonly Region[] {
  if (isEmptyRange(range)) return []
  const { upper, upperOpen } = range
  const first = map.indexOf(range.lower)
  let last = upper === null ? map.regions.length - 1 : map.indexOf(upper)
  if (upper !== null && upperOpen && last > first && map.regions[last]!.start.equals(upper)) last--
  const regions = map.regions.slice(first, last + 1)
  return reverse ? regions.reverse() : regions
}

/** The part of `range` that lies in `region`, as its replicas take it. Keys always come along: they are the position. */
export function rangeInRegion(range: KeyRange, region: Region, reverse: boolean, values: boolean): KvRange {
  const startsInside = region.start.compare(range.lower) <= 0
  const endsInside = range.upper !== null && (region.end === null || range.upper.compare(region.end) < 0)
  const lower = !startsInside
    ? { gte: region.start }
    : range.lowerOpen
      ? { gt: range.lower }
      : { gte: range.lower }
  const upper = endsInside
    ? range.upperOpen
      ? { lt: range.upper! }
      : { lte: range.upper! }
    : region.end === null
      ? {}
      : { lt: region.end }
  return { ...lower, ...upper, reverse, keys: true, values }
}
