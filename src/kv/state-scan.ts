import type { EngineIterator, Hash } from '../env/ports.ts'
import { SPACE_BYTES } from '../storage/space-key.ts'
import { dataKey, spaceBounds } from './data-keys.ts'
import { withStateRemedy } from './state-damage.ts'
import type { StateEngine } from './state-engine.ts'

export interface ScanOptions {
  readonly reverse: boolean
  /** False for keys only: nothing is verified then, for there is no value. */
  readonly values: boolean
  readonly gte: Buffer | null
  readonly gt: Buffer | null
  readonly lte: Buffer | null
  readonly lt: Buffer | null
}

/** One consistent view of a part of a space as it is written, read page by page. To be made when no batch of it is under way. */
export class StateScan {
  /** What the view holds exactly. */
  readonly appliedIndex: number
  readonly appliedTerm: number
  readonly #state: StateEngine
  readonly #rows: EngineIterator
  readonly #values: boolean

  constructor(state: StateEngine, space: number, options: ScanOptions) {
    const { writtenIndex, writtenTerm } = state.space(space)
    const whole = spaceBounds(space)
    this.appliedIndex = writtenIndex
    this.appliedTerm = writtenTerm
    this.#state = state
    this.#values = options.values
    const low = options.gt
      ? { gt: dataKey(space, options.gt) }
      : { gte: boundOr(space, options.gte, whole.gte) }
    const high = options.lte
      ? { lte: dataKey(space, options.lte) }
      : { lt: boundOr(space, options.lt, whole.lt) }
    this.#rows = state.db.iterator({ ...low, ...high, reverse: options.reverse, values: options.values })
  }

  /**
   * Keys and values in turn, the space left out: up to `maxRows` rows or about MAX_SCAN_PAGE_BYTES; none at the end. The
   * value is null in a scan of keys. Rejects with CORRUPT when a row is not what was written.
   */
  async next(maxRows: number): Promise<Array<Buffer | null>> {
    const rows = await this.#nextRows(maxRows)
    const page: Array<Buffer | null> = []
    for (const [key, stored] of rows) {
      page.push(key.subarray(SPACE_BYTES), this.#values ? this.#state.open(key, stored) : null)
    }
    return page
  }

  close(): Promise<void> {
    return this.#rows.close()
  }

  async #nextRows(maxRows: number): ReturnType<EngineIterator['next']> {
    try {
      return await this.#rows.next(maxRows)
    } catch (error) {
      throw withStateRemedy(error, this.#state.dir)
    }
  }
}

function boundOr(space: number, bound: Buffer | null, whole: Buffer): Buffer {
  return bound ? dataKey(space, bound) : whole
}

export interface StateDigest {
  readonly appliedIndex: number
  readonly appliedTerm: number
  readonly keys: number
  /** Of keys and values. */
  readonly bytes: number
  /** Hex of SHA-256 over each row in key order: u32 LE length of the key, of the value, key, value. */
  readonly digest: string
}

/** Reads `scan`, which must be of a whole space with values, to its end. */
export async function digestScan(scan: StateScan, hash: Hash, maxRows: number): Promise<StateDigest> {
  const head = Buffer.allocUnsafe(8)
  let keys = 0
  let bytes = 0
  for (;;) {
    const page = await scan.next(maxRows)
    if (page.length === 0) break
    for (let i = 0; i < page.length; i += 2) {
      const key = page[i]!
      const value = page[i + 1]!
      head.writeUInt32LE(key.length, 0)
      head.writeUInt32LE(value.length, 4)
      hash.update(head)
      hash.update(key)
      hash.update(value)
      keys++
      bytes += key.length + value.length
    }
  }
  const { appliedIndex, appliedTerm } = scan
  return { appliedIndex, appliedTerm, keys, bytes, digest: hash.digest().toString('hex') }
}
