import type { LogLevel } from '../env/node-logger.ts'

/** What `flotilla dev` tells its store processes, over the channel of `fork`. */
export type DevRequest =
  | ({ readonly kind: 'open' } & DevStoreArgs)
  /** The process ends by itself afterwards. */
  | { readonly kind: 'close' }

export interface DevStoreArgs {
  readonly clusterId: string
  readonly storeId: string
  readonly dataDir: string
  readonly stores: Readonly<Record<string, string>>
  readonly splitKeys: readonly string[]
  readonly logLevel: LogLevel
}

export type DevMessage =
  | { readonly kind: 'ready' }
  /** Every group of this store knows a leader. */
  | { readonly kind: 'led' }
  /** Nothing more will come of this process. */
  | { readonly kind: 'failed'; readonly code: string; readonly message: string }
