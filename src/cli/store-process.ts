import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { OWN_GROUP } from './own-group.ts'
import type {
  CallName,
  ErrorView,
  StoreCalls,
  StoreMessage,
  StoreRequest,
  WriteOrder,
  WrittenBatch,
} from './store-messages.ts'

/** What a store process wrote on stderr last: shown when it ends unexpectedly. */
const STDERR_TAIL_CHARS = 4_000

export interface StoreProcessEvents {
  onWritten(batch: WrittenBatch): void
  /** The process failed or ended although nobody had asked for it. */
  onFailure(error: Error): void
}

/** An answer of a store process that says no. */
export class StoreRefusal extends Error {
  override name = 'StoreRefusal'
  /** FLOTILLA_… or ''. */
  readonly code: string

  constructor(storeId: string, { code, message }: ErrorView) {
    super(`store ${storeId}: ${message}`)
    this.code = code
  }
}

interface Call {
  readonly resolve: (value: unknown) => void
  readonly reject: (error: Error) => void
}

/** The demo's handle on one store process. */
export class StoreProcess {
  readonly storeId: string
  readonly #child: ChildProcess
  readonly #events: StoreProcessEvents
  readonly #calls = new Map<number, Call>()
  /** Resolves when the process is gone and all that it had sent has been read. */
  readonly #gone: Promise<void>
  #nextCall = 1
  #endExpected = false
  #ended = false
  #stderrTail = ''

  /** `scratchDir`, all that the demo keeps on disk, is removed by the process when the demo itself died. */
  constructor(storeId: string, scratchDir: string, events: StoreProcessEvents) {
    this.storeId = storeId
    this.#events = events
    const main = new URL('./demo-store.js', import.meta.url)
    this.#child = fork(main, [scratchDir], {
      ...OWN_GROUP,
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderrTail = (this.#stderrTail + text).slice(-STDERR_TAIL_CHARS)
    })
    this.#child.on('message', (message: StoreMessage) => this.#onMessage(message))
    this.#gone = this.#whenGone()
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  /** Rejects with StoreRefusal, or when the process ends first. */
  call<K extends CallName>(name: K, args: StoreCalls[K]['args']): Promise<StoreCalls[K]['answer']> {
    return new Promise<unknown>((resolve, reject) => {
      if (this.#ended) return reject(new Error(`store ${this.storeId} has ended`))
      const id = this.#nextCall++
      this.#calls.set(id, { resolve, reject })
      this.#send({ kind: 'call', id, name, args } as StoreRequest)
    }) as Promise<StoreCalls[K]['answer']>
  }

  /** What becomes of the files is told by `onWritten`. */
  write(root: string, files: readonly WriteOrder[]): void {
    this.#send({ kind: 'write', root, files })
  }

  killNow(): void {
    this.#endExpected = true
    this.#child.kill('SIGKILL')
  }

  /** SIGKILL: no goodbye, nothing flushed. Resolves when the process is gone and its last words have been heard. */
  async kill(): Promise<void> {
    this.killNow()
    await this.#gone
  }

  /** Closes the store; the process has to end by itself in `timeoutMs`. */
  async close(timeoutMs: number): Promise<void> {
    this.#endExpected = true
    await this.call('close', null)
    const late = new Error(`store ${this.storeId} (process ${this.pid}) was closed and did not end`)
    let timer: NodeJS.Timeout | undefined
    const timeout = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(late), timeoutMs)
    })
    await Promise.race([this.#gone, timeout]).finally(() => clearTimeout(timer))
  }

  #send(request: StoreRequest): void {
    // A failure to send means that the process is going: its end is what gets reported.
    if (this.#child.connected) this.#child.send(request, () => {})
  }

  #onMessage(message: StoreMessage): void {
    if (message.kind === 'written') {
      this.#events.onWritten(message)
    } else if (message.kind === 'failed') {
      this.#fail(new StoreRefusal(this.storeId, message.error))
    } else {
      const call = this.#calls.get(message.id)
      this.#calls.delete(message.id)
      if (message.kind === 'answer') call?.resolve(message.value)
      else call?.reject(new StoreRefusal(this.storeId, message.error))
    }
  }

  /** Acks that were sent before the end are still in the channel when the process is gone: both ends are waited for. */
  async #whenGone(): Promise<void> {
    const disconnected = new Promise<void>((resolve) => {
      this.#child.once('disconnect', resolve)
    })
    const ended = await new Promise<{ reason: string; spawned: boolean }>((resolve) => {
      this.#child.once('error', (error) => {
        if (this.#child.pid === undefined) resolve({ reason: error.message, spawned: false })
      })
      this.#child.once('exit', (code, signal) =>
        resolve({ reason: signal ?? `exit code ${code}`, spawned: true }),
      )
    })
    if (ended.spawned && this.#child.connected) await disconnected
    this.#ended = true
    const tail = this.#stderrTail.trim()
    const text = `store ${this.storeId} (process ${this.pid}) ended unexpectedly: ${ended.reason}`
    this.#fail(new Error(tail === '' ? text : `${text}\n${tail}`))
  }

  #fail(error: Error): void {
    for (const call of this.#calls.values()) call.reject(error)
    this.#calls.clear()
    if (this.#endExpected) return
    this.#endExpected = true
    this.#events.onFailure(error)
  }
}
