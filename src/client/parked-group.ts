import type { FlotillaError } from '../util/errors.ts'
import type { WaitingCall } from './pending-call.ts'
import { WheelEntry } from './wheel-entry.ts'

/**
 * Calls of one group that nobody could take: they wait together and try again together, so that a group without a leader
 * costs one wake-up per pause, however many calls wait for it.
 */
export class ParkedGroup extends WheelEntry {
  readonly groupId: string
  /** The refusal that all of them share. */
  readonly refusal: FlotillaError
  readonly #calls: WaitingCall[] = []
  readonly #onRelease: (group: ParkedGroup) => void

  constructor(groupId: string, refusal: FlotillaError, onRelease: (group: ParkedGroup) => void) {
    super()
    this.groupId = groupId
    this.refusal = refusal
    this.#onRelease = onRelease
  }

  add(call: WaitingCall): void {
    this.#calls.push(call)
  }

  override onWake(): void {
    this.#onRelease(this)
    for (const call of this.#calls) if (!call.settled) call.attempt()
  }

  override onWheelClosed(): void {
    this.#onRelease(this)
  }
}
