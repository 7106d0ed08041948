import type { Logger } from '../env/ports.ts'
import { MAX_SIM_LOG_RECORDS } from '../util/limits.ts'

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

export interface LogRecord {
  readonly timeMs: number
  readonly level: LogLevel
  readonly message: string
  readonly fields: Readonly<Record<string, unknown>>
}

/** Keeps the newest records of one process, of all its lives. */
export class SimLogger implements Logger {
  readonly #records: LogRecord[]
  readonly #nowMs: () => number
  readonly #bindings: Readonly<Record<string, unknown>>
  readonly #onRecord: (record: LogRecord) => void

  constructor(
    records: LogRecord[],
    nowMs: () => number,
    bindings: Readonly<Record<string, unknown>> = {},
    onRecord: (record: LogRecord) => void = () => {},
  ) {
    this.#onRecord = onRecord
    this.#records = records
    this.#nowMs = nowMs
    this.#bindings = bindings
  }

  debug(fields: object, message: string): void {
    this.#add('debug', fields, message)
  }

  info(fields: object, message: string): void {
    this.#add('info', fields, message)
  }

  warn(fields: object, message: string): void {
    this.#add('warn', fields, message)
  }

  error(fields: object, message: string): void {
    this.#add('error', fields, message)
  }

  child(bindings: Record<string, unknown>): Logger {
    return new SimLogger(this.#records, this.#nowMs, { ...this.#bindings, ...bindings }, this.#onRecord)
  }

  #add(level: LogLevel, fields: object, message: string): void {
    const record = { timeMs: this.#nowMs(), level, message, fields: { ...this.#bindings, ...fields } }
    this.#records.push(record)
    this.#onRecord(record)
    // Cut by halves, so that a full buffer does not cost a copy per record.
    if (this.#records.length > 2 * MAX_SIM_LOG_RECORDS) this.#records.splice(0, MAX_SIM_LOG_RECORDS)
  }
}
