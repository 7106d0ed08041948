import fs from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { listImports } from './import-list.ts'
import { importViolations } from './import-rules.ts'
import { readSourceTree, repositoryRoot } from './source-tree.ts'

const manifest = JSON.parse(fs.readFileSync(path.join(repositoryRoot(), 'package.json'), 'utf8'))
const declared = new Set(Object.keys(manifest.dependencies))

test('src follows the arrows of the architecture', () => {
  expect(importViolations(readSourceTree('src'), declared)).toEqual([])
})

/** The violations of a tree of one-line files: path → the specifier it imports. */
function check(imports: Record<string, string>): string[] {
  const tree: Record<string, string> = {}
  for (const [file, specifier] of Object.entries(imports)) {
    tree[file] = `import type { x } from '${specifier}'\n`
    if (specifier.startsWith('.')) tree[path.posix.join(path.posix.dirname(file), specifier)] ??= ''
  }
  return importViolations(tree, declared)
}

describe('the arrow rule', () => {
  const allowed: Array<[string, string]> = [
    ['src/cli/a.ts', '../sim/world.ts'],
    ['src/cli/a.ts', '../store/store.ts'],
    ['src/cli/a.ts', '../env/node-env.ts'],
    ['src/bench/a.ts', '../env/node-disk.ts'],
    ['src/api/a.ts', '../raft/node-impl.ts'],
    ['src/api/a.ts', '../env/node-env.ts'],
    ['src/api/client.ts', '../env/node-client-env.ts'],
    ['src/worker/a.ts', '../storage/log-shard.ts'],
    ['src/worker/entry.ts', '../env/node-disk.ts'],
    ['src/kv/a.ts', '../raft/task.ts'],
    ['src/client/a.ts', '../rpc/frame.ts'],
    ['src/client/a.ts', '../kv/command.ts'],
    ['src/kv/regions.ts', './keyspace.ts'],
    ['src/storage/a.ts', '../env/ports.ts'],
    ['src/raft/a.ts', '../block/log-block.ts'],
    ['src/sim/a.ts', '../api/store.ts'],
    ['src/index.ts', './api/store.ts'],
    ['src/env/rocks.ts', 'rocksdb'],
    ['src/env/node-logger.ts', 'pino'],
    ['src/kv/a.ts', 'abstract-level'],
  ]
  test.each(allowed)('%s may import %s', (file, specifier) => {
    const source = file === 'src/index.ts' ? `export * from '${specifier}'\n` : undefined
    if (source) expect(importViolations({ [file]: source }, declared)).toEqual([])
    else expect(check({ [file]: specifier })).toEqual([])
  })

  const refused: Array<[string, string]> = [
    ['src/raft/a.ts', '../storage/log-shard.ts'],
    ['src/raft/a.ts', '../env/ports.ts'],
    ['src/raft/a.ts', 'abstract-level'],
    ['src/storage/a.ts', '../raft/node-impl.ts'],
    ['src/storage/a.ts', '../env/rocks.ts'],
    ['src/client/a.ts', '../store/store.ts'],
    ['src/client/a.ts', '../env/node-client-env.ts'],
    ['src/api/a.ts', '../env/node-client-env.ts'],
    ['src/client/a.ts', '../kv/applier.ts'],
    ['src/kv/command.ts', './applier.ts'],
    ['src/kv/regions.ts', '../store/group-spec.ts'],
    ['src/store/a.ts', '../kv/region.ts'],
    ['src/api/a.ts', '../env/node-disk.ts'],
    ['src/api/a.ts', '../sim/world.ts'],
    ['src/worker/other.ts', '../env/node-disk.ts'],
    ['src/env/a.ts', '../raft/node-impl.ts'],
    ['src/util/a.ts', '../block/log-block.ts'],
    ['src/util/a.ts', '../env/ports.ts'],
    ['src/kv/a.ts', '../index.ts'],
    ['src/kv/a.ts', '../../test/helper.ts'],
    ['src/attic/a.ts', '../util/assert.ts'],
    ['src/env/other.ts', 'rocksdb'],
    ['src/store/a.ts', 'pino'],
    ['src/store/a.ts', 'piscina'],
    ['src/kv/a.ts', 'vitest'],
    ['src/kv/a.ts', 'fs'],
  ]
  test.each(refused)('%s may not import %s', (file, specifier) => {
    expect(check({ [file]: specifier })).toHaveLength(1)
  })

  test('a cycle between files is named with its files, also when it is one of types', () => {
    const found = check({
      'src/kv/a.ts': './b.ts',
      'src/kv/b.ts': './c.ts',
      'src/kv/c.ts': './a.ts',
    })
    expect(found).toEqual(['cycle: src/kv/a.ts → src/kv/b.ts → src/kv/c.ts → src/kv/a.ts'])
  })

  test('src/index.ts holds exports only', () => {
    const found = importViolations({ 'src/index.ts': "export * from './api/a.ts'\nconst x = 1\n" }, declared)
    expect(found).toHaveLength(1)
  })

  test('the client loads no engine, however far away', () => {
    const found = importViolations(
      {
        'src/client/a.ts': "import { b } from '../rpc/b.ts'\n",
        'src/rpc/b.ts': "import { c } from './c.ts'\n",
        'src/rpc/c.ts': "import rocksdb from 'rocksdb'\n",
      },
      declared,
    )
    expect(found).toContain('the client loads src/rpc/c.ts, which loads the engine')
  })

  test('nor does its entry, by way of what only api may import', () => {
    const found = importViolations(
      {
        'src/client.ts': "export { Client } from './api/client.ts'\n",
        'src/api/client.ts': "import { createNodeEnv } from '../env/node-env.ts'\n",
        'src/env/node-env.ts': "import { Piscina } from 'piscina'\n",
      },
      declared,
    )
    expect(found).toEqual(['the client loads src/env/node-env.ts, which loads the engine'])
  })
})

describe('the list of imports', () => {
  const specifiers = (source: string) => listImports(source).map((item) => item.specifier)

  test('has every form of import', () => {
    const source = [
      "import './bare.ts'",
      "import { a, type B as C } from './named.ts'",
      "import type { D } from './types.ts'",
      "import * as e from './all.ts'",
      "import f, { g } from './default.ts'",
      "export { h } from './re-export.ts'",
      "export type { I } from './re-type.ts'",
      "export * from './star.ts'",
      "const j = await import('./dynamic.ts')",
      "type K = import('./in-type.ts').K",
      'const l = import(name)',
    ].join('\n')
    expect(specifiers(source)).toEqual([
      './bare.ts',
      './named.ts',
      './types.ts',
      './all.ts',
      './default.ts',
      './re-export.ts',
      './re-type.ts',
      './star.ts',
      './dynamic.ts',
      './in-type.ts',
      null,
    ])
    expect(listImports(source)[1]!.names).toEqual(['a', 'B'])
    expect(listImports(source)[4]!.names).toEqual(['default', 'g'])
  })

  test('takes nothing from comments, strings, templates and regular expressions', () => {
    const source = [
      "// import './a.ts'",
      "/* import './b.ts' */",
      'const s = "import \'./c.ts\'"',
      "const t = `import './d.ts' ${x + `import './e.ts'`} import './f.ts'`",
      "const r = /import '.\\/g.ts'/",
      'const from = import.meta.url',
      "export { own }; const x = 'y'",
    ].join('\n')
    expect(specifiers(source)).toEqual([])
  })
})
