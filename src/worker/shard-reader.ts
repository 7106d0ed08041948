import type { Disk } from '../env/ports.ts'
import { digestScan, StateScan } from '../kv/state-scan.ts'
import type { ScanOptions } from '../kv/state-scan.ts'
import type { StateBuffer } from '../kv/state-buffer.ts'
import type { SpaceState, StateEngine } from '../kv/state-engine.ts'
import type { LogEngine } from '../storage/log-engine.ts'
import { pack, unpack } from '../storage/packed.ts'
import type { Packed } from '../storage/packed.ts'
import type { FromWorker, ToWorker, ToWorkerCall, WireError } from '../storage/shard-protocol.ts'
import { FlotillaError, toFlotillaError } from '../util/errors.ts'
import { MAX_OPEN_SCANS, MAX_SCAN_PAGE_ROWS } from '../util/limits.ts'

type GetMessage = Extract<ToWorker, { t: 'get' }>
type Got = Extract<FromWorker, { t: 'got' }>
type ReadCall = Exclude<ToWorkerCall, { t: 'planTruncation' }>
type Call<T extends ReadCall['t']> = Extract<ReadCall, { t: T }>

export interface CallResult {
  readonly numbers: readonly number[]
  readonly text: string
  readonly rows: Packed | null
}

const WHOLE_SPACE: ScanOptions = { reverse: false, values: true, gte: null, gt: null, lte: null, lt: null }

/** Answers what is asked of a shard's log and state; changes neither. */
export class ShardReader {
  readonly #disk: Disk
  readonly #log: LogEngine
  readonly #state: StateEngine
  readonly #buffer: StateBuffer
  readonly #scans = new Map<number, StateScan>()

  constructor(disk: Disk, log: LogEngine, state: StateEngine, buffer: StateBuffer) {
    this.#disk = disk
    this.#log = log
    this.#state = state
    this.#buffer = buffer
  }

  /** All requests of a message as one read. The applied index answered is one that the values hold at least. */
  async get(message: GetMessage): Promise<Got> {
    const { heads } = message
    const keys = unpack(message.keys) as Buffer[]
    const answers = new Float64Array(heads.length)
    for (let i = 0; i < heads.length; i += 3) {
      answers[i] = heads[i]!
      answers[i + 1] = this.#spaceOf(heads[i + 1]!).appliedIndex
    }
    const stored = await this.#stored(keys)
    const values: Array<Buffer | null> = []
    const errors: WireError[] = []
    for (let i = 0, from = 0; i < heads.length; i += 3) {
      const to = from + heads[i + 2]!
      const own = stored ?? (await this.#storedOf(keys.slice(from, to), errors))
      const skip = stored === null ? from : 0
      answers[i + 2] = own === null ? -1 : this.#openValues(keys, from, to, own, skip, values, errors)
      from = to
    }
    return { t: 'got', heads: answers, values: pack(values), errors }
  }

  /** Null when something of it is damaged: what, each request finds out by itself. */
  async #stored(keys: readonly Buffer[]): Promise<Array<Buffer | null> | null> {
    try {
      return await this.#buffer.getStored(keys)
    } catch (error) {
      if (toFlotillaError(error).shortName === 'CORRUPT') return null
      throw error
    }
  }

  /** Null when something of it is damaged, as `errors` says then. */
  async #storedOf(keys: readonly Buffer[], errors: WireError[]): Promise<Array<Buffer | null> | null> {
    try {
      return await this.#buffer.getStored(keys)
    } catch (error) {
      if (toFlotillaError(error).shortName !== 'CORRUPT') throw error
      errors.push(toWireError(error))
      return null
    }
  }

  /**
   * The values of the keys `from … to - 1`; `stored` holds those behind the first `skip` keys. Their count, or -1 when one
   * of them is damaged: that fails its own request and no other.
   */
  #openValues(
    keys: readonly Buffer[],
    from: number,
    to: number,
    stored: ReadonlyArray<Buffer | null>,
    skip: number,
    values: Array<Buffer | null>,
    errors: WireError[],
  ): number {
    const before = values.length
    try {
      for (let i = from; i < to; i++) values.push(this.#state.open(keys[i]!, stored[i - skip]!))
      return to - from
    } catch (error) {
      values.length = before
      errors.push(toWireError(error))
      return -1
    }
  }

  async call(message: ReadCall): Promise<CallResult> {
    switch (message.t) {
      case 'readBlocks':
        return this.#readBlocks(message)
      case 'scanOpen':
        return this.#openScan(message)
      case 'scanNext':
        return this.#nextPage(message)
      case 'digest':
        return this.digest(message)
    }
  }

  /** Idempotent. */
  async closeScan(id: number): Promise<void> {
    const scan = this.#scans.get(id)
    if (!scan) return
    this.#scans.delete(id)
    await scan.close()
  }

  async closeScans(): Promise<void> {
    for (const id of [...this.#scans.keys()]) await this.closeScan(id)
  }

  async #readBlocks({ slot, from, to, maxBytes }: Call<'readBlocks'>): Promise<CallResult> {
    const blocks = await this.#log.read(this.#log.slotOf(slot), from, to, maxBytes)
    return { numbers: [], text: '', rows: pack(blocks.map((block) => block.bytes)) }
  }

  async #openScan(message: Call<'scanOpen'>): Promise<CallResult> {
    const [gte = null, gt = null, lte = null, lt = null] = unpack(message.bounds)
    const { reverse, values } = message
    const scan = await this.#scan(message.slot, { reverse, values, gte, gt, lte, lt })
    this.#scans.set(message.id, scan)
    return { numbers: [scan.appliedIndex, scan.appliedTerm], text: '', rows: null }
  }

  async #nextPage({ scan: id, maxRows }: Call<'scanNext'>): Promise<CallResult> {
    const scan = this.#scans.get(id)
    if (!scan) throw new FlotillaError('CLOSED', 'The scan is closed.', { outcome: 'not-applied' })
    const page = await scan.next(Math.min(Math.max(maxRows, 1), MAX_SCAN_PAGE_ROWS))
    return { numbers: [], text: '', rows: pack(page) }
  }

  /** The state of a slot as it is now, for the digest of call `id`. All of it must be written. False when there is no room. */
  openView(id: number, slot: number): boolean {
    if (this.#scans.size >= MAX_OPEN_SCANS) return false
    this.#scans.set(id, new StateScan(this.#state, this.#spaceOf(slot).space, WHOLE_SPACE))
    return true
  }

  appliedIndex(slot: number): number {
    return this.#spaceOf(slot).appliedIndex
  }

  /** The answer where an index was passed. */
  withoutDigest(slot: number): CallResult {
    const { appliedIndex, appliedTerm } = this.#spaceOf(slot)
    return { numbers: [appliedIndex, appliedTerm, 0, 0], text: '', rows: null }
  }

  /** Of the view that `openView` made, or of one made now. */
  async digest({ id, slot }: Call<'digest'>): Promise<CallResult> {
    const scan = this.#scans.get(id) ?? (await this.#scan(slot, WHOLE_SPACE))
    this.#scans.set(id, scan)
    try {
      const { appliedIndex, appliedTerm, keys, bytes, digest } = await digestScan(
        scan,
        this.#disk.hash(),
        MAX_SCAN_PAGE_ROWS,
      )
      return { numbers: [appliedIndex, appliedTerm, keys, bytes], text: digest, rows: null }
    } finally {
      await this.closeScan(id)
    }
  }

  /** Made when what is applied is written, between two batches: only then does the view hold exactly what its index says. */
  #scan(slot: number, options: ScanOptions): Promise<StateScan> {
    const state = this.#spaceOf(slot)
    if (this.#scans.size >= MAX_OPEN_SCANS)
      throw new FlotillaError('BUSY', 'Too many scans are open in the shard.')
    return new Promise((resolve, reject) => {
      this.#buffer.whenWritten(state, () => {
        try {
          resolve(new StateScan(this.#state, state.space, options))
        } catch (error) {
          reject(error)
        }
      })
    })
  }

  #spaceOf(slot: number): SpaceState {
    return this.#state.space(this.#log.slotOf(slot).space)
  }
}

export function toWireError(error: unknown): WireError {
  const { shortName, message } = toFlotillaError(error)
  return { name: shortName, message }
}
