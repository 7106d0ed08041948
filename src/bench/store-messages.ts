import type { StoreArgs } from './scenario.ts'

/** What the runner asks of a store process, over the channel of `fork`. One question at a time, one answer each. */
export type StoreRequest =
  | { readonly kind: 'load'; readonly scenario: string }
  | { readonly kind: 'start'; readonly args: StoreArgs }
  | { readonly kind: 'join'; readonly addresses: readonly string[] }
  | { readonly kind: 'leaders' }
  | { readonly kind: 'drive'; readonly warmupMs: number; readonly measureMs: number }
  | { readonly kind: 'close' }

export interface StoreAnswers {
  load: null
  start: { readonly address: string }
  join: null
  /** How many groups it leads, and what keeps it from leading exactly those that it should (or null). */
  leaders: { readonly led: number; readonly problem: string | null }
  drive: DriveResult
  close: null
}

/** One store's part of a run, over its own measuring window. */
export interface DriveResult {
  readonly elapsedMs: number
  readonly ops: number
  /** HDR histogram of latencies in microseconds, compressed, base64. */
  readonly latencies: string
  readonly fsyncs: number
  readonly entries: number
  readonly cpuSeconds: number
  readonly peakRssMiB: number
}

export type StoreMessage =
  | { readonly kind: 'answer'; readonly value: unknown }
  /** `leadership`: a LeadershipError, and so worth another run. */
  | { readonly kind: 'failed'; readonly message: string; readonly leadership: boolean }
  /** Operations acknowledged since the driving began. */
  | { readonly kind: 'progress'; readonly ops: number }

export const PROGRESS_INTERVAL_MS = 500
