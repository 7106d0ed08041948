/**
 * A scenario is one way to store entries on three stores, made measurable. Its module exports one {@link StartStore};
 * everything else (processes, clients, clocks, reports) is common to all scenarios.
 */
export const STORE_COUNT = 3

/** What every store process of a run is told at its start. */
export interface StoreArgs {
  /** 0 … {@link STORE_COUNT} - 1. */
  readonly storeIndex: number
  /** An empty directory of this store's own. */
  readonly dataDir: string
  /** Groups are numbered 0 … groups - 1; every store hosts a replica of each. */
  readonly groups: number
  /** Calls in flight over all groups and stores, at most. Bounds every queue of a scenario. */
  readonly inFlight: number
  readonly payloadBytes: number
}

/** Plain counters since the store's start; the driver takes differences. */
export interface BenchStoreStats {
  /** Flushes of the log to the disk. */
  readonly fsyncs: number
  /** Entries that these flushes made durable, led here or not. */
  readonly entries: number
}

/** One store of a scenario, in a process of its own. */
export interface BenchStore {
  /** `127.0.0.1:port` at which the other stores reach this one; known once `startStore` has resolved. */
  readonly address: string
  /** Called once, with the addresses of all stores by index. Resolves when this store can take part. */
  join(addresses: readonly string[]): Promise<void>
  /** The term of every group that this store leads now. */
  leaders(): ReadonlyMap<number, number>
  /** Called only for groups led here. Resolves when the write is acknowledged; a rejection fails the run. */
  propose(group: number, payload: Buffer): Promise<unknown>
  stats(): BenchStoreStats
  close(): Promise<void>
}

export type StartStore = (args: StoreArgs) => Promise<BenchStore>

/** The store that should lead a group, so that each leads a third. */
export function homeOfGroup(group: number): number {
  return group % STORE_COUNT
}

/** What one run measures. */
export interface RunSpec {
  readonly scenario: string
  readonly groups: number
  readonly inFlight: number
  readonly payloadBytes: number
}

/** A run's outcome. */
export interface RunResult extends RunSpec {
  readonly opsPerSecond: number
  /** From the call to its promise. */
  readonly p50Ms: number
  readonly p99Ms: number
  /** Entries made durable per flush, over all stores. */
  readonly entriesPerFsync: number
  /** CPU of all stores (all their threads) per million acknowledged entries. */
  readonly cpuSecondsPerMillion: number
  /** Of the largest store process. */
  readonly peakRssMiB: number
  /** Flushes per second, summed over the stores. */
  readonly fsyncsPerSecond: number
}
