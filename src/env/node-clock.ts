import { assert } from '../util/assert.ts'
import type { Clock, TimerHandle, Timers } from './ports.ts'

/** Beyond it the platform would fire at once. */
const MAX_DELAY_MS = 2 ** 31 - 1

export class NodeClock implements Clock {
  monotonicMs(): number {
    return performance.now()
  }

  wallMs(): number {
    return Date.now()
  }
}

/** Timers of the event loop. They keep the process alive: whoever sets one clears it in its own close. */
export class NodeTimers implements Timers {
  setTimeout(callback: () => void, delayMs: number): TimerHandle {
    assert(!Number.isNaN(delayMs), 'a delay is a number')
    // Rounded up, for the platform cuts fractions off and the timer would be early.
    return setTimeout(callback, Math.min(Math.max(Math.ceil(delayMs), 0), MAX_DELAY_MS))
  }

  clearTimeout(handle: TimerHandle): void {
    clearTimeout(handle as NodeJS.Timeout)
  }

  setImmediate(callback: () => void): void {
    setImmediate(callback)
  }
}
