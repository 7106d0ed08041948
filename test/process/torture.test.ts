import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { controlCodesIn, processesOf } from './cli-process.ts'
import { HANG_MS, until } from './guard.ts'

vi.setConfig({ testTimeout: 3 * HANG_MS })

/** Of the machine's time. However slow it is, a store is killed and another one's directory damaged. */
const MINUTES = '0.25'

let tmp = ''

beforeEach(async () => {
  tmp = await mkdtemp(path.join(os.tmpdir(), 'flotilla-torture-test-'))
})

afterEach(async () => {
  await rm(tmp, { recursive: true, force: true })
})

interface Run {
  readonly output: { stdout: string; stderr: string }
  readonly ended: Promise<number | null>
  interrupt(): void
}

function startTorture(...args: readonly string[]): Run {
  const main = fileURLToPath(new URL('../torture/main.js', import.meta.url))
  const env = { ...process.env, TMPDIR: tmp, TMP: tmp, TEMP: tmp }
  const child = spawn(process.execPath, [main, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  const output = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      output[name] += text
    })
  }
  const ended = once(child, 'close').then(([code]) => code as number | null)
  return { output, ended, interrupt: () => child.kill('SIGINT') }
}

describe('npm run torture', () => {
  test('kills stores and damages one, finds every acknowledged write on all of them, and leaves nothing behind', async () => {
    const { output, ended } = startTorture('--minutes', MINUTES, '--seed', 'smoke')
    const code = await ended
    expect(code, output.stdout + output.stderr).toBe(0)
    expect(output.stdout).toMatch(/stores killed +│ [2-9]\d*/)
    expect(output.stdout).toMatch(/started on a damaged directory +│ [1-9]/)
    expect(output.stdout).toMatch(/writes acknowledged +│ [1-9]/)
    expect(output.stdout).toContain('Nothing acknowledged was lost')
    expect(controlCodesIn(output.stdout + output.stderr)).toEqual([])
    expect(await readdir(tmp)).toEqual([])
  })

  test('ends at once when it is interrupted, with its stores and its files', async () => {
    const { output, ended, interrupt } = startTorture('--minutes', '60', '--seed', 'smoke')
    await until('a store was killed', () => output.stderr.includes('killed'))
    interrupt()
    expect(await ended).toBe(130)
    expect(output.stdout).toBe('')
    expect(await processesOf(tmp)).toEqual([])
    expect(await readdir(tmp)).toEqual([])
  })

  test('refuses a time that is none', async () => {
    const { output, ended } = startTorture('--minutes', 'soon')
    expect(await ended).toBe(2)
    expect(output.stderr).toContain('--minutes')
  })
})
