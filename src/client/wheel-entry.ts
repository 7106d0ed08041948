import type { FlotillaError } from '../util/errors.ts'

/** Something that a CallWheel wakes at a time. The links are the wheel's. */
export abstract class WheelEntry {
  /** When the wheel looks at it next, and its place in the wheel; -1 when it is in none. */
  wakeMs = 0
  slot = -1
  previous: WheelEntry | null = null
  following: WheelEntry | null = null

  /** Its time has come. It is in the wheel until it says otherwise. */
  abstract onWake(nowMs: number): void

  /** Nothing is woken any more. */
  abstract onWheelClosed(error: FlotillaError): void
}
