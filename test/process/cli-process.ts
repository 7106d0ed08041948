import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile } from 'node:fs/promises'
import { MAIN, shellEnv } from '../cli/command-line.ts'

export interface CliProcess {
  readonly child: ChildProcess
  /** What it has written so far. */
  readonly output: { stdout: string; stderr: string }
  /** Resolves with the exit code, after all output. */
  readonly ended: Promise<number | null>
  /** Resolves once the output, both streams together, matches. Rejects when it ends without. */
  seen(pattern: RegExp): Promise<void>
  /** A signal to the whole process group, as a terminal sends it. */
  signalGroup(signal: NodeJS.Signals): void
}

export interface CliSettings {
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  /** Of the shell's `ulimit -f`: no file of it can grow beyond so many blocks of 512 or 1,024 bytes. */
  readonly maxFileBlocks?: number
}

/** `flotilla` as a user starts it, with `tmp` as its temporary directory and in a process group of its own. */
export function startCli(tmp: string, args: readonly string[], settings: CliSettings = {}): CliProcess {
  const { cwd = tmp, maxFileBlocks } = settings
  const env = { ...shellEnv(), TMPDIR: tmp, TMP: tmp, TEMP: tmp, ...settings.env }
  const node = [process.execPath, MAIN, ...args]
  const [file, ...rest] =
    maxFileBlocks === undefined
      ? node
      : ['/bin/sh', '-c', 'ulimit -f "$0" && exec "$@"', String(maxFileBlocks), ...node]
  const child = spawn(file!, rest, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true })
  const output = { stdout: '', stderr: '' }
  const listeners = new Set<() => void>()
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]!.setEncoding('utf8').on('data', (text: string) => {
      output[name] += text
      for (const listener of listeners) listener()
    })
  }
  const ended = once(child, 'close').then(([code]) => code as number | null)
  const seen = (pattern: RegExp): Promise<void> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        if (!pattern.test(output.stdout + output.stderr)) return
        listeners.delete(look)
        resolve()
      }
      listeners.add(look)
      look()
      const fail = (): void =>
        reject(new Error(`it ended without ${pattern}:\n${output.stdout}\n${output.stderr}`))
      ended.then(fail, fail)
    })
  const signalGroup = (signal: NodeJS.Signals): void => void process.kill(-child.pid!, signal)
  return { child, output, ended, seen, signalGroup }
}

/** `flotilla demo`. */
export function startDemo(tmp: string, args: readonly string[]): CliProcess {
  return startCli(tmp, ['demo', ...args])
}

/** Ids of the processes that were started with `tmp` as their temporary directory. Empty where there is no /proc. */
export async function processesOf(tmp: string): Promise<string[]> {
  const found: string[] = []
  for (const pid of await readdir('/proc').catch(() => [])) {
    if (!/^\d+$/.test(pid)) continue
    const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '')
    if (environment.split('\0').includes(`TMPDIR=${tmp}`)) found.push(pid)
  }
  return found
}

/** Whatever but line feeds a terminal would act on. */
export function controlCodesIn(text: string): string[] {
  return [...text].filter((c) => (c < ' ' && c !== '\n') || (c >= '\x7f' && c < '\xa0'))
}
