import { describe, expect, test } from 'vitest'
import { globalViolations } from './global-rules.ts'
import { readSourceTree } from './source-tree.ts'

test('src reaches the world through the ports of env only and keeps no state at module level', () => {
  expect(globalViolations(readSourceTree('src'))).toEqual([])
})

function check(source: string, file = 'src/raft/a.ts'): string[] {
  return globalViolations({ [file]: source })
}

describe('the rule of globals', () => {
  test.each([
    'const now = Date.now()',
    'const now = new Date()',
    'const t = performance.now()',
    'const id = crypto.randomUUID()',
    'function f() {\n  setTimeout(g, 10)\n}',
    'setInterval(g, 10)',
    'class A {\n  run() {\n    setImmediate(() => this.run())\n  }\n}',
    'const p = process.pid',
    'const t = `${process.pid}`',
    'const e = { ...process.env }',
    'console.log(1)',
    'const w = new WeakRef(x)',
    'const r = new FinalizationRegistry(f)',
    'const r = Math.random()',
    'const s = AbortSignal.timeout(5)',
    'const n = globalThis.setTimeout',
    'const n = a ? process : b',
    "import fs from 'node:fs'",
    "import { setTimeout } from 'node:timers/promises'",
    "import { crc32, gzipSync } from 'node:zlib'",
    "import * as zlib from 'node:zlib'",
  ])('refuses %j', (source) => {
    expect(check(source).length).toBeGreaterThan(0)
  })

  test.each([
    'const handle = timers.setTimeout(f, 10)',
    'const handle = this.#timers?.setImmediate(f)',
    'interface Timers {\n  setTimeout(callback: () => void, delayMs: number): Handle\n}',
    'class Fake {\n  setTimeout(callback: () => void) {\n    return callback\n  }\n}',
    'const made = { setTimeout: f, process: g }',
    'interface Row {\n  process?: string\n}',
    '// Date.now() is not for us',
    "const text = 'Date.now() and process'",
    'const text = `process ${x} Date`',
    'const r = /process|Date/',
    'const r = a / b / process_',
    'const m = Math.floor(x) + Math.max(a, b)',
    'for (const process of processes) process.crash()',
    'processes.map((process) => process.id)',
    "import { crc32 } from 'node:zlib'",
    "import { strict as assert } from 'node:assert'",
  ])('accepts %j', (source) => {
    expect(check(source)).toEqual([])
  })

  test('env, cli and bench are where the world begins; the simulator may only let promises settle', () => {
    for (const room of ['env', 'cli', 'bench'])
      expect(check('setTimeout(f, Date.now())', `src/${room}/a.ts`)).toEqual([])
    expect(check('setImmediate(f)', 'src/sim/a.ts')).toEqual([])
    expect(check('setTimeout(f, 1)', 'src/sim/a.ts')).toHaveLength(1)
  })

  test('names the line', () => {
    expect(check("/* two\nlines */ const s = 'x'\nconst now = Date.now()")).toEqual([
      'src/raft/a.ts:3 uses Date',
    ])
  })
})

describe('the rule of module state', () => {
  test.each([
    'let counter = 0',
    'export let current: Store | null = null',
    'var old = 1',
    'const cache = new Map<string, number>()',
    'export const seen = new Set([1, 2])',
    'const queue: number[] = []\nfunction f() {\n  queue.push(1)\n}',
    'const table = [1, 2]\nfunction f() {\n  table[0] = 3\n}',
    'const stats = { count: 0 }\nfunction f() {\n  stats.count++\n}',
    'const stats = { count: 0 }\nfunction f() {\n  stats.count += 2\n}',
    'const all = { a: 1 }\nfunction f() {\n  delete all.a\n}',
    'export const list = [1, 2]',
    'class A {\n  static count = 0\n}',
    'class A {\n  private static count: number\n}',
  ])('refuses %j', (source) => {
    expect(check(source)).toHaveLength(1)
  })

  test.each([
    'const LIMIT = 10',
    'function f() {\n  let x = 0\n  const m = new Map()\n  m.set(x, x)\n}',
    'for (let i = 0; i < 3; i++) f(i)',
    'const f = () => {\n  let x = 0\n  return x\n}',
    "const NAMES: ReadonlySet<string> = new Set(['a'])",
    "export const NAMES: ReadonlyMap<string, () => void> = new Map([['a', f]])",
    'export const LIST = [1, 2] as const',
    'export const LIST: readonly number[] = [1, 2]',
    'export const ROWS = { a: 1 } as const satisfies Table',
    'export const ROWS = Object.freeze({ a: 1 })',
    'const table = [1, 2]\nconst x = table[0] === 3',
    'class A {\n  static readonly LIMIT = 3\n  static of() {\n    return new A()\n  }\n}',
    'class A {\n  static override [Symbol.hasInstance](value: unknown): boolean {\n    return !!value\n  }\n}',
  ])('accepts %j', (source) => {
    expect(check(source)).toEqual([])
  })
})
