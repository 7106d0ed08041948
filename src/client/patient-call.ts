import type { Clock, Timers } from '../env/ports.ts'
import type { PeerLink } from '../rpc/messages.ts'
import type { FlotillaError } from '../util/errors.ts'
import { CALL_TICK_MS, MAX_LINK_WAIT_MS } from '../util/limits.ts'

type PatientLink = Pick<PeerLink, 'connected' | 'call'> & { readonly lastError: FlotillaError | null }

/** A cold call that gives a link which is coming up a moment; one whose last dial failed is not waited for. */
export async function callPatiently(
  { clock, timers }: { readonly clock: Clock; readonly timers: Timers },
  link: PatientLink,
  method: string,
  body: Buffer,
  timeoutMs: number,
): Promise<Buffer> {
  const startMs = clock.monotonicMs()
  const untilMs = startMs + Math.min(timeoutMs, MAX_LINK_WAIT_MS)
  while (!link.connected && link.lastError === null && clock.monotonicMs() < untilMs) {
    await new Promise<void>((resolve) => timers.setTimeout(resolve, CALL_TICK_MS))
  }
  return await link.call(method, body, Math.max(1, timeoutMs - (clock.monotonicMs() - startMs)))
}
