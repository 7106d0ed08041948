import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Kv } from '../../src/index.ts'
import { type LocalStores, openLocalStores } from '../process/local-stores.ts'
import { type CommandOptions, type Ended, jsonOf, runCommand, shellEnv } from './command-line.ts'

const PATIENCE = { timeoutMs: 60_000 }

let cluster: LocalStores
let dir: string

/** The stores in turn, so that none of them is special. */
let turn = 0

function kv(...args: string[]): Promise<Ended> {
  return kvWith({}, ...args)
}

function kvWith(options: CommandOptions, ...args: string[]): Promise<Ended> {
  const { address } = cluster.stores[turn++ % cluster.stores.length]!
  const env = { ...options.env, FLOTILLA_STORES: address }
  return runCommand(['kv', ...args, '--timeout-ms', '60000'], { cwd: dir, ...options, env })
}

function bytesOf(keyspace: string): Kv<Buffer, Buffer> {
  const options = { keyEncoding: 'buffer', valueEncoding: 'buffer', ...PATIENCE } as const
  return cluster.stores[0]!.kv<Buffer, Buffer>(keyspace, options)
}

async function contentOf(keyspace: string): Promise<Array<[Buffer, Buffer]>> {
  return await bytesOf(keyspace).iterator().all()
}

/** Text that differs when the rows do: large buffers take the comparison of a test minutes. */
function named(rows: ReadonlyArray<readonly [Buffer, Buffer]>): string[] {
  const hash = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')
  return rows.map(([key, value]) => `${key.toString('hex')} ${value.length} ${hash(value)}`)
}

function linesOf({ stdout }: Ended): string[] {
  return stdout.toString().split('\n').slice(0, -1)
}

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'flotilla-test-kv-'))
  cluster = await openLocalStores(3, { kv: { splitKeys: ['m'] } })
})

afterAll(async () => {
  await cluster[Symbol.asyncDispose]()
  rmSync(dir, { recursive: true, force: true })
})

describe('one key', () => {
  test('put, get and del through any store: the value comes back as it is, an absent key is exit 1', async () => {
    expect((await kv('put', 'greeting', 'hello')).code).toBe(0)
    const [raw, view] = await Promise.all([kv('get', 'greeting'), kv('get', 'greeting', '--json')])
    expect([raw.code, raw.stdout.toString(), raw.stderr]).toEqual([0, 'hello', ''])
    expect(jsonOf(view)).toMatchObject({ keyspace: 'default', key: 'greeting', found: true, value: 'hello' })
    expect((await kv('del', 'greeting', 'never-there')).code).toBe(0)
    const gone = await kv('get', 'greeting', '--json')
    expect(gone.code).toBe(1)
    expect(gone.stderr).toContain('no key greeting in keyspace default')
    expect(jsonOf(gone)).toMatchObject({ key: 'greeting', found: false, value: null })
  })

  test('a value from stdin keeps every byte, keys may be written in hex, keyspaces are apart', async () => {
    const value = Buffer.from([0, 0x0a, 0xff, 0x0d, 0x0a])
    const options = ['--keyspace', 'raw', '--encoding', 'hex']
    expect((await kvWith({ input: value }, 'put', '00ff', '-', ...options)).code).toBe(0)
    expect(await bytesOf('raw').get(Buffer.from([0, 0xff]))).toEqual(value)
    expect((await kv('get', '00ff', ...options)).stdout).toEqual(value)
    expect(jsonOf(await kv('get', '00ff', ...options, '--json'))).toMatchObject({
      key64: 'AP8=',
      value64: 'AAr/DQo=',
    })
    expect((await kv('get', '00ff', '--encoding', 'hex')).code).toBe(1)
  })

  test('what is no hex and what is no address is bad usage', async () => {
    const nowhere = runCommand(['kv', 'get', 'a', '--stores', 'nowhere'], { cwd: dir })
    const ended = await kv('put', '0x', '00', '--encoding', 'hex', '--json')
    expect((await nowhere).code).toBe(2)
    expect((await nowhere).stderr).toContain('--stores: "nowhere" is no address')
    expect(ended.code).toBe(2)
    expect(jsonOf(ended)).toMatchObject({
      error: { code: 'FLOTILLA_INVALID_ARGUMENT', outcome: 'not-applied' },
    })
  })
})

describe('scan', () => {
  beforeAll(async () => {
    const users = bytesOf('scanned')
    for (const key of ['a', 'b1', 'b2', 'm', 'z']) await users.put(Buffer.from(key), Buffer.from(`v-${key}`))
    await users.put(Buffer.from([0xff, 0x0a]), Buffer.from('tab\tand\nline'))
  })

  test.each([
    ['all, in order, one line each', [], ['a\tv-a', 'b1\tv-b1', 'b2\tv-b2', 'm\tv-m', 'z\tv-z']],
    ['keys of a prefix', ['--prefix', 'b', '--keys-only'], ['b1', 'b2']],
    ['a range, backwards', ['--gt', 'a', '--lte', 'm', '--reverse', '--limit', '2'], ['m\tv-m', 'b2\tv-b2']],
  ])('%s', async (_, flags, lines) => {
    const ended = await kv('scan', '--keyspace', 'scanned', ...flags)
    expect(ended.code).toBe(0)
    const more = flags.length === 0 ? ['0xff0a\ttab\\u0009and\\u000aline'] : []
    expect(linesOf(ended)).toEqual([...lines, ...more])
  })

  test('--json prints one value a line', async () => {
    const ended = await kv('scan', '--keyspace', 'scanned', '--gte', 'z', '--json')
    const rows = linesOf(ended).map((line) => JSON.parse(line) as unknown)
    expect(rows).toEqual([
      { key: 'z', value: 'v-z' },
      { key64: '/wo=', value: 'tab\tand\nline' },
    ])
  })
})

describe('export and import', () => {
  const rows: Array<[Buffer, Buffer]> = [
    [Buffer.from([0]), Buffer.alloc(0)],
    [Buffer.from('a\nb\u0000'), Buffer.from('\ufeffmark\r\n')],
    [Buffer.from('k'), Buffer.alloc(1024 * 1024)],
    [Buffer.from('schlüssel-🔑'), Buffer.from([0xc3, 0x28])],
    [Buffer.from([0xff, 0xfe, 0x0a]), Buffer.from('{"key":"x"}')],
  ]

  test('bring every key and value back, byte for byte, and are idempotent', async () => {
    for (const [key, value] of rows) await bytesOf('trip').put(key, value)
    const file = join(dir, 'trip.jsonl')
    const exported = await kv('export', 'trip.jsonl', '--keyspace', 'trip', '--json')
    expect(exported.code).toBe(0)
    expect(jsonOf(exported)).toMatchObject({ keyspace: 'trip', keys: rows.length })
    expect(readdirSync(dir)).toEqual(['trip.jsonl'])
    for (let round = 0; round < 2; round++) {
      const imported = await kv('import', file, '--keyspace', 'trip2', '--json')
      expect(imported.code).toBe(0)
      expect(jsonOf(imported)).toMatchObject({ keyspace: 'trip2', keys: rows.length })
      expect(named(await contentOf('trip2'))).toEqual(named(rows))
    }
    // Through pipes, and back to the keyspace that the first line names.
    await bytesOf('trip').clear()
    const piped = await kvWith({ input: readFileSync(file) }, 'import', '-')
    expect(piped.code).toBe(0)
    const again = await kv('export', '-', '--keyspace', 'trip')
    expect(again.stdout.equals(readFileSync(file))).toBe(true)
  })

  test('a bad line is named, what stands before it is written, and --from-line goes on behind it', async () => {
    const lines = [
      '{"key":"1","value":"a"}',
      '',
      '{"key":"2","value":"b"}',
      '{"key":"3"}',
      '{"key":"4","value":"d"}',
    ]
    const file = join(dir, 'bad.jsonl')
    writeFileSync(file, lines.join('\n'))
    const failed = await kv('import', 'bad.jsonl', '--keyspace', 'bad')
    expect(failed.code).toBe(2)
    expect(failed.stderr).toContain(`${file}:4: one of "value" and "value64" is wanted`)
    expect(failed.stderr).toContain('2 keys written for certain')
    expect(failed.stderr).toContain('--from-line 4')
    expect((await contentOf('bad')).length).toBe(2)
    const rest = await kv('import', 'bad.jsonl', '--keyspace', 'bad', '--from-line', '5', '--json')
    expect([rest.code, jsonOf<{ keys: number }>(rest).keys]).toEqual([0, 1])
    expect((await contentOf('bad')).map(([key]) => key.toString())).toEqual(['1', '2', '4'])
  })

  test('an export that was cut short is told', async () => {
    const whole = ['{"flotilla":"kv-export","version":1,"keyspace":"cut"}', '{"key":"1","value":"a"}']
    const ended = await kvWith({ input: whole.join('\n') }, 'import', '-', '--json')
    expect(ended.code).not.toBe(0)
    expect(ended.stderr).toContain('the export was cut short')
    expect((await contentOf('cut')).length).toBe(1)
  })

  test('the files of a directory, by their paths; what cannot be is left out and told', async () => {
    const tree = join(dir, 'tree')
    mkdirSync(join(tree, 'sub'), { recursive: true })
    writeFileSync(join(tree, 'empty'), '')
    writeFileSync(join(tree, 'sub/file'), 'content')
    symlinkSync('empty', join(tree, 'link'))
    const sound = await kv('import', 'tree', '--keyspace', 'tree', '--json')
    expect([sound.code, jsonOf<{ keys: number }>(sound).keys]).toEqual([0, 2])
    writeFileSync(join(tree, 'large'), Buffer.alloc(1024 * 1024 + 1))
    const partly = await kv('import', 'tree', '--keyspace', 'tree')
    expect(partly.code).toBe(1)
    expect(partly.stderr).toContain('large')
    const found = (await contentOf('tree')).map(([key, value]) => [key.toString(), value.toString()])
    expect(found).toEqual([
      ['empty', ''],
      ['sub/file', 'content'],
    ])
  })

  test('Ctrl-C stops an import at once: it says what was done and how to go on', async () => {
    const main = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url))
    const args = [main, 'kv', 'import', '-', '--keyspace', 'stopped', '--stores', cluster.stores[1]!.address]
    const child = spawn(process.execPath, args, { env: shellEnv() })
    let stderr = ''
    const seen = new Promise<void>((resolve) => {
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        stderr += text
        if (stderr.includes('500 keys')) resolve()
      })
    })
    // Its input has no end: it waits for more.
    for (let i = 0; i < 500; i++) child.stdin.write(`{"key":"${i}","value":"v"}\n`)
    const ended = once(child, 'close')
    await Promise.race([seen, ended])
    child.kill('SIGINT')
    expect((await ended)[0]).toBe(130)
    expect(stderr).toContain('500 keys written for certain')
    expect(stderr).toContain('--from-line 501')
    expect(stderr).toContain('interrupted (SIGINT)')
    expect((await contentOf('stopped')).length).toBe(500)
  })

  test('an export that fails leaves no file, and the old one as it was', async () => {
    writeFileSync(join(dir, 'kept.jsonl'), 'old')
    const args = ['kv', 'export', 'kept.jsonl', '--stores', '127.0.0.1:1', '--timeout-ms', '300']
    const ended = await runCommand(args, { cwd: dir })
    expect(ended.code).toBe(1)
    expect(ended.stderr).toContain('127.0.0.1:1')
    expect(readFileSync(join(dir, 'kept.jsonl'), 'utf8')).toBe('old')
    expect(readdirSync(dir).filter((name) => name.endsWith('.part'))).toEqual([])
  })
})

describe('a cluster that does not answer', () => {
  test('no store: exit 1, and each address is named', async () => {
    const args = ['kv', 'get', 'a', '--stores', '127.0.0.1:1,127.0.0.1:2', '--timeout-ms', '300', '--json']
    const ended = await runCommand(args, { cwd: dir })
    expect(ended.code).toBe(1)
    const { error } = jsonOf<{ error: { code: string; message: string } }>(ended)
    expect(error.code).toBe('FLOTILLA_UNREACHABLE')
    expect(error.message).toMatch(/127\.0\.0\.1:1.*127\.0\.0\.1:2.*--stores/s)
  })

  test('a write whose majority is gone: its outcome is not known, and that is said in plain words', async () => {
    // The leader does not notice for a minute that it is alone.
    await using lonely = await openLocalStores(3, { electionTimeoutMs: 60_000 })
    const first = lonely.stores[0]!
    await first.kv().put('a', '1', PATIENCE)
    await Promise.all(lonely.stores.slice(1).map((store) => store.close()))
    const args = ['kv', 'put', 'a', '2', '--stores', first.address, '--timeout-ms', '1000', '--json']
    const ended = await runCommand(args, { cwd: dir })
    expect(ended.code).toBe(1)
    const { error } = jsonOf<{ error: { outcome: string; message: string } }>(ended)
    expect(error.outcome).toBe('unknown')
    expect(error.message).toContain('It is not known whether this took effect')
    expect(ended.stderr).toContain('It is not known whether this took effect')
    const main = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url))
    const child = spawn(process.execPath, [main, 'kv', 'put', 'a', '3', '--stores', first.address], {
      env: shellEnv(),
    })
    let stderr = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text
      if (text.includes('waiting for a majority')) child.kill('SIGINT')
    })
    expect((await once(child, 'close'))[0]).toBe(130)
    expect(stderr).toMatch(/It is not known whether this took effect.*interrupted \(SIGINT\)/s)
  })
})
