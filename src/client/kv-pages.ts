import type { Keyspace } from '../kv/keyspace.ts'
import type { Region, RegionMap } from '../kv/regions.ts'
import { MAX_SCAN_PAGE_ROWS } from '../util/limits.ts'
import { type KeyRange, rangeFrom, rangeInRegion, rangeOf, regionsOf, type UserBounds } from './key-range.ts'
import { RegionScan, type ScanRoutes } from './kv-scan.ts'
import type { CallOptions } from './pending-call.ts'
import type { KvPage } from './ports.ts'

export interface KvPagesOptions extends UserBounds {
  readonly reverse?: boolean | undefined
  readonly values?: boolean | undefined
}

/** A range of a keyspace, page by page, region after region. */
export class KvPages {
  readonly #routes: ScanRoutes
  readonly #map: RegionMap
  readonly #reverse: boolean
  readonly #values: boolean
  readonly #range: KeyRange
  /** The part that was sought. */
  #current: KeyRange
  #regions: readonly Region[]
  #position = 0
  #scan: RegionScan | null = null
  /** The region of the last page. */
  region: Region | null = null

  constructor(routes: ScanRoutes, map: RegionMap, keyspace: Keyspace, options: KvPagesOptions) {
    this.#routes = routes
    this.#map = map
    this.#reverse = options.reverse === true
    this.#values = options.values !== false
    this.#range = rangeOf(keyspace, options)
    this.#current = this.#range
    this.#regions = regionsOf(map, this.#range, this.#reverse)
  }

  /** The next page with at least one row; null at the end. */
  async next(maxRows: number, options: CallOptions): Promise<KvPage | null> {
    while (this.#position < this.#regions.length) {
      const region = this.#regions[this.#position]!
      this.#scan ??= this.#openScan(region)
      const page = await this.#scan.next(Math.max(1, Math.min(maxRows, MAX_SCAN_PAGE_ROWS)), options)
      if (page.done) {
        this.#leave()
        this.#position++
      }
      this.region = region
      if (page.keys.length > 0) return page
    }
    return null
  }

  #openScan(region: Region): RegionScan {
    const range = rangeInRegion(this.#current, region, this.#reverse, this.#values)
    return new RegionScan(this.#routes, region.groupId, range)
  }

  /** The next page begins at `target` (a whole key), or the range is at its end when `target` lies outside. */
  seek(target: Buffer): void {
    this.#leave()
    const part = rangeFrom(this.#range, target, this.#reverse)
    this.#current = part ?? this.#range
    this.#regions = part === null ? [] : regionsOf(this.#map, part, this.#reverse)
    this.#position = 0
  }

  #leave(): void {
    this.#scan?.close()
    this.#scan = null
  }

  close(): void {
    this.#leave()
    this.#regions = []
  }
}
