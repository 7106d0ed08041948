import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { repositoryRoot } from './source-tree.ts'

const root = repositoryRoot()
const biome = path.join(root, 'node_modules', '@biomejs', 'biome', 'bin', 'biome')

/** One line per finding; empty when there is none. */
function runBiome(command: 'check' | 'lint', cwd: string): string[] {
  const args = [biome, command, '--error-on-warnings', '--reporter=github', '--max-diagnostics=none', '.']
  const { status, stdout, stderr, error } = spawnSync(process.execPath, args, { cwd, encoding: 'utf8' })
  if (error) throw error
  const found = stdout.split('\n').filter((line) => line.startsWith('::'))
  // It fails for other reasons too: a broken configuration, no binary for this platform.
  if (status !== 0 && found.length === 0) return [stdout + stderr]
  return found.map((line) => line.replaceAll(`${cwd}/`, ''))
}

test('biome finds nothing: neither lint nor a line out of format', () => {
  expect(runBiome('check', root)).toEqual([])
})

describe('the lint rules', () => {
  let dir = ''

  beforeEach(() => {
    dir = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'flotilla-lint-')))
    const config = JSON.parse(fs.readFileSync(path.join(root, 'biome.json'), 'utf8'))
    // The planted tree is no git repository.
    fs.writeFileSync(path.join(dir, 'biome.json'), JSON.stringify({ ...config, vcs: { enabled: false } }))
  })

  afterEach(() => {
    fs.rmSync(dir, { recursive: true, force: true })
  })

  /** Names of the rules that a source breaks when it lies at `file`, sorted, each once. */
  function broken(file: string, source: string): string[] {
    fs.mkdirSync(path.dirname(path.join(dir, file)), { recursive: true })
    fs.writeFileSync(path.join(dir, file), source)
    const names = runBiome('lint', dir).map((line) => /title=lint\/\w+\/(\w+)/.exec(line)?.[1] ?? line)
    return [...new Set(names)].sort()
  }

  test.each([
    ['export const f = (x: any) => x\n', ['noExplicitAny']],
    ['export const f = () => setTimeout(Date.now, 1)\n', ['noRestrictedGlobals']],
    ["import { pid } from 'node:process'\n\nexport const f = () => pid\n", ['noRestrictedImports']],
    ["import { readFile } from 'node:fs/promises'\n\nexport const f = readFile\n", ['noRestrictedImports']],
    ['export default function f() {}\n', ['noDefaultExport']],
    ["import { A } from './a.ts'\n\nexport type B = A\n", ['useImportType']],
  ])('refuse %j in a room', (source, rules) => {
    expect(broken('src/raft/planted.ts', source)).toEqual(rules)
  })

  test('leave the clocks, timers and modules of Node to env', () => {
    const source = "import { pid } from 'node:process'\n\nexport const f = () => setTimeout(Date.now, pid)\n"
    expect(broken('src/env/planted.ts', source)).toEqual([])
  })

  test('let hot paths say that an index is in range', () => {
    expect(broken('src/raft/planted.ts', 'export const f = (x: Uint8Array) => x[0]!\n')).toEqual([])
  })
})
