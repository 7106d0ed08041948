import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { mergeReplayed, replayWal } from '../../src/sim/rocks-wal.ts'
import { SimWorld } from '../../src/sim/world.ts'
import type { SimDisk } from '../../src/sim/disk.ts'
import { mark, type Rows, readRows } from './batches.ts'

/** The outcome is none that the simulated engine's model allows. */
export class ModelViolation extends Error {
  override readonly name = 'ModelViolation'
}

const PATH = '/db'
const WAL_NAME = /^\d+\.log$/

export function walNames(dir: string): string[] {
  return readdirSync(dir)
    .filter((name) => WAL_NAME.test(name))
    .sort()
}

/** Batches that an undamaged file of the write-ahead log holds, in the order in which it holds them. */
export function batchesOfWal(bytes: Buffer, number: number): number[] {
  return replayWal(bytes, number).map(({ operations }) => Number(operations[0]![1]!.toString('latin1', 1, 8)))
}

/** A simulated disk that holds a database of these tables and of these files of the write-ahead log. */
function diskOf(world: SimWorld, tables: Rows, wals: ReadonlyMap<string, Buffer>): SimDisk {
  const { disk } = world.process('s1')
  const directory = disk.memory.directory(PATH)
  directory.replaceLog([[...tables].map(([key, value]) => [key, Buffer.from(value, 'latin1')] as const)])
  directory.flush()
  for (const [name, bytes] of wals) disk.pages.replace(`${PATH}/${name}`, bytes)
  return disk
}

/** What the simulated engine finds when it opens a database of these tables and files; `ended` when nobody can. */
export async function openModel(tables: Rows, wals: ReadonlyMap<string, Buffer>): Promise<Rows | 'ended'> {
  const replayed = [...wals].flatMap(([name, bytes]) => replayWal(bytes, Number.parseInt(name, 10)))
  if (mergeReplayed(replayed) === null) return 'ended'
  const disk = diskOf(new SimWorld({ seed: 1 }), tables, wals)
  const db = await disk.openDatabase(PATH, { writeBufferBytes: 1 << 20, compression: false })
  const rows = await readRows(db)
  await db.close()
  return rows
}

/** Throws when what RocksDB found is not what the model finds. */
export function expectSameRows(found: Rows, model: Rows, what: string): void {
  const lines: string[] = []
  for (const key of new Set([...found.keys(), ...model.keys()])) {
    const [one, other] = [found.get(key), model.get(key)]
    if (one === other) continue
    lines.push(`${key}: RocksDB has ${short(one)}, the model ${short(other)}`)
  }
  if (lines.length > 0)
    throw new ModelViolation(`${what}: ${lines.length} rows differ: ${lines.slice(0, 5).join('; ')}`)
}

function short(value: string | undefined): string {
  return value === undefined ? 'nothing' : value.slice(0, mark(0).length)
}

/** The files of the write-ahead log in `dir`, but those whose batches are all in the tables: RocksDB does not read them. */
export function walsToReplay(
  dir: string,
  original: ReadonlyMap<string, Buffer>,
  tables: Rows,
): Map<string, Buffer> {
  const inTables = new Set<number>()
  for (const value of tables.values()) inTables.add(Number(value.slice(1, 8)))
  const wals = new Map<string, Buffer>()
  for (const name of walNames(dir)) {
    const batches = batchesOfWal(original.get(name)!, Number.parseInt(name, 10))
    // What others wrote over is not in the tables any more, though its batch was.
    const newest = Math.max(...inTables, 0)
    if (batches.length > 0 && batches.every((batch) => batch <= newest)) continue
    wals.set(name, readFileSync(join(dir, name)))
  }
  return wals
}

export function readWals(dir: string): Map<string, Buffer> {
  return new Map(walNames(dir).map((name) => [name, readFileSync(join(dir, name))]))
}
