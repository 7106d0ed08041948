import { fork } from 'node:child_process'
import { once } from 'node:events'
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { createNodeDisk } from '../../src/env/node-disk.ts'
import { NodeFiles } from '../../src/env/node-files.ts'
import { RocksEngine } from '../../src/env/rocks.ts'
import { readLiveFiles } from '../../src/storage/manifest.ts'
import { checkTables } from '../../src/storage/table-check.ts'
import { InlineThreads, rocksWorld, TestShard } from './shard-harness.ts'
import type { World } from './shard-harness.ts'

const files = new NodeFiles()
const worlds: World[] = []

/** Real files and the real engine, without a thread of its own. */
function world(): World {
  const { dir, remove } = rocksWorld()
  const made = { threads: new InlineThreads(createNodeDisk()), dir, remove }
  worlds.push(made)
  return made
}

afterEach(() => {
  for (const { remove } of worlds.splice(0)) remove()
})

function namesIn(dir: string, kind: RegExp): string[] {
  return readdirSync(dir)
    .filter((name) => kind.test(name))
    .sort()
}

function tablesIn(dir: string): string[] {
  return namesIn(dir, /\.sst$/)
}

const ENTRIES = 60

/** A stopped shard whose group `a` has applied its entries; log and state have a table each, and a write-ahead log. */
async function stoppedShard(): Promise<World> {
  const where = world()
  for (let life = 0; life < 3; life++) {
    const shard = await TestShard.open(where)
    const a = life === 0 ? await shard.create('a') : shard.replica('a')
    if (life === 0) await a.setTerm(1)
    for (let i = 0; i < ENTRIES / 3; i++) await a.put({ [`k${a.lastIndex}`]: 'x'.repeat(500) })
    await a.apply(a.lastIndex)
    await shard.shard.close()
  }
  expect(tablesIn(join(where.dir, 'log')).length).toBeGreaterThan(0)
  expect(tablesIn(join(where.dir, 'data')).length).toBeGreaterThan(0)
  return where
}

/** It starts without a word, and has what it had. */
async function expectWhole(where: World): Promise<void> {
  const shard = await TestShard.open(where)
  expect(shard.warnings).toEqual([])
  expect(shard.recovered('a')).toMatchObject({ lastIndex: ENTRIES, appliedIndex: ENTRIES, stateLost: false })
  const { values } = await shard.get(shard.replica('a').slot, ['k0', `k${ENTRIES - 1}`])
  expect(values.map((value) => value?.length)).toEqual([500, 500])
  await shard.shard.close()
}

function manifestOf(dir: string): string {
  return join(dir, readFileSync(join(dir, 'CURRENT'), 'utf8').trim())
}

/** What a process that is killed may leave beside what counts. Each gets the directory of a database. */
const LEFTOVERS: ReadonlyArray<readonly [string, (dir: string) => void]> = [
  ['a table that was only made', (dir) => writeFileSync(join(dir, '000090.sst'), '')],
  [
    'a table half written',
    (dir) => {
      const from = join(dir, tablesIn(dir)[0]!)
      copyFileSync(from, join(dir, '000090.sst'))
      truncateSync(join(dir, '000090.sst'), statSync(from).size >> 1)
    },
  ],
  [
    'a whole table that no MANIFEST names',
    (dir) => copyFileSync(join(dir, tablesIn(dir)[0]!), join(dir, '000090.sst')),
  ],
  [
    'a table of zeros, as a power cut leaves it',
    (dir) => writeFileSync(join(dir, '000090.sst'), Buffer.alloc(9_000)),
  ],
  ['an empty write-ahead log', (dir) => writeFileSync(join(dir, '000091.log'), '')],
  [
    'a write-ahead log that is in tables already, and torn',
    (dir) => writeFileSync(join(dir, '000001.log'), Buffer.from('0123456789abcdef')),
  ],
  [
    'a new MANIFEST that CURRENT does not name yet',
    (dir) => {
      const manifest = manifestOf(dir)
      copyFileSync(manifest, join(dir, 'MANIFEST-000092'))
      truncateSync(join(dir, 'MANIFEST-000092'), statSync(manifest).size >> 1)
    },
  ],
  ['a MANIFEST that was only made', (dir) => writeFileSync(join(dir, 'MANIFEST-000092'), '')],
  ['a new CURRENT not yet renamed', (dir) => writeFileSync(join(dir, '000092.dbtmp'), 'MANIFEST-0')],
  ['new options not yet renamed', (dir) => writeFileSync(join(dir, 'OPTIONS-000092.dbtmp'), '[Vers')],
  ['options half written', (dir) => writeFileSync(join(dir, 'OPTIONS-000092'), '[Vers')],
  ['no options', (dir) => rmSync(join(dir, namesIn(dir, /^OPTIONS/)[0]!))],
  ['no IDENTITY', (dir) => rmSync(join(dir, 'IDENTITY'))],
  ['no LOCK', (dir) => rmSync(join(dir, 'LOCK'))],
  [
    'an edit of the MANIFEST half written',
    (dir) => appendFileSync(manifestOf(dir), Buffer.from('5a17e200401f011234', 'hex')),
  ],
  [
    'the header of an edit half written',
    (dir) => appendFileSync(manifestOf(dir), Buffer.from('5a17e2', 'hex')),
  ],
  ['zeros behind the MANIFEST', (dir) => appendFileSync(manifestOf(dir), Buffer.alloc(700))],
]

describe('a store starts beside what a killed process left', () => {
  for (const name of ['log', 'data']) {
    test(`in its ${name}: each of ${LEFTOVERS.length} kinds, one after the other, and all of the tables' at once`, async () => {
      const where = await stoppedShard()
      const dir = join(where.dir, name)
      for (const [what, plant] of LEFTOVERS) {
        plant(dir)
        await expectWhole(where).catch((cause: unknown) => {
          throw new Error(what, { cause })
        })
      }
      for (const [, plant] of LEFTOVERS.slice(0, 4)) plant(dir)
      writeFileSync(join(dir, '000093.sst'), 'x')
      expect((await checkTables(files, dir)).leftovers).toEqual(['000090.sst', '000093.sst'])
      await expectWhole(where)
    })
  }
})

describe('tables', () => {
  test('of which the MANIFEST tells are those that RocksDB keeps, through flushes and compactions', async () => {
    const { dir } = world()
    const options = { writeBufferBytes: 64 << 10, compression: false }
    for (let life = 0; life < 3; life++) {
      const db = await new RocksEngine().open(dir, options)
      for (let i = 0; i < 600; i++) {
        const batch = db.createBatch()
        batch.put(Buffer.from(`k${(i * 7919) % 300}`), Buffer.alloc(4_000, i))
        await db.write(batch, false)
      }
      await db.close()
    }
    // What the last life left over is removed by the next.
    await (await new RocksEngine().open(dir, options)).close()
    const live = await readLiveFiles(files, dir)
    const names = [...live!.tables].map((number) => `${String(number).padStart(6, '0')}.sst`)
    expect(names.sort()).toEqual(tablesIn(dir))
    expect(names.length).toBeGreaterThan(0)
    const numbers = names.map((name) => Number.parseInt(name, 10))
    // Most of the tables ever made were compacted away.
    expect(Math.max(...numbers)).toBeGreaterThan(numbers.length * 3)
  })

  test('that the MANIFEST names must be there, in the log', async () => {
    const where = await stoppedShard()
    const log = join(where.dir, 'log')
    const [table] = tablesIn(log)
    rmSync(join(log, table!))
    await expect(TestShard.open(where)).rejects.toMatchObject({
      code: 'FLOTILLA_CORRUPT',
      message: expect.stringMatching(
        `${table}, which the MANIFEST names, is gone.*Put the old directory back`,
      ),
    })
    expect(existsSync(manifestOf(log))).toBe(true)
  })

  test('that the MANIFEST names must be there, in the state, which is built anew else', async () => {
    const where = await stoppedShard()
    const [table] = tablesIn(join(where.dir, 'data'))
    rmSync(join(where.dir, 'data', table!))
    const shard = await TestShard.open(where)
    expect(shard.warnings[0]).toMatch(`${table}, which the MANIFEST names, is gone`)
    expect(shard.recovered('a')).toMatchObject({ appliedIndex: 0, stateLost: false })
    await shard.replica('a').apply(ENTRIES)
    await shard.shard.close()
  })

  test('all count where the MANIFEST cannot be read', async () => {
    const where = await stoppedShard()
    const log = join(where.dir, 'log')
    writeFileSync(join(log, '000090.sst'), '')
    expect((await checkTables(files, log)).damage).toBe(null)
    const manifest = manifestOf(log)
    const bytes = readFileSync(manifest)
    bytes[20]! ^= 1
    writeFileSync(manifest, bytes)
    expect(await checkTables(files, log)).toEqual({ damage: '000090.sst has only 0 bytes', leftovers: [] })
    // One that ends within its first edit tells nothing either.
    bytes[20]! ^= 1
    for (const length of [0, 3, 20]) {
      writeFileSync(manifest, bytes.subarray(0, length))
      expect((await checkTables(files, log)).damage, `${length} bytes`).toBe('000090.sst has only 0 bytes')
    }
    writeFileSync(manifest, bytes)
    await expectWhole(where)
  })
})

test('a write-ahead log of the state that is in tables already may be torn: nothing newer goes for it', async () => {
  const where = await stoppedShard()
  const data = join(where.dir, 'data')
  const [wal] = namesIn(data, /\.log$/)
  // What it held is in a table once the next life has begun; a power cut may bring it back without its middle.
  const torn = readFileSync(join(data, wal!))
  torn.fill(0, 100, 4_000)
  const shard = await TestShard.open(where)
  const a = shard.replica('a')
  await a.put({ newest: 'n' })
  await a.apply(a.lastIndex)
  await shard.shard.close()
  expect(existsSync(join(data, wal!))).toBe(false)
  writeFileSync(join(data, wal!), torn)
  const again = await TestShard.open(where)
  expect(again.warnings).toEqual([])
  expect(again.recovered('a').appliedIndex).toBe(ENTRIES + 1)
  await again.shard.close()
})

describe('a first start that was cut short', () => {
  const CUTS: ReadonlyArray<readonly [string, string, (dir: string) => void]> = [
    ['before the log had a CURRENT', 'log', (dir) => rmSync(join(dir, 'CURRENT'))],
    ['before the log had anything', 'log', (dir) => rmSync(manifestOf(dir))],
    ['before the state had a CURRENT', 'data', (dir) => rmSync(join(dir, 'CURRENT'))],
  ]

  test.each(CUTS)('%s: the next is a first one again, and says nothing', async (_, name, cut) => {
    const born = world()
    await (
      await new RocksEngine().open(join(born.dir, name), { writeBufferBytes: 1 << 20, compression: false })
    ).close()
    const dir = join(born.dir, name)
    for (const file of namesIn(dir, /^\d+\.|^OPTIONS|^IDENTITY/)) rmSync(join(dir, file))
    cut(dir)
    if (existsSync(join(dir, 'CURRENT'))) rmSync(join(dir, 'CURRENT'))
    const shard = await TestShard.open(born)
    expect(shard.warnings).toEqual([])
    await shard.create('a')
    await shard.shard.close()
    expect(readdirSync(born.dir).filter((one) => one.startsWith('data.damaged'))).toEqual([])
  })

  test('of a state that is built anew does not cost the damaged one that was kept', async () => {
    const where = await stoppedShard()
    const kept = join(where.dir, 'data.damaged-1')
    renameSync(join(where.dir, 'data'), kept)
    mkdirSync(join(where.dir, 'data'))
    copyFileSync(manifestOf(kept), join(where.dir, 'data', 'MANIFEST-000001'))
    const shard = await TestShard.open(where)
    await shard.replica('a').apply(ENTRIES)
    await shard.shard.close()
    expect(readdirSync(where.dir).filter((name) => name.startsWith('data.damaged'))).toEqual([
      'data.damaged-1',
    ])
    expect(tablesIn(kept).length).toBeGreaterThan(0)
  })

  test('while a damaged state was being removed for a newer one', async () => {
    const where = await stoppedShard()
    mkdirSync(join(where.dir, 'data.damaged-1'))
    writeFileSync(join(where.dir, 'data.damaged-1', '000004.sst'), 'half gone')
    rmSync(join(where.dir, 'data', 'CURRENT'))
    const shard = await TestShard.open(where)
    expect(shard.warnings[0]).toContain('data.damaged-2')
    await shard.replica('a').apply(ENTRIES)
    await shard.shard.close()
    await expectWhole(where)
    expect(readdirSync(where.dir).filter((name) => name.startsWith('data.damaged'))).toEqual([
      'data.damaged-2',
    ])
  })
})

test('a store killed while RocksDB flushes or compacts starts each time', async () => {
  const where = world()
  let seen = 0
  let reached = 0
  for (let kill = 0; kill < 12 && (seen < 3 || kill < 5); kill++) {
    const child = fork(new URL('./leftover-child.js', import.meta.url), [where.dir], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    })
    const [, signal] = (await once(child, 'exit')) as [number | null, string | null]
    expect(signal).toBe('SIGKILL')
    for (const name of ['log', 'data']) {
      const { damage, leftovers } = await checkTables(files, join(where.dir, name))
      expect(damage).toBe(null)
      seen += leftovers.length
    }
    const shard = await TestShard.open(where)
    expect(shard.warnings.filter((warning) => !warning.includes('as a crash leaves it'))).toEqual([])
    const { appliedIndex, lastIndex } = shard.recovered('a')
    // What was applied last may not have been written.
    expect(appliedIndex).toBeGreaterThan(reached)
    expect(lastIndex).toBeGreaterThanOrEqual(reached + 40)
    if (appliedIndex < lastIndex) await shard.replica('a').apply(lastIndex)
    reached = lastIndex
    const first = Math.max(1, lastIndex - 100)
    expect((await shard.read(shard.replica('a').slot, first, lastIndex)).length).toBeGreaterThan(0)
    await shard.shard.close()
  }
  expect(seen).toBeGreaterThan(0)
}, 120_000)
