import Table from 'cli-table3'
import type { Difference } from './differences.ts'
import { formatBytes, formatCount, formatMs, formatRate, printable } from './format.ts'
import type { LeftOutGroup } from './left-out.ts'

/** What a demo showed; with --json it is printed as it is. */
export interface DemoSummary {
  /** Every byte matched on every store, and the replicas of every group showed one digest. */
  readonly ok: boolean
  readonly source: string
  /** Acknowledged. */
  readonly keys: number
  readonly bytes: number
  readonly leftOut: readonly LeftOutGroup[]
  /** From the beginning to the last acknowledged write, the crash included. */
  readonly importMs: number
  readonly writesPerSecond: number
  readonly bytesPerSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
  /** Longest time without an acknowledged write, in the whole cluster. */
  readonly longestGapMs: number
  /** Attempts that may or may not have taken effect; each was made again until it was acknowledged. */
  readonly unknownOutcomes: number
  /** Attempts that were certainly not applied; the same. */
  readonly refusals: number
  readonly crash: CrashSummary
  readonly stores: readonly StoreSummary[]
  readonly groups: { readonly count: number; readonly oneDigest: number }
  readonly differences: { readonly count: number; readonly listed: readonly Difference[] }
  readonly totalMs: number
}

export interface CrashSummary {
  readonly store: string
  readonly groupsLed: number
  /** Writes that the killed process had taken on and not answered. */
  readonly writesInFlight: number
  /** From the kill until all groups had a leader again. */
  readonly ledAgainMs: number
  /** From the restart until the store had applied all that the leaders had. */
  readonly caughtUpMs: number
}

export interface StoreSummary {
  readonly store: string
  readonly leadersAtStart: number
  readonly leadersAfterCrash: number
  readonly leadersAtEnd: number
  /** Keys read from this store's own state that were right. */
  readonly keysMatched: number
  readonly readAtAppliedIndex: number
  readonly fsyncs: number
  readonly entriesPerFsync: number
}

const PLAIN = { head: [], border: [], compact: true }

/** Two tables, plain text without colours. */
export function formatSummary(summary: DemoSummary): string {
  return `${formatFigures(summary)}\n${formatStores(summary)}`
}

function formatFigures(summary: DemoSummary): string {
  const { crash } = summary
  const table = new Table({ style: PLAIN, colAligns: ['left', 'right'] })
  table.push(
    ['keys', formatCount(summary.keys)],
    ['bytes', formatBytes(summary.bytes)],
    ['write rate, crash included', formatRate(summary.writesPerSecond, summary.bytesPerSecond)],
    ['write latency p50 / p99', `${formatMs(summary.p50Ms)} / ${formatMs(summary.p99Ms)}`],
    ['longest gap between acknowledged writes', formatMs(summary.longestGapMs)],
    [`all groups led again after ${crash.store} died`, formatMs(crash.ledAgainMs)],
    [`${crash.store} caught up after its restart`, formatMs(crash.caughtUpMs)],
    ['outcome unknown, written again', formatCount(summary.unknownOutcomes)],
    ['refused for a moment, written again', formatCount(summary.refusals)],
    ['groups with one digest on all replicas', `${summary.groups.oneDigest} of ${summary.groups.count}`],
  )
  return table.toString()
}

function formatStores(summary: DemoSummary): string {
  const table = new Table({
    head: ['store', 'leads: start → crash → end', 'keys matched', 'fsyncs', 'entries/fsync'],
    colAligns: ['left', 'right', 'right', 'right', 'right'],
    style: PLAIN,
  })
  for (const store of summary.stores) {
    const afterCrash = store.store === summary.crash.store ? 'killed' : store.leadersAfterCrash
    table.push([
      store.store,
      `${store.leadersAtStart} → ${afterCrash} → ${store.leadersAtEnd}`,
      formatCount(store.keysMatched),
      formatCount(store.fsyncs),
      store.entriesPerFsync.toFixed(1),
    ])
  }
  return table.toString()
}

/** One line for each difference that is listed, and one for the rest. */
export function formatDifferences({ count, listed }: DemoSummary['differences']): string[] {
  const lines = listed.map(({ store, key, problem }) => `${store}  ${printable(key)}: ${problem}`)
  if (count > listed.length) lines.push(`… and ${formatCount(count - listed.length)} more`)
  return lines
}
