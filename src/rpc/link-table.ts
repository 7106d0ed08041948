import type { Env } from '../env/ports.ts'
import type { FlotillaError } from '../util/errors.ts'
import { isClientId } from './handshake.ts'
import { LinkState } from './link-state.ts'
import type { PeerLinkImpl } from './peer-link.ts'

/** The links of one multiplexer by store id: made when first asked for or heard of, and forgotten with strangers. */
export class LinkTable {
  readonly states = new Map<string, LinkState>()
  private readonly env: Pick<Env, 'timers' | 'logger'>
  private readonly makeLink: (storeId: string) => PeerLinkImpl

  constructor(env: Pick<Env, 'timers' | 'logger'>, makeLink: (storeId: string) => PeerLinkImpl) {
    this.env = env
    this.makeLink = makeLink
  }

  /** Clients that are connected or about to be. */
  get clientCount(): number {
    let count = 0
    for (const storeId of this.states.keys()) if (isClientId(storeId)) count++
    return count
  }

  get(storeId: string): LinkState | undefined {
    return this.states.get(storeId)
  }

  make(storeId: string, nowMs: number): LinkState {
    let state = this.states.get(storeId)
    if (state === undefined) {
      state = new LinkState(this.makeLink(storeId), nowMs)
      this.states.set(storeId, state)
    }
    return state
  }

  /**
   * What keeps a link down, logged when it is news. That a store was replaced stays until the link is up again: neither
   * lost connections nor the other side's word for the same take its place.
   */
  fail(state: LinkState, error: FlotillaError, heard: boolean): void {
    const { link } = state
    const last = link.lastError
    const replaced = last?.code === 'FLOTILLA_STORE_REPLACED'
    const same = replaced && error.code === last.code && error.store === last.store
    if (replaced && (error.code !== last.code || (same && heard))) return
    // Our own reasons for what the other side has just told us are no news either.
    const known = last?.message === error.message || (same && state.errorHeard)
    link.lastError = error
    state.errorHeard = heard
    if (!known) this.env.logger.warn({ peer: link.storeId, code: error.code }, error.message)
  }

  /**
   * Who was never set as a peer and is no store that once was linked leaves nothing behind: clients come back by
   * themselves, perhaps under another name, and strangers must not fill the table.
   */
  forgetStranger(state: LinkState): void {
    if (state.needed || this.states.get(state.link.storeId) !== state) return
    this.states.delete(state.link.storeId)
    this.stopTimer(state)
    state.link.abandon()
  }

  stopTimer(state: LinkState): void {
    if (state.timer !== null) this.env.timers.clearTimeout(state.timer)
    state.timer = null
  }
}
