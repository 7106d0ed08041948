import type { FlotillaError } from '../util/errors.ts'

/** Something that a CallWheel wakes at a time. The links are the wheel's. */
export abstract class WheelEntry {
  /** When the wheel looks at it next, and its place in the wheel; -1 when it is in none. */
  declare wakeMs: number
  declare slot: number
  declare previous: WheelEntry | null
  declare following: WheelEntry | null

  // Assigned, not defined: where one constructor serves many classes, V8 looks every defined field up anew.
  constructor() {
    this.wakeMs = 0
    this.slot = -1
    this.previous = null
    this.following = null
  }

  /** Its time has come. It is in the wheel until it says otherwise. */
  abstract onWake(nowMs: number): void

  /** Nothing is woken any more. */
  abstract onWheelClosed(error: FlotillaError): void
}
