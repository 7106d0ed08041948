/** What tests ask of a store process (store-child.ts), over the channel of `fork` with structured clones. */
export interface ChildCalls {
  open: { readonly args: OpenArgs; readonly answer: { readonly address: string } }
  createCounter: { readonly args: { groupId: string; members: readonly string[] }; readonly answer: null }
  put: { readonly args: { readonly key: string; readonly value: string }; readonly answer: null }
  startLoad: { readonly args: LoadArgs; readonly answer: null }
  /** Answered when every call of the load is settled. */
  stopLoad: { readonly args: null; readonly answer: LoadCounts }
  verify: { readonly args: Expected; readonly answer: Verdict }
  view: { readonly args: null; readonly answer: readonly GroupView[] }
  /** Resolves when this store's replicas have applied everything that was acknowledged before. */
  catchUp: { readonly args: null; readonly answer: null }
  digests: { readonly args: null; readonly answer: readonly DigestView[] }
  /** Ends the thread behind the log shard, as an abort of the engine would. */
  terminateThread: { readonly args: null; readonly answer: null }
  /** Resolves when the store has ended, with the code of the reason. */
  closed: { readonly args: null; readonly answer: string | null }
  /** Closes the store and lets go of the channel: nothing but the store could keep the process alive afterwards. */
  close: { readonly args: null; readonly answer: LoadCounts }
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
}

export interface LoadArgs {
  /** Begins every key of this load: no two loads share one. */
  readonly prefix: string
  readonly writers: number
  readonly counterGroupId: string
}

/** What became of one call. */
export interface LoadRow {
  /** A put of a key of its own, of a key that is written again and again, or an entry of the counter. */
  readonly kind: 'put' | 'register' | 'count'
  readonly name: string
  /** Of a register: what was written. Of an acknowledged count: the counter's answer. */
  readonly number: number
  readonly outcome: 'acked' | 'unknown' | 'not-applied'
  /** FLOTILLA_… of a call that failed. */
  readonly code: string
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
  readonly counterGroupId: string
  /** Entries of the counter and what it must have answered; null: it may or may not be there. */
  readonly counts: readonly { readonly id: string; readonly answer: number | null }[]
  readonly uncounted: readonly string[]
  /** Loads whose last words nobody heard: they may have written more than is known. */
  readonly cutLoads: readonly string[]
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
  readonly counterTotal: number
  readonly counterDigest: string
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
