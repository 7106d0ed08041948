import type { MemberDescription } from '../client/group-description.ts'
import type { Logger } from '../env/ports.ts'
import type { FlotillaError } from '../util/errors.ts'

/** One committed entry. */
export interface AppliedEntry {
  /** The entry's place in the group's log: rises by one with each entry, though not every index is one of yours. */
  readonly index: number
  readonly term: number
  /** What was given to `apply`. Valid only during the call: copy what you keep. */
  readonly data: Buffer
  /**
   * What `apply` resolves with. Copies the bytes; the last reply of an entry counts, an empty one is none. A method: call it
   * on its entry.
   */
  reply(bytes: Uint8Array): void
}

export interface StateMachineContext {
  readonly groupId: string
  readonly storeId: string
  /** The `args` of createGroup. */
  readonly args: Buffer
  readonly logger: Logger
}

/** Called once per replica, and again after each restart of the store. */
export type StateMachineFactory = (context: StateMachineContext) => StateMachine

/**
 * A deterministic machine: the same entries in the same order make the same state on every replica. It must not read
 * clocks, random numbers or anything else that differs between stores while it applies.
 */
export interface StateMachine {
  /**
   * Applies committed entries in order. `entries` can be walked once, during the call. The next batch comes only after
   * this one settled. A throw or rejection stops this replica, at that very entry, until its store restarts.
   */
  onApply(entries: Iterable<AppliedEntry>): void | Promise<void>
  /** Answers `query` from the state as it is now. Absent: queries reject with NO_QUERY. */
  onQuery?(data: Buffer): Uint8Array | Promise<Uint8Array>
  /** This replica leads, and has applied everything of the terms before. */
  onLeaderStart?(term: number): void
  onLeaderStop?(reason: string): void
  onStartFollowing?(leaderStoreId: string, term: number): void
  onStopFollowing?(leaderStoreId: string, term: number, reason: string): void
  onConfigurationCommitted?(members: readonly MemberDescription[], index: number): void
  /** This replica has stopped: it serves nothing until its store restarts. */
  onError?(error: FlotillaError): void
  /** The store closes. */
  close?(): void | Promise<void>
}
