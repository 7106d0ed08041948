import { constants } from 'node:os'
import { FlotillaError } from '../util/errors.ts'
import { EXIT_SIGNAL_BASE } from './exit-codes.ts'

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** npm ends its shell on SIGTERM and leaves what the shell runs behind; this often we look whether that has happened. */
const ORPHAN_POLL_MS = 500

/** A terminal's Ctrl-C reaches a program and its npm, which passes it on: that soon after the first it is the same one. */
const ECHO_MS = 250

/** The command was told to end. */
export class Interrupted extends Error {
  override name = 'Interrupted'
  readonly exitCode: number
  /** Whoever read the output went away: there is nobody to tell. */
  readonly readerGone: boolean

  constructor(signal: NodeJS.Signals) {
    super(`interrupted (${signal})`)
    this.exitCode = EXIT_SIGNAL_BASE + constants.signals[signal]
    this.readerGone = signal === 'SIGPIPE'
  }
}

/**
 * Turns the ways a command can be told to end (Ctrl-C, kill, a closed terminal, a reader that went away, an npm that was
 * killed) into one AbortSignal whose reason is an `Interrupted`; so does output that cannot be written (OUTPUT_FAILED). The second time the process ends at once: what
 * `process.on('exit')` listeners do still happens.
 */
export class Interruption {
  readonly signal: AbortSignal
  readonly #controller = new AbortController()
  readonly #undo: (() => void)[] = []
  #interruptedAtMs = 0

  constructor() {
    this.signal = this.#controller.signal
    for (const name of SIGNALS) {
      const listener = (): void => this.#interrupt(name, true)
      process.on(name, listener)
      this.#undo.push(() => process.removeListener(name, listener))
    }
    for (const [name, stream] of Object.entries({ stdout: process.stdout, stderr: process.stderr })) {
      // It stays: a write that fails after the end must not become an uncaught exception.
      stream.on('error', (error: NodeJS.ErrnoException) => this.#onWriteFailed(name, error))
    }
    this.#watchNpm()
  }

  #onWriteFailed(name: string, error: NodeJS.ErrnoException): void {
    if (error.code === 'EPIPE') this.#interrupt('SIGPIPE', false)
    else if (!this.signal.aborted) {
      const text = `${name} cannot be written: ${error.message}`
      this.#controller.abort(new FlotillaError('OUTPUT_FAILED', text, { cause: error }))
    }
  }

  /** Signals act as usual again. */
  dispose(): void {
    for (const undo of this.#undo) undo()
  }

  #interrupt(name: NodeJS.Signals, insist: boolean): void {
    const reason = new Interrupted(name)
    if (!this.signal.aborted) {
      this.#interruptedAtMs = performance.now()
      this.#controller.abort(reason)
    } else if (insist && performance.now() - this.#interruptedAtMs > ECHO_MS) {
      process.exit(reason.exitCode)
    }
  }

  #watchNpm(): void {
    if (process.env.npm_lifecycle_event === undefined) return
    const parent = process.ppid
    const timer = setInterval(() => {
      if (process.ppid !== parent) this.#interrupt('SIGTERM', false)
    }, ORPHAN_POLL_MS)
    timer.unref()
    this.#undo.push(() => clearInterval(timer))
  }
}
