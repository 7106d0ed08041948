import { readdirSync, readFileSync, truncateSync, writeFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { MemoryDisk } from '../../src/env/memory-disk.ts'
import { MemoryEngine } from '../../src/env/memory-engine.ts'
import type { SimRandom } from '../../src/sim/random.ts'
import { assertPresent } from '../../src/util/assert.ts'
import { rotBlock } from '../../src/sim/disk-damage.ts'
import { readRows, type Rows } from './batches.ts'
import { drawPlan, type DiskClass } from './classes.ts'
import { numbersIn } from './loss.ts'
import { expectSameRows, ModelViolation, openModel, readWals, walsToReplay } from './model.ts'
import { readTables } from './reader.ts'
import { Scene } from './scene.ts'
import { runWriter } from './writer.ts'

/** Tables are small, and there are fewer than RocksDB would compact. */
const TABLE_BYTES = 64 << 10
const TABLES = { least: 1, more: 3 }

/** Leaves at least so many tables, if small ones. */
async function written(
  scene: Scene,
  random: SimRandom,
  tables: number,
  meanValueBytes: number,
): Promise<void> {
  const plan = { ...drawPlan(random), writeBufferBytes: TABLE_BYTES, meanValueBytes, syncRate: 0 }
  await runWriter(scene.db, plan, {
    killAfter: 60 + (tables + 1) * Math.ceil(25_000 / (meanValueBytes + 30)),
  })
}

function newestFile(dir: string, name: RegExp): string {
  const fitting = readdirSync(dir).filter((one) => name.test(one))
  return join(dir, assertPresent(fitting.sort().at(-1), 'a database has such a file'))
}

/** One that is in use: the newest may not be yet. */
function oldestTable(dir: string): string {
  const tables = readdirSync(dir).filter((name) => name.endsWith('.sst'))
  return join(dir, assertPresent(tables.sort()[0], 'there is a table'))
}

/** Batches that each table of `dir` holds, the newest table last. */
function batchesByTable(dir: string): number[][] {
  const names = readdirSync(dir)
    .filter((name) => name.endsWith('.sst'))
    .sort()
  return names.map((name) => {
    const text = readFileSync(join(dir, name), 'latin1')
    const found = [...text.matchAll(/<(\d{7})>/g)].map(([, number]) => Number(number))
    return [...new Set(found)].sort((a, b) => a - b)
  })
}

const MANIFEST_CUT: DiskClass = {
  name: 'MANIFEST cut',
  weight: 8,
  drawn: ['nothing lost', 'newest tables lost', 'refused'],
  async run(scene, random) {
    await written(scene, random, TABLES.least + random.below(TABLES.more), 300)
    const byTable = batchesByTable(scene.db)
    const original = readWals(scene.db)
    const whole = await scene.tables()
    if (whole === 'refused') throw new Error('undamaged tables open')
    const manifest = newestFile(scene.db, /^MANIFEST-/)
    const { size } = statSync(manifest)
    truncateSync(manifest, Math.max(0, size - 1 - random.below(random.pick([10, 40, size]))))
    const tables = await scene.tables()
    const wals = tables === 'refused' ? null : walsToReplay(scene.db, original, tables)
    const found = await Scene.open(scene.db)
    if (tables === 'refused' || wals === null || found === 'refused') return 'refused'
    const model = await openModel(tables, wals)
    if (model === 'ended') throw new Error('nothing was refused')
    expectSameRows(found, model, this.name)
    return lostTables(whole, tables, byTable)
  },
}

/** The tables that are gone must be whole ones, and the newest. */
function lostTables(before: Rows, after: Rows, byTable: readonly number[][]): string {
  const left = numbersIn(after)
  const lost = [...numbersIn(before)].filter((batch) => !left.has(batch)).sort((a, b) => a - b)
  if (lost.length === 0) return 'nothing lost'
  for (let count = 1; count <= byTable.length; count++) {
    const gone = new Set(byTable.slice(-count).flat())
    const kept = new Set(byTable.slice(0, -count).flat())
    const expected = [...numbersIn(before)].filter((batch) => gone.has(batch) && !kept.has(batch))
    if (expected.length !== lost.length || !lost.every((batch) => gone.has(batch))) continue
    return 'newest tables lost'
  }
  throw new ModelViolation(
    `what is gone are no whole tables: ${lost.length} batches from ${lost[0]} to ${lost.at(-1)}`,
  )
}

const TABLE_FLIP: DiskClass = {
  name: 'table, one bit flipped',
  weight: 8,
  drawn: [
    'reads by key refused, iterator shows another value',
    'reads by key refused, iterator shows another key',
    'reads by key refused, iterator skips rows',
    // The bit was one of the block's checksum.
    'reads by key refused, iterator shows all as it was',
    'reads by key refused, iterator gives an error',
    // As any kill does.
    'reads by key refused, iterator ends the process',
  ],
  async run(scene, random) {
    await written(scene, random, TABLES.least, random.pick([10, 300]))
    const before = await Scene.open(scene.copy())
    if (before === 'refused') throw new Error('an undamaged database opens')
    const table = oldestTable(scene.db)
    const bytes = readFileSync(table)
    // The first two thirds are data blocks; behind them come index and properties.
    const at = random.below(Math.floor((bytes.length * 2) / 3))
    bytes[at]! ^= 1 << random.below(8)
    writeFileSync(table, bytes)
    const keys = [...before.keys()]
    const { reading, aborted } = await readTables(scene.db, keys)
    for (const [key, value] of reading.found) {
      if (value !== before.get(key))
        throw new ModelViolation(`a read of ${key} answers ${value?.slice(0, 9)} and no error`)
    }
    const byKey = reading.refused.length > 0 ? 'reads by key refused' : 'no row refused'
    if (aborted) return `${byKey}, iterator ends the process`
    return `${byKey}, iterator ${reading.rows === null ? 'gives an error' : describeRows(before, new Map(reading.rows))}`
  },
}

export function describeRows(before: Rows, seen: Rows): string {
  const strange = [...seen].filter(([key, value]) => before.get(key) !== value)
  const missing = [...before.keys()].filter((key) => !seen.has(key))
  if (strange.length === 0) return missing.length === 0 ? 'shows all as it was' : 'skips rows'
  return strange.some(([key]) => !before.has(key)) ? 'shows another key' : 'shows another value'
}

export const TABLE_CLASSES: readonly DiskClass[] = [MANIFEST_CUT, TABLE_FLIP]

/** What the simulated engine shows of a rotten block, in the same words: that it draws what it says. */
export async function drawnRot(random: SimRandom, rows: Rows): Promise<string> {
  const disk = new MemoryDisk()
  const directory = disk.directory('/db')
  directory.replaceLog([[...rows].map(([key, value]) => [key, Buffer.from(value, 'latin1')] as const)])
  directory.flush()
  rotBlock(directory, random)
  const db = await new MemoryEngine(disk).open('/db', { writeBufferBytes: 1, compression: false })
  const refused: string[] = []
  for (const key of rows.keys()) {
    await db.getMany([Buffer.from(key, 'latin1')]).catch(() => refused.push(key))
  }
  const word = refused.length > 0 ? 'reads by key refused' : 'no row refused'
  const seen = await readRows(db).catch(() => null)
  return `${word}, iterator ${seen === null ? 'gives an error' : describeRows(rows, seen)}`
}
