import { EventEmitter } from 'node:events'
import type { MemberDescription } from '../client/group-description.ts'
import type { Logger } from '../env/ports.ts'
import type { FlotillaError } from '../util/errors.ts'

export interface LeaderChange {
  readonly groupId: string
  /** Store that leads, '' while none is known. */
  readonly leader: string
  /** 0 when whoever told the leader did not say. */
  readonly term: number
}

/** Events of a store. Never 'error': what ends the store is told by `closed`. */
export interface StoreEvents {
  /** A replica of this store follows another leader, or none ('' while unknown). */
  leaderChange: [event: LeaderChange]
  /** A replica of this store has stopped; its group goes on without it. */
  groupError: [event: { readonly groupId: string; readonly error: FlotillaError }]
  membersChange: [event: { readonly groupId: string; readonly members: readonly MemberDescription[] }]
  /** The event loop of this process stood still for about so long: timers of all groups were late. */
  stall: [event: { readonly lateMs: number }]
  /** Store `by` says that this store was wiped, replaced, copied or rolled back: it counts toward no quorum any more. */
  suspect: [event: { readonly by: string; readonly error: FlotillaError }]
}

/** An emitter whose listeners cannot harm who emits: what they throw is logged. */
export class SafeEmitter<T extends Record<keyof T, unknown[]>> extends EventEmitter<T> {
  #logger: Logger | null = null

  protected useLogger(logger: Logger): void {
    this.#logger = logger
  }

  protected tell<E extends keyof T & string>(event: E, ...args: T[E]): void {
    const emitter = this as EventEmitter
    if (emitter.listenerCount(event) === 0) return
    try {
      emitter.emit(event, ...args)
    } catch (error) {
      this.#logger?.error({ err: error, event }, 'a listener threw')
    }
  }
}
