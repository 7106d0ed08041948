import { ERRORS, type ErrorName, FlotillaError, type Outcome, toFlotillaError } from '../util/errors.ts'
import { Interrupted } from './interruption.ts'
import { UsageError } from './usage-error.ts'

/** An error as `--json` prints it. */
export interface ErrorView {
  /** FLOTILLA_… or, from abstract-level, LEVEL_… */
  readonly code: string
  readonly message: string
  readonly outcome: Outcome
}

export function errorView(error: unknown): ErrorView {
  const code = error instanceof Error ? (error as { code?: unknown }).code : undefined
  const name = String(code).replace(/^FLOTILLA_/, '')
  // Another process has said what it is.
  if (name !== code && name in ERRORS) {
    const { message, outcome = ERRORS[name as ErrorName].outcome } = error as {
      message: string
      outcome?: Outcome
    }
    return { code: String(code), message, outcome }
  }
  if (error instanceof FlotillaError || typeof code !== 'string' || !code.startsWith('LEVEL_')) {
    const { code, message, outcome } = toFlotillaError(error, nameFor(error))
    return { code, message, outcome }
  }
  // abstract-level wraps what a database threw: the cause knows more.
  const { cause, message } = error as Error
  return cause instanceof FlotillaError ? errorView(cause) : { code, message, outcome: 'not-applied' }
}

function nameFor(error: unknown): 'INVALID_ARGUMENT' | 'ABORTED' | 'INTERNAL' {
  if (error instanceof UsageError) return 'INVALID_ARGUMENT'
  return error instanceof Interrupted ? 'ABORTED' : 'INTERNAL'
}
