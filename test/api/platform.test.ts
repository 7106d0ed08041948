import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

/** From dist/test/api, where this runs. */
const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const MODULES = path.join(ROOT, 'node_modules')

/** Opens a store, then a client; says what came of both as one JSON value, and ends by itself. */
const PROGRAM = `
import { Store, FlotillaError } from './dist/src/index.js'
import { Client } from './dist/src/client.js'
const options = { clusterId: 'c', storeId: 's1', dataDir: './data', stores: { s1: '127.0.0.1:0' } }
const refusal = await Store.open(options).then(() => 'open', (error) => error)
const { code, outcome, message } = refusal
const again = (await Store.open(options).catch((error) => error)).code
console.log(JSON.stringify({ code, outcome, message, again, typed: refusal instanceof FlotillaError, client: typeof Client }))
`

let dir = ''

/** A tree with this package and all that it depends on, but of the engine only what \`keep\` says. */
async function makeTree(name: string, keep: (file: string) => boolean): Promise<string> {
  const tree = path.join(dir, name)
  await mkdir(path.join(tree, 'node_modules'), { recursive: true })
  await writeFile(path.join(tree, 'package.json'), '{ "type": "module" }')
  await writeFile(path.join(tree, 'program.js'), PROGRAM)
  await mkdir(path.join(tree, 'dist'))
  await cp(path.join(ROOT, 'dist', 'src'), path.join(tree, 'dist', 'src'), { recursive: true })
  for (const one of await readdir(MODULES)) {
    if (one.startsWith('.') || one === 'rocksdb') continue
    await symlink(path.join(MODULES, one), path.join(tree, 'node_modules', one), 'junction')
  }
  const engine = path.join(MODULES, 'rocksdb')
  for (const one of await readdir(engine)) {
    if (one === 'deps' || !keep(one)) continue
    await cp(path.join(engine, one), path.join(tree, 'node_modules', 'rocksdb', one), { recursive: true })
  }
  return tree
}

async function runIn(tree: string): Promise<Record<string, unknown>> {
  const child = spawn(process.execPath, ['program.js'], { cwd: tree, stdio: ['ignore', 'pipe', 'pipe'] })
  let [stdout, stderr] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const [code] = await once(child, 'close')
  expect([code, stderr]).toEqual([0, ''])
  return JSON.parse(stdout)
}

beforeAll(async () => {
  dir = await mkdtemp(path.join(os.tmpdir(), 'flotilla-platform-'))
})

afterAll(async () => {
  await rm(dir, { recursive: true, force: true })
})

describe('on a machine where the engine does not load', () => {
  const expected = {
    code: 'FLOTILLA_UNSUPPORTED_PLATFORM',
    outcome: 'not-applied',
    again: 'FLOTILLA_UNSUPPORTED_PLATFORM',
    typed: true,
    client: 'function',
  }

  test('for its binaries are gone: the import works, open says what is missing and what to do, the process ends', async () => {
    const said = await runIn(await makeTree('no-binary', (file) => file !== 'prebuilds'))
    expect(said).toMatchObject(expected)
    expect(said.message).toMatch(new RegExp(`${process.platform}-${process.arch}.*Install|Run the store on`))
    expect(said.message).not.toContain('\n')
  })

  test('for its binary is no binary: the same', async () => {
    const tree = await makeTree('bad-binary', (file) => file !== 'prebuilds')
    const prebuilds = path.join(tree, 'node_modules', 'rocksdb', 'prebuilds')
    const platforms = await readdir(path.join(MODULES, 'rocksdb', 'prebuilds'))
    for (const platform of platforms) {
      await mkdir(path.join(prebuilds, platform), { recursive: true })
      const files = await readdir(path.join(MODULES, 'rocksdb', 'prebuilds', platform))
      for (const file of files) await writeFile(path.join(prebuilds, platform, file), 'no binary\n')
    }
    const said = await runIn(tree)
    expect(said).toMatchObject(expected)
    expect(said.message).toMatch(/does not load on .*Install/)
  })

  test('for it is not there at all: the same', async () => {
    const said = await runIn(await makeTree('no-engine', () => false))
    expect(said).toMatchObject(expected)
    expect(said.message).toMatch(/is not installed.*Install/)
  })
})
