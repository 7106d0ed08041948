import { assert } from '../util/assert.ts'
import { FlotillaError } from '../util/errors.ts'
import { MAX_REGIONS } from '../util/limits.ts'
import { ProtobufReader, ProtobufWriter } from '../util/protobuf-writer.ts'
import { DEFAULT_KEYSPACE, Keyspace } from './keyspace.ts'

/** A key at which regions part: of a keyspace, or, bare, of the keyspace 'default'. */
export type SplitKey = string | Uint8Array | { readonly keyspace?: string; readonly key: string | Uint8Array }

/** A group that owns the keys start ≤ key < end of the one key space. An empty start and a null end are its bounds. */
export interface Region {
  readonly groupId: string
  readonly start: Buffer
  readonly end: Buffer | null
}

/** Which region owns a key. The regions cover the whole key space without gap or overlap. Immutable. */
export class RegionMap {
  readonly regions: readonly Region[]
  readonly #starts: readonly Buffer[]

  constructor(regions: readonly Region[]) {
    assert(regions.length > 0 && regions[0]!.start.length === 0, 'the first region begins at the first key')
    regions.forEach((region, i) => {
      const next = regions[i + 1]
      if (next === undefined) assert(region.end === null, 'the last region has no end')
      else assert(region.end?.equals(next.start) === true, 'each region ends where the next begins')
      if (region.end !== null) assert(region.start.compare(region.end) < 0, 'a region is not empty')
    })
    this.regions = regions
    this.#starts = regions.map((region) => region.start)
  }

  /** Regions `kv/0000` … between the split keys, in their order. Throws INVALID_ARGUMENT. */
  static fromSplitKeys(splitKeys: readonly SplitKey[]): RegionMap {
    if (splitKeys.length >= MAX_REGIONS) {
      const text = `kv.splitKeys has ${splitKeys.length} keys, at most ${MAX_REGIONS - 1} are possible`
      throw new FlotillaError('INVALID_ARGUMENT', text)
    }
    const keys = splitKeys.map(fullSplitKey).sort(Buffer.compare)
    keys.forEach((key, i) => {
      if (i === 0 || !key.equals(keys[i - 1]!)) return
      throw new FlotillaError('INVALID_ARGUMENT', 'kv.splitKeys names the same key twice')
    })
    const starts = [Buffer.alloc(0), ...keys]
    return new RegionMap(
      starts.map((start, i) => ({ groupId: regionGroupId(i), start, end: starts[i + 1] ?? null })),
    )
  }

  /** Null when the regions, in any order, do not cover the key space without gap or overlap. */
  static fromRegions(regions: readonly Region[]): RegionMap | null {
    const sorted = [...regions].sort((a, b) => a.start.compare(b.start))
    if (sorted.length === 0 || sorted[0]!.start.length > 0) return null
    const sound = sorted.every((region, i) => {
      const next = sorted[i + 1]
      if (next === undefined) return region.end === null
      return region.end?.equals(next.start) === true && region.start.compare(next.start) < 0
    })
    return sound ? new RegionMap(sorted) : null
  }

  /** Position of the region that owns `key`. */
  indexOf(key: Buffer): number {
    let low = 0
    let high = this.#starts.length - 1
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if (!isBefore(key, this.#starts[middle]!)) low = middle
      else high = middle - 1
    }
    return low
  }

  regionOf(key: Buffer): Region {
    return this.regions[this.indexOf(key)]!
  }
}

/** Beyond it the call of `compare` costs less than the bytes. */
const SHORT_BOUND_BYTES = 64

/** Every write and read searches: short bounds are compared here quicker than by some calls of `compare`. */
function isBefore(a: Buffer, b: Buffer): boolean {
  const length = Math.min(a.length, b.length)
  if (length > SHORT_BOUND_BYTES) return a.compare(b) < 0
  for (let i = 0; i < length; i++) {
    if (a[i] !== b[i]) return a[i]! < b[i]!
  }
  return a.length < b.length
}

export function regionGroupId(position: number): string {
  return `kv/${String(position).padStart(4, '0')}`
}

function fullSplitKey(splitKey: SplitKey): Buffer {
  if (typeof splitKey === 'string' || splitKey instanceof Uint8Array) {
    return new Keyspace(DEFAULT_KEYSPACE).fullKey(Buffer.from(splitKey as string))
  }
  return new Keyspace(splitKey.keyspace ?? DEFAULT_KEYSPACE).fullKey(Buffer.from(splitKey.key as string))
}

/** A region's bounds as the arguments of its group: protobuf, 1 start, 2 end (absent: unbounded). */
export function encodeRegion(region: Region): Buffer {
  const writer = new ProtobufWriter()
  if (region.start.length > 0) writer.bytes(1, region.start)
  if (region.end !== null) writer.bytes(2, region.end)
  return writer.finish()
}

/** Throws RangeError when `args` are not a region's. */
export function decodeRegion(groupId: string, args: Buffer): Region {
  const reader = new ProtobufReader(args)
  let start = Buffer.alloc(0)
  let end: Buffer | null = null
  while (reader.next()) {
    if (reader.field === 1) start = Buffer.from(reader.value)
    else if (reader.field === 2) end = Buffer.from(reader.value)
  }
  return { groupId, start, end }
}
