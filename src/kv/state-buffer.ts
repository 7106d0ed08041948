import type { EngineBatch, TimerHandle, Timers } from '../env/ports.ts'
import {
  MAX_APPLY_BATCH_BYTES,
  MAX_UNWRITTEN_MS,
  MAX_UNWRITTEN_ROWS,
  WRITE_YIELD_ROWS,
} from '../util/limits.ts'
import { RowTable } from './row-table.ts'
import type { AppliedConfiguration, SpaceState, StateEngine } from './state-engine.ts'

/** What goes to the engine in one batch. */
interface Part {
  readonly rows: RowTable
  /** Spaces that came further, and the configuration applied last in them meanwhile. */
  readonly spaces: Map<SpaceState, AppliedConfiguration | null>
}

/** Where a space will be once a batch is written. */
interface Position {
  readonly state: SpaceState
  readonly index: number
  readonly term: number
  readonly configuration: AppliedConfiguration | null
}

interface Waiter {
  readonly state: SpaceState
  readonly index: number
  readonly call: () => void
}

export interface StateBufferOptions {
  readonly timers: Timers
  /** Lets what waits in the event loop go first. */
  readonly nextTurn: () => Promise<void>
  /** Told once, when a write failed; nothing is written after that. */
  readonly onError: (error: unknown) => void
  /** Told when a write has been out for MAX_UNWRITTEN_MS, and when that one is back: nothing else may wait for it. */
  readonly onOverdue: (overdue: boolean) => void
}

/**
 * What is applied lies here first, and goes to the engine in batches of many entries: sorted, so that the engine finds the
 * place of a row next to that of the one before (one by one, that search was most of what a put costs). While one part is
 * being written the next gathers. A crash takes what is not written: the log replays it, for it is truncated only up to
 * what is written and synced.
 *
 * `appliedIndex` of a space is what reads of keys see here; `writtenIndex` is what the engine holds, with every row up to it
 * and none beyond.
 */
export class StateBuffer {
  readonly #state: StateEngine
  readonly #options: StateBufferOptions
  #fresh: Part = newPart()
  /** Being written. */
  #leaving: Part | null = null
  #spare: Part | null = null
  #writing: Promise<void> | null = null
  #waiting: Waiter[] = []
  #timer: TimerHandle | null = null
  /** Of the write under way; null once that is overdue. */
  #writeTimer: TimerHandle | null = null
  /** The time for what is fresh is over, but the write before it is not back. */
  #late = false

  constructor(state: StateEngine, options: StateBufferOptions) {
    this.#state = state
    this.#options = options
  }

  put(space: number, source: Buffer, keyStart: number, valueStart: number, valueEnd: number): void {
    this.#fresh.rows.put(space, source, keyStart, valueStart, valueEnd)
  }

  del(space: number, source: Buffer, keyStart: number, keyEnd: number): void {
    this.#fresh.rows.del(space, source, keyStart, keyEnd)
  }

  /** The rows put since the last call take `state` to this entry. They and the position are never apart. */
  advance(state: SpaceState, index: number, term: number): void {
    state.appliedIndex = index
    state.appliedTerm = term
    if (this.#fresh.spaces.has(state)) return
    this.#fresh.spaces.set(state, null)
    this.#timer ??= this.#options.timers.setTimeout(() => this.#onTime(), MAX_UNWRITTEN_MS)
  }

  /** As `advance`, by an entry that is a configuration. */
  configure(state: SpaceState, configuration: AppliedConfiguration): void {
    this.advance(state, configuration.index, configuration.term)
    this.#fresh.spaces.set(state, configuration)
  }

  /** No more is to be put before `makeRoom`. */
  get full(): boolean {
    const { rows } = this.#fresh
    return (
      this.#late ||
      rows.count >= MAX_UNWRITTEN_ROWS ||
      rows.byteLength >= MAX_APPLY_BATCH_BYTES ||
      rows.crowded
    )
  }

  /** Resolves when there is room. Rejects when a write failed. */
  async makeRoom(): Promise<void> {
    while (this.full) {
      this.#start()
      if (this.full) await this.#writing
    }
  }

  /** An apply has ended. */
  settle(): void {
    if (this.#fresh.rows.byteLength >= this.#state.db.gatherBytes) this.#start()
  }

  /** Writes all that was applied until now. */
  async writeAll(): Promise<void> {
    while (this.#writing !== null || this.#fresh.spaces.size > 0) {
      this.#start()
      await this.#writing
    }
  }

  /**
   * Runs `call` as soon as the engine holds what is applied to `state` now, or a little more: at a moment when it holds of
   * it exactly what `writtenIndex` says.
   */
  whenWritten(state: SpaceState, call: () => void): void {
    if (state.writtenIndex === state.appliedIndex) {
      call()
      return
    }
    this.#waiting.push({ state, index: state.appliedIndex, call })
    this.#start()
  }

  /**
   * As {@link StateEngine.getStored}, of all that is applied. The engine is asked in the same turn, and answers of its state
   * at that moment: what it is given meanwhile is not mixed in.
   */
  async getStored(keys: readonly Buffer[]): Promise<Array<Buffer | null>> {
    if (this.#fresh.rows.count === 0 && this.#leaving === null) return await this.#state.getStored(keys)
    const stored = keys.map((key) => this.#find(key))
    const missing = keys.filter((_, i) => stored[i] === undefined)
    const others = missing.length === 0 ? [] : await this.#state.getStored(missing)
    let next = 0
    return stored.map((value) => (value === undefined ? others[next++]! : value))
  }

  /** Nothing is written any more by itself. */
  stop(): void {
    this.#clear(this.#timer)
    this.#clear(this.#writeTimer)
    this.#timer = null
    this.#writeTimer = null
  }

  #clear(timer: TimerHandle | null): void {
    if (timer !== null) this.#options.timers.clearTimeout(timer)
  }

  #find(key: Buffer): Buffer | null | undefined {
    const fresh = this.#fresh.rows.find(key)
    return fresh === undefined ? this.#leaving?.rows.find(key) : fresh
  }

  #onTime(): void {
    this.#timer = null
    if (this.#writing !== null) this.#late = true
    else this.#start()
  }

  #onOverdue(): void {
    this.#writeTimer = null
    this.#options.onOverdue(true)
  }

  /** Begins to write what is fresh, if there is something and no other write is under way. */
  #start(): void {
    if (this.#writing !== null || this.#fresh.spaces.size === 0) return
    this.stop()
    this.#late = false
    this.#writeTimer = this.#options.timers.setTimeout(() => this.#onOverdue(), MAX_UNWRITTEN_MS)
    this.#writing = this.#write()
    this.#writing.then(() => this.#onWritten()).catch((error) => this.#options.onError(error))
  }

  async #write(): Promise<void> {
    const part = this.#fresh
    this.#fresh = this.#spare ?? newPart()
    this.#spare = null
    this.#leaving = part
    const positions = positionsOf(part)
    const batch = this.#state.db.createBatch()
    await this.#fill(batch, part.rows)
    for (const { state, index, term, configuration } of positions) {
      this.#state.putApplied(batch, state.space, index, term)
      if (configuration !== null) this.#state.putConfiguration(batch, state.space, configuration)
    }
    await this.#state.write(batch)
    for (const { state, index, term } of positions) {
      state.writtenIndex = index
      state.writtenTerm = term
    }
  }

  /** A flush of the log must not wait for a large batch to be made. */
  async #fill(batch: EngineBatch, rows: RowTable): Promise<void> {
    const order = rows.order()
    for (let from = 0; from < order.length; from += WRITE_YIELD_ROWS) {
      if (from > 0) await this.#options.nextTurn()
      rows.write(batch, order, from, Math.min(from + WRITE_YIELD_ROWS, order.length))
    }
  }

  #onWritten(): void {
    this.#writing = null
    if (this.#writeTimer === null) this.#options.onOverdue(false)
    this.#clear(this.#writeTimer)
    this.#writeTimer = null
    this.#spare = emptied(this.#leaving!)
    this.#leaving = null
    const waiting = this.#waiting
    this.#waiting = []
    for (const one of waiting) {
      if (one.index <= one.state.writtenIndex) one.call()
      else this.#waiting.push(one)
    }
    if (this.#late || this.#waiting.length > 0) this.#start()
    else this.settle()
  }
}

function newPart(): Part {
  return { rows: new RowTable(), spaces: new Map() }
}

/** The part to be filled again; null when an uncommonly large entry has made it larger than it need be. */
function emptied({ rows, spaces }: Part): Part | null {
  if (rows.byteLength > 2 * MAX_APPLY_BATCH_BYTES || rows.count > 2 * MAX_UNWRITTEN_ROWS) return null
  rows.clear()
  spaces.clear()
  return { rows, spaces }
}

function positionsOf({ spaces }: Part): Position[] {
  return Array.from(spaces, ([state, configuration]) => {
    return { state, index: state.appliedIndex, term: state.appliedTerm, configuration }
  })
}
