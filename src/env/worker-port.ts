import type { MessagePort } from 'node:worker_threads'
import type { ThreadPort } from './ports.ts'

/** The worker's end of a shard's channel. Its `close` lets the worker's event loop run empty. */
export interface WorkerPort extends ThreadPort {
  close(): void
}

/** Wraps the raw port that a shard's task was given. */
export function workerPort(port: MessagePort): WorkerPort {
  return new NodeWorkerPort(port)
}

class NodeWorkerPort implements WorkerPort {
  readonly #port: MessagePort
  #onMessage: ((message: unknown) => void) | null = null

  constructor(port: MessagePort) {
    this.#port = port
  }

  post(message: unknown, transfer?: readonly ArrayBuffer[]): void {
    if (transfer === undefined) this.#port.postMessage(message)
    else this.#port.postMessage(message, transfer as ArrayBuffer[])
  }

  /** Messages that came before the first handler wait for it. A later call replaces the handler. */
  setHandler(onMessage: (message: unknown) => void): void {
    const first = this.#onMessage === null
    this.#onMessage = onMessage
    if (!first) return
    this.#port.on('messageerror', (error) => {
      throw error
    })
    this.#port.on('message', (message) => this.#onMessage!(message))
  }

  close(): void {
    this.#port.close()
  }
}
