import { FlotillaError } from '../util/errors.ts'
import type { Logger } from './ports.ts'

function ignore(): void {}

/** Says nothing: the library is silent until its user gives it a logger. */
export const SILENT_LOGGER: Logger = Object.freeze({
  debug: ignore,
  info: ignore,
  warn: ignore,
  error: ignore,
  child: () => SILENT_LOGGER,
})

const METHODS = ['debug', 'info', 'warn', 'error', 'child'] as const

/**
 * A user's logger (pino or anything of its shape) as ours. The levels and the output are the user's affair; a
 * logger that throws is silenced for that line, for a log line must never stop a group.
 *
 * Throws FlotillaError INVALID_ARGUMENT when a method is missing.
 */
export function adaptLogger(logger: Logger | null | undefined): Logger {
  if (logger === null || logger === undefined) return SILENT_LOGGER
  const missing = METHODS.filter((method) => typeof logger[method] !== 'function')
  if (missing.length > 0) {
    throw new FlotillaError(
      'INVALID_ARGUMENT',
      `The logger has no method ${missing.join(', ')} (pino's shape).`,
    )
  }
  return new UserLogger(logger)
}

class UserLogger implements Logger {
  readonly #logger: Logger

  constructor(logger: Logger) {
    this.#logger = logger
  }

  debug(fields: object, message: string): void {
    this.#write('debug', fields, message)
  }

  info(fields: object, message: string): void {
    this.#write('info', fields, message)
  }

  warn(fields: object, message: string): void {
    this.#write('warn', fields, message)
  }

  error(fields: object, message: string): void {
    this.#write('error', fields, message)
  }

  child(bindings: Record<string, unknown>): Logger {
    try {
      return new UserLogger(this.#logger.child(bindings))
    } catch {
      return this
    }
  }

  #write(level: 'debug' | 'info' | 'warn' | 'error', fields: object, message: string): void {
    try {
      this.#logger[level](fields, message)
    } catch {
      // The user's logger failed; there is nobody to tell.
    }
  }
}
