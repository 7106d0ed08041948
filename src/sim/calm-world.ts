import type { SimWorld } from './world.ts'

/** An election timeout is many times what messages take: only then do leaders stay. */
const DELAYS_PER_ELECTION_TIMEOUT = 10
/** What callers ask for goes through, with room for what replicas must catch up with. */
const LEAST_BYTES_PER_MS = 10_000

/**
 * Nothing comes to rest on a network that is slower than its election timeouts, or than its callers, or with late timers. Each
 * direction has the same least delay again.
 */
export function calmWorld(world: SimWorld, electionTimeoutMs: number): void {
  world.timersMayBeLate = false
  const { minDelayMs, bytesPerMs } = world.network.options
  world.network.configure({
    minDelayMs,
    maxAddedDelayMs: electionTimeoutMs / DELAYS_PER_ELECTION_TIMEOUT,
    bytesPerMs: bytesPerMs === 0 ? 0 : Math.max(bytesPerMs, LEAST_BYTES_PER_MS),
  })
}
