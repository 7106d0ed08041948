import type { FlotillaError } from '../util/errors.ts'
import type { ForwardBatch, ForwardedCall } from './forwarder.ts'
import type { LocateWaiter } from './locator.ts'
import { type CallKeeper, PendingCall } from './pending-call.ts'
import type { ApplySink } from './ports.ts'

/** Where an applied entry stands in the group's log, and what the state machine replied. */
export interface ApplyResult {
  readonly index: number
  readonly term: number
  /** Null when the state machine gave no reply, or an empty one. */
  readonly result: Buffer | null
}

export interface ApplyRoutes {
  route(call: ApplyCall): void
  /** `storeId`: who refused; '' is the replica of this process. */
  onRefused(call: ApplyCall, storeId: string, error: FlotillaError): void
  onSettled(call: ApplyCall): void
}

/** One entry on its way to the leader of its group. It is in the hands of at most one replica at any time. */
export class ApplyCall extends PendingCall<ApplyResult> implements ApplySink, ForwardedCall, LocateWaiter {
  readonly payload: Buffer
  readonly expectedTerm: number
  readonly #routes: ApplyRoutes
  /** A leader named by the last refusal, tried next without a pause; '' for none. */
  hint = ''
  /** The last try followed a hint: the next refusal brings a pause, so that two stores cannot play ball with a call. */
  followedHint = false
  /** Bytes counted as waiting in the router. */
  waitingBytes = 0
  batch: ForwardBatch | null = null
  position = 0

  constructor(
    wheel: CallKeeper,
    routes: ApplyRoutes,
    groupId: string,
    payload: Buffer,
    expectedTerm: number,
  ) {
    super(wheel, groupId)
    this.#routes = routes
    this.payload = payload
    this.expectedTerm = expectedTerm
  }

  override attempt(): void {
    this.#routes.route(this)
  }

  override describeCall(): string {
    return `apply to group ${this.groupId}`
  }

  protected override onSettled(): void {
    if (this.batch !== null || this.waitingBytes > 0) this.#routes.onSettled(this)
  }

  onDone(_position: number, index: number, term: number, result: Buffer | null): void {
    if (this.settled) return
    this.succeed({ index, term, result: result === null || result.length === 0 ? null : result })
  }

  onRefused(_position: number, error: FlotillaError): void {
    this.onRefusedBy('', error)
  }

  onRefusedBy(storeId: string, error: FlotillaError): void {
    if (!this.settled) this.#routes.onRefused(this, storeId, error)
  }

  onLocated(): void {
    if (!this.settled) this.attempt()
  }

  onNotLocated(error: FlotillaError, final: boolean): void {
    if (final) this.fail(error)
    else this.retry(error)
  }
}
