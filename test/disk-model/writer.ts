import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { WritePlan } from './batches.ts'

const CHILD = fileURLToPath(new URL('./writer-child.js', import.meta.url))
/** Generous: it only ends a run that hangs. */
const GIVE_UP_MS = 60_000

/** What a child said before it was killed. */
export interface Written {
  readonly issued: number
  readonly acked: ReadonlySet<number>
  readonly failed: ReadonlySet<number>
  /** A write was out for a second, without an answer. */
  readonly stuck: boolean
  readonly backgroundErrors: number
  readonly writeStopped: boolean
  /** Of its files, in bytes; 0 when there is none. */
  readonly fileLimit: number
  readonly signal: NodeJS.Signals | null
}

export interface WriterOptions {
  /** Killed when so many batches were acknowledged; when all are answered, or writes are stuck, in any case. */
  readonly killAfter?: number
  /** What runs node: a shell with limits, a tracer. Node and its arguments follow. */
  readonly wrapper?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

/** Runs a child on `dir` until it is killed with SIGKILL. */
export function runWriter(dir: string, plan: WritePlan, options: WriterOptions = {}): Promise<Written> {
  const { killAfter = Number.POSITIVE_INFINITY, wrapper = [], env = {} } = options
  const command = [...wrapper, process.execPath, CHILD, dir, JSON.stringify(plan)]
  const child = spawn(command[0]!, command.slice(1), {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  })
  return new WriterWatch(child, killAfter).ended
}

class WriterWatch {
  readonly ended: Promise<Written>
  readonly #killAfter: number
  readonly #acked = new Set<number>()
  readonly #failed = new Set<number>()
  #pid = 0
  #issued = 0
  #stuck = false
  #errors = '0'
  #stopped = '0'
  #fileLimit = 0
  #killed = false
  #rest = ''
  #complaints = ''

  constructor(child: ChildProcess, killAfter: number) {
    this.#killAfter = killAfter
    child.stdout!.setEncoding('latin1').on('data', (text: string) => this.#onText(text))
    child.stderr!.setEncoding('latin1').on('data', (text: string) => {
      this.#complaints += text
    })
    const giveUp = setTimeout(() => this.#kill(), GIVE_UP_MS)
    this.ended = new Promise((resolve, reject) => {
      child.on('error', reject)
      child.on('close', (_code, signal) => {
        clearTimeout(giveUp)
        if (!this.#killed) reject(new Error(`the writer ended by itself: ${this.#complaints}`))
        else resolve(this.#written(signal))
      })
    })
  }

  #written(signal: NodeJS.Signals | null): Written {
    return {
      issued: this.#issued,
      acked: this.#acked,
      failed: this.#failed,
      stuck: this.#stuck,
      backgroundErrors: Number(this.#errors),
      writeStopped: this.#stopped !== '0',
      fileLimit: this.#fileLimit,
      signal,
    }
  }

  #onText(text: string): void {
    const lines = (this.#rest + text).split('\n')
    this.#rest = lines.pop()!
    for (const line of lines) this.#onLine(line)
  }

  #onLine(line: string): void {
    const [kind, first = '0', second = '0'] = line.split(' ')
    const number = Number(first)
    if (kind === 'p') this.#pid = number
    else if (kind === 'l') this.#fileLimit = number
    else if (kind === 'i') this.#issued = Math.max(this.#issued, number)
    else if (kind === 'f') this.#failed.add(number)
    else if (kind === 'e') [this.#errors, this.#stopped] = [first, second]
    else if (kind === 'a') this.#acked.add(number)
    else {
      this.#stuck ||= kind === 'w'
      this.#kill()
    }
    if (this.#acked.size >= this.#killAfter) this.#kill()
  }

  /** The writer itself, which may be the child of what was started. */
  #kill(): void {
    if (this.#killed || this.#pid === 0) return
    this.#killed = true
    process.kill(this.#pid, 'SIGKILL')
  }
}
