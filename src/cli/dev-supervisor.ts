import { setTimeout as sleep } from 'node:timers/promises'
import type { DevStoreArgs } from './dev-messages.ts'
import { DevStoreProcess } from './dev-store-process.ts'
import { formatMs } from './format.ts'

/** A process that was ready for so long and ended has not failed to start. */
const STEADY_MS = 5_000
/** So many ends in a row, each soon after its start, and the store is left down. */
const MAX_QUICK_ENDS = 5
const FIRST_PAUSE_MS = 250
const CLOSE_TIMEOUT_MS = 5_000

export interface DevSupervisorOptions {
  /** Removed by the processes if we die; '' for none. */
  readonly scratchDir: string
  /** Before the first new start; it doubles with each end that follows soon. Default 250 ms. */
  readonly firstPauseMs?: number
  /** Hears in a sentence what becomes of the store. */
  tell(text: string): void
}

/** Keeps one store of `flotilla dev` running: a process that ends is started again. */
export class DevSupervisor {
  readonly #args: DevStoreArgs
  readonly #options: DevSupervisorOptions
  readonly #stopping = new AbortController()
  #process: DevStoreProcess

  constructor(args: DevStoreArgs, options: DevSupervisorOptions) {
    this.#args = args
    this.#options = options
    this.#process = this.#spawn()
  }

  get pid(): number {
    return this.#process.pid
  }

  /** The first process listens. Rejects with a DevStoreFailure. */
  get ready(): Promise<void> {
    return this.#process.ready
  }

  /** Every group of the first process knows a leader. Rejects with a DevStoreFailure. */
  get led(): Promise<void> {
    return this.#process.led
  }

  /** Resolves when the store is left down, or closed. */
  async keepRunning(): Promise<void> {
    const { signal } = this.#stopping
    const { firstPauseMs = FIRST_PAUSE_MS } = this.#options
    let quickEnds = 0
    for (let starts = 0; ; starts++) {
      const steadyMs = await this.#lifeOf(this.#process, starts > 0)
      const [why, { pid }] = [await this.#process.ended, this.#process]
      if (signal.aborted) return
      quickEnds = steadyMs > STEADY_MS ? 1 : quickEnds + 1
      const ended = `${this.#args.storeId}, process ${pid}, ended: ${why}`
      if (quickEnds > MAX_QUICK_ENDS) {
        return this.#options.tell(`${ended}; that was too often in a row, it is left down`)
      }
      const pauseMs = firstPauseMs * 2 ** (quickEnds - 1)
      this.#options.tell(`${ended}; it is started again in ${pauseMs} ms`)
      await sleep(pauseMs, undefined, { signal }).catch(() => {})
      if (signal.aborted) return
      this.#process = this.#spawn()
    }
  }

  /** How long the process was ready, once it has ended; says when it is again. */
  async #lifeOf(process: DevStoreProcess, isBack: boolean): Promise<number> {
    const startedAtMs = performance.now()
    const isReady = await process.ready.then(
      () => true,
      () => false,
    )
    if (!isReady) return 0
    const readyAtMs = performance.now()
    const took = formatMs(readyAtMs - startedAtMs)
    if (isBack)
      this.#options.tell(
        `${this.#args.storeId} is back: process ${process.pid}, same directory, after ${took}`,
      )
    await process.ended
    return performance.now() - readyAtMs
  }

  async close(): Promise<void> {
    this.#stopping.abort()
    await this.#process.close(CLOSE_TIMEOUT_MS)
  }

  killNow(): void {
    this.#stopping.abort()
    this.#process.killNow()
  }

  #spawn(): DevStoreProcess {
    return new DevStoreProcess(this.#args, this.#options.scratchDir)
  }
}
