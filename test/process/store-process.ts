import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import type {
  CallName,
  ChildCalls,
  ChildMessage,
  ChildRequest,
  ErrorView,
  LoadRow,
  OpenArgs,
} from './child-calls.ts'
import { within } from './guard.ts'

/** Every thread of a store process loads it. */
const DOOM = new URL('./thread-doom.js', import.meta.url).href

/** A store process that said no. */
export class Refusal extends Error {
  readonly code: string
  readonly outcome: string

  constructor({ code, outcome, message }: ErrorView) {
    super(message)
    this.code = code
    this.outcome = outcome
  }
}

interface Call {
  readonly resolve: (value: unknown) => void
  readonly reject: (error: Error) => void
}

/** How a process ended, and all that it wrote. */
export interface End {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly output: string
}

/** A process with one store in it. */
export class StoreProcess {
  readonly storeId: string
  /** Resolves when the process is gone and all that it had sent has been read. */
  readonly ended: Promise<End>
  onLoad: (rows: readonly LoadRow[]) => void = () => {}
  readonly #child: ChildProcess
  readonly #calls = new Map<number, Call>()
  #nextCall = 1
  #output = ''

  /** With `maxFileBlocks` no file of it can grow beyond so many blocks of 512 or 1,024 bytes: a write past it fails. */
  constructor(storeId: string, maxFileBlocks: number | null = null) {
    this.storeId = storeId
    const nodeArgs = ['--enable-source-maps', '--import', DOOM]
    const limited = ['-c', 'ulimit -f "$0" && exec "$@"', String(maxFileBlocks), process.execPath]
    this.#child = fork(new URL('./store-child.js', import.meta.url), [], {
      serialization: 'advanced',
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      ...(maxFileBlocks === null
        ? { execArgv: nodeArgs }
        : { execPath: '/bin/sh', execArgv: [...limited, ...nodeArgs] }),
    })
    for (const stream of [this.#child.stdout!, this.#child.stderr!]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.#output += text
      })
    }
    this.#child.on('message', (message: ChildMessage) => this.#onMessage(message))
    this.ended = this.#whenEnded()
  }

  /** Rejects with a Refusal, or when the process ends first. */
  call<K extends CallName>(name: K, args: ChildCalls[K]['args']): Promise<ChildCalls[K]['answer']> {
    const answer = new Promise<unknown>((resolve, reject) => {
      const id = this.#nextCall++
      this.#calls.set(id, { resolve, reject })
      const request: ChildRequest = { id, name, args }
      this.#child.send(request, (error) => {
        if (error !== null) this.#take(id)?.reject(error)
      })
    })
    return within(answer, `${name} of ${this.storeId}`) as Promise<ChildCalls[K]['answer']>
  }

  open(args: OpenArgs): Promise<{ readonly address: string }> {
    return this.call('open', args)
  }

  /** SIGSTOP: it stands still, and what it had not read yet stays in its sockets. */
  freeze(): void {
    this.#child.kill('SIGSTOP')
  }

  /** SIGKILL: no goodbye, nothing flushed. */
  async kill(): Promise<End> {
    this.#child.kill('SIGKILL')
    return await within(this.ended, `end of ${this.storeId} after SIGKILL`)
  }

  #onMessage(message: ChildMessage): void {
    if (message.kind === 'load') this.onLoad(message.rows)
    else if (message.kind === 'answer') this.#take(message.id)?.resolve(message.value)
    else this.#take(message.id)?.reject(new Refusal(message.error))
  }

  #take(id: number): Call | undefined {
    const call = this.#calls.get(id)
    this.#calls.delete(id)
    return call
  }

  async #whenEnded(): Promise<End> {
    // What was sent before the end may still be in the channel when the process is gone.
    const drained = once(this.#child, 'disconnect')
    const [code, signal] = (await once(this.#child, 'close')) as [number | null, NodeJS.Signals | null]
    if (this.#child.connected) await drained
    const error = new Error(`${this.storeId} ended (${signal ?? code}): ${this.#output}`)
    for (const call of this.#calls.values()) call.reject(error)
    this.#calls.clear()
    return { code, signal, output: this.#output }
  }
}
