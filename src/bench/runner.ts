import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build, decodeFromCompressedBase64 } from 'hdr-histogram-js'
import type { Histogram } from 'hdr-histogram-js'
import { LeadershipError } from './leadership.ts'
import { STORE_COUNT } from './scenario.ts'
import type { RunResult, RunSpec } from './scenario.ts'
import type { DriveResult } from './store-messages.ts'
import { StoreProcess } from './store-process.ts'

export interface RunOptions {
  readonly warmupMs: number
  readonly measureMs: number
  /** Ends the run: processes killed, directories removed, the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal
  readonly onPhase?: (phase: RunPhase) => void
}

export type RunPhase =
  | { readonly kind: 'starting' }
  | { readonly kind: 'electing' }
  | { readonly kind: 'driving'; readonly elapsedMs: number; readonly ops: number }
  | { readonly kind: 'closing' }

const START_TIMEOUT_MS = 60_000
/** Elections of thousands of groups wait for each other. */
const LEADERS_TIMEOUT_MS = 20_000
const LEADERS_TIMEOUT_MS_PER_GROUP = 20
/** Groups that are all led stay where they are: when that is not where they should be, waiting longer changes nothing. */
const SETTLED_MS = 1_500
const LEADERS_POLL_MS = 100
const DRAIN_TIMEOUT_MS = 30_000
const CLOSE_TIMEOUT_MS = 30_000
const PHASE_INTERVAL_MS = 500

/**
 * Runs one scenario once: three store processes on fresh directories, which are gone when the promise settles. Rejects with
 * a LeadershipError when leaders were uneven or moved.
 */
export async function runOnce(spec: RunSpec, options: RunOptions): Promise<RunResult> {
  const { signal } = options
  signal?.throwIfAborted()
  options.onPhase?.({ kind: 'starting' })
  const dir = await mkdtemp(join(tmpdir(), 'flotilla-bench-'))
  const stores = Array.from({ length: STORE_COUNT }, (_, i) => new StoreProcess(String(i)))
  const onAbort = (): void => {
    for (const store of stores) store.fail(signal?.reason)
  }
  signal?.addEventListener('abort', onAbort)
  try {
    if (signal?.aborted) onAbort()
    const result = await runStores(spec, options, dir, stores)
    await Promise.all(stores.map((store) => store.end()))
    return result
  } finally {
    signal?.removeEventListener('abort', onAbort)
    await Promise.all(stores.map((store) => store.kill()))
    await rm(dir, { recursive: true, force: true, maxRetries: 3 })
  }
}

async function runStores(
  spec: RunSpec,
  options: RunOptions,
  dir: string,
  stores: readonly StoreProcess[],
): Promise<RunResult> {
  await startStores(spec, dir, stores)
  await waitForEvenLeaders(spec.groups, options, stores)
  const parts = await drive(options, stores)
  options.onPhase?.({ kind: 'closing' })
  await Promise.all(stores.map((store) => store.ask({ kind: 'close' }, CLOSE_TIMEOUT_MS)))
  return summarize(spec, parts)
}

async function startStores(spec: RunSpec, dir: string, stores: readonly StoreProcess[]): Promise<void> {
  const { scenario, groups, inFlight, payloadBytes } = spec
  // All open at the same time: one that came late would find its groups led by the others.
  await Promise.all(stores.map((store) => store.ask({ kind: 'load', scenario }, START_TIMEOUT_MS)))
  const started = await Promise.all(
    stores.map(async (store, storeIndex) => {
      const dataDir = join(dir, `store-${storeIndex}`)
      await mkdir(dataDir, { recursive: true })
      const args = { storeIndex, dataDir, groups, inFlight, payloadBytes }
      return await store.ask({ kind: 'start', args }, START_TIMEOUT_MS)
    }),
  )
  const addresses = started.map((answer) => answer.address)
  await Promise.all(stores.map((store) => store.ask({ kind: 'join', addresses }, START_TIMEOUT_MS)))
}

/** Every group led by exactly its home store: figures of runs with leaders in different places cannot be compared. */
async function waitForEvenLeaders(
  groups: number,
  options: RunOptions,
  stores: readonly StoreProcess[],
): Promise<void> {
  options.onPhase?.({ kind: 'electing' })
  const start = performance.now()
  const timeoutMs = LEADERS_TIMEOUT_MS + LEADERS_TIMEOUT_MS_PER_GROUP * groups
  let deadline = start + timeoutMs
  for (;;) {
    const answers = await Promise.all(stores.map((store) => store.ask({ kind: 'leaders' }, START_TIMEOUT_MS)))
    const problem = answers.map((answer) => answer.problem).find((text) => text !== null)
    if (problem === undefined) return
    const now = performance.now()
    if (now > deadline) {
      throw new LeadershipError(
        `leaders were not even after ${((now - start) / 1000).toFixed(0)} s: ${problem}`,
      )
    }
    const led = answers.reduce((sum, answer) => sum + answer.led, 0)
    deadline = Math.min(deadline, led === groups ? now + SETTLED_MS : start + timeoutMs)
    await new Promise((resolve) => setTimeout(resolve, LEADERS_POLL_MS))
  }
}

async function drive(options: RunOptions, stores: readonly StoreProcess[]): Promise<DriveResult[]> {
  const { warmupMs, measureMs, onPhase } = options
  const start = performance.now()
  const report = setInterval(() => {
    const ops = stores.reduce((sum, store) => sum + store.ops, 0)
    onPhase?.({ kind: 'driving', elapsedMs: performance.now() - start, ops })
  }, PHASE_INTERVAL_MS)
  try {
    const timeoutMs = warmupMs + measureMs + DRAIN_TIMEOUT_MS
    const request = { kind: 'drive', warmupMs, measureMs } as const
    return await Promise.all(stores.map((store) => store.ask(request, timeoutMs)))
  } finally {
    clearInterval(report)
  }
}

function summarize(spec: RunSpec, parts: readonly DriveResult[]): RunResult {
  const sum = (pick: (part: DriveResult) => number): number =>
    parts.reduce((total, part) => total + pick(part), 0)
  const latencies = build({ numberOfSignificantValueDigits: 3 })
  for (const part of parts) latencies.add(decodeFromCompressedBase64(part.latencies) as Histogram)
  const ops = sum((part) => part.ops)
  return {
    scenario: spec.scenario,
    groups: spec.groups,
    inFlight: spec.inFlight,
    payloadBytes: spec.payloadBytes,
    opsPerSecond: Math.round(sum((part) => (part.ops * 1000) / part.elapsedMs)),
    p50Ms: round(latencies.getValueAtPercentile(50) / 1000, 3),
    p99Ms: round(latencies.getValueAtPercentile(99) / 1000, 3),
    entriesPerFsync: round(
      sum((part) => part.entries) /
        Math.max(
          1,
          sum((part) => part.fsyncs),
        ),
      1,
    ),
    cpuSecondsPerMillion: round((sum((part) => part.cpuSeconds) * 1e6) / Math.max(1, ops), 2),
    peakRssMiB: Math.round(Math.max(...parts.map((part) => part.peakRssMiB))),
    fsyncsPerSecond: Math.round(sum((part) => (part.fsyncs * 1000) / part.elapsedMs)),
  }
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits))
}
