import { EventEmitter } from 'node:events'
import type { MemberDescription } from '../client/group-description.ts'
import type { Logger } from '../env/ports.ts'
import type { FlotillaError } from '../util/errors.ts'

/** Events of a store. Never 'error': what ends the store is told by `closed`. */
export interface StoreEvents {
  /** A replica of this store follows another leader, or none ('' while unknown). */
  leaderChange: [event: { readonly groupId: string; readonly leader: string; readonly term: number }]
  /** A replica of this store has stopped; its group goes on without it. */
  groupError: [event: { readonly groupId: string; readonly error: FlotillaError }]
  membersChange: [event: { readonly groupId: string; readonly members: readonly MemberDescription[] }]
  /** The event loop of this process stood still for about so long: timers of all groups were late. */
  stall: [event: { readonly lateMs: number }]
  /** Store `by` says that this store was wiped, replaced, copied or rolled back: it counts toward no quorum any more. */
  suspect: [event: { readonly by: string; readonly error: FlotillaError }]
}

/** An emitter whose listeners cannot harm who emits: what they throw is logged. */
export class SafeEmitter extends EventEmitter<StoreEvents> {
  #logger: Logger | null = null

  protected useLogger(logger: Logger): void {
    this.#logger = logger
  }

  protected tell<E extends keyof StoreEvents>(event: E, ...args: StoreEvents[E]): void {
    if (this.listenerCount(event) === 0) return
    try {
      ;(this as EventEmitter).emit(event, ...args)
    } catch (error) {
      this.#logger?.error({ err: error, event }, 'a listener of the store threw')
    }
  }
}
