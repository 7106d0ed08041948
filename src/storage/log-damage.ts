import { FlotillaError } from '../util/errors.ts'

const REMEDY =
  'A store never starts on a damaged log, for it may have forgotten a promise. Take the disk out of service, ' +
  'start the store with an empty data directory and re-admit it (flotilla store readmit).'

/** CORRUPT: the shard's log in `dir` as a whole is not what was written. */
export function corruptShard(dir: string, what: string): FlotillaError {
  return new FlotillaError('CORRUPT', `The log in ${dir} is damaged: ${what}. ${REMEDY}`)
}

/** CORRUPT: the log of one group is not what was written. */
export function corruptLog(dir: string, groupId: string, index: number, what: string): FlotillaError {
  const where = `The log of group ${JSON.stringify(groupId)} in ${dir} is damaged at index ${index}`
  return new FlotillaError('CORRUPT', `${where}: ${what}. ${REMEDY}`)
}
