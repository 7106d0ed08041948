import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { shellEnv } from '../cli/command-line.ts'
import { writeTree } from '../cli/temp-dir.ts'
import { until, within } from '../process/guard.ts'
import type { CodeBlock } from './markdown.ts'
import { ROOT } from './pages.ts'
import { missingLine } from './shape.ts'
import type { Ports } from './substitution.ts'

/** Of commands that go on until they are told to end: what shows that they work. */
const GOES_ON: Readonly<Record<string, RegExp>> = { dev: /Ctrl-C ends all/, serve: /^ready: /m }
const START = /^npx flotilla (dev|serve)\b(?!.*--check-config)/

interface Background {
  readonly line: string
  /** Of both streams. */
  output(): string
  /** Like Ctrl-C. Resolves with the exit code. */
  end(): Promise<number | null>
}

/**
 * A stranger with a clone and a folder, who follows pages word for word: makes the files that they name and runs their commands
 * in a shell. Only ports are others, and `npx flotilla` is a script that runs the compiled command, which saves npx's time.
 */
export class Reader {
  readonly #home: string
  readonly #ports: Ports
  /** `flotilla dev` runs once for all pages. */
  #dev: Background | null = null

  private constructor(home: string, ports: Ports) {
    this.#home = home
    this.#ports = ports
  }

  static async create(ports: Ports): Promise<Reader> {
    const home = await mkdtemp(path.join(os.tmpdir(), 'flotilla-docs-'))
    const clone = path.join(home, 'flotilla')
    await mkdir(clone)
    for (const name of ['package.json', 'node_modules', 'dist']) {
      await symlink(path.join(ROOT, name), path.join(clone, name))
    }
    const main = path.join(ROOT, 'dist/src/cli/main.js')
    await writeTree(home, { 'bin/npx': shim(main, ports), 'tmp/.keep': '' })
    const reader = new Reader(home, ports)
    await reader.#sh('chmod +x bin/npx', home)
    return reader
  }

  /** Reads a page in a fresh folder that has the package installed, or from the clone. Throws for what is not as it says. */
  async read(page: string, blocks: readonly CodeBlock[], place: 'clone' | 'folder'): Promise<void> {
    const visit = new Visit(this, page, await this.#place(page, place))
    try {
      for (const block of blocks) await visit.follow(block)
    } finally {
      await visit.end()
    }
  }

  async #place(page: string, place: 'clone' | 'folder'): Promise<string> {
    if (place === 'clone') return path.join(this.#home, 'flotilla')
    const dir = path.join(this.#home, page.replace(/\W/g, '-'))
    await mkdir(path.join(dir, 'node_modules'), { recursive: true })
    await symlink(path.join(this.#home, 'flotilla'), path.join(dir, 'node_modules', 'flotilla'))
    return dir
  }

  /** As it must stand in a file, or on a command line, here. */
  here(text: string): string {
    return this.#ports.substitute(text).replaceAll('PID', this.#pid())
  }

  /** Of a store of `flotilla dev`. */
  #pid(): string {
    return /127\.0\.0\.1:\d+ │\s*(\d+)/.exec(this.#dev?.output() ?? '')?.[1] ?? 'PID'
  }

  async startOnce(
    line: string,
    cwd: string,
  ): Promise<{ readonly background: Background; readonly own: boolean }> {
    const isDev = line === 'npx flotilla dev'
    if (isDev && this.#dev !== null) return { background: this.#dev, own: false }
    const background = await this.#start(isDev ? `${line} --port ${this.#ports.inPlaceOf(7101)}` : line, cwd)
    if (isDev) this.#dev = background
    return { background, own: !isDev }
  }

  async #start(line: string, cwd: string): Promise<Background> {
    const child = spawn('/bin/sh', ['-c', `exec ${this.here(line)}`], {
      cwd,
      env: this.#env(cwd),
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text
      })
    }
    const ended = once(child, 'close').then(([code]) => code as number | null)
    const sign = GOES_ON[START.exec(line)![1]!]!
    await until(`${line}: ${sign}`, () => {
      if (child.exitCode !== null) throw new Error(`${line} ended:\n${output}`)
      return sign.test(output)
    })
    const end = async (): Promise<number | null> => {
      child.kill('SIGINT')
      return await within(ended, `the end of ${line}`)
    }
    return { line, output: () => output, end }
  }

  /** A script as a shell runs it, stopping at the first command that fails. Resolves with its output and where it went. */
  async #sh(script: string, cwd: string): Promise<{ code: number | null; output: string; cwd: string }> {
    const where = path.join(this.#home, 'tmp', 'where')
    const child = spawn('/bin/sh', ['-ec', `${script}\npwd > '${where}'`], {
      cwd,
      env: this.#env(cwd),
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text
      })
    }
    const [code] = (await within(once(child, 'close'), script)) as [number | null]
    return { code, output, cwd: code === 0 ? (await readFile(where, 'utf8')).trim() : cwd }
  }

  /** The same, and it must end well. */
  async run(script: string, cwd: string): Promise<{ output: string; cwd: string }> {
    const ended = await this.#sh(this.here(script), cwd)
    if (ended.code !== 0) throw new Error(`exit code ${ended.code}:\n${script}\n${ended.output}`)
    return ended
  }

  #env(cwd: string): NodeJS.ProcessEnv {
    return {
      ...shellEnv(),
      HOME: this.#home,
      PWD: cwd,
      TMPDIR: path.join(this.#home, 'tmp'),
      PATH: `${path.join(this.#home, 'bin')}${path.delimiter}${process.env.PATH}`,
      NO_COLOR: '1',
      // A folder needs nothing of a registry to be installed.
      npm_config_offline: 'true',
      npm_config_audit: 'false',
      npm_config_fund: 'false',
      npm_config_update_notifier: 'false',
    }
  }

  async close(): Promise<void> {
    try {
      const code = await this.#dev?.end()
      if (code !== undefined && code !== 0) throw new Error(`flotilla dev ended with ${code}`)
    } finally {
      await rm(this.#home, { recursive: true, force: true })
    }
  }
}

/** One page: where the shell stands, what was printed last, what runs still. */
class Visit {
  readonly #reader: Reader
  readonly #page: string
  readonly #running: Background[] = []
  #cwd: string
  #output = ''

  constructor(reader: Reader, page: string, cwd: string) {
    this.#reader = reader
    this.#page = page
    this.#cwd = cwd
  }

  async follow(block: CodeBlock): Promise<void> {
    const { language, file, text, line } = block
    const where = `${this.#page}:${line}`
    if (file !== '') {
      await writeFile(path.join(this.#cwd, file), `${this.#reader.here(text)}\n`)
    } else if (language === 'sh') {
      this.#output = ''
      for (const part of partsOf(text)) await this.#do(part)
    } else {
      const missing = missingLine(text, this.#output)
      if (missing !== null) throw new Error(`${where}: not in the output: ${missing}\n${this.#output}`)
    }
  }

  async #do(part: string): Promise<void> {
    if (!START.test(part)) {
      const { output, cwd } = await this.#reader.run(part, this.#cwd)
      this.#output += output
      this.#cwd = cwd
      return
    }
    const { background, own } = await this.#reader.startOnce(part, this.#cwd)
    if (own) this.#running.push(background)
    this.#output += background.output()
  }

  async end(): Promise<void> {
    const codes = await Promise.all(this.#running.map(async (one) => [one.line, await one.end()] as const))
    const bad = codes.find(([, code]) => code !== 0)
    if (bad !== undefined) throw new Error(`${bad[0]} ended with ${bad[1]}`)
  }
}

/** Commands that go on by themselves, what is between them together. */
function partsOf(text: string): string[] {
  const parts: string[] = []
  let joined = ''
  for (const line of text.split('\n')) {
    if (!START.test(line)) {
      joined += `${line}\n`
      continue
    }
    if (joined.trim() !== '') parts.push(joined)
    joined = ''
    parts.push(line)
  }
  if (joined.trim() !== '') parts.push(joined)
  return parts
}

/** `npx`, for `flotilla` alone. Where pages rely on the default of `--stores` there are other ports. */
function shim(main: string, ports: Ports): string {
  const stores = [7101, 7102, 7103].map((port) => `127.0.0.1:${ports.inPlaceOf(port)}`).join(',')
  return [
    '#!/bin/sh',
    '[ "$1" = flotilla ] || { echo "npx: only flotilla"; exit 127; }',
    'shift',
    `case "$1" in kv|group|store) [ -e flotilla.json ] || export FLOTILLA_STORES='${stores}' ;; esac`,
    'export npm_command=exec',
    `exec '${process.execPath}' '${main}' "$@"`,
    '',
  ].join('\n')
}
