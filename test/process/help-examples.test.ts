import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import type { Command } from 'commander'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildProgram } from '../../src/cli/program.ts'
import { MAIN, shellEnv } from '../cli/command-line.ts'
import { writeTree } from '../cli/temp-dir.ts'
import type { CliProcess } from './cli-process.ts'
import { devStores, expectGone, startDev } from './dev-process.ts'
import { within } from './guard.ts'

/** Commands that go on until they are told to end: what shows that they work, and how they end then. */
const GO_ON: Readonly<Record<string, { readonly sign: RegExp; readonly exitCode: number }>> = {
  // These two run to their end in tests of their own.
  demo: { sign: /process \d+[\s\S]*leaders/, exitCode: 130 },
  bench: { sign: /starting/, exitCode: 130 },
  dev: { sign: /Ctrl-C ends all|"stores"/, exitCode: 0 },
  serve: { sign: /^ready:|"address"/m, exitCode: 0 },
}

/** What the examples take for granted, as files of the directory that they run in. */
const FILES: Readonly<Record<string, string>> = {
  's1.json': JSON.stringify({
    clusterId: 'shop',
    storeId: 's1',
    dataDir: 'data/s1',
    stores: { s1: '127.0.0.1:0' },
  }),
  'README.md': '# Read me\n',
  'photos/a.txt': 'a',
  'photos/more/b.txt': 'b',
}

interface Example {
  readonly path: string
  readonly line: string
}

function examplesOf(command: Command, words: readonly string[] = []): Example[] {
  const path = [...words, ...(command.parent === null ? [] : [command.name()])]
  if (command.commands.length > 0) return command.commands.flatMap((child) => examplesOf(child, path))
  let help = ''
  command.configureOutput({ writeOut: (text) => (help += text) }).outputHelp()
  return [...help.matchAll(/^ {2}\$ (.*)$/gm)].map(([, line]) => ({ path: path.join(' '), line: line! }))
}

/** In the order of the help; but what is imported is exported first. */
const EXAMPLES = examplesOf(await buildProgram(() => {})).sort(
  (a, b) => Number(b.path === 'kv export') - Number(a.path === 'kv export'),
)

/** With free ports in place of those of the text. */
function onFreePorts({ path, line }: Example): string {
  const free = line.replace(/127\.0\.0\.1:7\d\d\d/g, '127.0.0.1:0').replace(/--port \d+/, '--port 0')
  return path === 'dev' && !free.includes('--port') ? `${free} --port 0` : free
}

describe('the examples of the help', () => {
  let tmp = ''
  let home = ''
  let dev: CliProcess | null = null
  let env: NodeJS.ProcessEnv = {}

  beforeAll(async () => {
    tmp = await mkdtemp(join(tmpdir(), 'flotilla-test-help-'))
    home = await mkdtemp(join(tmpdir(), 'flotilla-test-help-home-'))
    await writeTree(home, FILES)
    const bin = join(home, 'bin')
    await mkdir(bin)
    await writeFile(join(bin, 'flotilla'), `#!/bin/sh\nexec '${process.execPath}' '${MAIN}' "$@"\n`)
    await chmod(join(bin, 'flotilla'), 0o755)
    dev = startDev(tmp)
    const { stores } = await devStores(dev)
    env = {
      ...shellEnv(),
      HOME: home,
      TMPDIR: tmp,
      PATH: `${bin}${delimiter}${process.env.PATH}`,
      FLOTILLA_STORES: stores.map(({ storeId, address }) => `${storeId}=${address}`).join(','),
    }
    const put = await run(`for key in a b c; do flotilla kv put $key 1 || exit 1; done`, null)
    expect(put.code, put.output).toBe(0)
  })

  afterAll(async () => {
    dev?.signalGroup('SIGINT')
    await dev?.ended
    await expectGone(tmp)
    for (const dir of [tmp, home]) await rm(dir, { recursive: true, force: true })
  })

  /** A command line in a shell; one that goes on is interrupted at its sign. */
  async function run(line: string, sign: RegExp | null): Promise<{ code: number | null; output: string }> {
    const child = spawn('/bin/sh', ['-c', line], { cwd: home, env, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    let told = false
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text
        if (told || sign === null || !sign.test(output)) return
        told = true
        child.kill('SIGINT')
      })
    }
    const [code] = (await within(once(child, 'close'), `${line}: ${output}`)) as [number | null]
    return { code, output }
  }

  test.each(EXAMPLES.map((example) => [example.line, example] as const))('$ %s', async (_line, example) => {
    const goesOn = example.line.includes('--check-config') ? undefined : GO_ON[example.path]
    // The shell makes way for a command that goes on, so that the signal reaches it.
    const line =
      goesOn === undefined
        ? onFreePorts(example)
        : onFreePorts(example).replace('flotilla ', 'exec flotilla ')
    const { code, output } = await run(line, goesOn?.sign ?? null)
    expect(code, output).toBe(goesOn?.exitCode ?? 0)
  })
})
