import type { EngineDb, Files } from '../env/ports.ts'

/** The end of a write-ahead log that is to be left out: what follows the first bad place. */
export interface WalCut {
  readonly name: string
  /** So many bytes of the file are good. */
  readonly goodBytes: number
  /** Files that were written after it. */
  readonly newer: readonly string[]
}

/** What an inspection reads from. Nothing of it can write. */
export interface InspectDisk {
  /** Its calls that write are never made. */
  readonly files: Files
  /** Opens the database in `dir` for reading, as if its write-ahead log had been cut. Rejects with CORRUPT or STORAGE_FAILED. */
  openReadOnly(dir: string, cut: WalCut | null): Promise<EngineDb>
}

export interface InspectOptions {
  /** Keys that are counted (and verified) in each region; the rest is left uncounted. */
  readonly maxCounted: number
  /** Keys that are listed of each region. */
  readonly maxListed: number
  /**
   * Ask for everything by its key and count nothing: for a directory on which the engine ended the process before, as its
   * iterators do on some damaged tables.
   */
  readonly cautious: boolean
  /** What is being read, for people. */
  onProgress(text: string): void
}
