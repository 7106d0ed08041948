/**
 * Assertions stay on in production: better stop than be wrong. A failed invariant puts the group that saw it in ERROR
 * (or stops the store when the store's own bookkeeping is wrong); it never ends the process.
 */
export class InvariantError extends Error {
  override readonly name = 'InvariantError'
}

/** Throws {@link InvariantError} when `condition` is false. `message` states the invariant, in words. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new InvariantError(message)
}

/** The value, or an {@link InvariantError} when it is null or undefined. */
export function assertPresent<T>(value: T | null | undefined, message: string): T {
  if (value === null || value === undefined) throw new InvariantError(message)
  return value
}
