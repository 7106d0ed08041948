import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export interface BenchProcess {
  readonly child: ChildProcess
  /** What it has written so far. */
  readonly output: { stdout: string; stderr: string }
  /** Resolves with the exit code, after all output: no store process holds stderr any more, so none is left. */
  readonly ended: Promise<number | null>
}

/** The runner as a user starts it, with `tmp` as its temporary directory. */
export function startBench(tmp: string, args: readonly string[]): BenchProcess {
  const main = fileURLToPath(new URL('../../bench/main.js', import.meta.url))
  const env = { ...process.env, TMPDIR: tmp, TMP: tmp, TEMP: tmp }
  // A process group of its own, as a shell gives it: a Ctrl-C is for all of the group.
  const child = spawn(process.execPath, [main, ...args], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  const output = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output.stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output.stderr += text
  })
  const ended = once(child, 'close').then(([code]) => code as number | null)
  return { child, output, ended }
}

/** Calls `body` with a fresh directory, removed afterwards. */
export async function withTempDir<T>(body: (dir: string) => Promise<T>): Promise<T> {
  const dir = await mkdtemp(join(tmpdir(), 'flotilla-test-bench-'))
  try {
    return await body(dir)
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}
