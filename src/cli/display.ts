import { createRequire } from 'node:module'
import { styleText } from 'node:util'
import type { MultiBar } from 'cli-progress'

/** As much of a stream as the display needs. */
export interface DisplayStream extends NodeJS.WritableStream {
  readonly isTTY?: boolean
  readonly columns?: number
}

export interface DisplayOptions {
  /** A terminal whose line may be rewritten. Otherwise nothing but plain lines is written. */
  readonly interactive: boolean
  readonly colours: boolean
}

/** How far a step has come: `fraction` of it in [0, 1] where known, and words. */
export interface StepProgress {
  readonly fraction?: number
  readonly text: string
  /** Lines below the bar, always as many in one step; what is less important comes last in each, after a comma. */
  readonly below?: readonly string[]
}

const LABEL_WIDTH = 10
const BAR_WIDTH = 24
const REDRAW_MS = 100
const DEFAULT_COLUMNS = 80
/** In a pipe a step that goes on says so this often: nobody should wonder for two seconds whether something lives. */
const PIPE_INTERVAL_MS = 1_800

/** What the terminal at the other end of a stream can do, by the usual conventions. */
export function displayOptionsFor(stream: DisplayStream, env: NodeJS.ProcessEnv): DisplayOptions {
  const interactive = stream.isTTY === true && env.TERM !== 'dumb'
  return { interactive, colours: interactive && (env.NO_COLOR ?? '') === '' }
}

/**
 * Labelled lines that stay, and below them what lives: a bar on a terminal, maybe with lines below it, a plain line now and then in a pipe. At
 * most one step is shown at a time.
 */
export class Display {
  readonly #stream: DisplayStream
  readonly #options: DisplayOptions
  #step: { label: string; render: () => StepProgress; startedAtMs: number } | null = null
  #bar: MultiBar | null = null
  #timer: NodeJS.Timeout | null = null

  constructor(stream: DisplayStream, options: DisplayOptions) {
    this.#stream = stream
    this.#options = options
  }

  /** A line that stays. */
  line(label: string, text: string): void {
    this.text(`${this.#label(label)}${text}`)
  }

  /** Lines that stay, as they are. */
  text(text: string): void {
    this.#stopBar()
    this.#stream.write(`${text}\n`)
    this.#showStep()
  }

  /** Begins a step; `render` is asked whenever its line is drawn. It ends with `end` or with the next step. */
  begin(label: string, render: () => StepProgress): void {
    this.#stopBar()
    this.#step = { label, render, startedAtMs: performance.now() }
    this.#showStep()
  }

  /** The step is over; with `text` one line of it stays. */
  end(text?: string): void {
    const step = this.#step
    this.#stopBar()
    this.#step = null
    if (step !== null && text !== undefined) this.line(step.label, text)
  }

  good(text: string): string {
    return this.#options.colours ? styleText(['bold', 'green'], text) : text
  }

  bad(text: string): string {
    return this.#options.colours ? styleText(['bold', 'red'], text) : text
  }

  strong(text: string): string {
    return this.#options.colours ? styleText('bold', text) : text
  }

  #label(label: string): string {
    return `  ${this.strong(label.padEnd(LABEL_WIDTH))}`
  }

  #showStep(): void {
    if (this.#step === null) return
    if (this.#options.interactive) this.#startBar()
    else this.#timer = setTimeout(() => this.#pipeLine(), PIPE_INTERVAL_MS)
  }

  #pipeLine(): void {
    if (this.#step === null) return
    const { label, render } = this.#step
    const progress = render()
    this.line(label, [progressText(progress), ...(progress.below ?? [])].join(', '))
  }

  #startBar(): void {
    // Loaded with the first bar: in a pipe there is none.
    const bars = createRequire(import.meta.url)('cli-progress') as typeof import('cli-progress')
    const bar = new bars.MultiBar({
      stream: this.#stream,
      hideCursor: true,
      clearOnComplete: true,
      // The signals are ours to answer; `end` restores the cursor.
      gracefulExit: false,
      fps: 1_000 / REDRAW_MS,
    })
    this.#bar = bar
    bar.create(1, 0, {}, { format: () => this.#barLine() })
    const below = this.#step?.render().below ?? []
    for (const [i] of below.entries()) bar.create(1, 0, {}, { format: () => this.#lineBelow(i) })
    bar.update()
  }

  #barLine(): string {
    if (this.#step === null) return ''
    const { label, render, startedAtMs } = this.#step
    const progress = render()
    const bar = progress.fraction === undefined ? '' : `${drawBar(progress.fraction)} `
    // A step that stands still shows by its seconds that the program does not.
    const seconds = ((performance.now() - startedAtMs) / 1_000).toFixed(1)
    return `${this.#label(label)}${bar}${progressText(progress)}, ${seconds} s`
  }

  #lineBelow(i: number): string {
    const line = `${' '.repeat(2 + LABEL_WIDTH)}${this.#step?.render().below?.[i] ?? ''}`
    return cutAtComma(line, this.#stream.columns ?? DEFAULT_COLUMNS)
  }

  #stopBar(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    this.#bar?.stop()
    this.#bar = null
  }
}

function progressText({ fraction, text }: StepProgress): string {
  return fraction === undefined ? text : `${String(Math.floor(clamp(fraction) * 100)).padStart(3)} %  ${text}`
}

/** Half a number would be another number. */
function cutAtComma(line: string, columns: number): string {
  if (line.length <= columns) return line
  const end = ', …'
  return `${line.slice(0, Math.max(0, line.lastIndexOf(', ', columns - end.length)))}${end}`
}

function drawBar(fraction: number): string {
  const full = Math.round(clamp(fraction) * BAR_WIDTH)
  return '█'.repeat(full) + '░'.repeat(BAR_WIDTH - full)
}

function clamp(fraction: number): number {
  return Math.min(1, Math.max(0, fraction))
}
