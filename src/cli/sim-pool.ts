import type { Worker } from 'node:worker_threads'
import type { SimResult, SimTask } from './sim-messages.ts'
import { startSimThread } from './sim-thread.ts'

const WORKER = new URL('./sim-worker.js', import.meta.url)

/**
 * Plays `tasks` on `jobs` threads and hands each result over as it comes; no order is kept. Stops at `until`, at the
 * signal, or at the end of the tasks; rejects when a thread dies.
 */
export async function playSeeds(
  tasks: Iterable<SimTask>,
  jobs: number,
  signal: AbortSignal,
  onResult: (result: SimResult) => 'go-on' | 'stop',
): Promise<void> {
  const waiting = tasks[Symbol.iterator]()
  let stopped = false
  const workers: Worker[] = []
  try {
    const lanes = Array.from({ length: jobs }, async () => {
      const worker = startSimThread(WORKER)
      workers.push(worker)
      while (!stopped && !signal.aborted) {
        const next = waiting.next()
        if (next.done === true) return
        const result = await playOne(worker, next.value, signal)
        if (onResult(result) === 'stop') stopped = true
      }
    })
    await Promise.race([Promise.all(lanes), aborted(signal)])
  } finally {
    stopped = true
    await Promise.all(workers.map((worker) => worker.terminate()))
  }
}

function playOne(worker: Worker, task: SimTask, signal: AbortSignal): Promise<SimResult> {
  return new Promise((resolve, reject) => {
    const onExit = (): void => {
      reject(signal.reason ?? new Error(`the thread that played seed ${task.seed} is gone`))
    }
    const onMessage = (result: SimResult): void => {
      worker.off('error', reject)
      worker.off('exit', onExit)
      resolve(result)
    }
    worker.once('message', onMessage)
    worker.once('error', reject)
    worker.once('exit', onExit)
    worker.postMessage(task)
  })
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason)
    else signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}
