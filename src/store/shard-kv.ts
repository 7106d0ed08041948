import type { LogShard } from '../storage/log-shard.ts'
import type { FlotillaError } from '../util/errors.ts'

export interface KvRange {
  readonly gte?: Buffer
  readonly gt?: Buffer
  readonly lte?: Buffer
  readonly lt?: Buffer
  readonly reverse?: boolean
  readonly keys?: boolean
  readonly values?: boolean
}

export interface KvPage {
  readonly keys: Buffer[]
  readonly values: Buffer[]
  readonly done: boolean
}

/** Reads of one region's state on this store, as it is now. */
export class ShardKv {
  readonly #shard: LogShard
  readonly #slot: number

  constructor(shard: LogShard, slot: number) {
    this.#shard = shard
    this.#slot = slot
  }

  getMany(
    keys: readonly Buffer[],
    done: (error: FlotillaError | null, values: readonly (Buffer | null)[], appliedIndex: number) => void,
  ): void {
    this.#shard.getMany(this.#slot, keys, done)
  }

  openScan(range: KvRange): ShardScan {
    return new ShardScan(this.#shard, this.#slot, range)
  }
}

/** One consistent view of a range, opened at the first page. */
export class ShardScan {
  readonly #shard: LogShard
  readonly #opened: Promise<number>
  #closed = false

  constructor(shard: LogShard, slot: number, range: KvRange) {
    this.#shard = shard
    this.#opened = shard.scanOpen(slot, range)
    // A failure is the first page's to report.
    this.#opened.catch(() => {})
  }

  async next(maxRows: number): Promise<KvPage> {
    const scan = await this.#opened
    return await this.#shard.scanNext(scan, maxRows)
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    const scan = await this.#opened.catch(() => -1)
    if (scan >= 0) this.#shard.scanClose(scan)
  }
}
