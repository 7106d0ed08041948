import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { cpSync, lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs'
import { mkdtempSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runInspection } from '../../src/cli/inspect-run.ts'
import { jsonOf, runCommand } from './command-line.ts'

interface View {
  readonly verdict: string
  readonly identity: { readonly storeId: string; readonly clusterId: string; readonly boot: number } | null
  readonly peers: ReadonlyArray<{
    readonly storeId: string
    readonly address: string
    readonly incarnation: string
  }>
  readonly guards: readonly GuardView[]
  readonly shards: ReadonlyArray<{
    readonly shard: number
    readonly databaseId: string
    readonly highestFlush: number
    readonly ledgerFlush: number
    readonly guards: readonly GuardView[]
    readonly groups: readonly GroupView[]
  }>
}

interface GuardView {
  readonly name: string
  readonly verdict: string
  readonly detail: string
  readonly remedy?: string
}

interface GroupView {
  readonly groupId: string
  readonly type: string
  readonly slot: number
  readonly space: number
  readonly term: number
  readonly votedFor: { readonly storeId: string } | null
  readonly log: { readonly firstIndex: number; readonly lastIndex: number; readonly lastTerm: number } & {
    readonly brokenBy: string | null
    readonly blocks: number
    readonly entries: number
    readonly bytes: number
  }
  readonly region: {
    readonly start: unknown
    readonly end: { readonly keyspace: string; readonly key: string }
  } | null
  readonly state: {
    readonly appliedIndex: number
    readonly countedAll: boolean
    readonly keyspaces: ReadonlyArray<{ readonly keyspace: string; readonly keys: number }> | null
    readonly keyList: ReadonlyArray<{
      readonly keyspace: string
      readonly key?: string
      readonly key64?: string
    }>
  } | null
}

/** Every name below `dir` with all that could change of it. */
function snapshot(dir: string): string[] {
  return readdirSync(dir, { recursive: true, encoding: 'utf8' })
    .sort()
    .map((name) => {
      const path = join(dir, name)
      const { mode, ino, nlink, size, mtimeMs, ctimeMs } = lstatSync(path)
      const link = lstatSync(path).isSymbolicLink() ? readlinkSync(path) : ''
      const bytes = lstatSync(path).isFile()
        ? createHash('sha256').update(readFileSync(path)).digest('hex')
        : ''
      return [name, mode, ino, nlink, size, mtimeMs, ctimeMs, link, bytes].join(' ')
    })
}

function groupsOf(view: View): Map<string, GroupView> {
  return new Map(view.shards.flatMap((shard) => shard.groups.map((group) => [group.groupId, group])))
}

function guardsOf(view: View): GuardView[] {
  return [...view.guards, ...view.shards.flatMap((shard) => shard.guards)]
}

let root: string
let child: ChildProcess
/** Of a store that was killed. */
let killed: string
/** The temporary directory of the commands: empty after each. */
let tmp: string

async function inspect(
  dir: string,
  ...more: string[]
): Promise<{ code: number | null; view: View; stderr: string }> {
  const before = snapshot(dir)
  const ended = await runCommand(['inspect', dir, '--json', ...more], { env: { TMPDIR: tmp } })
  expect(snapshot(dir)).toEqual(before)
  expect(readdirSync(tmp)).toEqual([])
  return { code: ended.code, view: jsonOf<View>(ended), stderr: ended.stderr }
}

async function killStore(): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGKILL')
  await once(child, 'exit')
}

/** A copy of the killed store's directory that `damage` has changed. */
function damagedCopy(damage: (dir: string) => void): string {
  const dir = mkdtempSync(join(root, 'damaged-'))
  cpSync(killed, dir, { recursive: true })
  damage(dir)
  return dir
}

function largest(dir: string, name: RegExp): string {
  const fitting = readdirSync(dir).filter((one) => name.test(one))
  fitting.sort((a, b) => lstatSync(join(dir, b)).size - lstatSync(join(dir, a)).size)
  return join(dir, fitting[0]!)
}

function flip(path: string, place: (size: number) => number): void {
  const bytes = readFileSync(path)
  bytes[place(bytes.length)]! ^= 0x10
  writeFileSync(path, bytes)
}

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'flotilla-test-inspect-'))
  tmp = join(root, 'tmp')
  killed = join(root, 's1')
  mkdirSync(tmp)
  child = fork(fileURLToPath(new URL('./inspect-store-child.js', import.meta.url)), [killed])
  expect(await Promise.race([once(child, 'message'), once(child, 'exit')])).toEqual(['up', undefined])
})

afterAll(() => {
  child.kill('SIGKILL')
  rmSync(root, { recursive: true, force: true })
})

describe('a running store', () => {
  test('its directory is refused, and neither its work nor its lock suffers', async () => {
    for (let round = 0; round < 2; round++) {
      const ended = await runCommand(['inspect', killed, '--json'], { env: { TMPDIR: tmp } })
      expect(ended.code).toBe(1)
      const { error } = jsonOf<{ error: { code: string; message: string; outcome: string } }>(ended)
      expect(error).toMatchObject({ code: 'FLOTILLA_DATA_DIR_LOCKED', outcome: 'not-applied' })
      expect(error.message).toContain('a store runs there')
      expect(ended.stderr).toContain(killed)
      const written = once(child, 'message')
      child.send('write')
      expect((await written)[0]).toBe('written')
    }
    expect(readdirSync(tmp)).toEqual([])
  })
})

describe('a killed store', () => {
  beforeAll(killStore)

  test('all of it is shown, and not a byte of it changes', async () => {
    const { code, view } = await inspect(killed, '--keys', '2')
    expect(code).toBe(0)
    expect(view.verdict).toBe('sound')
    expect(view.identity).toMatchObject({ clusterId: 'shop', storeId: 's1', boot: 2 })
    expect(view.peers).toMatchObject([{ storeId: 's2', address: '127.0.0.1:9', incarnation: '' }])
    expect(guardsOf(view).every(({ verdict }) => verdict === 'ok')).toBe(true)
    for (const shard of view.shards) {
      expect(shard.databaseId).toMatch(/^[0-9a-f]{32}$/)
      expect(shard.ledgerFlush).toBe(shard.highestFlush)
      expect(shard.highestFlush).toBeGreaterThan(0)
    }
    const groups = groupsOf(view)
    expect([...groups.keys()].sort()).toEqual(['hits', 'kv/0000', 'kv/0001'])
    const hits = groups.get('hits')!
    expect(hits).toMatchObject({
      type: 'counter',
      space: 0,
      votedFor: { storeId: 's1' },
      region: null,
      state: null,
    })
    expect(hits.term).toBeGreaterThanOrEqual(2)
    // One entry of a user behind the configuration of its term at least.
    expect(hits.log).toMatchObject({ firstIndex: 1, lastTerm: hits.term, entries: hits.log.lastIndex })
    expect(hits.log.lastIndex).toBeGreaterThanOrEqual(2)
    expect(hits.log.bytes).toBeGreaterThan(hits.log.blocks * 40)
    const users = groups.get('kv/0000')!
    expect(users.region).toMatchObject({ start: null, end: { keyspace: 'default', key: 'm' } })
    expect(users.log.entries).toBe(users.log.lastIndex)
    expect(users.log.entries).toBeGreaterThanOrEqual(3_100)
    expect(users.state).toMatchObject({
      appliedIndex: users.log.lastIndex,
      countedAll: true,
      keyspaces: [{ keyspace: 'users', keys: 3_000 }],
      keyList: [
        { keyspace: 'users', key: 'user:00000', valueBytes: 100 },
        { keyspace: 'users', key: 'user:00001', valueBytes: 100 },
      ],
    })
    expect(groups.get('kv/0001')!.state).toMatchObject({
      keyspaces: [{ keyspace: 'default', keys: 2 }],
      keyList: [{ key: 'more' }, { key64: '/wAB' }],
    })
  })

  test('people get tables and a verdict, without a control code in a pipe', async () => {
    const { code, stdout } = await runCommand(['inspect', killed], { env: { TMPDIR: tmp } })
    expect(code).toBe(0)
    const text = stdout.toString()
    expect(text).toMatch(/^Store s1 of cluster shop in /)
    expect(text).toMatch(/│ kv\/0000 │ kv +│/)
    expect(text).toMatch(/│ kv\/0000 │ below default\/m +│ users +│ 3,000 │/)
    expect(text).toContain('Sound: everything')
    expect(text).not.toContain('\u001b')
  })

  test('a store starts in the directory afterwards: no lock is left', async () => {
    const dir = damagedCopy(() => {})
    await inspect(dir)
    const again = fork(fileURLToPath(new URL('./inspect-store-child.js', import.meta.url)), [dir])
    expect(await Promise.race([once(again, 'message'), once(again, 'exit')])).toEqual(['up', undefined])
    again.kill('SIGKILL')
    await once(again, 'exit')
  })
})

interface Damage {
  readonly what: string
  readonly apply: (dir: string) => void
  /** The check that fails, and what it says. */
  readonly guard: string
  readonly says: RegExp
  /** Groups that are shown all the same. */
  readonly groups: number
  /** One log is shown up to this index at least, and no further than the damage. */
  readonly brokenBehind?: number
}

/** The group with the most keys lies here, by the hash of its name, and one more; the third in the other shard. */
const SHARD = 'shard-01'
const LOG = `${SHARD}/log`
const DATA = `${SHARD}/data`

const DAMAGES: readonly Damage[] = [
  {
    what: 'a flipped bit in the middle of the log',
    apply: (dir) => flip(largest(join(dir, LOG), /\.log$/), (size) => size >> 1),
    guard: 'log: write-ahead log',
    says: /\d+\.log is bad/,
    groups: 3,
  },
  {
    what: 'a flipped bit in a table of the log',
    apply: (dir) => flip(largest(join(dir, LOG), /\.sst$/), (size) => Math.floor(size * 0.8)),
    guard: 'log: tables',
    says: /\d+\.sst is bad in the block at byte \d+/,
    groups: 3,
    brokenBehind: 1_024,
  },
  {
    what: 'a flipped bit in the table of the log where the records lie',
    apply: (dir) => flip(largest(join(dir, LOG), /\.sst$/), () => 100),
    guard: 'log: tables',
    says: /\d+\.sst is bad in the block at byte 0/,
    groups: -1,
  },
  {
    what: 'a CURRENT that is gone',
    apply: (dir) => rmSync(join(dir, LOG, 'CURRENT')),
    guard: 'log: file names',
    says: /CURRENT is gone/,
    groups: 0,
  },
  {
    what: 'a MANIFEST cut by 30 bytes',
    apply: (dir) => {
      const path = largest(join(dir, LOG), /^MANIFEST/)
      truncateSync(path, lstatSync(path).size - 30)
    },
    guard: '',
    says: /shard-01\/log|missing/,
    groups: -1,
  },
  {
    what: 'a ledger of zeros',
    apply: (dir) => writeFileSync(join(dir, SHARD, 'ledger'), Buffer.alloc(12_288)),
    guard: 'ledger',
    says: /shard-01\/ledger cannot be read/,
    groups: 3,
  },
  {
    what: 'a log that was wiped',
    apply: (dir) => rmSync(join(dir, LOG), { recursive: true }),
    guard: 'log: file names',
    says: /shard-01\/log is empty/,
    groups: 0,
  },
  {
    what: 'an identity with a flipped bit',
    apply: (dir) => flip(join(dir, 'identity.json'), (size) => size >> 1),
    guard: 'identity',
    says: /identity\.json is damaged/,
    groups: 3,
  },
  {
    what: 'a flipped bit in a table of the state',
    apply: (dir) => flip(largest(join(dir, DATA), /\.sst$/), (size) => size >> 1),
    // By the table's checksums or, where they lie in a compressed index, by the values' own.
    guard: '',
    says: /shard-01\/data.*(?:\.sst is bad|value of key|Corruption)/,
    groups: 3,
  },
  {
    what: 'a state whose CURRENT is gone',
    apply: (dir) => rmSync(join(dir, DATA, 'CURRENT')),
    guard: 'state: file names',
    says: /data: CURRENT is gone/,
    groups: 3,
  },
]

describe('a damaged directory', () => {
  beforeAll(killStore)

  test.each(DAMAGES)(
    '$what: told with the file and a remedy, the rest is shown, nothing changes',
    async (damage) => {
      const { code, view } = await inspect(damagedCopy(damage.apply))
      expect(code).toBe(1)
      expect(view.verdict).toBe('damaged')
      const bad = guardsOf(view).filter(({ verdict }) => verdict === 'damaged')
      const named = bad.find(({ name }) => damage.guard === '' || name === damage.guard)
      expect(named?.detail).toMatch(damage.says)
      expect(named?.remedy).toMatch(/\w/)
      expect(JSON.stringify(view)).not.toContain(tmp)
      // All of the other shard, and of this one what can be read.
      const inOther = view.shards[0]!.groups.length
      const all = view.shards.reduce((sum, shard) => sum + shard.groups.length, 0)
      if (damage.groups >= 0) expect(all).toBe(damage.groups === 0 ? inOther : damage.groups)
      if (damage.brokenBehind === undefined) return
      const broken = [...groupsOf(view).values()].filter(({ log }) => log.brokenBy !== null)
      expect(broken.length).toBe(1)
      expect(broken[0]!.log.lastIndex).toBeGreaterThanOrEqual(damage.brokenBehind)
      expect(broken[0]!.log.lastIndex).toBeLessThan(3_000)
    },
  )

  test('the torn end that a crash leaves is a remark, not damage', async () => {
    const dir = damagedCopy((copy) => {
      const path = largest(join(copy, DATA), /\.log$/)
      truncateSync(path, lstatSync(path).size - 3)
    })
    const { code, view } = await inspect(dir)
    expect(code).toBe(0)
    const remarks = guardsOf(view).filter(({ verdict }) => verdict === 'note')
    expect(remarks).toMatchObject([
      { name: 'state: write-ahead log', detail: expect.stringContaining('.log is bad') },
    ])
  })

  test('tables that a crash left half written are a remark, not damage', async () => {
    const dir = damagedCopy((copy) => {
      for (const path of [LOG, DATA]) writeFileSync(join(copy, path, '000090.sst'), '')
    })
    const { code, view } = await inspect(dir)
    expect(code).toBe(0)
    expect(view.verdict).toBe('sound')
    const remarks = guardsOf(view).filter(
      ({ name, verdict }) => verdict === 'note' && name.endsWith('tables'),
    )
    expect(remarks.map(({ detail }) => detail)).toEqual([
      expect.stringContaining('000090.sst, left there when the process ended, will be removed'),
      expect.stringContaining('000090.sst, left there'),
    ])
  })
})

describe('the reader', () => {
  const entry = new URL('./inspect-reader-that-dies.js', import.meta.url)

  test('one that the engine ends is followed by a cautious one; an interruption ends that, and leaves nothing behind', async () => {
    const before = process.env.TMPDIR
    process.env.TMPDIR = tmp
    try {
      const controller = new AbortController()
      const heard: string[] = []
      const running = runInspection({
        dir: killed,
        maxCounted: 1,
        maxListed: 0,
        signal: controller.signal,
        entry,
        onProgress(text) {
          heard.push(text)
          if (heard.length === 2) controller.abort(new Error('Ctrl-C'))
        },
      })
      await expect(running).rejects.toThrow('Ctrl-C')
      expect(heard.length).toBe(2)
      expect(readdirSync(tmp)).toEqual([])
    } finally {
      if (before === undefined) delete process.env.TMPDIR
      else process.env.TMPDIR = before
    }
  })
})

describe('what is no store', () => {
  test.each([
    ['a directory that is not there', 'nowhere', /does not exist/],
    ['a directory of something else', 'tmp', /no store's data directory/],
  ])('%s is bad usage', async (_, name, says) => {
    const { code, stderr, stdout } = await runCommand(['inspect', join(root, name)])
    expect(code).toBe(2)
    expect(stderr).toMatch(says)
    expect(stdout.length).toBe(0)
  })
})
