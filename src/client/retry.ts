import type { ErrorName, FlotillaError } from '../util/errors.ts'

/** Another replica, or this one a moment later, may well do what this one refused. */
const ELSEWHERE: ReadonlySet<ErrorName> = new Set<ErrorName>([
  'NOT_LEADER',
  'NO_LEADER',
  'LEADERSHIP_LOST',
  'NO_SUCH_REPLICA',
  'CONNECTION_LOST',
  'CLOSED',
  'GROUP_FAILED',
  'STATE_LOST',
])

/** Beside these: what a broken replica or a silent store says. A read has no effect, so only the answer counts. */
const ELSEWHERE_FOR_READS: ReadonlySet<ErrorName> = new Set<ErrorName>([
  'TIMEOUT',
  'UNKNOWN_TYPE',
  'STORAGE_FAILED',
  'INTERNAL',
])

/** A write may be sent again only when it was certainly not done. BUSY is for the caller: overload is refused. */
export function mayApplyAgain(error: FlotillaError): boolean {
  return error.outcome === 'not-applied' && ELSEWHERE.has(error.shortName)
}

export function mayReadAgain(error: FlotillaError): boolean {
  return ELSEWHERE.has(error.shortName) || ELSEWHERE_FOR_READS.has(error.shortName)
}
