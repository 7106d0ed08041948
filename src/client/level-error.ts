import { FlotillaError } from '../util/errors.ts'

/** An error with a code of abstract-level, for what its users expect to find by that code. */
export class LevelError extends Error {
  readonly code: `LEVEL_${string}`

  constructor(code: `LEVEL_${string}`, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
    this.name = code === 'LEVEL_ABORTED' ? 'AbortError' : 'LevelError'
  }
}

/** Aborted iterators reject the way abstract-level's own do; everything else is as it is. */
export function asIteratorError(error: unknown): unknown {
  const aborted = error instanceof FlotillaError && error.shortName === 'ABORTED'
  return aborted ? new LevelError('LEVEL_ABORTED', 'Operation has been aborted', error.cause) : error
}
