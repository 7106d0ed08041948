import type { LogBlock } from '../block/log-block.ts'
import type { ShardThread } from '../env/ports.ts'
import { loadRocksDb } from '../env/rocks.ts'
import { ShardThreads } from '../env/shard-threads.ts'
import { FLUSH_RECORD_BYTES } from './skeleton-worker.ts'
import type { SkeletonWorkerInit } from './skeleton-worker.ts'

/**
 * One flush at a time. A second one posted ahead saves the disk a wait for this thread, but leaves with less gathered.
 * Measured: no difference with one group or few calls; with 48 groups and 1,024 calls a seventh fewer writes.
 */
const MAX_POSTED = 1

export interface ShardHandlers {
  /** The group's log is durable up to `index`. */
  onDurable(group: number, index: number): void
  /** After the last `onDurable` of a flush. */
  onFlushed(): void
  onError(error: Error): void
}

/** Blocks that travel, or wait to travel, in one flush: two columns. */
class Flush {
  readonly groups: number[] = []
  readonly blocks: LogBlock[] = []
  bytes = 0
  entries = 0
}

/**
 * The main thread's side of the log: gathers blocks of all groups while a flush is on its way, and posts each flush as
 * one transferred ArrayBuffer.
 */
export class SkeletonShard {
  readonly stats = { fsyncs: 0, entries: 0 }
  /** Resolves when the worker has opened its database; rejects when it could not. */
  readonly ready: Promise<void>
  readonly #thread: ShardThread
  readonly #handlers: ShardHandlers
  readonly #posted: Flush[] = []
  #gathering = new Flush()
  #closed = false

  constructor(dataDir: string, handlers: ShardHandlers) {
    this.#handlers = handlers
    const entry = new URL('./skeleton-worker.js', import.meta.url)
    const threads = new ShardThreads({ entry, prepare: loadRocksDb })
    this.#thread = threads.startShard({ dataDir } satisfies SkeletonWorkerInit)
    this.ready = new Promise((resolve, reject) => {
      this.#thread.setHandler(() => {
        this.#thread.setHandler(() => this.#onFlushed())
        resolve()
      })
      this.#thread.ended.then((error) => {
        if (error === null) return
        reject(error)
        handlers.onError(error)
      })
    })
  }

  append(group: number, block: LogBlock): void {
    const flush = this.#gathering
    flush.groups.push(group)
    flush.blocks.push(block)
    flush.bytes += FLUSH_RECORD_BYTES + block.byteLength
    flush.entries += block.count
  }

  /** Posts what has gathered, unless a flush is on its way. */
  flush(): void {
    const flush = this.#gathering
    if (flush.blocks.length === 0 || this.#posted.length >= MAX_POSTED || this.#closed) return
    this.#gathering = new Flush()
    this.#posted.push(flush)
    // An ArrayBuffer of its own, not a part of the pool: transferring would take the whole pool along.
    const bytes = Buffer.allocUnsafeSlow(flush.bytes)
    let at = 0
    for (let i = 0; i < flush.blocks.length; i++) {
      const block = flush.blocks[i]!
      bytes.writeUInt32LE(flush.groups[i]!, at)
      bytes.writeUInt32LE(block.byteLength, at + 4)
      bytes.set(block.bytes, at + FLUSH_RECORD_BYTES)
      at += FLUSH_RECORD_BYTES + block.byteLength
    }
    const buffer = bytes.buffer as ArrayBuffer
    this.#thread.post(buffer, [buffer])
  }

  /** Lets the flush on its way finish; what has only gathered is dropped. */
  async close(): Promise<void> {
    this.#closed = true
    this.#thread.post(null)
    const error = await this.#thread.ended
    if (error !== null) throw error
  }

  /** The worker answers flushes in the order in which they were posted. */
  #onFlushed(): void {
    const flush = this.#posted.shift()!
    this.stats.fsyncs++
    this.stats.entries += flush.entries
    for (let i = 0; i < flush.blocks.length; i++) {
      this.#handlers.onDurable(flush.groups[i]!, flush.blocks[i]!.lastIndex)
    }
    this.#handlers.onFlushed()
    // Not only at the end of the turn: the disk need not wait for this turn's other work.
    this.flush()
  }
}
