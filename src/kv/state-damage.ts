import { FlotillaError } from '../util/errors.ts'

/** What to do about a state that is found damaged while the store runs; a start does the same by itself when it sees it. */
function remedy(dir: string): string {
  return (
    `Stop the store and move ${dir} away (keep it): at the next start the log brings the state back as far as it ` +
    'reaches; a group whose log begins later votes on but serves nothing until it has a snapshot.'
  )
}

/** CORRUPT: the state in `dir` is not what was written. For a start, which moves it aside. */
export function damagedState(dir: string, what: string): FlotillaError {
  return new FlotillaError('CORRUPT', `The key-value state in ${dir} is damaged: ${what}.`)
}

/** CORRUPT, found while the store runs: with the remedy. */
export function unreadableState(dir: string, what: string): FlotillaError {
  const { message } = damagedState(dir, what.replace(/\.$/, ''))
  return new FlotillaError('CORRUPT', `${message} ${remedy(dir)}`)
}

/** `error`, or, when it is the engine's own word for damage in `dir`, one that says what to do. */
export function withStateRemedy(error: unknown, dir: string): unknown {
  if (!(error instanceof FlotillaError) || error.shortName !== 'CORRUPT') return error
  return error.message.endsWith(remedy(dir)) ? error : unreadableState(dir, error.message)
}
