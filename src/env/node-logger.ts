/** Makes loggers for programs of ours (the command line). The only file that names pino. */
import { destination, pino } from 'pino'
import type { DestinationStream } from 'pino'
import { adaptLogger } from './user-logger.ts'
import type { Logger } from './ports.ts'

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent'

export interface LoggerOptions {
  /** Default `info`. */
  readonly level?: LogLevel
  /** Takes one JSON line per call. Default: stderr, for stdout belongs to a command's answer. */
  readonly destination?: DestinationStream
}

/**
 * A pino logger that writes one JSON line per message, at once, so that no line is lost when the process
 * ends.
 */
export function createLogger(options: LoggerOptions = {}): Logger {
  const stream = options.destination ?? destination({ dest: 2, sync: true })
  return adaptLogger(pino({ level: options.level ?? 'info' }, stream))
}
