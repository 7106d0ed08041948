import { FlotillaError } from '../util/errors.ts'

/** What every word of damage ends with. */
export const LOG_REMEDY =
  'A store never starts on a damaged log, for it may have forgotten a promise. Put the old directory back, or keep this ' +
  'store out until it is re-admitted (`flotilla store readmit`, not built yet).'

/** CORRUPT: the shard's log in `dir` as a whole is not what was written. */
export function corruptShard(dir: string, what: string): FlotillaError {
  return new FlotillaError('CORRUPT', `The log in ${dir} is damaged: ${what}. ${LOG_REMEDY}`)
}

/** CORRUPT: the log of one group is not what was written. */
export function corruptLog(dir: string, groupId: string, index: number, what: string): FlotillaError {
  const where = `The log of group ${JSON.stringify(groupId)} in ${dir} is damaged at index ${index}`
  return new FlotillaError('CORRUPT', `${where}: ${what}. ${LOG_REMEDY}`)
}

/** `flush 7 is missing`, `flushes 7 to 9 are missing`. */
export function missingFlushes(first: number, last: number): string {
  return first === last ? `flush ${first} is missing` : `flushes ${first} to ${last} are missing`
}

/** `error`, or, when it is the engine's own word for damage in `dir`, one that says what to do. */
export function withRemedy(error: unknown, dir: string): unknown {
  if (!(error instanceof FlotillaError) || error.shortName !== 'CORRUPT') return error
  return error.message.endsWith(LOG_REMEDY) ? error : corruptShard(dir, error.message)
}
