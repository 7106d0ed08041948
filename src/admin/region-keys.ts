import type { StateEngine } from '../kv/state-engine.ts'
import { StateScan } from '../kv/state-scan.ts'
import { INSPECT_MAX_KEYSPACES, MAX_SCAN_PAGE_ROWS } from '../util/limits.ts'
import { whatIsWrong } from './guards.ts'
import type { InspectOptions } from './inspect-disk.ts'
import type { InspectedKey, InspectedKeyspace } from './inspected-store.ts'

export interface CountedKeys {
  readonly keyspaces: readonly InspectedKeyspace[]
  readonly countedAll: boolean
  readonly keyList: readonly InspectedKey[]
  /** A value that is not what was written, or a table that cannot be read; null when there is none. */
  readonly brokenBy: string | null
}

/** Reads, and so verifies, the keys and values of a space. */
export async function countKeys(
  state: StateEngine,
  space: number,
  groupId: string,
  options: InspectOptions,
): Promise<CountedKeys> {
  const scan = new StateScan(state, space, {
    reverse: false,
    values: true,
    gte: null,
    gt: null,
    lte: null,
    lt: null,
  })
  const count = new KeyCount(options.maxListed)
  let countedAll = false
  let brokenBy: string | null = null
  try {
    while (count.keys < options.maxCounted) {
      const page = await scan.next(Math.min(MAX_SCAN_PAGE_ROWS, options.maxCounted - count.keys))
      countedAll = page.length === 0
      if (countedAll) break
      for (let i = 0; i < page.length; i += 2) count.add(page[i]!, page[i + 1]!.length)
      options.onProgress(`reading group ${groupId}: ${count.keys} keys`)
    }
  } catch (error) {
    brokenBy = whatIsWrong(error, state.dir)
  } finally {
    await scan.close()
  }
  return { ...count.result(), countedAll: countedAll && !count.overflown, brokenBy }
}

class KeyCount {
  keys = 0
  /** There are more keyspaces than are told apart. */
  overflown = false
  readonly #maxListed: number
  readonly #byName = new Map<string, { keyspace: string; keys: number; bytes: number }>()
  readonly #keyList: InspectedKey[] = []

  constructor(maxListed: number) {
    this.#maxListed = maxListed
  }

  /** A key begins with the length of its keyspace's name, and the name. */
  add(full: Buffer, valueBytes: number): void {
    const prefixBytes = 1 + (full[0] ?? 0)
    const keyspace = full.toString('utf8', 1, prefixBytes)
    this.keys++
    const counted = this.#keyspace(keyspace)
    if (counted === null) this.overflown = true
    else {
      counted.keys++
      counted.bytes += Math.max(0, full.length - prefixBytes) + valueBytes
    }
    if (this.#keyList.length < this.#maxListed) {
      this.#keyList.push({ keyspace, key: Buffer.from(full.subarray(prefixBytes)), valueBytes })
    }
  }

  /** Null when no more are told apart. */
  #keyspace(keyspace: string): { keys: number; bytes: number } | null {
    const known = this.#byName.get(keyspace)
    if (known !== undefined) return known
    if (this.#byName.size >= INSPECT_MAX_KEYSPACES) return null
    const fresh = { keyspace, keys: 0, bytes: 0 }
    this.#byName.set(keyspace, fresh)
    return fresh
  }

  result(): { keyspaces: InspectedKeyspace[]; keyList: InspectedKey[] } {
    return { keyspaces: [...this.#byName.values()], keyList: this.#keyList }
  }
}
