import type { PeerLink } from '../rpc/messages.ts'
import { encodeWire, wire } from '../rpc/wire.ts'
import { FlotillaError, toFlotillaError } from '../util/errors.ts'
import { DEFAULT_CALL_TIMEOUT_MS } from '../util/limits.ts'
import type { CallWheel } from './call-wheel.ts'
import type { Location } from './locator.ts'
import type { CallOptions } from './pending-call.ts'
import type { KvPage, KvRange, LocalReplica, LocalScan, ReadSink } from './ports.ts'
import { asBuffer, ReadCall, type ReadRoutes } from './read-calls.ts'

export interface ScanRoutes extends ReadRoutes {
  readonly wheel: CallWheel
  /** Names a view that another store keeps for us; never the same twice. */
  newViewNumber(): number
}

/**
 * A range of one region, page by page: one consistent view from its first page on, here or at the store that serves it. It
 * always knows where it is, so when that store is lost the next page comes from another replica, of a newer view.
 */
export class RegionScan {
  readonly #routes: ScanRoutes
  readonly #groupId: string
  readonly #onlyOnce: boolean
  /** What is left; moves past each page. */
  #range: KvRange
  #open: LocalScan | null = null
  #remote: RemoteView | null = null
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
    this.#dropRemote()
    this.#open = scan
  }

  /** The view at another store while its connection stands. */
  get remote(): RemoteView | null {
    if (this.#remote !== null && !this.#remote.stands) this.#remote = null
    return this.#remote
  }

  openRemote(storeId: string): void {
    this.#dropRemote()
    this.#remote = new RemoteView(this.#routes.host.link(storeId), this.#routes.newViewNumber())
  }

  #dropRemote(): void {
    this.#remote?.close()
    this.#remote = null
  }

  /** The page is the caller's: what follows begins behind its last key. */
  advance(page: KvPage): void {
    this.done = page.done
    // Its store has closed it with the last page.
    if (page.done) this.#remote = null
    const last = page.keys.at(-1)
    if (last === undefined) return
    const { gte, gt, lte, lt, ...rest } = this.#range
    if (rest.reverse === true) this.#range = { ...rest, ...definedBounds({ gte, gt }), lt: last }
    else this.#range = { ...rest, gt: last, ...definedBounds({ lte, lt }) }
  }

  /** The view here may be at another place than the caller: the next page opens a new one. */
  drop(): void {
    this.#dropRemote()
    this.#open?.close()
    this.#open = null
  }

  close(): void {
    this.done = true
    this.drop()
  }
}

/** A view that another store keeps open from page to page. It ends with the connection. */
class RemoteView {
  readonly storeId: string
  readonly number: number
  /** A page of it has come. */
  open = false
  readonly #link: PeerLink
  readonly #epoch: number

  constructor(link: PeerLink, number: number) {
    this.storeId = link.storeId
    this.number = number
    this.#link = link
    this.#epoch = link.epoch
  }

  get stands(): boolean {
    return this.#link.connected && this.#link.epoch === this.#epoch
  }

  /** Nobody waits for the answer: a store that does not hear of it closes the view by itself later. */
  close(): void {
    if (!this.stands) return
    const { number: view } = this
    const body = encodeWire(wire.kv.CloseScanRequest, new wire.kv.CloseScanRequest({ view }))
    this.#link.call('kv.closeScan', body, DEFAULT_CALL_TIMEOUT_MS).catch(() => {})
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
  #askedRemote = false

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

  /** Who keeps the view. A page that failed there is asked for anew, of a new view. */
  protected override pick(location: Location): string | null {
    const kept = this.#askedRemote ? null : this.#scan.remote
    this.#askedRemote = true
    if (kept !== null) return kept.storeId
    const storeId = super.pick(location)
    if (storeId !== null) this.#scan.openRemote(storeId)
    return storeId
  }

  protected override encodeRequest(): Buffer {
    const { reverse, values, ...bounds } = this.#scan.range
    const { remote } = this.#scan
    const message = new wire.kv.ScanRequest({
      ...bounds,
      groupId: this.groupId,
      reverse: reverse === true,
      limit: this.#maxRows,
      keys: true,
      values: values !== false,
      consistency: wire.admin.Consistency.LINEARIZABLE,
      view: remote?.number ?? 0,
      goesOn: remote?.open === true,
    })
    return encodeWire(wire.kv.ScanRequest, message)
  }

  protected override onAnswer(body: Buffer): void {
    const page = this.decodeAnswer(body)
    const { remote } = this.#scan
    if (remote !== null) remote.open = true
    this.#deliver(page)
  }

  protected override decodeAnswer(body: Buffer): KvPage {
    const { keys, values, done } = wire.kv.ScanResponse.decode(body)
    if (values.length !== 0 && values.length !== keys.length) {
      throw new FlotillaError('PROTOCOL', `a page with ${keys.length} keys and ${values.length} values`)
    }
    return { keys: keys.map(asBuffer), values: values.map(asBuffer), done }
  }
}
