/** The skeleton's log thread: one synced batch per flush, one at a time, answered in order. */
import type { EngineDb } from '../env/ports.ts'
import { RocksEngine } from '../env/rocks.ts'
import type { ShardTask } from '../env/shard-threads.ts'
import { workerPort } from '../env/worker-port.ts'
import { ROCKS_WRITE_BUFFER_BYTES } from '../util/limits.ts'

/** What the shard's main side starts this thread with. */
export interface SkeletonWorkerInit {
  readonly dataDir: string
}

/** What it may post: a flush, or null to end. Each is answered by null: opened first, then flush by flush. */
export type SkeletonWorkerMessage = ArrayBuffer | null

/** `u32 slot | u32 length | block`, for each block of a flush; the key is made from slot and first index. */
export const FLUSH_RECORD_BYTES = 8

/** `slot u32 | kind u8 | index u48`, big-endian, as in a real log. */
const KEY_BYTES = 11
const KEY_KIND_BLOCK = 1
/** Where a LogBlock says its first index. */
const BLOCK_FIRST_INDEX_AT = 26

/** Runs until it is told to end; rejects, and so ends the thread, with the first error of the disk. */
export async function runShardTask(task: ShardTask): Promise<void> {
  const port = workerPort(task.port)
  const { dataDir } = task.init as SkeletonWorkerInit
  const options = { writeBufferBytes: ROCKS_WRITE_BUFFER_BYTES, compression: false }
  const db = await new RocksEngine().open(dataDir, options)
  port.post(null)
  try {
    await new Promise<void>((resolve, reject) => {
      const log = new SkeletonLog(db, { onFlushed: () => port.post(null), onEnd: resolve, onError: reject })
      port.setHandler((message) => {
        const flush = message as SkeletonWorkerMessage
        if (flush === null) log.end()
        else log.add(Buffer.from(flush))
      })
    })
  } finally {
    await db.close()
    port.close()
  }
}

interface LogHandlers {
  onFlushed(): void
  /** Told to end, and nothing waits any more. */
  onEnd(): void
  onError(error: unknown): void
}

class SkeletonLog {
  readonly #db: EngineDb
  readonly #handlers: LogHandlers
  readonly #waiting: Buffer[] = []
  readonly #key = Buffer.alloc(KEY_BYTES)
  #writing = false
  #ending = false

  constructor(db: EngineDb, handlers: LogHandlers) {
    this.#db = db
    this.#handlers = handlers
    this.#key[4] = KEY_KIND_BLOCK
  }

  add(flush: Buffer): void {
    this.#waiting.push(flush)
    if (!this.#writing) this.#writeNext()
  }

  /** A store may be a flush behind the two that made the last commit: that flush is finished first. */
  end(): void {
    this.#ending = true
    if (!this.#writing) this.#handlers.onEnd()
  }

  /** Two batches at once would not be ordered: the second waits here. */
  #writeNext(): void {
    const flush = this.#waiting.shift()
    this.#writing = flush !== undefined
    if (flush === undefined) {
      if (this.#ending) this.#handlers.onEnd()
      return
    }
    const onWritten = (): void => {
      this.#handlers.onFlushed()
      this.#writeNext()
    }
    this.#write(flush).then(onWritten, this.#handlers.onError)
  }

  #write(flush: Buffer): Promise<void> {
    const batch = this.#db.createBatch()
    const key = this.#key
    for (let at = 0; at < flush.length; ) {
      const from = at + FLUSH_RECORD_BYTES
      const end = from + flush.readUInt32LE(at + 4)
      key.writeUInt32BE(flush.readUInt32LE(at), 0)
      key.writeUIntBE(flush.readUIntLE(from + BLOCK_FIRST_INDEX_AT, 6), 5, 6)
      // The engine copies both at once: one key buffer serves every block.
      batch.put(key, flush.subarray(from, end))
      at = end
    }
    return this.#db.write(batch, true)
  }
}
