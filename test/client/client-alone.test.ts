import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { TestCluster } from '../api/cluster.ts'
import { NOTE_LOADED } from '../cli/note-loaded.ts'

/** Programs of their own, for what only a whole process shows: what it loads, and that it ends. */
let cluster: TestCluster
let dir: string

beforeAll(async () => {
  cluster = await TestCluster.open(['s1', 's2', 's3'])
  dir = await mkdtemp(path.join(os.tmpdir(), 'flotilla-alone-'))
})

afterAll(async () => {
  await cluster.close()
  await rm(dir, { recursive: true, force: true })
})

const CLIENT = new URL('../../src/client.js', import.meta.url).href

async function runProgram(text: string): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const file = path.join(dir, 'program.mjs')
  const hooks = path.join(dir, 'register.mjs')
  await writeFile(file, text)
  await writeFile(hooks, NOTE_LOADED)
  const stores = [...cluster.stores.values()].map(({ address }) => address).join()
  const env = { ...process.env, LOADED: path.join(dir, 'loaded'), STORES: stores, NODE_OPTIONS: '' }
  const child = spawn(process.execPath, ['--import', hooks, file], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  const output = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (chunk: string) => {
      output[name] += chunk
    })
  }
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, ...output }
}

test('a client loads neither the engine nor the thread pool, works, and its process ends by itself after close', async () => {
  const ended = await runProgram(`
    import { createRequire } from 'node:module'
    import { Client } from ${JSON.stringify(CLIENT)}
    const client = await Client.connect({ stores: process.env.STORES.split(',') })
    const kv = client.kv('alone')
    await kv.put('a', '1')
    const found = [await kv.get('a'), (await kv.iterator().all()).length, (await client.listGroups()).length]
    const idle = client.group('nobody').apply(Buffer.from('x'), { timeoutMs: 60_000 }).catch((error) => error.code)
    const questions = Promise.allSettled([client.describeStores(), client.listGroups(), client.verifyGroup('kv/0000')])
    await client.close()
    await idle
    await questions
    const required = Object.keys(createRequire(import.meta.url).cache)
    const { sharedObjects } = process.report.getReport()
    console.log(JSON.stringify({ found, required, sharedObjects }))
  `)
  expect(ended.stderr).toBe('')
  expect(ended.code).toBe(0)
  const { found, required, sharedObjects } = JSON.parse(ended.stdout) as {
    found: unknown[]
    required: string[]
    sharedObjects: string[]
  }
  expect(found).toEqual(['1', 1, 1])
  const imported = (await readFile(path.join(dir, 'loaded'), 'utf8')).split('\n')
  // The hook has seen the program's own modules, so it would have seen these.
  expect(imported.some((url) => url.endsWith('/src/api/client.js'))).toBe(true)
  expect(required.length).toBeGreaterThan(0)
  const heavy = /node_modules\/(rocksdb|piscina|pino)\/|\/env\/(rocks|shard-threads|node-env)\.js|\.node$/
  expect([...imported, ...required, ...sharedObjects].filter((name) => heavy.test(name))).toEqual([])
})

test('a client that found nobody leaves nothing that keeps its process alive', async () => {
  const ended = await runProgram(`
    import { Client } from ${JSON.stringify(CLIENT)}
    try {
      await Client.connect({ stores: ['127.0.0.1:1'], connectTimeoutMs: 200 })
    } catch (error) {
      console.log(error.code, error.outcome)
    }
  `)
  expect(ended).toEqual({ code: 0, stdout: 'FLOTILLA_UNREACHABLE not-applied\n', stderr: '' })
})

test('await using closes a client, calls and iterators that are left are settled, and nothing is unhandled', async () => {
  const ended = await runProgram(`
    import { Client } from ${JSON.stringify(CLIENT)}
    const client = await Client.connect({ stores: process.env.STORES.split(',') })
    const kv = client.kv('left')
    await kv.batch([1, 2, 3].map((n) => ({ type: 'put', key: 'k' + n, value: 'v' })))
    const iterator = kv.iterator()
    await iterator.next()
    const calls = Array.from({ length: 500 }, (_, n) => kv.put('x' + n, 'v'))
    const settled = Promise.allSettled(calls)
    await client[Symbol.asyncDispose]()
    const results = await settled
    const wrong = results.filter(({ status, reason }) => status === 'rejected' && reason.code !== 'FLOTILLA_CLOSED')
    console.log(results.length, wrong.length, await client.closed)
  `)
  expect(ended).toEqual({ code: 0, stdout: '500 0 null\n', stderr: '' })
})
