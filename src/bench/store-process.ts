import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { LeadershipError } from './leadership.ts'
import type { StoreAnswers, StoreMessage, StoreRequest } from './store-messages.ts'

const END_TIMEOUT_MS = 5_000

interface Question {
  readonly resolve: (value: unknown) => void
  readonly reject: (error: Error) => void
}

/** The runner's handle on one store process. */
export class StoreProcess {
  /** Operations acknowledged so far, as last reported. */
  ops = 0
  readonly #name: string
  readonly #child: ChildProcess
  #question: Question | null = null
  #failure: Error | null = null
  #exited = false

  constructor(name: string) {
    this.#name = name
    const main = new URL('./bench-store.js', import.meta.url)
    // Its stdout is no place for anything; what it has to say in an emergency goes to ours, on stderr.
    this.#child = fork(main, [], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      // Out of reach of a Ctrl-C: the runner hears it, alone, and ends the run. Windows would open a window for it.
      detached: process.platform !== 'win32',
    })
    this.#child.on('message', (message: StoreMessage) => this.#onMessage(message))
    this.#child.on('error', (error) => this.fail(this.#named(error.message)))
    this.#child.on('exit', (code, signal) => {
      this.#exited = true
      this.fail(this.#named(`ended unexpectedly (${signal ?? `exit code ${code}`})`))
    })
  }

  /** One question at a time. Rejects when the process fails or ends, or after `timeoutMs`. */
  async ask<K extends StoreRequest['kind']>(
    request: Extract<StoreRequest, { kind: K }>,
    timeoutMs: number,
  ): Promise<StoreAnswers[K]> {
    if (this.#failure !== null) throw this.#failure
    const answer = new Promise<unknown>((resolve, reject) => {
      this.#question = { resolve, reject }
    })
    const timer = setTimeout(() => {
      this.fail(this.#named(`did not answer "${request.kind}" in ${timeoutMs / 1000} s`))
    }, timeoutMs)
    try {
      this.#child.send(request)
      return (await answer) as StoreAnswers[K]
    } finally {
      clearTimeout(timer)
    }
  }

  /** Lets the process end by itself; one that does not is killed. */
  async end(): Promise<void> {
    if (this.#exited) return
    const gone = once(this.#child, 'exit')
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), END_TIMEOUT_MS)
    this.#child.disconnect()
    await gone
    clearTimeout(timer)
  }

  /** Ends the process at once and waits until it is gone. */
  async kill(): Promise<void> {
    if (this.#exited || this.#child.pid === undefined) return
    const gone = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await gone
  }

  #named(text: string): Error {
    return new Error(`store process ${this.#name}: ${text}`)
  }

  #onMessage(message: StoreMessage): void {
    if (message.kind === 'progress') {
      this.ops = message.ops
    } else if (message.kind === 'failed') {
      this.fail(message.leadership ? new LeadershipError(message.message) : this.#named(message.message))
    } else {
      const question = this.#question
      this.#question = null
      question?.resolve(message.value)
    }
  }

  /** The question that waits, and every later one, rejects with `error`. The first failure counts. */
  fail(error: Error): void {
    this.#failure ??= error
    const question = this.#question
    this.#question = null
    question?.reject(this.#failure)
  }
}
