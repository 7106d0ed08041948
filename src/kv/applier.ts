import { BLOCK_HEADER_BYTES, KIND_CONFIGURATION } from '../block/log-block.ts'
import type { LogBlock } from '../block/log-block.ts'
import type { LogEngine } from '../storage/log-engine.ts'
import type { ApplyFailure } from '../storage/shard-protocol.ts'
import type { SlotLog } from '../storage/slot-log.ts'
import { assert } from '../util/assert.ts'
import { APPLY_YIELD_BYTES, MAX_APPLY_BATCH_BYTES } from '../util/limits.ts'
import { CommandReader, commandProblem, OP_PUT } from './command.ts'
import type { StateBuffer } from './state-buffer.ts'
import type { SpaceState, StateEngine } from './state-engine.ts'

export interface ApplyOutcome {
  /** Pairs `slot, index` for every slot asked for. */
  readonly pairs: Float64Array
  readonly failures: readonly ApplyFailure[]
}

/**
 * Takes committed blocks of the log into the KV state. It never decides: the same entries give the same state on every
 * replica, however the blocks were cut. An entry that is no command stops its own group at the entry before it, and no
 * other.
 */
export class Applier {
  readonly #log: LogEngine
  readonly #state: StateEngine
  readonly #buffer: StateBuffer
  readonly #nextTurn: () => Promise<void>
  readonly #reader = new CommandReader()
  readonly #stopped = new Set<number>()
  #failures: ApplyFailure[] = []
  /** Bytes decoded since the event loop last went round. */
  #sinceYield = 0
  #ending = false

  /** `nextTurn` lets what waits in the event loop go first: a flush must not wait for long decoding. */
  constructor(log: LogEngine, state: StateEngine, buffer: StateBuffer, nextTurn: () => Promise<void>) {
    this.#log = log
    this.#state = state
    this.#buffer = buffer
    this.#nextTurn = nextTurn
  }

  /** The apply under way ends at the next block. */
  end(): void {
    this.#ending = true
  }

  /**
   * Applies to each slot of `pairs` (slot, toIndex) up to one batch's worth of entries, so that no group waits behind
   * another's long replay; the outcome says how far each came. One at a time. Rejects when the storage failed.
   */
  async apply(pairs: Float64Array): Promise<ApplyOutcome> {
    this.#failures = []
    for (let i = 0; i < pairs.length; i += 2) {
      if (this.#ending) break
      const log = this.#log.slotOf(pairs[i]!)
      if (!this.#stopped.has(log.slot)) await this.#advance(log, pairs[i + 1]!)
    }
    this.#buffer.settle()
    const reached = new Float64Array(pairs.length)
    for (let i = 0; i < pairs.length; i += 2) {
      reached[i] = pairs[i]!
      reached[i + 1] = this.#state.space(this.#log.slotOf(pairs[i]!).space).appliedIndex
    }
    return { pairs: reached, failures: this.#failures }
  }

  async #advance(log: SlotLog, toIndex: number): Promise<void> {
    assert(log.space > 0, 'only a replica with a space is applied by its shard')
    assert(toIndex <= log.lastIndex, 'what is applied was handed over before')
    const state = this.#state.space(log.space)
    let next = state.appliedIndex + 1
    if (next < log.firstIndex) {
      this.#fail(log, next, stateEndsBefore(log.firstIndex, this.#state.dir))
      return
    }
    let budget = MAX_APPLY_BATCH_BYTES
    while (next <= toIndex && budget > 0 && !this.#ending) {
      const cached = this.#log.cached(log, next)
      const blocks = cached
        ? [cached]
        : await this.#log.read(log, next, toIndex, Math.min(budget, APPLY_YIELD_BYTES))
      assert(blocks.length > 0, 'a committed entry is in the log')
      for (const block of blocks) {
        const last = Math.min(toIndex, block.lastIndex)
        if (!this.#takeBlock(log, state, block, next, last)) return
        next = last + 1
        budget -= block.byteLength
        this.#sinceYield += block.byteLength
        if (this.#buffer.full) await this.#buffer.makeRoom()
      }
      if (this.#sinceYield >= APPLY_YIELD_BYTES) {
        this.#sinceYield = 0
        await this.#nextTurn()
      }
    }
  }

  /** Applies the entries `from … to` of `block`. False when the group must stop. */
  #takeBlock(log: SlotLog, state: SpaceState, block: LogBlock, from: number, to: number): boolean {
    const { term, bytes } = block
    if (block.kind === KIND_CONFIGURATION) {
      this.#buffer.configure(state, { index: from, term, bytes: block.entry(from) })
      return true
    }
    const base = BLOCK_HEADER_BYTES + block.count * 4
    let at = BLOCK_HEADER_BYTES + (from - block.firstIndex) * 4
    let start = from === block.firstIndex ? 0 : bytes.readUInt32LE(at - 4)
    for (let index = from; index <= to; index++, at += 4) {
      const end = bytes.readUInt32LE(at)
      const problem = commandProblem(bytes, base + start, base + end)
      if (problem !== null) {
        if (index > from) this.#buffer.advance(state, index - 1, term)
        this.#fail(log, index, `the entry is not a command: ${problem}`)
        return false
      }
      this.#takeCommand(log.space, bytes, base + start, base + end)
      start = end
    }
    this.#buffer.advance(state, to, term)
    return true
  }

  #takeCommand(space: number, bytes: Buffer, from: number, to: number): void {
    const buffer = this.#buffer
    const reader = this.#reader
    reader.start(bytes, from, to)
    while (reader.next()) {
      const { keyStart, valueStart, valueEnd } = reader
      if (reader.op === OP_PUT) buffer.put(space, bytes, keyStart, valueStart, valueEnd)
      else buffer.del(space, bytes, keyStart, valueStart)
    }
  }

  #fail(log: SlotLog, index: number, message: string): void {
    this.#stopped.add(log.slot)
    this.#failures.push({ slot: log.slot, index, message })
  }
}

function stateEndsBefore(firstIndex: number, dir: string): string {
  return (
    `the state ends before it and the log begins at ${firstIndex}, so no replay brings it back. Stop the store and put a ` +
    `newer state back in ${dir} if there is one; otherwise this replica serves nothing until it has a snapshot`
  )
}
