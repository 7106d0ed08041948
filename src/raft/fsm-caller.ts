import { KIND_CONFIGURATION, type LogBlock } from '../block/log-block.ts'
import { assert } from '../util/assert.ts'
import { FlotillaError } from '../util/errors.ts'
import { MAX_CATCH_UP_READ_BYTES } from '../util/limits.ts'
import type { RaftNode } from './raft-node.ts'
import type { Fsm } from './ports.ts'

/**
 * Hands committed entries to the state machine, in order, and settles the callers of what was applied. A state machine
 * that needs blocks gets one stretch at a time, from memory or read back from disk; one in the shard's worker is only
 * told how far it may go.
 */
export class FsmCaller {
  readonly #node: RaftNode
  readonly #fsm: Fsm
  lastAppliedIndex: number
  /** Up to here the state machine was told to apply. */
  #handedIndex: number
  #busy = false
  #stopped = false

  constructor(node: RaftNode, fsm: Fsm, lastAppliedIndex: number) {
    this.#node = node
    this.#fsm = fsm
    this.lastAppliedIndex = lastAppliedIndex
    this.#handedIndex = lastAppliedIndex
  }

  get fsm(): Fsm {
    return this.#fsm
  }

  /** The commit index rose, or a stretch was finished. */
  pump(): void {
    const commit = this.#node.ballotBox.lastCommittedIndex
    // Without the state that the log begins behind, nothing can be applied to it.
    if (this.#stopped || this.#handedIndex >= commit || this.#node.waitsForSnapshot) return
    if (!this.#fsm.needsBlocks) {
      const from = this.#handedIndex + 1
      this.#handedIndex = commit
      this.#fsm.apply(from, commit, NO_BLOCKS)
      return
    }
    if (this.#busy) return
    this.#busy = true
    const from = this.#handedIndex + 1
    const cached = this.#cachedFrom(from, commit)
    if (cached.length > 0) this.#hand(from, commit, cached)
    else this.#readFrom(from, commit)
  }

  #cachedFrom(from: number, to: number): LogBlock[] {
    const blocks: LogBlock[] = []
    let bytes = 0
    for (let index = from; index <= to && bytes < MAX_CATCH_UP_READ_BYTES; ) {
      const block = this.#node.log.blockAt(index)
      if (block === null) break
      blocks.push(block)
      bytes += block.byteLength
      index = block.lastIndex + 1
    }
    return blocks
  }

  #readFrom(from: number, to: number): void {
    this.#node.storage.readBlocks(this.#node.slot, from, to, MAX_CATCH_UP_READ_BYTES, (error, blocks) => {
      if (this.#stopped) return
      if (error !== null) this.#node.enterError(error)
      else if (blocks.length === 0) this.#node.enterError(missing(from))
      else this.#node.guard(() => this.#hand(from, to, blocks))
    })
  }

  #hand(from: number, commit: number, blocks: readonly LogBlock[]): void {
    const to = Math.min(commit, blocks[blocks.length - 1]!.lastIndex)
    assert(blocks[0]!.firstIndex <= from && to >= from, 'the blocks cover what is handed over')
    this.#handedIndex = to
    this.#fsm.apply(from, to, blocks)
  }

  /** Entries up to `index` are applied. `results`: one per entry since the last call, or null when none has one. */
  onApplied(index: number, results: readonly (Buffer | null)[] | null): void {
    if (!this.#stopped) this.#node.guard(() => this.#takeApplied(index, results))
  }

  #takeApplied(index: number, results: readonly (Buffer | null)[] | null): void {
    assert(
      index >= this.lastAppliedIndex && index <= this.#handedIndex,
      'applied in order, and only what was handed over',
    )
    const first = this.lastAppliedIndex + 1
    this.lastAppliedIndex = index
    this.#settle(first, index, results)
    this.#node.readOnly.onApplied(index)
    this.#node.log.evict(index)
    if (index === this.#handedIndex) this.#busy = false
    this.#node.onApplied(index)
    this.pump()
  }

  #settle(first: number, last: number, results: readonly (Buffer | null)[] | null): void {
    if (this.#node.pendingTasks.count === 0) return
    for (let from = first; from <= last; ) {
      const term = this.#node.log.termAt(from)
      const to = Math.min(last, this.#node.log.lastIndexAtOrBelowTerm(term, last))
      const part = results === null || from === first ? results : results.slice(from - first)
      this.#node.pendingTasks.settle(from, to, term, part)
      from = to + 1
    }
  }

  /** The state machine threw at `index`: the replica stops there (JRaft #1246: never skip). */
  onFailed(index: number, message: string): void {
    if (this.#stopped) return
    const text = `the state machine of group ${this.#node.groupId} failed at index ${index}: ${message}`
    this.#node.enterError(new FlotillaError('STATE_MACHINE_FAILED', text))
  }

  stop(): void {
    this.#stopped = true
  }
}

const NO_BLOCKS: readonly LogBlock[] = Object.freeze([])

function missing(index: number): FlotillaError {
  return new FlotillaError('CORRUPT', `entry ${index} is committed but the log on disk does not hold it`)
}

/** Whether a block is a configuration, which no state machine sees. */
export function isConfiguration(block: LogBlock): boolean {
  return block.kind === KIND_CONFIGURATION
}
