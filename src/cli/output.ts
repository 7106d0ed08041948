import { once } from 'node:events'
import { Display, displayOptionsFor } from './display.ts'
import type { ErrorView } from './error-view.ts'
import { printableLines } from './format.ts'

/**
 * Where a verb's words go. Answers go to stdout: with `--json` as JSON, one value per line, else as text. Everything else
 * goes to stderr, progress included.
 */
export class Output {
  /** Progress, and remarks, on stderr. */
  readonly progress: Display
  readonly json: boolean
  readonly #signal: AbortSignal

  constructor(json: boolean, env: NodeJS.ProcessEnv, signal: AbortSignal) {
    this.json = json
    this.progress = new Display(process.stderr, displayOptionsFor(process.stderr, env))
    this.#signal = signal
  }

  /**
   * One answer, and the end of the step in progress: `value` with `--json`, else the lines of `text`. Resolves when stdout
   * takes more, so that a slow reader slows the verb down.
   */
  async answer(value: unknown, text: string): Promise<void> {
    await this.bytes(this.json ? `${JSON.stringify(value)}\n` : `${printableLines(text)}\n`)
  }

  /** The same, as it is: for a value whose bytes are the answer. */
  async bytes(bytes: string | Uint8Array): Promise<void> {
    this.progress.end()
    if (process.stdout.write(bytes)) return
    await once(process.stdout, 'drain', { signal: this.#signal })
  }

  /** Resolves when what was given to stdout is written, or cannot be: then the signal tells. */
  async written(): Promise<void> {
    if (process.stdout.destroyed) return
    await new Promise<void>((resolve) => process.stdout.write('', () => resolve()))
  }

  /** A remark for people, on stderr. */
  note(text: string): void {
    this.progress.text(printableLines(text))
  }

  /** With `--json` the answer is the error; people read it on stderr in any case. */
  error(who: string, error: ErrorView): void {
    this.progress.end()
    this.note(`${who}: ${error.message}`)
    if (this.json) process.stdout.write(errorLine(error))
  }
}

/** What `--json` prints of a command that failed. */
export function errorLine(error: ErrorView): string {
  return `${JSON.stringify({ error })}\n`
}
