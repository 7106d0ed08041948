import type { LogShard, ScanRow } from '../storage/log-shard.ts'
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

/** One consistent view of a range, until closed. */
export class ShardScan {
  readonly #shard: LogShard
  readonly #values: boolean
  readonly #keys: boolean
  readonly #opened: Promise<number>
  #closed = false

  constructor(shard: LogShard, slot: number, range: KvRange) {
    this.#shard = shard
    this.#values = range.values ?? true
    this.#keys = range.keys ?? true
    this.#opened = new Promise((resolve, reject) => {
      shard.scanOpen(slot, { ...range, values: this.#values }, (error, opened) => {
        if (opened === null) reject(error)
        else resolve(opened.scan)
      })
    })
    // A failure is the first page's to report.
    this.#opened.catch(() => {})
  }

  /** Up to `maxRows` rows; `done` when there are no more. */
  async next(maxRows: number): Promise<KvPage> {
    const scan = await this.#opened
    const rows = await new Promise<ScanRow[]>((resolve, reject) => {
      this.#shard.scanNext(scan, maxRows, (error, found) => (error === null ? resolve(found) : reject(error)))
    })
    return {
      keys: this.#keys ? rows.map(([key]) => key) : [],
      values: this.#values ? rows.map(([, value]) => value!) : [],
      done: rows.length === 0,
    }
  }

  /** A view that is not open yet is closed when it is: a stuck disk keeps the caller no longer than the caller waits. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#opened.then(
      (scan) => this.#shard.scanClose(scan),
      () => {},
    )
  }
}
