import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { MAIN, shellEnv } from './command-line.ts'
import { NOTE_LOADED } from './note-loaded.ts'
import { withTempDir } from './temp-dir.ts'

/** Files and packages that the command has loaded when it has ended. */
async function loadedBy(args: readonly string[]): Promise<{ code: number; loaded: readonly string[] }> {
  return await withTempDir(async (dir) => {
    const [hooks, LOADED] = [join(dir, 'register.mjs'), join(dir, 'loaded')]
    await writeFile(hooks, NOTE_LOADED)
    const env = { ...shellEnv(), LOADED, NODE_OPTIONS: '' }
    const child = spawn(process.execPath, ['--import', hooks, MAIN, ...args], {
      cwd: dir,
      env,
      stdio: 'ignore',
    })
    const [code] = (await once(child, 'close')) as [number]
    return { code, loaded: (await readFile(LOADED, 'utf8')).split('\n') }
  })
}

/** What a store is made of, the simulator, and the bench's runner. */
const ENGINE =
  /node_modules\/(rocksdb|piscina|pino|hdr-histogram-js)\/|\/src\/(storage|worker|sim|admin|snapshot)\/|\/raft\/node-impl\.js$|\/store\/store-host\.js$|\/bench\/(bench|runner|skeleton.*)\.js$|\/env\/(rocks|shard-threads|node-env)\.js$|\/api\/store\.js$|\.node$/
/** The connection to a cluster with all that it takes from other rooms, and packages that take long. */
const CLIENT =
  /node_modules\/(zod|protobufjs|abstract-level|cli-table3|cli-progress)\/|\/src\/(api|client|rpc|raft|store)\//

describe('a command loads what it needs and no more', () => {
  test.each([
    [['--version'], 0],
    [['--help'], 0],
    [['help', 'kv'], 0],
    [['kv', 'get', '--help'], 0],
    [['kv', 'get'], 2],
    [['group', 'list', '--help'], 0],
    [['sim', 'run', '--help'], 0],
    [['bench', '--help'], 0],
    [['bench', '--groups', '0'], 2],
    [['demo', '--help'], 0],
    [['dev', '--help'], 0],
    [['inspect', '--help'], 0],
  ])('%j: neither store nor client', async (args, exitCode) => {
    const { code, loaded } = await loadedBy(args)
    expect(code).toBe(exitCode)
    // The hooks have seen what was loaded, so they would have seen these.
    expect(loaded.some((name) => name.endsWith('/src/cli/program.js'))).toBe(true)
    expect(loaded.some((name) => name.includes('node_modules/commander/'))).toBe(true)
    expect(loaded.filter((name) => ENGINE.test(name) || CLIENT.test(name))).toEqual([])
  })

  // Nobody answers there: all that the command would use is loaded by then.
  const NOBODY = ['--stores', '127.0.0.1:1', '--timeout-ms', '100']
  test.each([
    [['kv', 'get', 'a', ...NOBODY]],
    [['kv', 'put', 'a', '1', ...NOBODY]],
    [['kv', 'scan', ...NOBODY]],
    [['group', 'verify', ...NOBODY]],
    [['store', 'list', ...NOBODY]],
  ])('%j: a client and no store', async (args) => {
    const { code, loaded } = await loadedBy(args)
    expect(code).toBe(1)
    expect(loaded.some((name) => name.endsWith('/src/api/client.js'))).toBe(true)
    expect(loaded.filter((name) => ENGINE.test(name))).toEqual([])
  })

  test('serve --help: the schema of the options and no store', async () => {
    const { code, loaded } = await loadedBy(['serve', '--help'])
    expect(code).toBe(0)
    expect(
      loaded.filter((name) => /node_modules\/(rocksdb|piscina)\/|\/api\/store\.js$|\.node$/.test(name)),
    ).toEqual([])
  })
})
