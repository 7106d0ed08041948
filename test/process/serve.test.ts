import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { Client } from '../../src/api/client.ts'
import { HOST } from '../../src/cli/demo-settings.ts'
import { findFreePorts } from '../../src/cli/free-ports.ts'
import { withTempDir } from '../cli/temp-dir.ts'
import { type CliProcess, controlCodesIn, startCli } from './cli-process.ts'

interface Ready {
  readonly storeId: string
  readonly address: string
  readonly pid: number
}

const ALONE = ['--cluster-id', 'c', '--store-id', 's1', '--data-dir', 'd', '--stores', 's1=127.0.0.1:0']

async function readyLine(store: CliProcess): Promise<Ready> {
  await store.seen(/^\{"clusterId.*\n/m)
  return JSON.parse(store.output.stdout) as Ready
}

async function withClient<T>(stores: readonly string[], body: (client: Client) => Promise<T>): Promise<T> {
  const client = await Client.connect({ stores: [...stores], connectTimeoutMs: 30_000 })
  try {
    return await body(client)
  } finally {
    await client.close()
  }
}

/** Lines on stderr are JSON, as pino writes it. */
function logLines({ output }: CliProcess): { msg: string; level: number }[] {
  return output.stderr
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { msg: string; level: number })
}

describe('flotilla serve', () => {
  test('three stores, by flags, variables and files, are one cluster; SIGTERM and SIGINT end each with 0', async () => {
    await withTempDir(async (dir) => {
      const ports = await findFreePorts(3, HOST)
      const stores = Object.fromEntries(ports.map((port, i) => [`s${i + 1}`, `${HOST}:${port}`]))
      const listed = Object.entries(stores).map(([id, address]) => `${id}=${address}`)
      await writeFile(
        join(dir, 'flotilla.json'),
        JSON.stringify({ clusterId: 'c', stores, kv: { splitKeys: ['m'] }, storeId: 's3', dataDir: 'd3' }),
      )
      const fromFile = startCli(dir, ['serve', '--json'])
      const fromEnv = startCli(dir, ['serve', '--json'], {
        env: { FLOTILLA_STORE_ID: 's2', FLOTILLA_DATA_DIR: './d2', FLOTILLA_STORES: listed.join(',') },
      })
      const fromFlags = startCli(dir, ['serve', '--json', '--store-id', 's1', '--data-dir', './d1'])
      const all = [fromFlags, fromEnv, fromFile]
      const ready = await Promise.all(all.map(readyLine))
      expect(ready.map(({ storeId, address }) => [storeId, address])).toEqual(Object.entries(stores))
      expect(ready.map(({ pid }) => pid)).toEqual(all.map(({ child }) => child.pid))
      await withClient([stores.s2!], async (client) => {
        await client.kv().put('a', '1')
        await client.kv().put('z', '2')
        expect(await client.kv().get('a')).toBe('1')
      })
      fromFlags.child.kill('SIGTERM')
      fromEnv.signalGroup('SIGINT')
      fromFile.child.kill('SIGINT')
      for (const store of all) {
        expect(await store.ended, store.output.stderr).toBe(0)
        expect(store.output.stdout.trimEnd().split('\n')).toHaveLength(1)
        expect(logLines(store).at(-1)).toMatchObject({ msg: 'closed' })
        expect(controlCodesIn(store.output.stdout + store.output.stderr)).toEqual([])
      }
      expect((await readdir(dir)).sort()).toEqual(['d1', 'd2', 'd3', 'flotilla.json'])
    })
  })

  test('state machines of a module; a close that hangs is cut short by a second signal', async () => {
    await withTempDir(async (dir) => {
      const machine =
        '{ onApply() {}, onQuery: () => Buffer.from("here"), close: () => new Promise(() => {}) }'
      await writeFile(join(dir, 'm.mjs'), `export const stateMachines = { stuck: () => (${machine}) }\n`)
      const args = ['serve', ...ALONE, '--json', '--state-machines', './m.mjs', '--no-kv']
      const store = startCli(dir, args)
      const { address } = await readyLine(store)
      await withClient([address], async (client) => {
        const group = await client.createGroup({ groupId: 'g', type: 'stuck', members: ['s1'] })
        expect((await group.query(Buffer.alloc(0))).toString()).toBe('here')
      })
      store.child.kill('SIGTERM')
      await store.seen(/closing: interrupted \(SIGTERM\)/)
      // Sooner it would pass for the same Ctrl-C, heard twice.
      await sleep(300)
      store.child.kill('SIGTERM')
      expect(await store.ended).toBe(143)
    })
  })

  test('a disk that takes nothing more ends it with 1, and it says why', async () => {
    await withTempDir(async (dir) => {
      const store = startCli(dir, ['serve', ...ALONE, '--json', '--log-level', 'silent'], {
        maxFileBlocks: 4_096,
      })
      const { address } = await readyLine(store)
      await withClient([address], async (client) => {
        const kv = client.kv<string, Buffer>('default', { valueEncoding: 'buffer' })
        const value = Buffer.alloc(500_000, 1)
        for (let i = 0; ; i++) {
          const done = await kv.put(`${i}`, value, { timeoutMs: 5_000 }).then(
            () => true,
            () => false,
          )
          if (!done) break
        }
      })
      expect(await store.ended, store.output.stdout).toBe(1)
      const [, last] = store.output.stdout.trimEnd().split('\n')
      expect(JSON.parse(last!).error).toMatchObject({ code: 'FLOTILLA_STORAGE_FAILED' })
      expect(store.output.stderr).toMatch(/^flotilla serve: /)
    })
  })

  test('a directory in use ends with 1; bad usage with 2, and for programs as one JSON value', async () => {
    await withTempDir(async (dir) => {
      const first = startCli(dir, ['serve', ...ALONE, '--json'])
      await readyLine(first)
      const second = startCli(dir, ['serve', ...ALONE, '--json', '--log-level', 'silent'])
      expect(await second.ended).toBe(1)
      expect(JSON.parse(second.output.stdout).error.code).toBe('FLOTILLA_DATA_DIR_LOCKED')
      const [bad, missing, unknown] = [
        startCli(dir, ['serve', ...ALONE, '--shards', '0', '--json']),
        startCli(dir, ['serve', '--json']),
        startCli(dir, ['serv', '--json']),
      ]
      for (const [wrong, text] of [
        [bad, /shards must be a whole number.*\(from --shards\)/],
        [missing, /not given: clusterId/],
        [unknown, /unknown command 'serv' \(Did you mean serve\?\)/],
      ] as const) {
        expect(await wrong.ended).toBe(2)
        expect(JSON.parse(wrong.output.stdout).error).toMatchObject({
          code: 'FLOTILLA_INVALID_ARGUMENT',
          message: expect.stringMatching(text),
          outcome: 'not-applied',
        })
      }
      first.child.kill('SIGINT')
      expect(await first.ended).toBe(0)
    })
  })

  test('--check-config shows what takes effect and opens nothing', async () => {
    await withTempDir(async (dir) => {
      await mkdir(join(dir, 'conf'))
      await writeFile(
        join(dir, 'conf', 'f.json'),
        JSON.stringify({ clusterId: 'c', stores: { s1: '127.0.0.1:7101' }, dataDir: 'd' }),
      )
      const args = ['serve', '--config', 'conf/f.json', '--check-config']
      const env = { FLOTILLA_STORE_ID: 's1', FLOTILLA_SHARD: '2' }
      const [json, table] = [startCli(dir, [...args, '--json'], { env }), startCli(dir, args, { env })]
      expect(await json.ended, json.output.stderr).toBe(0)
      expect(JSON.parse(json.output.stdout).settings).toMatchObject({
        clusterId: { value: 'c', source: 'file', from: join(dir, 'conf', 'f.json') },
        storeId: { value: 's1', source: 'env', from: 'FLOTILLA_STORE_ID' },
        dataDir: { value: join(dir, 'conf', 'd'), source: 'file' },
        shards: { value: 1, source: 'default', from: 'default' },
      })
      // Nobody asked for it, and nobody would have noticed.
      expect(json.output.stderr).toBe('warning: FLOTILLA_SHARD is no setting\n')
      expect(await table.ended).toBe(0)
      expect(table.output.stdout).toMatch(/│ storeId +│ s1 +│ FLOTILLA_STORE_ID +│/)
      expect(await readdir(dir)).toEqual(['conf'])
    })
  })

  test('a reader of its output that goes away ends it in order', async () => {
    await withTempDir(async (dir) => {
      const store = startCli(dir, ['serve', ...ALONE])
      store.child.stdout!.destroy()
      expect(await store.ended, store.output.stderr).toBe(141)
      expect(store.output.stderr).toMatch(/"closed"/)
      const again = startCli(dir, ['serve', ...ALONE])
      again.child.stderr!.destroy()
      await again.seen(/ready/)
      again.child.kill('SIGTERM')
      expect(await again.ended).toBe(0)
    })
  })
})
