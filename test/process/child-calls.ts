/** What tests ask of a store process (store-child.ts), over the channel of `fork` with structured clones. */
export interface ChildCalls {
  /** The process runs, and has loaded all that a store needs. */
  ready: { readonly args: null; readonly answer: null }
  open: { readonly args: OpenArgs; readonly answer: { readonly address: string } }
  createCounter: { readonly args: { groupId: string; members: readonly string[] }; readonly answer: null }
  put: { readonly args: { readonly key: string; readonly value: string }; readonly answer: null }
  startLoad: { readonly args: LoadArgs; readonly answer: null }
  /** Answered when every call of the load is settled. */
  stopLoad: { readonly args: null; readonly answer: LoadCounts }
  verify: { readonly args: Expected; readonly answer: Verdict }
  /** Reads acknowledged keys from this store's own state; a read that fails is no answer, and counted apart. */
  checkKeys: { readonly args: { readonly keys: readonly string[] }; readonly answer: KeyCheck }
  /** How the store sees itself and the others. */
  health: { readonly args: null; readonly answer: Health }
  view: { readonly args: null; readonly answer: readonly GroupView[] }
  /** Resolves when this store's replicas have applied everything that was acknowledged before. */
  catchUp: { readonly args: null; readonly answer: null }
  digests: { readonly args: null; readonly answer: readonly DigestView[] }
  /** Ends the thread behind the log shard: from outside, by an error that nobody catches, or by its own exit. */
  endThread: { readonly args: ThreadEnd; readonly answer: null }
  /** The event loop stands still for so long. */
  block: { readonly args: { readonly ms: number }; readonly answer: null }
  /**
   * Begins to read the key, stands still until the file is there, and reads the key again before anything else. The
   * values, or FLOTILLA_… of what was refused.
   */
  readAround: { readonly args: { readonly key: string; readonly file: string }; readonly answer: ReadsAround }
  /** Changes of leader that the store has told of, as `group leader term`, since it was opened. */
  leaderChanges: { readonly args: null; readonly answer: readonly string[] }
  /** Resolves when the store has ended, with the code of the reason. */
  closed: { readonly args: null; readonly answer: string | null }
  /** Closes the store and lets go of the channel: nothing but the store could keep the process alive afterwards. */
  close: { readonly args: null; readonly answer: LoadCounts }
}

export type ThreadEnd = 'terminate' | 'throw' | 'exit'

export interface ReadsAround {
  readonly before: string
  readonly after: string
}

export type CallName = keyof ChildCalls

export interface ChildRequest {
  readonly id: number
  readonly name: CallName
  readonly args: unknown
}

export type ChildMessage =
  | { readonly kind: 'answer'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'refused'; readonly id: number; readonly error: ErrorView }
  | { readonly kind: 'load'; readonly rows: readonly LoadRow[] }

export interface ErrorView {
  readonly code: string
  readonly outcome: string
  readonly message: string
}

export interface OpenArgs {
  readonly clusterId: string
  readonly storeId: string
  readonly dataDir: string
  readonly stores: Readonly<Record<string, string>>
  readonly shards: number
  readonly splitKeys: readonly string[]
  /** Of StoreOptions. */
  readonly maxLogBytes?: number | undefined
  /** Keep what the store logs as a warning or an error, for `health`. Default: no logger. */
  readonly keepWarnings?: boolean
}

export interface LoadArgs {
  /** Begins every key of this load: no two loads share one. */
  readonly prefix: string
  readonly writers: number
  /** Entries go to each of these in turn; none are written when there are none. */
  readonly counterGroupIds: readonly string[]
  /** Of every writer between two calls. Default 0. */
  readonly pauseMs?: number
  /** Every so many puts one of the writer's own keys is read back; 0, the default: never. */
  readonly readEvery?: number
}

/** What became of one call. */
export interface LoadRow {
  /** A put of a key of its own, of a key that is written again and again, an entry of a counter, or a read. */
  readonly kind: 'put' | 'register' | 'count' | 'read'
  readonly name: string
  /** Of a register: what was written. Of an acknowledged count: the counter's answer. */
  readonly number: number
  readonly outcome: 'acked' | 'unknown' | 'not-applied'
  /** FLOTILLA_… of a call that failed. Of a read that was answered: what is wrong with the answer, '' for nothing. */
  readonly code: string
}

export interface KeyCheck {
  readonly answered: number
  readonly failed: number
  /** Answers that are not what was acknowledged, in words; at most a few of them. */
  readonly differences: readonly string[]
}

export interface Health {
  /** Why the store has ended by itself: FLOTILLA_… and its words. Null while it lives. */
  readonly ended: ErrorView | null
  /** Replicas that have stopped, and why. */
  readonly stopped: readonly { readonly groupId: string; readonly code: string; readonly message: string }[]
  /** Groups of which this replica's state is gone: it waits for a snapshot. */
  readonly waiting: readonly string[]
  /** Members that lack entries which this store, their leader, does not hold any more. */
  readonly leftBehind: readonly { readonly groupId: string; readonly storeId: string }[]
  /** Entries that this store's logs have lost at their beginnings since it was opened. */
  readonly truncatedEntries: number
  readonly peers: readonly {
    readonly storeId: string
    readonly connected: boolean
    /** FLOTILLA_… of what keeps the link down, '' for nothing known. */
    readonly code: string
    readonly message: string
  }[]
  /** What the store logged since it was opened, with `keepWarnings`; the first of them only. */
  readonly warnings: readonly string[]
}

export interface LoadCounts {
  readonly started: number
  readonly settled: number
}

export interface Expected {
  readonly present: readonly string[]
  readonly absent: readonly string[]
  /** Keys that may be there, but only with their own value. */
  readonly possible: readonly string[]
  readonly registers: readonly RegisterState[]
  readonly counters: readonly ExpectedCounter[]
  /** Loads whose last words nobody heard: they may have written more than is known. */
  readonly cutLoads: readonly string[]
}

export interface ExpectedCounter {
  readonly groupId: string
  /** Entries of the counter and what it must have answered; null: it may or may not be there. */
  readonly counts: readonly { readonly id: string; readonly answer: number | null }[]
  /** Entries that are certainly not there. */
  readonly uncounted: readonly string[]
}

export interface RegisterState {
  readonly name: string
  /** The newest acknowledged value, -1 for none. */
  readonly acked: number
  /** A newer one of unknown outcome, or null. */
  readonly unknown: number | null
}

export interface Verdict {
  /** Whoever answered the reads: only the store itself, or they were not local. */
  readonly storeIds: readonly string[]
  /** What is not as it must be, in words; at most a few of them. */
  readonly differences: readonly string[]
  /** Of every counter, in the order of what was expected: its entries and their digest. */
  readonly counters: readonly { readonly total: number; readonly digest: string }[]
}

export interface GroupView {
  readonly groupId: string
  readonly state: string
  readonly leader: string
  readonly term: number
  readonly lastIndex: number
}

export interface DigestView {
  readonly groupId: string
  readonly appliedIndex: number
  readonly digest: string
}
