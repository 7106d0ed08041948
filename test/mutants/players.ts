import os from 'node:os'
import type { Worker } from 'node:worker_threads'
import { startSimThread } from '../../src/cli/sim-thread.ts'
import type { PlayResult, PlayTask } from './messages.ts'

const WORKER = new URL('./mutant-worker.js', import.meta.url)
/** The machine may have other work. */
const NICE = 10
/** A mutant may make a run that never ends. */
const MAX_SEED_MS = 30 * 60_000

/** Threads that play seeds of one tree: modules of a tree are loaded once in each. */
export class Players {
  readonly #jobs: number
  #workers: Worker[] = []
  readonly #idle: Worker[] = []

  constructor(jobs: number) {
    this.#jobs = jobs
    os.setPriority(NICE)
  }

  /** Plays the tasks in order, several at a time, until `onResult` says that it is enough. Results come in any order. */
  async play(
    tasks: Iterable<PlayTask>,
    signal: AbortSignal,
    onResult: (task: PlayTask, result: PlayResult) => Promise<'go-on' | 'stop'>,
  ): Promise<void> {
    const waiting = tasks[Symbol.iterator]()
    let stopped = false
    const lane = async (): Promise<void> => {
      let worker = this.#hire()
      while (!stopped && !signal.aborted) {
        const next = waiting.next()
        if (next.done === true) return
        const result = await playOne(worker, next.value, signal)
        // Whatever ended it like that may have ended its thread too.
        if (result.end === 'crashed' && !signal.aborted) {
          await worker.terminate()
          worker = this.#hire()
        }
        if ((await onResult(next.value, result)) === 'stop') stopped = true
      }
    }
    await Promise.all(Array.from({ length: this.#jobs }, lane))
    signal.throwIfAborted()
  }

  /** Beside the others, in a thread that stays for the next: of one tree, always the same. */
  async playOnce(task: PlayTask, signal: AbortSignal): Promise<PlayResult> {
    const worker = this.#idle.pop() ?? startSimThread(WORKER)
    const result = await playOne(worker, task, signal)
    if (result.end === 'crashed') await worker.terminate()
    else this.#idle.push(worker)
    return result
  }

  #hire(): Worker {
    const worker = startSimThread(WORKER)
    this.#workers.push(worker)
    return worker
  }

  /** Ends the threads: another tree is another set of modules. */
  async dismiss(): Promise<void> {
    const workers = this.#workers
    this.#workers = []
    await Promise.all(workers.map((worker) => worker.terminate()))
  }

  async close(): Promise<void> {
    await this.dismiss()
    await Promise.all(this.#idle.splice(0).map((worker) => worker.terminate()))
  }
}

function playOne(worker: Worker, task: PlayTask, signal: AbortSignal): Promise<PlayResult> {
  return new Promise((resolve) => {
    const settle = (result: PlayResult): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', onAbort)
      worker.off('message', settle).off('error', onError).off('exit', onExit)
      resolve(result)
    }
    const onError = (error: Error): void => settle({ end: 'crashed', detail: error.message })
    const onExit = (): void => settle({ end: 'crashed', detail: 'its thread is gone' })
    const onAbort = (): void => settle({ end: 'crashed', detail: 'interrupted' })
    const timer = setTimeout(() => {
      settle({ end: 'crashed', detail: `seed ${task.seed} does not end` })
      void worker.terminate()
    }, MAX_SEED_MS)
    signal.addEventListener('abort', onAbort)
    worker.on('message', settle).on('error', onError).on('exit', onExit)
    worker.postMessage(task)
  })
}
