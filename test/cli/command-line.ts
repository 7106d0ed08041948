import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** The file of the command. */
export const MAIN = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url))

export interface Ended {
  readonly code: number | null
  readonly stdout: Buffer
  readonly stderr: string
}

export interface CommandOptions {
  readonly env?: Readonly<Record<string, string>>
  readonly input?: string | Buffer
  readonly cwd?: string
}

/** `flotilla …` as a user runs it, in a process of its own, its streams pipes. */
export function runCommand(args: readonly string[], options: CommandOptions = {}): Promise<Ended> {
  const { env, input, cwd } = options
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [MAIN, ...args], { cwd, env: { ...shellEnv(), ...env } })
    const stdout: Buffer[] = []
    let stderr = ''
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk))
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text
    })
    // It may end without having read its input.
    child.stdin.on('error', () => {})
    child.stdin.end(input ?? '')
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, stdout: Buffer.concat(stdout), stderr }))
  })
}

/** Without what npm sets for what it runs: paths would begin where npm was started. */
export function shellEnv(): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !/^(?:npm_|INIT_CWD$|FLOTILLA_)/.test(name))
  return Object.fromEntries(own)
}

/** The one JSON value that a command left on stdout. */
export function jsonOf<T>({ stdout }: Ended): T {
  return JSON.parse(stdout.toString('utf8')) as T
}
