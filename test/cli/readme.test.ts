import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { describe, expect, test } from 'vitest'
import { HOST } from '../../src/cli/demo-settings.ts'
import { findFreePorts } from '../../src/cli/free-ports.ts'
import { withTempDir } from './temp-dir.ts'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const INDEX = join(ROOT, 'dist/src/index.js')

/** The first TypeScript block of README.md. */
async function readExample(): Promise<string> {
  const readme = await readFile(join(ROOT, 'README.md'), 'utf8')
  const example = /^```ts[^\n]*\n([\s\S]*?)^```$/m.exec(readme)?.[1]
  expect(example).toBeDefined()
  return example!
}

async function run(args: readonly string[], cwd: string): Promise<{ code: number | null; output: string }> {
  const child = spawn(process.execPath, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  }
  const [code] = await once(child, 'close')
  return { code, output }
}

describe('the example in the README', () => {
  test('runs as it is, ends by itself, and finds its data again', async () => {
    const example = await readExample()
    await withTempDir(async (dir) => {
      const ports = await findFreePorts(3, HOST)
      const local = example
        .replace("'flotilla'", `'${pathToFileURL(INDEX)}'`)
        .replace(/127\.0\.0\.1:730([123])/g, (_, digit: string) => `${HOST}:${ports[Number(digit) - 1]}`)
      await writeFile(join(dir, 'example.mjs'), local)
      expect(await run(['example.mjs'], dir)).toEqual({ code: 0, output: 'user:1 Ada\ncounter 1\n' })
      expect(await run(['example.mjs'], dir)).toEqual({ code: 0, output: 'user:1 Ada\ncounter 2\n' })
    })
  })

  test('type-checks under --strict', async () => {
    const example = await readExample()
    await withTempDir(async (dir) => {
      const types = relative(dir, INDEX).split('\\').join('/')
      await writeFile(join(dir, 'example.mts'), example.replace("'flotilla'", `'${types}'`))
      const tsc = join(ROOT, 'node_modules/typescript/bin/tsc')
      const typeRoots = join(ROOT, 'node_modules/@types')
      const flags = ['--noEmit', '--strict', '--target', 'es2022', '--module', 'nodenext', '--types', 'node']
      const args = [tsc, ...flags, '--typeRoots', typeRoots, 'example.mts']
      expect(await run(args, dir)).toEqual({ code: 0, output: '' })
    })
  })
})
