import { KIND_CONFIGURATION, type LogBlock } from '../block/log-block.ts'
import type { Logger } from '../env/ports.ts'
import type { Member } from '../raft/configuration.ts'
import { decodeConfigurationEntry } from '../raft/configuration-codec.ts'
import type { FsmCaller } from '../raft/fsm-caller.ts'
import type { Fsm } from '../raft/ports.ts'
import { FlotillaError } from '../util/errors.ts'

/** One committed entry, as a user's state machine gets it. */
export interface CommittedEntry {
  readonly index: number
  readonly term: number
  /** Valid only during the call. */
  readonly data: Buffer
  /** The result of the call that proposed it; the last reply counts. Copies the bytes. */
  readonly reply: (bytes: Uint8Array) => void
}

/** A user's state machine (the public interface is api/state-machine.ts; both are equal in shape). */
export interface UserStateMachine {
  onApply(entries: Iterable<CommittedEntry>): void | Promise<void>
  onQuery?(data: Buffer): Uint8Array | Promise<Uint8Array>
  onLeaderStart?(term: number): void
  onLeaderStop?(reason: string): void
  onStartFollowing?(leaderStoreId: string, term: number): void
  onStopFollowing?(leaderStoreId: string, term: number, reason: string): void
  onConfigurationCommitted?(members: readonly Member[], index: number): void
  onError?(error: FlotillaError): void
  close?(): void | Promise<void>
}

export interface FsmContext {
  readonly groupId: string
  readonly storeId: string
  readonly args: Buffer
  readonly logger: Logger
}

export type FsmFactory = (context: FsmContext) => UserStateMachine

/**
 * Runs a user's state machine: one call at a time, in order; the next batch is not delivered before the last one settled.
 * A throw or a rejection puts the group in ERROR at that index, never past it.
 */
export class StateMachineFsm implements Fsm {
  readonly needsBlocks = true
  readonly #machine: UserStateMachine
  /** Set once the node exists. */
  caller: FsmCaller | null = null
  #queue: (() => void | PromiseLike<void>)[] = []
  #running = false

  constructor(machine: UserStateMachine) {
    this.#machine = machine
  }

  async query(data: Buffer): Promise<Buffer> {
    if (this.#machine.onQuery === undefined) {
      throw new FlotillaError('NO_QUERY', 'the state machine of this group has no onQuery')
    }
    try {
      const answer = await this.#machine.onQuery(data)
      return Buffer.from(answer.buffer, answer.byteOffset, answer.byteLength)
    } catch (error) {
      throw new FlotillaError('STATE_MACHINE_FAILED', `onQuery failed: ${messageOf(error)}`, {
        cause: error,
        outcome: 'not-applied',
      })
    }
  }

  apply(from: number, to: number, blocks: readonly LogBlock[]): void {
    this.#enqueue(() => this.#apply(from, to, blocks))
  }

  #apply(from: number, to: number, blocks: readonly LogBlock[]): void | PromiseLike<void> {
    const batch = new EntryBatch(from, to, blocks)
    let pending: unknown
    try {
      pending = batch.hasData ? this.#machine.onApply(batch) : undefined
    } catch (error) {
      this.#failed(batch, error)
      return
    }
    // Whatever else a machine returns (the count of a push, say) is no promise to wait for.
    if (!isThenable(pending)) return this.#applied(batch)
    return pending.then(
      () => this.#applied(batch),
      (error) => this.#failed(batch, error),
    )
  }

  #applied(batch: EntryBatch): void {
    batch.end()
    for (const { index, members } of batch.configurations())
      this.#tell(() => this.#machine.onConfigurationCommitted?.(members, index))
    this.caller?.onApplied(batch.to, batch.results)
  }

  /** What is queued behind it are words to the user, and the end: they come in any case. */
  #failed(batch: EntryBatch, error: unknown): void {
    batch.end()
    this.caller?.onFailed(batch.position, messageOf(error))
  }

  /** Not on the caller's stack: a long catch-up must not recurse. */
  #enqueue(task: () => void | PromiseLike<void>): void {
    this.#queue.push(task)
    if (this.#running) return
    this.#running = true
    queueMicrotask(() => void this.#run())
  }

  async #run(): Promise<void> {
    while (this.#queue.length > 0) {
      try {
        const pending = this.#queue.shift()!()
        if (pending !== undefined) await pending
      } catch (error) {
        this.#broken(error)
      }
    }
    this.#running = false
  }

  #notify(call: () => unknown): void {
    this.#enqueue(() => this.#tell(call))
  }

  /**
   * A callback's failure is the user's to see, and stops the replica like a failed apply; also that of a callback that is
   * async, which nobody waits for.
   */
  #tell(call: () => unknown): void {
    try {
      const pending = call()
      if (isThenable(pending)) pending.then(undefined, (error) => this.#broken(error))
    } catch (error) {
      this.#broken(error)
    }
  }

  #broken(error: unknown): void {
    this.caller?.onFailed(this.caller.lastAppliedIndex, messageOf(error))
  }

  onLeaderStart(term: number): void {
    this.#notify(() => this.#machine.onLeaderStart?.(term))
  }

  onLeaderStop(reason: string): void {
    this.#notify(() => this.#machine.onLeaderStop?.(reason))
  }

  onStartFollowing(leader: Member, term: number): void {
    this.#notify(() => this.#machine.onStartFollowing?.(leader.storeId, term))
  }

  onStopFollowing(leader: Member | null, term: number, reason: string): void {
    this.#notify(() => this.#machine.onStopFollowing?.(leader?.storeId ?? '', term, reason))
  }

  onConfigurationCommitted(): void {
    // Told in its place among the entries: see #applied.
  }

  onError(error: FlotillaError): void {
    this.#notify(() => this.#machine.onError?.(error))
  }

  /** After what is queued. A failing close is not the store's. */
  async close(): Promise<void> {
    await new Promise<void>((resolve) => this.#enqueue(resolve))
    try {
      await this.#machine.close?.()
    } catch {
      // The user's own clean-up; the state is in the log.
    }
  }
}

/** The entries from … to of some blocks. It can be walked once, during onApply. */
class EntryBatch implements Iterable<CommittedEntry> {
  readonly #from: number
  readonly #blocks: readonly LogBlock[]
  readonly to: number
  /** One place per entry, made at the first reply. */
  results: (Buffer | null)[] | null = null
  /** The entry that was given out last. */
  position: number
  #ended = false

  constructor(from: number, to: number, blocks: readonly LogBlock[]) {
    this.#from = from
    this.to = to
    this.#blocks = blocks
    this.position = from
  }

  get hasData(): boolean {
    return this.#blocks.some((block) => block.kind !== KIND_CONFIGURATION)
  }

  *[Symbol.iterator](): Iterator<CommittedEntry> {
    for (const block of this.#blocks) {
      if (block.kind === KIND_CONFIGURATION) continue
      const last = Math.min(block.lastIndex, this.to)
      for (let index = Math.max(block.firstIndex, this.#from); index <= last; index++) {
        if (this.#ended) throw new Error('the entries may be walked only during onApply')
        this.position = index
        yield new BatchEntry(this, index, block)
      }
    }
  }

  *configurations(): Iterable<{ index: number; members: readonly Member[] }> {
    for (const block of this.#blocks) {
      if (block.kind !== KIND_CONFIGURATION || block.firstIndex < this.#from || block.firstIndex > this.to)
        continue
      yield { index: block.firstIndex, members: membersOf(block) }
    }
  }

  reply(index: number, bytes: Uint8Array): void {
    if (this.#ended) throw new Error('reply must be called during onApply')
    this.results ??= new Array<Buffer | null>(this.to - this.#from + 1).fill(null)
    this.results[index - this.#from] = Buffer.from(bytes)
  }

  end(): void {
    this.#ended = true
  }
}

class BatchEntry implements CommittedEntry {
  readonly #batch: EntryBatch
  readonly #block: LogBlock
  readonly index: number

  constructor(batch: EntryBatch, index: number, block: LogBlock) {
    this.#batch = batch
    this.index = index
    this.#block = block
  }

  get term(): number {
    return this.#block.term
  }

  get data(): Buffer {
    return this.#block.entry(this.index)
  }

  /** A function of its own, made when asked for: users take entries apart. */
  get reply(): (bytes: Uint8Array) => void {
    return (bytes) => this.#batch.reply(this.index, bytes)
  }
}

function membersOf(block: LogBlock): readonly Member[] {
  return decodeConfigurationEntry(block.entry(block.firstIndex)).conf.members
}

function isThenable(value: unknown): value is PromiseLike<void> {
  return typeof (value as PromiseLike<void> | null | undefined)?.then === 'function'
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
