import { FlotillaError } from '../util/errors.ts'
import { HANDSHAKE_TIMEOUT_MS, LINK_SILENCE_MS, SOCKET_STALL_MS } from '../util/limits.ts'
import type { Connector } from './connector.ts'
import type { LinkState } from './link-state.ts'

/** Closes connections that did not finish their handshake in time: silent strangers, dead addresses. */
export function sweepHandshakes(connector: Connector, nowMs: number): void {
  for (const connection of [...connector.unfinishedConnections]) {
    if (connection.closed || nowMs - connection.openedAtMs < HANDSHAKE_TIMEOUT_MS) continue
    connector.stats.handshakesTimedOut++
    const text = `${connection.socket.remote} did not finish its handshake in ${HANDSHAKE_TIMEOUT_MS} ms`
    connection.destroy(new FlotillaError('CONNECTION_LOST', text))
  }
}

/** Ends links that are half-open: TCP alone would notice only after many minutes. Both ends send heartbeats always. */
export function sweepLinks(connector: Connector, nowMs: number, heartbeatIntervalMs: number): void {
  const silenceMs = Math.max(LINK_SILENCE_MS, 10 * heartbeatIntervalMs)
  for (const state of [...connector.states.values()]) {
    const why = whatIsWrong(state, nowMs, silenceMs)
    const storeId = state.link.storeId
    if (why !== null)
      connector.recycle(storeId, new FlotillaError('CONNECTION_LOST', `store ${storeId} ${why}`))
  }
}

function whatIsWrong(state: LinkState, nowMs: number, silenceMs: number): string | null {
  const control = state.active?.control
  const bulk = state.active?.bulk
  if (!control || !bulk) return null
  if (nowMs - control.lastReceivedMs > silenceMs) return `is silent for ${silenceMs} ms`
  const stuck = [control, bulk].some(
    (each) => !each.writable && nowMs - each.blockedSinceMs > SOCKET_STALL_MS,
  )
  return stuck ? `has taken nothing for ${SOCKET_STALL_MS} ms` : null
}
