import { newSlab } from './packed.ts'
import { encodeReplicaRecord } from './replica-record.ts'
import type { ReplicaWrite, Vouch } from './replica-write.ts'
import { OP_BLOCK, OP_COUNTERS, OP_CUT, OP_RECORD, OP_TRUNCATE } from './shard-protocol.ts'
import type { ShardCounters } from './shard-state.ts'
import type { SlotState } from './slot-state.ts'

/** What a write costs a flush beside the bytes of its blocks, about: keys, operations, a record now and then. */
export const WRITE_OVERHEAD_BYTES = 128

export function writeCost(write: ReplicaWrite): number {
  let bytes = WRITE_OVERHEAD_BYTES
  for (const block of write.blocks) bytes += block.byteLength
  return bytes
}

/**
 * The writes of many replicas that will ride in one flush. A write lies in one gathering whole. Records are encoded when
 * the gathering is sealed: one record says it all, however often it changed.
 */
export class FlushGathering {
  readonly id: number
  readonly vouches: Vouch[] = []
  /** Bounds the size of the flush. */
  cost = 0
  /** What of the cost counts in the shard's queue: all but the making of replicas. */
  queuedCost = 0
  blockCount = 0
  entryCount = 0
  truncatedEntries = 0
  readonly #ops: number[] = []
  readonly #pieces: Buffer[] = []
  #bytes = 0
  readonly #slots: SlotState[] = []
  readonly #lastIndexes: number[] = []
  readonly #changed: SlotState[] = []

  constructor(id: number) {
    this.id = id
  }

  get empty(): boolean {
    return this.cost === 0
  }

  /** Takes a write that {@link SlotState.check} found fit. */
  take(state: SlotState, write: ReplicaWrite, cost: number): void {
    const { slot, cutAfter, blocks, vouch } = write
    if (cutAfter >= 0 && cutAfter < state.lastIndex) this.#ops.push(OP_CUT, slot, cutAfter, 0)
    if (state.take(write, this.id)) this.putRecord(state)
    for (const block of blocks) {
      this.#push(OP_BLOCK, slot, block.firstIndex, block.bytes)
      this.blockCount++
      this.entryCount += block.count
    }
    if (vouch) this.vouches.push(vouch)
    this.cost += cost
    this.queuedCost += cost
    if (state.gathering !== this.id) {
      state.gathering = this.id
      state.place = this.#slots.length
      this.#slots.push(state)
    }
    this.#lastIndexes[state.place] = state.lastIndex
  }

  /** The log's new beginning and what it loses: one batch, so that neither is ever there without the other. */
  truncate(state: SlotState, firstIndex: number, prevTerm: number): void {
    const entries = state.truncate(firstIndex, prevTerm)
    if (entries === 0) return
    this.#ops.push(OP_TRUNCATE, state.record.slot, firstIndex, prevTerm)
    this.truncatedEntries += entries
    this.putRecord(state)
    this.cost += WRITE_OVERHEAD_BYTES
  }

  /** The record goes into this flush as it is when the gathering is sealed. */
  putRecord(state: SlotState): void {
    if (state.recordGathering === this.id) return
    state.recordGathering = this.id
    this.#changed.push(state)
  }

  putCounters(counters: ShardCounters): void {
    this.#ops.push(OP_COUNTERS, counters.nextSlot, counters.nextSpace, 0)
    this.cost += WRITE_OVERHEAD_BYTES
  }

  /** Nothing is taken any more: later changes of a record belong to later flushes. Idempotent. */
  seal(): void {
    for (const { record } of this.#changed) this.#push(OP_RECORD, record.slot, 0, encodeReplicaRecord(record))
    this.#changed.length = 0
  }

  /** The sealed flush as the worker wants it, and told to the replicas in it. */
  post(): { ops: Float64Array<ArrayBuffer>; bytes: ArrayBuffer } {
    for (let i = 0; i < this.#slots.length; i++) this.#slots[i]!.posted(this.id, this.#lastIndexes[i]!)
    const slab = newSlab(this.#bytes)
    let at = 0
    for (const piece of this.#pieces) {
      slab.set(piece, at)
      at += piece.length
    }
    this.#pieces.length = 0
    return { ops: Float64Array.from(this.#ops), bytes: slab.buffer }
  }

  #push(kind: number, slot: number, index: number, bytes: Buffer): void {
    this.#ops.push(kind, slot, index, bytes.length)
    this.#pieces.push(bytes)
    this.#bytes += bytes.length
  }
}
