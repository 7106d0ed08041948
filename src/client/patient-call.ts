import type { Clock, Timers } from '../env/ports.ts'
import type { PeerLink } from '../rpc/messages.ts'
import type { FlotillaError } from '../util/errors.ts'
import { CALL_TICK_MS, MAX_LINK_WAIT_MS } from '../util/limits.ts'

/** Where the call is made. */
export interface PatientCaller {
  readonly clock: Clock
  readonly timers: Timers
  /** It has been closed: nothing is waited for any more. */
  readonly closed: boolean
}

type PatientLink = Pick<PeerLink, 'connected' | 'call'> & { readonly lastError: FlotillaError | null }

/** A cold call that gives a link which is coming up a moment; one whose last dial failed is not waited for. */
export async function callPatiently(
  caller: PatientCaller,
  link: PatientLink,
  method: string,
  body: Buffer,
  timeoutMs: number,
): Promise<Buffer> {
  const { clock, timers } = caller
  const startMs = clock.monotonicMs()
  const untilMs = startMs + Math.min(timeoutMs, MAX_LINK_WAIT_MS)
  const isComing = () => !caller.closed && !link.connected && link.lastError === null
  while (isComing() && clock.monotonicMs() < untilMs) {
    await new Promise<void>((resolve) => timers.setTimeout(resolve, CALL_TICK_MS))
  }
  return await link.call(method, body, Math.max(1, timeoutMs - (clock.monotonicMs() - startMs)))
}
