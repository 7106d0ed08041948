/**
 * What the demo and its store processes say to each other, over the channel of `fork` with structured clones. Calls have
 * one answer each; `write` has none, what becomes of the files is told by `written`.
 */
export interface StoreCalls {
  open: { readonly args: OpenArgs; readonly answer: null }
  describe: { readonly args: null; readonly answer: StoreView }
  read: { readonly args: readonly string[]; readonly answer: ReadAnswer }
  digest: { readonly args: null; readonly answer: readonly GroupDigestView[] }
  /** The process ends by itself afterwards. */
  close: { readonly args: null; readonly answer: null }
}

export type CallName = keyof StoreCalls

export type StoreRequest =
  | { [K in CallName]: { kind: 'call'; id: number; name: K; args: StoreCalls[K]['args'] } }[CallName]
  | { readonly kind: 'write'; readonly root: string; readonly files: readonly WriteOrder[] }

export type StoreMessage =
  | { readonly kind: 'answer'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'refused'; readonly id: number; readonly error: ErrorView }
  | ({ readonly kind: 'written' } & WrittenBatch)
  /** Nothing more will come of this process. */
  | { readonly kind: 'failed'; readonly error: ErrorView }

export interface ErrorView {
  /** FLOTILLA_… or '' when it is no error of ours. */
  readonly code: string
  readonly message: string
}

export interface OpenArgs {
  readonly clusterId: string
  readonly storeId: string
  readonly dataDir: string
  readonly stores: Readonly<Record<string, string>>
  readonly splitKeys: readonly Buffer[]
}

export interface StoreView {
  readonly groups: readonly GroupView[]
  readonly fsyncs: number
  /** Log entries that those fsyncs made durable on this store, its own and those of the leaders it follows. */
  readonly entries: number
}

export interface GroupView {
  readonly groupId: string
  readonly isLeader: boolean
  readonly term: number
  readonly commitIndex: number
  readonly appliedIndex: number
  /** Why the replica is down, or null. */
  readonly error: string | null
}

export interface WriteOrder {
  /** The demo's number for the file. */
  readonly file: number
  readonly key: string
  readonly size: number
}

/** Columns of equal length, one row for each acknowledged file. */
export interface WrittenBatch {
  readonly files: Uint32Array
  readonly sizes: Uint32Array
  /** SHA-256 of the bytes that were acknowledged, 32 bytes for each. */
  readonly hashes: Buffer
  readonly latencyMs: Float64Array
  /** On the machine's monotonic clock. */
  readonly ackedAtMs: Float64Array
  /** Files that were not written, with the reason. */
  readonly leftOut: readonly { readonly file: number; readonly reason: 'tooLarge' | 'unreadable' }[]
  /** Since the last batch: attempts that ended with outcome `unknown`, and attempts that were certainly not applied. */
  readonly unknownOutcomes: number
  readonly refusals: number
}

export interface ReadAnswer {
  /** Who answered. */
  readonly storeId: string
  /** The lowest applied index that the values were read at, over the regions asked. */
  readonly appliedIndex: number
  /** One byte for each key: 1 when it has a value. */
  readonly found: Uint8Array
  /** SHA-256 of each value, 32 bytes for each key. */
  readonly hashes: Buffer
}

export interface GroupDigestView {
  readonly groupId: string
  readonly appliedIndex: number
  readonly keys: number
  readonly digest: string
}

export const HASH_BYTES = 32
