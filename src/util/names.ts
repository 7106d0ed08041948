import { FlotillaError } from './errors.ts'

/** Control characters, what shows nothing (joiners, directions, separators of lines), halves of characters. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u
const BLANK_AT_END = /^\s|\s$/u

/**
 * Null, or the INVALID_ARGUMENT for a name that is given now and stays for good: people must be able to read and type it, in
 * a log line, a table, a command. Asked when something is born, never of what is there: data of any name opens.
 */
export function refusalOfNewName(option: string, name: string): FlotillaError | null {
  const wrong = UNPRINTABLE.test(name)
    ? 'characters that cannot be printed'
    : BLANK_AT_END.test(name)
      ? 'a blank at its beginning or end'
      : ''
  if (wrong === '') return null
  return new FlotillaError('INVALID_ARGUMENT', `${option} must not have ${wrong}: ${JSON.stringify(name)}`)
}
