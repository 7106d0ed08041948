import { type ChildProcess, fork } from 'node:child_process'
import os from 'node:os'
import { SIM_PROCESS_FLAGS } from '../../src/cli/sim-thread.ts'
import type { PlayResult, PlayTask } from './messages.ts'

const WORKER = new URL('./mutant-worker.js', import.meta.url)
/** The machine may have other work. */
const NICE = 10
/** A mutant may make a run that never ends. */
const MAX_SEED_MS = 30 * 60_000

/**
 * Processes that play seeds of one tree: modules of a tree are loaded once in each. A thread would do but for its memory, of
 * which much stays with the process when it ends.
 */
export class Players {
  readonly #jobs: number
  #workers: ChildProcess[] = []
  readonly #idle: ChildProcess[] = []

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
        // Whatever ended it like that may have ended its process too.
        if (result.end === 'crashed' && !signal.aborted) {
          await end(worker)
          worker = this.#hire()
        }
        if ((await onResult(next.value, result)) === 'stop') stopped = true
      }
    }
    await Promise.all(Array.from({ length: this.#jobs }, lane))
    signal.throwIfAborted()
  }

  /** Beside the others, in a process that stays for the next: of one tree, always the same. */
  async playOnce(task: PlayTask, signal: AbortSignal): Promise<PlayResult> {
    const worker = this.#idle.pop() ?? start()
    const result = await playOne(worker, task, signal)
    if (result.end === 'crashed') await end(worker)
    else this.#idle.push(worker)
    return result
  }

  #hire(): ChildProcess {
    const worker = start()
    this.#workers.push(worker)
    return worker
  }

  /** Ends the processes: another tree is another set of modules. */
  async dismiss(): Promise<void> {
    const workers = this.#workers
    this.#workers = []
    await Promise.all(workers.map(end))
  }

  async close(): Promise<void> {
    await this.dismiss()
    await Promise.all(this.#idle.splice(0).map(end))
  }
}

function start(): ChildProcess {
  return fork(WORKER, { execArgv: [...process.execArgv, ...SIM_PROCESS_FLAGS] })
}

function end(worker: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (worker.exitCode !== null || worker.signalCode !== null) resolve()
    else {
      worker.once('exit', () => resolve())
      worker.kill('SIGKILL')
    }
  })
}

function playOne(worker: ChildProcess, task: PlayTask, signal: AbortSignal): Promise<PlayResult> {
  return new Promise((resolve) => {
    const settle = (result: PlayResult): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', onAbort)
      worker.off('message', settle).off('error', onError).off('exit', onExit)
      resolve(result)
    }
    const onError = (error: Error): void => settle({ end: 'crashed', detail: error.message })
    const onExit = (): void => settle({ end: 'crashed', detail: 'its process is gone' })
    const onAbort = (): void => settle({ end: 'crashed', detail: 'interrupted' })
    const timer = setTimeout(() => {
      settle({ end: 'crashed', detail: `seed ${task.seed} does not end` })
      void end(worker)
    }, MAX_SEED_MS)
    signal.addEventListener('abort', onAbort)
    worker.on('message', settle).on('error', onError).on('exit', onExit)
    worker.send(task)
  })
}
