/** A simulated run went wrong. The message holds what replays it: seed, time, trace hash and the newest events. */
export class SimError extends Error {
  override readonly name = 'SimError'
}
