/**
 * The one table of error codes. `outcome` is what is known about the call that failed: `not-applied` means certainly
 * not done and never will be; `unknown` means it may have taken effect, or may yet. `retryable` means that the same
 * call may succeed later, unchanged (with outcome `unknown` only a session makes that safe).
 */
export type Outcome = 'not-applied' | 'unknown'

interface ErrorRow {
  readonly outcome: Outcome
  readonly retryable: boolean
  readonly meaning: string
}

function row(outcome: Outcome, retryable: boolean, meaning: string): ErrorRow {
  return { outcome, retryable, meaning }
}

export const ERRORS = {
  INVALID_ARGUMENT: row(
    'not-applied',
    false,
    'An argument or option is of the wrong shape or contradicts another.',
  ),
  TOO_LARGE: row('not-applied', false, 'A key, value, batch or entry is over its limit.'),
  NOT_LEADER: row('not-applied', true, 'The replica asked is not the leader of the group.'),
  NO_LEADER: row('not-applied', true, 'No leader of the group is known.'),
  TERM_MISMATCH: row(
    'not-applied',
    false,
    'The leader is in another term than the `expectedTerm` of the call.',
  ),
  LEADERSHIP_LOST: row('not-applied', true, 'Another entry was committed at the index of this one.'),
  BUSY: row('not-applied', true, 'A bounded queue is full: the store is overloaded.'),
  TIMEOUT: row('unknown', true, 'The call did not finish in its time.'),
  ABORTED: row(
    'unknown',
    false,
    'The signal of the call was aborted. It stops the waiting and takes nothing back.',
  ),
  CONNECTION_LOST: row('unknown', true, 'The connection broke while the answer was awaited.'),
  CLOSED: row('unknown', false, 'The store, group or database is closed, or was while the call waited.'),
  UNREACHABLE: row('not-applied', true, 'None of the stores that a client was given could be reached.'),
  UNKNOWN_GROUP: row('not-applied', false, 'No reachable store hosts a group of this name.'),
  NO_SUCH_REPLICA: row('not-applied', false, 'The store asked hosts no replica of this group.'),
  GROUP_EXISTS: row(
    'not-applied',
    false,
    'A group of this name exists with another type, members or arguments.',
  ),
  UNKNOWN_TYPE: row('not-applied', false, 'No state machine of this type is registered on this store.'),
  STATE_MACHINE_FAILED: row('unknown', false, 'The state machine threw; its replica stopped at that index.'),
  GROUP_FAILED: row('unknown', false, 'The replica is in ERROR and serves nothing until the store restarts.'),
  STATE_LOST: row(
    'not-applied',
    false,
    "The replica's state is gone from its disk: it stores the log and votes, but serves nothing until it has a snapshot.",
  ),
  NO_QUERY: row('not-applied', false, 'The state machine of the group answers no queries.'),
  NOT_A_KV_GROUP: row('not-applied', false, 'The call is for key-value regions only.'),
  CROSS_REGION: row(
    'not-applied',
    false,
    'A batch spans more than one region; it can be atomic only within one.',
  ),
  NO_KV: row('not-applied', false, 'The store was opened without key-value regions (`kv: false`).'),
  STORAGE_FAILED: row('unknown', false, 'The disk or the engine failed: the store has stopped its promises.'),
  CORRUPT: row('unknown', false, 'Bytes on disk or on the wire are not what was written.'),
  DATA_DIR_LOCKED: row('not-applied', false, 'Another process or store has this data directory open.'),
  IDENTITY_MISMATCH: row(
    'not-applied',
    false,
    'The data directory belongs to another cluster, store or format.',
  ),
  STORE_REPLACED: row(
    'not-applied',
    false,
    'A store of this id is known with another incarnation or newer data.',
  ),
  CONFIGURATION_MISMATCH: row(
    'not-applied',
    false,
    'Replicas of a group were given different first members.',
  ),
  ADDRESS_IN_USE: row('not-applied', false, 'The listen address is taken.'),
  ADDRESS_INVALID: row('not-applied', false, 'The listen address cannot be bound on this machine.'),
  PROTOCOL: row('unknown', false, 'A peer sent a frame that breaks the protocol.'),
  UNSUPPORTED_PLATFORM: row('not-applied', false, 'The storage engine has no binary for this platform.'),
  INTERNAL: row('unknown', false, 'An invariant of the engine did not hold: a bug in Flotilla.'),
} as const satisfies Record<string, ErrorRow>

export type ErrorName = keyof typeof ERRORS
export type ErrorCode = `FLOTILLA_${ErrorName}`

export interface ErrorDetails {
  readonly cause?: unknown
  /** Overrides the outcome of the table where the caller knows more. */
  readonly outcome?: Outcome
  /** The store that leads the group, where known. */
  readonly leader?: string | undefined
  /** The store that the error is about, where it is about one. */
  readonly store?: string | undefined
}

const BRAND: unique symbol = Symbol.for('flotilla.FlotillaError') as never

/** Every error that Flotilla gives to its users. `instanceof` works across two copies of the package. */
export class FlotillaError extends Error {
  override name = 'FlotillaError'
  readonly code: ErrorCode
  readonly outcome: Outcome
  readonly retryable: boolean
  readonly leader: string | undefined
  /** The store that the error is about: of STORE_REPLACED the one that is suspect. */
  readonly store: string | undefined
  readonly [BRAND] = true

  constructor(name: ErrorName, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    const entry = ERRORS[name]
    this.code = `FLOTILLA_${name}`
    this.outcome = details.outcome ?? entry.outcome
    this.retryable = entry.retryable
    this.leader = details.leader
    this.store = details.store
    if (name === 'ABORTED') this.name = 'AbortError'
  }

  /** The name without its prefix, for tables and the wire. */
  get shortName(): ErrorName {
    return this.code.slice('FLOTILLA_'.length) as ErrorName
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === 'object' && value !== null && BRAND in value
  }
}

/** `error` with what its caller knows better: the outcome. */
export function withOutcome(error: FlotillaError, outcome: Outcome): FlotillaError {
  if (error.outcome === outcome) return error
  const { leader, store, cause } = error
  const known = new FlotillaError(error.shortName, error.message, { outcome, leader, store, cause })
  if (error.stack !== undefined) known.stack = error.stack
  return known
}

/** `error` itself when it is one of ours, else wrapped as INTERNAL (or `name`). */
export function toFlotillaError(error: unknown, name: ErrorName = 'INTERNAL'): FlotillaError {
  if (error instanceof FlotillaError) return error
  const message = error instanceof Error ? error.message : String(error)
  return new FlotillaError(name, message, { cause: error })
}
