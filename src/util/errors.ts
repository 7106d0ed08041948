/**
 * What is known about a call that failed: `not-applied` means certainly not done and never will be; `unknown` means it may
 * have taken effect, or may yet.
 */
export type Outcome = 'not-applied' | 'unknown'

interface ErrorRow {
  /** The usual one. */
  readonly outcome: Outcome
  /** When an error of this code carries the other outcome; '' for never. */
  readonly other: string
  /** The same call may succeed later, unchanged (with outcome `unknown` only a session makes that safe). */
  readonly retryable: boolean
  readonly meaning: string
  /** For whoever gets the error. */
  readonly remedy: string
}

/** The one table of error codes. docs/errors.md is made from it, with `npm run docs`. */
export const ERRORS = {
  INVALID_ARGUMENT: {
    outcome: 'not-applied',
    other: '',
    retryable: false,
    meaning: 'An argument or option is of the wrong shape or contradicts another.',
    remedy: 'Mend the call: the message names the argument, its value and what is expected.',
  },
  TOO_LARGE: {
    outcome: 'not-applied',
    other: 'when it is the answer that is too large',
    retryable: false,
    meaning: 'A key, value, batch or entry is over its limit.',
    remedy:
      'Cut it into smaller ones: a key may have 4 KiB, a value 1 MiB, a batch 4 MiB, an entry of a state machine 5 MiB.',
  },
  NOT_LEADER: {
    outcome: 'not-applied',
    other: '',
    retryable: true,
    meaning: 'The replica asked is not the leader of the group.',
    remedy:
      'Calls find the leader by themselves; this one had no time left for it. Give it more (`timeoutMs`).',
  },
  NO_LEADER: {
    outcome: 'not-applied',
    other: '',
    retryable: true,
    meaning: 'No leader of the group is known.',
    remedy:
      'Wait for the election. If it lasts, see which members are down (`flotilla group describe`): a majority must run and reach each other.',
  },
  TERM_MISMATCH: {
    outcome: 'not-applied',
    other: '',
    retryable: false,
    meaning: 'The leader is in another term than the `expectedTerm` of the call.',
    remedy: 'Read what changed in the new term (`describe()` names it) and decide anew.',
  },
  LEADERSHIP_LOST: {
    outcome: 'not-applied',
    other: '',
    retryable: true,
    meaning: 'Another entry was committed at the index of this one.',
    remedy: 'Call again.',
  },
  BUSY: {
    outcome: 'not-applied',
    other: '',
    retryable: true,
    meaning: 'A bounded queue is full: the store is overloaded.',
    remedy: 'Wait a little, longer each time, and keep fewer calls in flight.',
  },
  TIMEOUT: {
    outcome: 'unknown',
    other: 'when the call was never sent, or only reads',
    retryable: true,
    meaning: 'The call did not finish in its time.',
    remedy:
      'Give it more time (`timeoutMs`), or see what keeps the group from its majority (`flotilla group describe`). Before you repeat a write, read what is there.',
  },
  ABORTED: {
    outcome: 'unknown',
    other: 'when the call was never sent, or only reads',
    retryable: false,
    meaning: 'The signal of the call was aborted. It stops the waiting and takes nothing back.',
    remedy: 'Nothing: you asked for it. Before you repeat a write, read what is there.',
  },
  CONNECTION_LOST: {
    outcome: 'unknown',
    other: 'when the call was never sent',
    retryable: true,
    meaning: 'The connection broke while the answer was awaited.',
    remedy: 'Connections come back by themselves. Before you repeat a write, read what is there.',
  },
  CLOSED: {
    outcome: 'unknown',
    other: 'when the call was made after the end',
    retryable: false,
    meaning: 'The store, group or database is closed, or was while the call waited.',
    remedy: '`closed` of the store or client tells why it ended. Open another.',
  },
  UNREACHABLE: {
    outcome: 'not-applied',
    other: '',
    retryable: true,
    meaning: 'None of the stores that a client was given could be reached.',
    remedy: 'Check the addresses and whether the stores run: the message says of each address why.',
  },
  UNKNOWN_GROUP: {
    outcome: 'not-applied',
    other: '',
    retryable: false,
    meaning: 'No reachable store hosts a group of this name.',
    remedy: 'Check the name (`flotilla group list`), or make the group (`createGroup`).',
  },
  NO_SUCH_REPLICA: {
    outcome: 'not-applied',
    other: '',
    retryable: false,
    meaning: 'The store asked hosts no replica of this group.',
    remedy: 'Ask without `localOnly`, or ask a member (`flotilla group list`).',
  },
  GROUP_EXISTS: {
    outcome: 'not-applied',
    other: '',
    retryable: false,
    meaning: 'A group of this name exists with another type, members or arguments.',
    remedy: 'Take another name, or what the group was made with.',
  },
  UNKNOWN_TYPE: {
    outcome: 'not-applied',
    other: '',
    retryable: false,
    meaning: 'No state machine of this type is registered on this store.',
    remedy: 'Register it in `stateMachines` on every store that hosts the group, and open the store again.',
  },
  STATE_MACHINE_FAILED: {
    outcome: 'unknown',
    other: 'when `onQuery` failed',
    retryable: false,
    meaning: 'The state machine threw; its replica stopped at that index.',
    remedy: 'Mend the state machine and start the store again: the entry is applied again.',
  },
  GROUP_FAILED: {
    outcome: 'unknown',
    other: 'when the call was refused for it',
    retryable: false,
    meaning: 'The replica is in ERROR and serves nothing until the store restarts.',
    remedy:
      'Find the first error (event `groupError`, `flotilla group describe`), mend its cause, start the store again.',
  },
  STATE_LOST: {
    outcome: 'not-applied',
    other: '',
    retryable: false,
    meaning:
      "The replica's state is gone from its disk: it stores the log and votes, but serves nothing until it has a snapshot.",
    remedy:
      'Calls go to other members by themselves: you see this when all have lost theirs. See [guarantees](guarantees.md#1-durable).',
  },
  NO_QUERY: {
    outcome: 'not-applied',
    other: '',
    retryable: false,
    meaning: 'The state machine of the group answers no queries.',
    remedy: 'Give it an `onQuery`.',
  },
  NOT_A_KV_GROUP: {
    outcome: 'not-applied',
    other: '',
    retryable: false,
    meaning: 'The call is for key-value regions only.',
    remedy: 'Name a group of type `kv` (`flotilla group list`).',
  },
  CROSS_REGION: {
    outcome: 'not-applied',
    other: '',
    retryable: false,
    meaning: 'A batch spans more than one region; it can be atomic only within one.',
    remedy:
      'Make one batch per region, or choose `kv.splitKeys` so that keys which change together lie together.',
  },
  NO_KV: {
    outcome: 'not-applied',
    other: '',
    retryable: false,
    meaning: 'The store was opened without key-value regions (`kv: false`).',
    remedy: 'Open every store of the cluster with them, or use groups.',
  },
  STORAGE_FAILED: {
    outcome: 'unknown',
    other: 'when the store could not be opened',
    retryable: false,
    meaning: 'The disk or the engine failed: the store has stopped its promises.',
    remedy:
      'Mend what the message names (space, permissions, the disk) and start the store again: it comes back with all that it promised, or says what is missing.',
  },
  CORRUPT: {
    outcome: 'unknown',
    other: 'when the store could not be opened',
    retryable: false,
    meaning: 'Bytes on disk or on the wire are not what was written.',
    remedy:
      'The message says which file and what to do; `flotilla inspect` shows all that is damaged. Never delete a log to get a store running: it would forget its promises.',
  },
  DATA_DIR_LOCKED: {
    outcome: 'not-applied',
    other: '',
    retryable: false,
    meaning: 'Another process or store has this data directory open.',
    remedy: 'End the other one, or give this store a directory of its own.',
  },
  IDENTITY_MISMATCH: {
    outcome: 'not-applied',
    other: 'when another store says so',
    retryable: false,
    meaning: 'The data directory belongs to another cluster, store or format.',
    remedy:
      'Open it as what it is (`flotilla inspect` shows cluster, store and shards), or name another directory. To a client: name stores of one cluster.',
  },
  STORE_REPLACED: {
    outcome: 'not-applied',
    other: 'when another store says so',
    retryable: false,
    meaning: 'A store of this id is known with another incarnation or newer data.',
    remedy: 'Put the right directory back; end a second process that runs under the same id.',
  },
  CONFIGURATION_MISMATCH: {
    outcome: 'not-applied',
    other: '',
    retryable: false,
    meaning: 'Replicas of a group were given different first members.',
    remedy:
      'Open every store with the same members and the same `kv.splitKeys` as at its first start. What is recorded stays.',
  },
  ADDRESS_IN_USE: {
    outcome: 'not-applied',
    other: '',
    retryable: false,
    meaning: 'The listen address is taken.',
    remedy: 'End what listens there, or name another port.',
  },
  ADDRESS_INVALID: {
    outcome: 'not-applied',
    other: '',
    retryable: false,
    meaning: 'The listen address cannot be bound on this machine.',
    remedy: 'Name an address of this machine in `listen`; 0.0.0.0 stands for all of them.',
  },
  PROTOCOL: {
    outcome: 'unknown',
    other: 'when nothing was sent',
    retryable: false,
    meaning: 'A peer sent a frame that breaks the protocol.',
    remedy:
      'Check that a store listens at that address, and the versions of both ends (`flotilla store describe`).',
  },
  UNSUPPORTED_PLATFORM: {
    outcome: 'not-applied',
    other: '',
    retryable: false,
    meaning: 'The storage engine has no binary for this platform.',
    remedy: 'Run stores where there is one; `flotilla/client` works here too.',
  },
  OUTPUT_FAILED: {
    outcome: 'unknown',
    other: 'when nothing but the output was wanted',
    retryable: false,
    meaning: 'A command could not write its answer, or the file that it makes.',
    remedy: 'Mend what the message names (space, permissions). What a write has done stays done.',
  },
  INTERNAL: {
    outcome: 'unknown',
    other: 'when the store could not be opened',
    retryable: false,
    meaning: 'An invariant of the engine did not hold: a bug in Flotilla.',
    remedy: 'Report it with its stack. The other stores go on.',
  },
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
