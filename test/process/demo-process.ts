import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

export interface DemoProcess {
  readonly child: ChildProcess
  /** What it has written so far. */
  readonly output: { stdout: string; stderr: string }
  /** Resolves with the exit code, after all output. */
  readonly ended: Promise<number | null>
  /** Resolves once the output, both streams together, matches. Rejects when it ends without. */
  seen(pattern: RegExp): Promise<void>
}

/** `flotilla demo` as a user starts it, with `tmp` as its temporary directory. */
export function startDemo(tmp: string, args: readonly string[]): DemoProcess {
  const main = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url))
  const env = { ...process.env, TMPDIR: tmp, TMP: tmp, TEMP: tmp }
  const child = spawn(process.execPath, [main, 'demo', ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] })
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
      ended.then(() => reject(new Error(`it ended without ${pattern}:\n${output.stdout}\n${output.stderr}`)))
    })
  return { child, output, ended, seen }
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
