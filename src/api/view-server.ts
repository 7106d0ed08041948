import { RegionScan, type ScanRoutes } from '../client/kv-scan.ts'
import type { KvPage, KvRange } from '../client/ports.ts'
import type { TimerHandle, Timers } from '../env/ports.ts'
import { FlotillaError } from '../util/errors.ts'
import { MAX_REMOTE_VIEWS, MAX_REMOTE_VIEWS_PER_PEER, REMOTE_VIEW_IDLE_MS } from '../util/limits.ts'

interface View {
  readonly scan: RegionScan
  lastUsedMs: number
  busy: boolean
}

export interface PageQuestion {
  readonly groupId: string
  readonly range: KvRange
  readonly maxRows: number
  /** The asker's number of the view; 0 for one that serves this page only. */
  readonly view: number
  /** The view must be there already. */
  readonly goesOn: boolean
}

/**
 * Scans of this store's replicas for other stores and clients. A view is kept from page to page, so that all pages are of
 * one state; it ends with its last page, with its connection, and when nobody has read from it for long.
 */
export class ViewServer {
  readonly #routes: ScanRoutes
  readonly #timers: Timers
  readonly #views = new Map<string, Map<number, View>>()
  #count = 0
  #sweep: TimerHandle | null = null
  #closed = false

  constructor(routes: ScanRoutes) {
    this.#routes = routes
    this.#timers = routes.host.timers
  }

  async page(peer: string, question: PageQuestion): Promise<KvPage> {
    const { groupId, range, maxRows, view: number } = question
    if (number === 0) {
      const scan = new RegionScan(this.#routes, groupId, range, true)
      try {
        return await scan.next(maxRows)
      } finally {
        scan.close()
      }
    }
    const view = this.#viewFor(peer, question)
    view.busy = true
    let page: KvPage | null = null
    try {
      page = await view.scan.next(maxRows)
      return page
    } finally {
      view.busy = false
      view.lastUsedMs = this.#routes.host.clock.monotonicMs()
      // After a page that failed the scan may be at another place than its reader.
      if (page === null || page.done) this.close(peer, number)
    }
  }

  #viewFor(peer: string, { groupId, range, view: number, goesOn }: PageQuestion): View {
    const known = this.#views.get(peer)?.get(number)
    if (known !== undefined && !goesOn) this.close(peer, number)
    else if (known?.busy === true) {
      throw new FlotillaError('BUSY', `view ${number} is being read already`)
    } else if (known !== undefined) return known
    if (goesOn) throw new FlotillaError('CLOSED', `view ${number} is gone`, { outcome: 'not-applied' })
    if (this.#closed) throw new FlotillaError('CLOSED', 'the store is closed', { outcome: 'not-applied' })
    return this.#open(peer, number, groupId, range)
  }

  #open(peer: string, number: number, groupId: string, range: KvRange): View {
    let views = this.#views.get(peer)
    if (this.#count >= MAX_REMOTE_VIEWS || (views?.size ?? 0) >= MAX_REMOTE_VIEWS_PER_PEER) {
      const text = `${views?.size ?? 0} scans of ${peer} and ${this.#count} of all are open here`
      throw new FlotillaError('BUSY', text)
    }
    if (views === undefined) {
      views = new Map()
      this.#views.set(peer, views)
    }
    const scan = new RegionScan(this.#routes, groupId, range, true)
    const view = { scan, lastUsedMs: this.#routes.host.clock.monotonicMs(), busy: false }
    views.set(number, view)
    this.#count++
    this.#sweep ??= this.#timers.setTimeout(() => this.#sweepIdle(), REMOTE_VIEW_IDLE_MS / 4)
    return view
  }

  /** Idempotent. */
  close(peer: string, number: number): void {
    const views = this.#views.get(peer)
    const view = views?.get(number)
    if (views === undefined || view === undefined) return
    views.delete(number)
    if (views.size === 0) this.#views.delete(peer)
    this.#count--
    // What is under way ends by itself; nobody hears of it.
    view.scan.close()
    if (this.#count > 0 || this.#sweep === null) return
    this.#timers.clearTimeout(this.#sweep)
    this.#sweep = null
  }

  #sweepIdle(): void {
    this.#sweep = null
    const beforeMs = this.#routes.host.clock.monotonicMs() - REMOTE_VIEW_IDLE_MS
    for (const [peer, views] of [...this.#views]) {
      for (const [number, view] of [...views]) {
        if (!view.busy && view.lastUsedMs <= beforeMs) this.close(peer, number)
      }
    }
    if (this.#count === 0) return
    this.#sweep = this.#timers.setTimeout(() => this.#sweepIdle(), REMOTE_VIEW_IDLE_MS / 4)
  }

  /** Its connection is gone, and with it all who could read. */
  onLinkDown(peer: string): void {
    for (const number of [...(this.#views.get(peer)?.keys() ?? [])]) this.close(peer, number)
  }

  closeAll(): void {
    this.#closed = true
    for (const peer of [...this.#views.keys()]) this.onLinkDown(peer)
  }
}
