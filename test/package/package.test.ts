import { existsSync } from 'node:fs'
import { readFile, rename, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { findFreePorts } from '../../src/cli/free-ports.ts'
import { TestCluster } from '../api/cluster.ts'
import { type Ended, type Installed, packAndInstall, ROOT, run } from './installed.ts'
import { CLIENT_PROGRAM, REQUIRE_PROGRAM, TYPED_CLIENT_PROGRAM, TYPED_PROGRAM } from './programs.ts'

/** Guards against a hang only: the packages may have to come over a slow line. */
vi.setConfig({ testTimeout: 200_000, hookTimeout: 300_000 })

const KIB = 1024
const MAX_FILE_BYTES = 512 * KIB
const MAX_PACKAGE_BYTES = 8 * 1024 * KIB

interface Manifest {
  readonly name: string
  readonly version: string
  readonly type: string
  readonly license: string
  readonly engines: { readonly node: string }
  readonly bin: Readonly<Record<string, string>>
  readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>
  readonly dependencies: Readonly<Record<string, string>>
  readonly scripts: Readonly<Record<string, string>>
}

let installed: Installed
let manifest: Manifest

beforeAll(async () => {
  installed = await packAndInstall()
  manifest = JSON.parse(await textOf('package.json')) as Manifest
})

afterAll(() => installed?.[Symbol.asyncDispose]())

function textOf(file: string): Promise<string> {
  return readFile(path.join(installed.packageDir, file), 'utf8')
}

async function runProgram(name: string, text: string): Promise<Ended> {
  await writeFile(path.join(installed.dir, name), text)
  return await run(process.execPath, [name], installed.dir)
}

/** The README's embedding example, with ports that are free here. */
async function readmeExample(): Promise<string> {
  const example = /^```ts[^\n]*\n([\s\S]*?)^```$/m.exec(await textOf('README.md'))?.[1]
  expect(example).toContain("from 'flotilla'")
  const ports = await findFreePorts(3, '127.0.0.1')
  return ports.reduce((text, port, i) => text.replaceAll(`730${i + 1}`, String(port)), example!)
}

describe('the package, installed in an empty project without running a script', () => {
  test('runs the example of its README by import', async () => {
    const ended = await runProgram('example.mjs', await readmeExample())
    expect(ended).toEqual({ code: 0, stdout: 'user:1 Ada\ncounter 1\n', stderr: '' })
  })

  // Node 20.19 and 22.12 brought it; the first of 22 want a flag.
  const canRequire = (process.features as { require_module?: boolean }).require_module === true
  test.runIf(canRequire)('works by require, as the very module that import gives', async () => {
    const ended = await runProgram('program.cjs', REQUIRE_PROGRAM)
    const stdout = "{ name: 'Ada' } true FLOTILLA_TOO_LARGE\ntrue\n"
    expect(ended).toEqual({ code: 0, stdout, stderr: '' })
  })

  test('its client works against a cluster where neither the engine nor the thread pool is installed', async () => {
    const modules = path.join(installed.dir, 'node_modules')
    const aside = (name: string) => path.join(installed.dir, `without-${name}`)
    const heavy = ['rocksdb', 'piscina']
    const cluster = await TestCluster.open(['s1', 's2', 's3'])
    try {
      for (const name of heavy) await rename(path.join(modules, name), aside(name))
      await writeFile(path.join(installed.dir, 'client.mjs'), CLIENT_PROGRAM)
      const stores = [...cluster.stores.values()].map(({ address }) => address).join()
      const ended = await run('env', [`STORES=${stores}`, process.execPath, 'client.mjs'], installed.dir)
      const stdout = '[[["user:1",{"name":"Ada"}]],"FLOTILLA_TOO_LARGE","absent","absent"]\n'
      expect(ended).toEqual({ code: 0, stdout, stderr: '' })
    } finally {
      for (const name of heavy)
        if (existsSync(aside(name))) await rename(aside(name), path.join(modules, name))
      await cluster.close()
    }
  })

  test('brings its command', async () => {
    const command = path.join(installed.dir, 'node_modules', '.bin', 'flotilla')
    const version = await run(command, ['--version'], installed.dir)
    expect(version).toEqual({ code: 0, stdout: `${manifest.version}\n`, stderr: '' })
  })

  test('opens no other path than those it exports', async () => {
    const ended = await runProgram('inside.mjs', "import 'flotilla/dist/src/api/store.js'\n")
    expect(ended.code).toBe(1)
    expect(ended.stderr).toContain('ERR_PACKAGE_PATH_NOT_EXPORTED')
  })

  const MODULES = [
    ['nodenext', ['--module', 'nodenext']],
    ['a bundler', ['--module', 'esnext', '--moduleResolution', 'bundler']],
  ] as const
  test.each(MODULES)(
    'type-checks under --strict, its own declarations included, for %s',
    async (_name, how) => {
      await writeFile(path.join(installed.dir, 'typed.mts'), TYPED_PROGRAM)
      await writeFile(path.join(installed.dir, 'typed-client.mts'), TYPED_CLIENT_PROGRAM)
      await writeFile(path.join(installed.dir, 'example.mts'), await readmeExample())
      const tsc = path.join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc')
      const types = ['--types', 'node', '--typeRoots', path.join(ROOT, 'node_modules', '@types')]
      const flags = ['--strict', '--noEmit', '--target', 'es2022', '--skipLibCheck', 'false']
      const args = [tsc, ...flags, ...how, ...types, 'typed.mts', 'typed-client.mts', 'example.mts']
      expect(await run(process.execPath, args, installed.dir)).toEqual({ code: 0, stdout: '', stderr: '' })
    },
  )
})

describe('the tarball', () => {
  const paths = () => installed.files.map((file) => file.path)

  test('holds the compiled library, its contract, its docs, and nothing else', () => {
    const belongs =
      /^(dist\/src\/.*\.(js|d\.ts)|proto\/[\w-]+\.proto|docs\/.*\.md|README\.md|LICENSE|package\.json)$/
    expect(paths().filter((file) => !belongs.test(file))).toEqual([])
    for (const file of ['LICENSE', 'README.md', 'package.json', 'proto/raft.proto', 'dist/src/index.js']) {
      expect(paths()).toContain(file)
    }
  })

  test('holds nothing without a source', () => {
    const source = (file: string) => file.replace(/^dist\//, '').replace(/(\.d\.ts|\.js)(\.map)?$/, '')
    const orphans = paths()
      .filter((file) => file.startsWith('dist/'))
      .filter(
        (file) => !['.ts', '.js', '.d.ts'].some((end) => existsSync(path.join(ROOT, source(file) + end))),
      )
    expect(orphans).toEqual([])
  })

  test('is of a sensible size', () => {
    expect(installed.files.filter(({ size }) => size > MAX_FILE_BYTES)).toEqual([])
    expect(installed.files.reduce((sum, { size }) => sum + size, 0)).toBeLessThan(MAX_PACKAGE_BYTES)
  })

  test('has what its manifest names, each entry with its types first', async () => {
    const { exports, bin, engines, type, license, scripts } = manifest
    expect({ type, license, engines }).toEqual({
      type: 'module',
      license: 'Apache-2.0',
      engines: { node: '>=20.19' },
    })
    for (const target of Object.values(exports)) {
      if (typeof target === 'string') {
        expect(paths()).toContain(target.slice(2))
        continue
      }
      expect(Object.keys(target)).toEqual(['types', 'default'])
      for (const file of Object.values(target)) expect(paths()).toContain(file.slice(2))
      expect(target.types).toBe(target.default!.replace(/\.js$/, '.d.ts'))
    }
    expect(Object.keys(bin)).toEqual(['flotilla'])
    for (const file of Object.values(bin)) {
      expect(paths()).toContain(file.replace(/^\.\//, ''))
      expect(await textOf(file)).toMatch(/^#!\/usr\/bin\/env node\n/)
    }
    expect(
      Object.keys(scripts).filter((name) => /^(pre|post)?(install|prepare|pack|publish)/.test(name)),
    ).toEqual([])
  })

  test('imports only what is in it or among its dependencies, in code and in types', async () => {
    const all = new Set(paths())
    const wrong: string[] = []
    const used = new Set<string>()
    for (const file of paths().filter((name) => /^dist\/.*(\.js|\.d\.ts)$/.test(name))) {
      for (const specifier of specifiersOf(await textOf(file))) {
        if (specifier.startsWith('node:')) continue
        if (specifier.startsWith('.')) {
          const target = path.posix.join(path.posix.dirname(file), specifier)
          const found = file.endsWith('.js') ? target : target.replace(/\.[jt]s$/, '.d.ts')
          if (!all.has(found)) wrong.push(`${file} imports ${specifier}`)
        } else {
          const name = specifier
            .split('/')
            .slice(0, specifier.startsWith('@') ? 2 : 1)
            .join('/')
          // By its own name a package finds what it exports.
          if (name === manifest.name) continue
          used.add(name)
          if (manifest.dependencies[name] === undefined) wrong.push(`${file} imports ${specifier}`)
        }
      }
    }
    expect(wrong).toEqual([])
    expect(Object.keys(manifest.dependencies).filter((name) => !used.has(name))).toEqual([])
  })

  test('names no path of the machine that made it, and no registry', async () => {
    const machine = [ROOT, `${os.homedir()}/`].filter((dir) => dir.split('/').length > 2)
    const wrong: string[] = []
    for (const file of paths()) {
      const text = await textOf(file)
      if (machine.some((dir) => text.includes(dir)) || /https?:\/\/registry\./.test(text)) wrong.push(file)
    }
    expect(wrong).toEqual([])
  })
})

function specifiersOf(code: string): string[] {
  const found = code.matchAll(
    /(?:^|[^\w.])(?:from\s*|import\s*\(?\s*|new URL\(|createRequire\(import\.meta\.url\)\()(['"])([^'"\n]+)\1/g,
  )
  return Array.from(found, ([, , specifier]) => specifier!).filter((name) => !/\s|\/$/.test(name))
}
