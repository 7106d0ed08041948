import { encodeWire, wire } from '../rpc/wire.ts'
import { FlotillaError, toFlotillaError } from '../util/errors.ts'
import type { CallWheel } from './call-wheel.ts'
import type { CallOptions } from './pending-call.ts'
import type { KvPage, KvRange, LocalReplica, LocalScan, ReadSink } from './ports.ts'
import { asBuffer, ReadCall, type ReadRoutes } from './read-calls.ts'

export interface ScanRoutes extends ReadRoutes {
  readonly wheel: CallWheel
}

/**
 * A range of one region, page by page. On a store that hosts the region it is one consistent view from its first page on;
 * elsewhere, and after a page that failed, each page is linearizable by itself. It always knows where it is, so a page may
 * come from another replica than the one before.
 */
export class RegionScan {
  readonly #routes: ScanRoutes
  readonly #groupId: string
  readonly #onlyOnce: boolean
  /** What is left; moves past each page. */
  #range: KvRange
  #open: LocalScan | null = null
  /** Views that are being closed. */
  #closing: Promise<unknown> = Promise.resolve()
  done = false

  /** `range`: whole keys. With `onlyOnce` only the replica here is asked, without waiting for a leader. */
  constructor(routes: ScanRoutes, groupId: string, range: KvRange, onlyOnce = false) {
    this.#routes = routes
    this.#groupId = groupId
    this.#range = range
    this.#onlyOnce = onlyOnce
  }

  /** One page at a time. */
  next(maxRows: number, options?: CallOptions): Promise<KvPage> {
    return this.#routes.wheel.run(
      new ScanPageCall(this.#routes, this.#groupId, this, maxRows, this.#onlyOnce),
      options,
    )
  }

  get range(): KvRange {
    return this.#range
  }

  get open(): LocalScan | null {
    return this.#open
  }

  opened(scan: LocalScan): void {
    this.#open = scan
  }

  /** The page is the caller's: what follows begins behind its last key. */
  advance(page: KvPage): void {
    this.done = page.done
    const last = page.keys.at(-1)
    if (last === undefined) return
    const { gte, gt, lte, lt, ...rest } = this.#range
    if (rest.reverse === true) this.#range = { ...rest, ...definedBounds({ gte, gt }), lt: last }
    else this.#range = { ...rest, gt: last, ...definedBounds({ lte, lt }) }
  }

  /** The view here may be at another place than the caller: the next page opens a new one. */
  drop(): void {
    const scan = this.#open
    this.#open = null
    if (scan !== null) this.#closing = Promise.allSettled([this.#closing, scan.close()])
  }

  async close(): Promise<void> {
    this.done = true
    this.drop()
    await this.#closing
  }
}

type Bounds = Pick<KvRange, 'gte' | 'gt' | 'lte' | 'lt'>
type LooseBounds = { readonly [name in keyof Bounds]: Buffer | undefined }

function definedBounds(bounds: LooseBounds): Bounds {
  return Object.fromEntries(Object.entries(bounds).filter(([, key]) => key !== undefined))
}

class ScanPageCall extends ReadCall<KvPage> implements ReadSink {
  protected override readonly method = 'kv.scan'
  readonly #scan: RegionScan
  readonly #maxRows: number
  #local: LocalReplica | null = null
  #delivered = false

  constructor(routes: ReadRoutes, groupId: string, scan: RegionScan, maxRows: number, localOnly: boolean) {
    super(routes, groupId, localOnly)
    this.#scan = scan
    this.#maxRows = maxRows
  }

  override describeCall(): string {
    return `scan of region ${this.groupId}`
  }

  protected override readLocal(local: LocalReplica): void {
    this.#local = local
    if (this.#scan.open !== null) this.#nextPage(this.#scan.open)
    else this.routes.readIndexes.read(local, this)
  }

  onReadIndex(): void {
    if (this.settled) return
    const kv = this.#local?.kv ?? null
    if (kv === null) {
      this.fail(new FlotillaError('NOT_A_KV_GROUP', `group ${this.groupId} is no key-value region`))
      return
    }
    const open = kv.openScan(this.#scan.range)
    this.#scan.opened(open)
    this.#nextPage(open)
  }

  onReadRefused(error: FlotillaError): void {
    if (!this.settled) this.refused(error)
  }

  #nextPage(open: LocalScan): void {
    open.next(this.#maxRows).then(
      (page) => this.#deliver(page),
      (error: unknown) => {
        if (this.settled) return
        this.#scan.drop()
        this.refused(toFlotillaError(error))
      },
    )
  }

  #deliver(page: KvPage): void {
    if (this.settled) return
    this.#delivered = true
    this.#scan.advance(page)
    this.succeed(page)
  }

  /** Given up while a page was under way: that page is lost, and with it the place of the view. */
  protected override onSettled(): void {
    if (!this.#delivered) this.#scan.drop()
  }

  protected override encodeRequest(): Buffer {
    const { reverse, values, ...bounds } = this.#scan.range
    const message = new wire.kv.ScanRequest({
      ...bounds,
      groupId: this.groupId,
      reverse: reverse === true,
      limit: this.#maxRows,
      keys: true,
      values: values !== false,
      consistency: wire.admin.Consistency.LINEARIZABLE,
    })
    return encodeWire(wire.kv.ScanRequest, message)
  }

  protected override onAnswer(body: Buffer): void {
    this.#scan.drop()
    this.#deliver(this.decodeAnswer(body))
  }

  protected override decodeAnswer(body: Buffer): KvPage {
    const { keys, values, done } = wire.kv.ScanResponse.decode(body)
    if (values.length !== 0 && values.length !== keys.length) {
      throw new FlotillaError('PROTOCOL', `a page with ${keys.length} keys and ${values.length} values`)
    }
    return { keys: keys.map(asBuffer), values: values.map(asBuffer), done }
  }
}
