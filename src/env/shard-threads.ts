import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads'
import type { MessagePort } from 'node:worker_threads'
import type { Piscina as PiscinaPool } from 'piscina'
import type { ShardThread, Threads } from './ports.ts'

/** What the entry's `runShardTask` is called with. */
export interface ShardTask {
  readonly port: MessagePort
  readonly init: unknown
}

export interface ShardThreadsOptions {
  /**
   * A compiled module that exports `async function runShardTask(task: ShardTask)`. Default: the shard worker.
   */
  readonly entry?: URL
  /** Runs on the main thread before each start; what it throws, `startShard` throws. */
  readonly prepare?: () => void
}

const TASK_NAME = 'runShardTask'

/** Worker threads for shards: one pool of one thread each, running one task that ends only with the shard. */
export class ShardThreads implements Threads {
  readonly #entry: string
  readonly #prepare: (() => void) | undefined

  constructor(options: ShardThreadsOptions = {}) {
    this.#entry = fileURLToPath(options.entry ?? new URL('../worker/entry.js', import.meta.url))
    this.#prepare = options.prepare
  }

  startShard(init: unknown): ShardThread {
    this.#prepare?.()
    return new PiscinaShardThread(this.#entry, init)
  }
}

/** Loaded at first use: a process that only is a client loads no thread pool. */
function createPool(): PiscinaPool {
  const { Piscina } = createRequire(import.meta.url)('piscina') as typeof import('piscina')
  return new Piscina({
    // No minimum: piscina replaces a dead thread only below the minimum, and a replacement would be an empty
    // worker.
    minThreads: 0,
    maxThreads: 1,
    concurrentTasksPerWorker: 1,
    idleTimeout: Number.POSITIVE_INFINITY,
    // The default parks the worker's event loop between tasks and would freeze the shard.
    atomics: 'disabled',
    workerHistogram: false,
    recordTiming: false,
  })
}

class PiscinaShardThread implements ShardThread {
  readonly ended: Promise<Error | null>
  readonly #pool: PiscinaPool
  readonly #port: MessagePort
  #resolveEnded: (reason: Error | null) => void = () => {}
  #onMessage: ((message: unknown) => void) | null = null
  #over = false
  #destroying: Promise<void> | null = null

  constructor(entry: string, init: unknown) {
    this.ended = new Promise((resolve) => {
      this.#resolveEnded = resolve
    })
    const channel = new MessageChannel()
    this.#port = channel.port1
    this.#pool = createPool()
    // A thread that dies before it took its task, or exits between two of its steps, settles nothing by
    // itself.
    this.#pool.on('error', (error) => this.#finish(toError(error)))
    this.#pool.on('workerDestroy', () =>
      setImmediate(() => this.#finish(new Error('The worker thread is gone.'))),
    )
    const task: ShardTask = { port: channel.port2, init }
    this.#pool.run(task, { filename: entry, name: TASK_NAME, transferList: [channel.port2] }).then(
      () => this.#finish(null),
      (error) => this.#finish(toError(error)),
    )
  }

  /** Messages posted after the end go nowhere: `ended` tells. */
  post(message: unknown, transfer?: readonly ArrayBuffer[]): void {
    if (this.#over) return
    if (transfer === undefined) this.#port.postMessage(message)
    else this.#port.postMessage(message, transfer as ArrayBuffer[])
  }

  /** Messages that came before the first handler wait for it. A later call replaces the handler. */
  setHandler(onMessage: (message: unknown) => void): void {
    const first = this.#onMessage === null
    this.#onMessage = onMessage
    if (!first || this.#over) return
    this.#port.on('messageerror', (error) => this.#finish(toError(error)))
    this.#port.on('message', (message) => this.#receive(message))
  }

  async terminate(): Promise<void> {
    this.#end(new Error('The worker thread was terminated.'))
    await this.#destroy()
  }

  /** The task has settled: what it posted before is still delivered. */
  #finish(reason: Error | null): void {
    if (this.#over) return
    this.#deliverRest()
    this.#end(reason)
  }

  /**
   * Nothing is delivered any more and the pool goes, so that no other thread can take the dead one's place.
   * After an orderly end the thread is gone when `ended` resolves; a death is told at once.
   */
  #end(reason: Error | null): void {
    if (this.#over) return
    this.#over = true
    const destroyed = this.#destroy()
    if (reason === null) destroyed.then(() => this.#resolveEnded(null))
    else this.#resolveEnded(reason)
  }

  /**
   * A handler that throws has lost count of its shard: the shard ends with that reason, the process does not.
   */
  #receive(message: unknown): void {
    if (this.#over) return
    try {
      this.#onMessage!(message)
    } catch (error) {
      this.#end(toError(error))
    }
  }

  /** Task results travel on another port and may overtake the shard's last messages. */
  #deliverRest(): void {
    if (!this.#onMessage) return
    for (;;) {
      const received = receiveMessageOnPort(this.#port)
      if (received === undefined || this.#over) return
      this.#receive(received.message)
    }
  }

  #destroy(): Promise<void> {
    this.#destroying ??= this.#pool.destroy().then(
      () => this.#port.close(),
      () => this.#port.close(),
    )
    return this.#destroying
  }
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error))
}
