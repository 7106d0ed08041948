import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdir, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { buildProgram } from '../../src/cli/program.ts'
import { FAULT_KINDS } from '../../src/sim/fault-kinds.ts'
import { shellEnv } from '../cli/command-line.ts'
import { withTempDir, writeTree } from '../cli/temp-dir.ts'
import { codeBlocks, codeSpans } from '../docs/markdown.ts'
import { ROOT } from '../docs/pages.ts'

const PAGE = readFileSync(join(ROOT, 'docs/simulation.md'), 'utf8')

interface Ended {
  readonly code: number
  readonly stderr: string
}

/** The page's two files, in a folder that has the package installed. */
function explore(change: (program: string) => string = (program) => program): Promise<Ended> {
  return withTempDir(async (dir) => {
    const files = codeBlocks(PAGE).filter(({ file }) => file !== '')
    expect(files.map(({ file }) => file)).toEqual(['counter.mjs', 'explore.mjs'])
    await writeTree(dir, Object.fromEntries(files.map(({ file, text }) => [file, change(text)])))
    await mkdir(join(dir, 'node_modules'))
    await symlink(ROOT, join(dir, 'node_modules', 'flotilla'))
    const run = promisify(execFile)(process.execPath, ['explore.mjs'], { cwd: dir, env: shellEnv() })
    return run.then(
      ({ stderr }) => ({ code: 0, stderr }),
      ({ code, stderr }: Ended) => ({ code, stderr }),
    )
  })
}

describe('docs/simulation.md', () => {
  test('its program finds the bug of its counter, and tells the seed, what broke and how to see it again', async () => {
    const { code, stderr } = await explore()
    expect(code).toBe(1)
    const [, seed] = /^SimulationFailure: Seed (\d+) breaks: I-check: /m.exec(stderr) ?? []
    expect(Number(seed), stderr).toBeLessThanOrEqual(50)
    expect(stderr).toMatch(/the check failed: a client knew \d+ and was told \d+/)
    expect(stderr).toMatch(/The last events:\n +\d/)
    expect(stderr).toContain(`Replay: simulate({ …, seed: ${seed} })`)
  })

  test('where nothing fails the same program finds nothing', async () => {
    const harmless = (text: string): string => text.replace('  seeds: 50,', "  seeds: 2,\n  faults: 'none',")
    expect(await explore(harmless)).toEqual({ code: 0, stderr: '' })
  })

  test('names every kind of fault', () => {
    const spans = codeSpans(PAGE)
    for (const kind of [...FAULT_KINDS, 'corrupt', 'stale', 'ambushes', 'maxDown'])
      expect(spans, kind).toContain(kind)
  })

  test('shows commands with flags that there are', async () => {
    const program = await buildProgram(() => {})
    const run = ['sim', 'run'].reduce(
      (command, name) => command.commands.find((child) => child.name() === name)!,
      program,
    )
    const lines = codeBlocks(PAGE).flatMap(({ language, text }) =>
      language === 'sh' ? text.split('\n') : [],
    )
    expect(lines.length).toBeGreaterThan(2)
    for (const line of lines) {
      const [, flags] = /^npm run sim -- ([^#]*)/.exec(line)!
      const names = flags!.match(/--[\w-]+/g) ?? []
      for (const name of names)
        expect(
          run.options.map(({ long }) => long),
          line,
        ).toContain(name)
    }
  })
})
