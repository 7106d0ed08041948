import type { FlotillaError } from '../util/errors.ts'
import {
  MAX_SHARD_BLOCK_READS,
  MAX_SHARD_PENDING_CALLS,
  MAX_SHARD_PENDING_READ_BYTES,
  MAX_SHARD_PENDING_READ_KEYS,
} from '../util/limits.ts'
import { packedTransfer, unpack } from './packed.ts'
import { busy, fromWireError } from './shard-errors.ts'
import type { FromWorker, ToWorker, ToWorkerCall } from './shard-protocol.ts'
import { packDataKeys } from './space-key.ts'

export type GetDone = (
  error: FlotillaError | null,
  values: ReadonlyArray<Buffer | null>,
  appliedIndex: number,
) => void
export type Answer = Extract<FromWorker, { t: 'answer' }>
export type AnswerDone = (error: FlotillaError | null, answer: Answer | null) => void
type Got = Extract<FromWorker, { t: 'got' }>
type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never
export type NewCall = DistributiveOmit<Exclude<ToWorkerCall, { t: 'readBlocks' }>, 'id'>
export type BlockRead = Omit<Extract<ToWorkerCall, { t: 'readBlocks' }>, 'id'>
type Post = (message: ToWorker, transfer?: readonly ArrayBuffer[]) => void

interface PendingGet {
  readonly done: GetDone
  readonly keys: number
  readonly bytes: number
}

const NO_VALUES: ReadonlyArray<Buffer | null> = []

/** Questions to a shard's worker and who waits for the answers. What is asked in one turn leaves at its end. */
export class ShardCalls {
  readonly #post: Post
  #nextId = 1
  readonly #gets = new Map<number, PendingGet>()
  readonly #answers = new Map<number, AnswerDone>()
  /** Reads of the log: with the worker or about to be, and those that wait for one of these to end. */
  readonly #reads = new Map<number, AnswerDone>()
  #heldReads: { readonly call: BlockRead; readonly done: AnswerDone }[] = []
  #keys = 0
  #bytes = 0
  /** Gathered for the end of the turn. */
  #heads: number[] = []
  #gatheredKeys: Uint8Array[] = []
  #spaces: number[] = []
  #messages: ToWorker[] = []

  constructor(post: Post) {
    this.#post = post
  }

  /** Room is checked first: BUSY is answered at once. */
  get(slot: number, space: number, keys: readonly Uint8Array[], done: GetDone): void {
    let bytes = 0
    for (const key of keys) bytes += key.length
    const count = keys.length
    if (
      this.#keys + count > MAX_SHARD_PENDING_READ_KEYS ||
      this.#bytes + bytes > MAX_SHARD_PENDING_READ_BYTES ||
      this.#gets.size >= MAX_SHARD_PENDING_READ_KEYS
    ) {
      done(busy(), NO_VALUES, 0)
      return
    }
    const id = this.#nextId++
    this.#gets.set(id, { done, keys: count, bytes })
    this.#keys += count
    this.#bytes += bytes
    this.#heads.push(id, slot, count)
    for (const key of keys) {
      this.#gatheredKeys.push(key)
      this.#spaces.push(space)
    }
  }

  /** The call's id, or 0 when it was refused (BUSY, answered at once). */
  call(call: NewCall, done: AnswerDone): number {
    if (this.#answers.size >= MAX_SHARD_PENDING_CALLS) {
      done(busy(), null)
      return 0
    }
    const id = this.#nextId++
    this.#answers.set(id, done)
    this.#messages.push({ ...call, id } as ToWorkerCall)
    return id
  }

  /**
   * A read of the log by its own replica. It is never refused, for a replica could only ask again: it waits its turn.
   * Bounded by who asks: the state machine and each replicator of a replica have one read at a time.
   */
  readBlocks(call: BlockRead, done: AnswerDone): void {
    if (this.#reads.size >= MAX_SHARD_BLOCK_READS) this.#heldReads.push({ call, done })
    else this.#startRead(call, done)
  }

  #startRead(call: BlockRead, done: AnswerDone): void {
    const id = this.#nextId++
    this.#reads.set(id, done)
    this.#messages.push({ ...call, id })
  }

  closeScan(scan: number): void {
    this.#messages.push({ t: 'scanClose', scan })
  }

  /** Posts what has gathered. */
  flushTurn(): void {
    if (this.#heads.length > 0) {
      const keys = packDataKeys(this.#spaces, this.#gatheredKeys)
      const heads = Float64Array.from(this.#heads)
      this.#heads = []
      this.#gatheredKeys = []
      this.#spaces = []
      this.#post({ t: 'get', heads, keys }, packedTransfer(keys))
    }
    if (this.#messages.length === 0) return
    const messages = this.#messages
    this.#messages = []
    for (const message of messages) this.#post(message)
  }

  onGot({ heads, values: packed, errors }: Got): void {
    const values = unpack(packed)
    let from = 0
    let failed = 0
    for (let i = 0; i < heads.length; i += 3) {
      const pending = this.#gets.get(heads[i]!)
      const count = heads[i + 2]!
      const error = count < 0 ? fromWireError(errors[failed++]!) : null
      const own = count < 0 ? NO_VALUES : values.slice(from, from + count)
      from += own.length
      if (!pending) continue
      this.#gets.delete(heads[i]!)
      this.#keys -= pending.keys
      this.#bytes -= pending.bytes
      pending.done(error, own, heads[i + 1]!)
    }
  }

  /** True when something now waits for the end of the turn. */
  onAnswer(answer: Answer): boolean {
    const done = this.#answers.get(answer.id) ?? this.#reads.get(answer.id)
    if (!done) return false
    this.#answers.delete(answer.id)
    const held = this.#reads.delete(answer.id) ? this.#heldReads.shift() : undefined
    if (held !== undefined) this.#startRead(held.call, held.done)
    if (answer.error) done(fromWireError(answer.error), null)
    else done(null, answer)
    return held !== undefined
  }

  /** Everybody who waits is told `error`. */
  failAll(error: FlotillaError): void {
    const gets = [...this.#gets.values()]
    const answers = [...this.#answers.values(), ...this.#reads.values()]
    for (const { done } of this.#heldReads) answers.push(done)
    this.#gets.clear()
    this.#answers.clear()
    this.#reads.clear()
    this.#heldReads = []
    this.#heads = []
    this.#gatheredKeys = []
    this.#spaces = []
    this.#messages = []
    this.#keys = 0
    this.#bytes = 0
    for (const { done } of gets) done(error, NO_VALUES, 0)
    for (const done of answers) done(error, null)
  }
}
