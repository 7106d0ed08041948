import { KIND_CONFIGURATION, type LogBlock, sliceBlock } from '../block/log-block.ts'
import { assert } from '../util/assert.ts'
import {
  LOG_CACHE_APPLIED_SHARE,
  LOG_CACHE_DURABLE_SHARE,
  MAX_LOG_CACHE_BYTES_PER_GROUP,
} from '../util/limits.ts'
import type { ConfigurationEntry } from './configuration.ts'
import { decodeConfigurationEntry, encodeConfigurationEntry } from './configuration-codec.ts'
import type { LogId } from './log-id.ts'
import { TermRuns } from './term-runs.ts'

/** Bytes of blocks that all groups of a store keep in memory. */
export interface LogCacheBudget {
  bytes: number
  /** Of this turn's proposals, which are no blocks yet. */
  spokenFor: number
  readonly maxBytes: number
}

export interface RecoveredLog {
  readonly firstIndex: number
  readonly prevTerm: number
  readonly lastIndex: number
  readonly termRuns: readonly { readonly firstIndex: number; readonly term: number }[]
  readonly configurations: readonly { readonly index: number; readonly bytes: Buffer }[]
  readonly firstConfiguration: ConfigurationEntry
}

interface PlacedConfiguration {
  readonly index: number
  readonly bytes: Buffer
  readonly entry: ConfigurationEntry
}

/**
 * The log of one group as the main thread knows it: bounds, terms as runs, configurations, and the newest blocks.
 * Invariants: cached blocks are contiguous and end at lastIndex; durableIndex ≤ lastIndex; nothing at or below the
 * commit index is ever cut.
 */
export class LogManager {
  readonly #budget: LogCacheBudget
  readonly #runs = new TermRuns()
  readonly #configurations: PlacedConfiguration[] = []
  /** Null before the head: given up, and the array is compacted now and then. */
  #blocks: (LogBlock | null)[] = []
  #head = 0
  #cachedBytes = 0
  #appliedIndex = 0
  firstIndex: number
  lastIndex: number
  /** The term before firstIndex. */
  prevTerm: number
  /** Entries up to here rode in a flush that is done. */
  durableIndex: number
  /** Entries were given up at its beginning, in this life. */
  truncated = false

  constructor(recovered: RecoveredLog, budget: LogCacheBudget) {
    this.#budget = budget
    this.firstIndex = recovered.firstIndex
    this.prevTerm = recovered.prevTerm
    this.lastIndex = recovered.lastIndex
    this.durableIndex = recovered.lastIndex
    for (const run of recovered.termRuns) this.#runs.append(run.firstIndex, run.term)
    const first = recovered.firstConfiguration
    this.#configurations.push({ index: 0, bytes: encodeConfigurationEntry(first), entry: first })
    for (const { index, bytes } of recovered.configurations) {
      this.#configurations.push({ index, bytes, entry: decodeConfigurationEntry(bytes) })
    }
  }

  get lastLogId(): LogId {
    return { index: this.lastIndex, term: this.termAt(this.lastIndex) }
  }

  /** The configuration in force: the newest in the log, committed or not (paper, section 6). */
  get configuration(): ConfigurationEntry {
    return this.#configurations[this.#configurations.length - 1]!.entry
  }

  get configurationIndex(): number {
    return this.#configurations[this.#configurations.length - 1]!.index
  }

  get cachedBytes(): number {
    return this.#cachedBytes
  }

  /**
   * Whether `bytes` more may be kept in memory, once the entries above `cutAfter` are cut (-1: none are). `spokenFor` of them
   * are spoken for already.
   */
  hasRoom(bytes: number, cutAfter = -1, spokenFor = 0): boolean {
    const more = bytes - (cutAfter < 0 ? 0 : this.#cachedBytesAbove(cutAfter))
    return (
      more <= 0 ||
      (this.#cachedBytes + more <= MAX_LOG_CACHE_BYTES_PER_GROUP &&
        this.#budget.bytes + this.#budget.spokenFor - spokenFor + more <= this.#budget.maxBytes)
    )
  }

  speakFor(bytes: number): void {
    this.#budget.spokenFor += bytes
  }

  /** Bytes of the cached blocks that lie above `index` whole. */
  #cachedBytesAbove(index: number): number {
    let bytes = 0
    for (let i = this.#blocks.length - 1; i >= this.#head; i--) {
      const block = this.#blocks[i]!
      if (block.firstIndex <= index) break
      bytes += block.byteLength
    }
    return bytes
  }

  /** Term of the entry at `index`; index firstIndex - 1 is known too. Must lie in the log. */
  termAt(index: number): number {
    if (index === this.firstIndex - 1) return this.prevTerm
    assert(index >= this.firstIndex && index <= this.lastIndex, 'index lies in the log')
    return this.#runs.termAt(index)
  }

  /** First index of the run of equal terms that holds `index`. */
  runStart(index: number): number {
    return index < this.firstIndex ? index : this.#runs.runStart(index)
  }

  /** Last index at or below `limit` with a term of at most `term`. */
  lastIndexAtOrBelowTerm(term: number, limit: number): number {
    const found = this.#runs.lastIndexAtOrBelowTerm(term, limit)
    return found === 0 ? this.firstIndex - 1 : found
  }

  append(block: LogBlock): void {
    assert(block.firstIndex === this.lastIndex + 1, 'a block continues the log')
    assert(block.prevTerm === this.termAt(this.lastIndex), 'a block follows the term before it')
    this.#runs.append(block.firstIndex, block.term)
    this.#blocks.push(block)
    this.lastIndex = block.lastIndex
    this.#account(block.byteLength)
    if (block.kind === KIND_CONFIGURATION) this.#takeConfiguration(block)
  }

  /** Each leader's first entry repeats the configuration in force: only another one is kept. */
  #takeConfiguration(block: LogBlock): void {
    const bytes = block.entry(block.firstIndex)
    if (bytes.equals(this.#configurations[this.#configurations.length - 1]!.bytes)) return
    const entry = decodeConfigurationEntry(bytes)
    this.#configurations.push({ index: block.firstIndex, bytes: Buffer.from(bytes), entry })
  }

  /** Removes the entries above `lastKept`. The caller has checked that none of them is committed. */
  cutAfter(lastKept: number): void {
    assert(lastKept >= this.firstIndex - 1 && lastKept <= this.lastIndex, 'a cut lies in the log')
    this.#runs.cutAfter(lastKept)
    this.lastIndex = lastKept
    if (this.durableIndex > lastKept) this.durableIndex = lastKept
    while (this.#blocks.length > this.#head) {
      const block = this.#blocks[this.#blocks.length - 1]!
      if (block.lastIndex <= lastKept) break
      this.#blocks.pop()
      this.#account(-block.byteLength)
      if (block.firstIndex <= lastKept) {
        const kept = sliceBlock(block, block.firstIndex, lastKept)
        this.#blocks.push(kept)
        this.#account(kept.byteLength)
        break
      }
    }
    while (this.#configurations.length > 1 && this.configurationIndex > lastKept) this.#configurations.pop()
  }

  /**
   * The log begins at `firstIndex` from now on. The caller has checked that the state machine holds all below it and that
   * it is durable here. The configuration in force there stays.
   */
  truncatePrefix(firstIndex: number): void {
    assert(
      firstIndex > this.firstIndex && firstIndex <= this.durableIndex + 1,
      'only what is durable is truncated',
    )
    this.prevTerm = this.termAt(firstIndex - 1)
    this.firstIndex = firstIndex
    this.truncated = true
    if (firstIndex > this.lastIndex) this.#runs.cutAfter(0)
    else this.#runs.cutBefore(firstIndex)
    let stays = this.#configurations.length - 1
    while (this.#configurations[stays]!.index >= firstIndex) stays--
    this.#configurations.splice(0, stays)
    while (this.#head < this.#blocks.length && this.#blocks[this.#head]!.lastIndex < firstIndex)
      this.#giveUpOldest()
    this.#compact()
  }

  /** A flush that held entries up to `index` is done. */
  markDurable(index: number): void {
    const bounded = Math.min(index, this.lastIndex)
    if (bounded <= this.durableIndex) return
    this.durableIndex = bounded
    // Applied may be far ahead of our own disk: what became durable last is then evicted only here.
    this.#evict()
  }

  /** The cached block that holds `index`, or null when it is on disk only. */
  blockAt(index: number): LogBlock | null {
    let low = this.#head
    let high = this.#blocks.length - 1
    if (high < low || index < this.#blocks[low]!.firstIndex || index > this.lastIndex) return null
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if (this.#blocks[middle]!.firstIndex <= index) low = middle
      else high = middle - 1
    }
    return this.#blocks[low]!
  }

  /** The state machine holds entries up to `index`: their blocks serve only followers that lag a little. */
  evict(index: number): void {
    this.#appliedIndex = index
    this.#evict()
  }

  /**
   * Gives up the oldest durable blocks while the caches are fuller than they should be: first those that are applied,
   * then also those that are not. An entry that waits to be committed or applied must never keep the ones behind it from
   * being taken; it is read back from disk when its time comes.
   */
  #evict(): void {
    while (this.#head < this.#blocks.length) {
      const block = this.#blocks[this.#head]!
      if (block.lastIndex > this.durableIndex) break
      const applied = block.lastIndex <= this.#appliedIndex
      if (!this.#isCrowded(applied ? LOG_CACHE_APPLIED_SHARE : LOG_CACHE_DURABLE_SHARE)) break
      this.#giveUpOldest()
    }
    this.#compact()
  }

  #giveUpOldest(): void {
    this.#account(-this.#blocks[this.#head]!.byteLength)
    this.#blocks[this.#head++] = null
  }

  #compact(): void {
    if (this.#head <= 1024 || this.#head * 2 <= this.#blocks.length) return
    this.#blocks = this.#blocks.slice(this.#head)
    this.#head = 0
  }

  #isCrowded(share: number): boolean {
    return (
      this.#cachedBytes > MAX_LOG_CACHE_BYTES_PER_GROUP * share ||
      this.#budget.bytes > this.#budget.maxBytes * share
    )
  }

  /** Gives the cache back to the store's budget. */
  close(): void {
    this.#account(-this.#cachedBytes)
    this.#blocks = []
    this.#head = 0
  }

  #account(bytes: number): void {
    this.#cachedBytes += bytes
    this.#budget.bytes += bytes
  }
}
