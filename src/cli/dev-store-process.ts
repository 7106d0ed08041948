import { type ChildProcess, fork } from 'node:child_process'
import type { DevMessage, DevRequest, DevStoreArgs } from './dev-messages.ts'
import { OWN_GROUP } from './own-group.ts'

/** A store process that ended, or said that it failed. */
export class DevStoreFailure extends Error {
  override name = 'DevStoreFailure'
  /** FLOTILLA_… or ''. */
  readonly code: string

  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

/** One process of one store of `flotilla dev`. */
export class DevStoreProcess {
  /** The store listens. Rejects with a DevStoreFailure. */
  readonly ready: Promise<void>
  /** Every group of it knows a leader. Rejects with a DevStoreFailure. */
  readonly led: Promise<void>
  /** The process is gone; why, in words. */
  readonly ended: Promise<string>
  readonly #child: ChildProcess
  #failure: DevStoreFailure | null = null

  /** `scratchDir` is removed by the process if we die without doing so; '' for none. */
  constructor(args: DevStoreArgs, scratchDir: string) {
    const main = new URL('./dev-store.js', import.meta.url)
    this.#child = fork(main, [scratchDir], {
      ...OWN_GROUP,
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    })
    this.ended = this.#whenEnded()
    this.ready = this.#when('ready', args.storeId)
    this.led = this.#when('led', args.storeId)
    this.#child.on('message', (message: DevMessage) => {
      if (message.kind === 'failed') this.#failure = new DevStoreFailure(message.code, message.message)
    })
    this.#send({ kind: 'open', ...args })
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  /** In order; resolves when the process is gone, killed if that takes longer than `timeoutMs`. */
  async close(timeoutMs: number): Promise<void> {
    this.#send({ kind: 'close' })
    const late = setTimeout(() => this.killNow(), timeoutMs)
    await this.ended
    clearTimeout(late)
  }

  killNow(): void {
    this.#child.kill('SIGKILL')
  }

  #send(request: DevRequest): void {
    // A failure to send means that the process is going: its end is what gets reported.
    if (this.#child.connected) this.#child.send(request, () => {})
  }

  #when(kind: DevMessage['kind'], storeId: string): Promise<void> {
    const promise = new Promise<void>((resolve, reject) => {
      this.#child.on('message', (message: DevMessage) => {
        if (message.kind === kind) resolve()
      })
      void this.ended.then((why) => {
        const text = `store ${storeId} (process ${this.pid}) ended: ${why}`
        reject(new DevStoreFailure(this.#failure?.code ?? '', text))
      })
    })
    // Whoever waits hears of it; nobody has to.
    promise.catch(() => {})
    return promise
  }

  async #whenEnded(): Promise<string> {
    const why = await new Promise<string>((resolve) => {
      this.#child.once('error', (error) => {
        if (this.#child.pid === undefined) resolve(error.message)
      })
      this.#child.once('exit', (code, signal) => resolve(signal ?? `exit code ${code}`))
    })
    return this.#failure?.message ?? why
  }
}
