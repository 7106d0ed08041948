import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { STORE_OPTION_TABLE } from '../../src/api/option-table.ts'
import { Output } from '../../src/cli/output.ts'
import { readServeSettings, type ServeSettings } from '../../src/cli/serve-settings.ts'
import { withTempDir } from './temp-dir.ts'

interface Given {
  readonly flags?: Readonly<Record<string, unknown>>
  readonly env?: NodeJS.ProcessEnv
  /** Of ./flotilla.json. */
  readonly file?: unknown
  /** Other files, by name. */
  readonly files?: Readonly<Record<string, string>>
}

/** The least that a store needs, as a file. */
const LEAST = { clusterId: 'c', storeId: 's1', dataDir: 'd', stores: { s1: '127.0.0.1:7101' } }

async function read({
  flags = {},
  env = {},
  file,
  files = {},
}: Given): Promise<ServeSettings & { cwd: string }> {
  return await withTempDir(async (cwd) => {
    if (file !== undefined) await writeFile(join(cwd, 'flotilla.json'), JSON.stringify(file))
    for (const [name, text] of Object.entries(files)) await writeFile(join(cwd, name), text)
    const { signal } = new AbortController()
    const output = new Output(false, env, signal)
    const settings = await readServeSettings({ args: [], flags, json: false, signal, output, env, cwd })
    return { ...settings, cwd }
  })
}

function setting({ effective }: ServeSettings, name: string): unknown[] {
  const { value, source, from } = effective.find((one) => one.name === name)!
  return [value, source, from]
}

describe('the settings of serve', () => {
  test('a flag wins over a variable, that over the file, that over the default; each says where it stands', async () => {
    const file = { ...LEAST, shards: 2, electionTimeoutMs: 200, heartbeatIntervalMs: 20 }
    const env = { FLOTILLA_SHARDS: '3', FLOTILLA_ELECTION_TIMEOUT_MS: '300', FLOTILLA_LISTEN: '' }
    const settings = await read({ file, env, flags: { shards: '4' } })
    const path = join(settings.cwd, 'flotilla.json')
    expect(setting(settings, 'shards')).toEqual([4, 'flag', '--shards'])
    expect(setting(settings, 'electionTimeoutMs')).toEqual([300, 'env', 'FLOTILLA_ELECTION_TIMEOUT_MS'])
    expect(setting(settings, 'heartbeatIntervalMs')).toEqual([20, 'file', path])
    expect(setting(settings, 'logLevel')).toEqual(['info', 'default', 'default'])
    // An empty variable is none; a default that follows from others is shown as it came out.
    expect(setting(settings, 'listen')).toEqual(['127.0.0.1:7101', 'default', 'default'])
    expect(setting(settings, 'kv.members')).toEqual([['s1'], 'default', 'default'])
    expect(settings.options).toMatchObject({ shards: 4, electionTimeoutMs: 300, heartbeatIntervalMs: 20 })
  })

  test('every option of the schema but the logger has its three names', async () => {
    for (const { name, flag, variable } of STORE_OPTION_TABLE.filter(({ name }) => name !== 'logger')) {
      const words = name.replace(/[A-Z.]/g, (c) => (c === '.' ? '-' : `-${c.toLowerCase()}`))
      expect([flag, variable]).toEqual([`--${words}`, `FLOTILLA_${words.replaceAll('-', '_').toUpperCase()}`])
    }
    expect(STORE_OPTION_TABLE.map(({ name }) => name)).toContain('kv.splitKeys')
  })

  test('everything can be told by variables alone', async () => {
    const env = {
      FLOTILLA_CLUSTER_ID: 'c',
      FLOTILLA_STORE_ID: 's2',
      FLOTILLA_DATA_DIR: 'here',
      FLOTILLA_STORES: 's1=127.0.0.1:1, s2=[::1]:2',
      FLOTILLA_KV_SPLIT_KEYS: 'g,n',
      FLOTILLA_KV_MEMBERS: 's1',
      FLOTILLA_LOG_LEVEL: 'warn',
    }
    const { options, logLevel, cwd } = await read({ env })
    expect(options).toMatchObject({
      clusterId: 'c',
      storeId: 's2',
      dataDir: join(cwd, 'here'),
      stores: { s1: '127.0.0.1:1', s2: '[::1]:2' },
      kv: { splitKeys: ['g', 'n'], members: ['s1'] },
    })
    expect(logLevel).toBe('warn')
  })

  test('no regions: from a stronger source than what describes them, else the two contradict each other', async () => {
    const file = { ...LEAST, kv: { splitKeys: ['m'] } }
    expect((await read({ file, flags: { kv: false } })).options.kv).toBeNull()
    expect((await read({ file: { ...LEAST, kv: false } })).options.kv).toBeNull()
    expect(
      (await read({ file: { ...LEAST, kv: false }, env: { FLOTILLA_KV: 'true' } })).options.kv,
    ).not.toBeNull()
    const both = read({ file: { ...LEAST, kv: false }, flags: { kvSplitKeys: 'm' } })
    await expect(both).rejects.toThrow(
      /kv is false \(from .*flotilla\.json\) and kv\.splitKeys is given \(from --kv-/,
    )
  })

  test.each<[string, Given, RegExp]>([
    ['a number that is none', { env: { FLOTILLA_SHARDS: '5x' } }, /not "5x" \(from FLOTILLA_SHARDS\)$/],
    ['a number out of range', { flags: { shards: '65' } }, /from 1 to 64, not 65 \(from --shards\)$/],
    ['a wrong type in the file', { file: { ...LEAST, shards: '2' } }, /not "2" \(from .*flotilla\.json\)$/],
    [
      'an unknown key',
      { file: { ...LEAST, shard: 2 } },
      /unknown option shard in .*flotilla\.json: known are clusterId/,
    ],
    [
      'an unknown key of kv',
      { file: { ...LEAST, kv: { splitkeys: [] } } },
      /unknown option kv\.splitkeys in .*: known are splitKeys, members/,
    ],
    ['a logger in a file', { file: { ...LEAST, logger: {} } }, /unknown option logger/],
    [
      'stores without ids',
      { flags: { stores: '127.0.0.1:1' } },
      /^--stores: "127\.0\.0\.1:1" is no id=host:port/,
    ],
    ['a store named twice', { flags: { stores: 's1=a:1,s1=b:1' } }, /^--stores names "s1" twice/],
    [
      'a port that cannot be',
      { flags: { listen: 'a:70000' } },
      /listen must be an address .* \(from --listen\)$/,
    ],
    [
      'a switch that is none',
      { env: { FLOTILLA_KV: 'yes' } },
      /^FLOTILLA_KV must be true or false, not "yes"/,
    ],
    [
      'a level that is none',
      { flags: { logLevel: 'loud' } },
      /logLevel must be one of .* \(from --log-level\)$/,
    ],
    ['two equal split keys', { flags: { kvSplitKeys: 'a,a' } }, /same key twice \(from --kv-split-keys\)$/],
    [
      'a member that is no store',
      { env: { FLOTILLA_KV_MEMBERS: 's9' } },
      /"s9".* \(from FLOTILLA_KV_MEMBERS\)$/,
    ],
    ['heartbeats too slow', { flags: { heartbeatIntervalMs: '900' } }, /at most half .* \(from --heartbeat-/],
    [
      'a file that is not there',
      { flags: { config: 'gone.json' } },
      /gone\.json cannot be read: there is none/,
    ],
    ['a file of no JSON', { flags: { config: 'x.json' }, files: { 'x.json': '{' } }, /x\.json is no JSON/],
    [
      'a module that is not there',
      { flags: { stateMachines: 'gone.mjs' } },
      /gone\.mjs is no file \(from --state/,
    ],
    [
      'a module without state machines',
      { flags: { stateMachines: 'm.mjs' }, files: { 'm.mjs': 'export const machines = {}' } },
      /m\.mjs exports none: it needs export const stateMachines/,
    ],
    [
      'a module that throws',
      { flags: { stateMachines: 'm.mjs' }, files: { 'm.mjs': 'throw new Error("no")' } },
      /m\.mjs cannot be loaded: no/,
    ],
  ])('%s is refused, and it says where that stands', async (_what, given, message) => {
    await expect(read({ file: LEAST, ...given })).rejects.toThrow(message)
    await expect(read({ file: LEAST, ...given })).rejects.toMatchObject({ name: 'UsageError' })
  })

  test('all that is missing is named at once', async () => {
    await expect(read({ env: { FLOTILLA_STORE_ID: 's1' } })).rejects.toThrow(
      'not given: clusterId (--cluster-id or FLOTILLA_CLUSTER_ID), dataDir (--data-dir or FLOTILLA_DATA_DIR), stores (',
    )
  })

  test('state machines come from a module; a relative path in the file begins at the file', async () => {
    const files = { 'm.mjs': 'export const stateMachines = { counter: () => ({ onApply() {} }) }' }
    const { options, cwd } = await read({ file: { ...LEAST, stateMachines: './m.mjs' }, files })
    expect(Object.keys(options.stateMachines)).toEqual(['counter'])
    expect(options.dataDir).toBe(join(cwd, 'd'))
  })
})
