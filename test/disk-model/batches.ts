import type { EngineBatch, EngineDb } from '../../src/env/ports.ts'
import { SimRandom } from '../../src/sim/random.ts'

/** How a child writes. Plain data: it crosses to the child as JSON. */
export interface WritePlan {
  readonly seed: string
  /** Share of the batches that are synced. */
  readonly syncRate: number
  readonly writeBufferBytes: number
  readonly meanValueBytes: number
  /** It writes so many and waits to be killed; endless when 0. */
  readonly batches: number
  readonly inFlight: 1 | 2
  /** Batches of many small rows without common beginnings: their tables are larger than their logs. */
  readonly manyRows: boolean
}

/** Keys that batches write over, again and again. */
const SHARED_KEYS = 5
const MAX_OPERATIONS = 4
const MANY_ROWS = 40

/** What batch `number` holds: a key of its own at least, and now and then one that others write too. Values begin with its number. */
export function rowsOf(plan: WritePlan, number: number): Array<readonly [key: string, value: string]> {
  const random = new SimRandom(`${plan.seed}/${number}`)
  if (plan.manyRows)
    return Array.from(
      { length: MANY_ROWS },
      () => [random.bytes(6).toString('base64'), mark(number)] as const,
    )
  const count = 1 + random.below(MAX_OPERATIONS)
  const rows: Array<readonly [string, string]> = []
  for (let i = 0; i < count; i++) {
    const shared = i > 0 && random.chance(0.4)
    const key = shared ? `shared-${random.below(SHARED_KEYS)}` : `own-${mark(number)}-${i}`
    rows.push([key, `${mark(number)}${filler(random, Math.ceil(random.exponential(plan.meanValueBytes)))}`])
  }
  return rows
}

export function putRows(db: EngineDb, rows: ReadonlyArray<readonly [string, string]>): EngineBatch {
  const batch = db.createBatch()
  for (const [key, value] of rows) batch.put(Buffer.from(key, 'latin1'), Buffer.from(value, 'latin1'))
  return batch
}

/** Whether batch `number` is written with sync. */
export function isSynced(plan: WritePlan, number: number): boolean {
  return new SimRandom(`${plan.seed}/sync/${number}`).chance(plan.syncRate)
}

/** `<0000017>`: found again in any file that is not compressed. */
export function mark(number: number): string {
  return `<${String(number).padStart(7, '0')}>`
}

/** The batch that a value is of. */
export function batchOf(value: string): number {
  const match = /^<(\d{7})>/.exec(value)
  if (match === null) throw new Error(`no batch wrote ${JSON.stringify(value.slice(0, 40))}`)
  return Number(match[1])
}

function filler(random: SimRandom, length: number): string {
  const word = random.uint32().toString(36)
  return word.repeat(Math.ceil(length / word.length)).slice(0, length)
}

/** Rows of a database by key, as text of their bytes. */
export type Rows = Map<string, string>

export async function readRows(db: EngineDb): Promise<Rows> {
  const rows: Rows = new Map()
  const iterator = db.iterator({})
  for (;;) {
    const page = await iterator.next(1_000)
    if (page.length === 0) break
    for (const [key, value] of page) rows.set(key.toString('latin1'), value.toString('latin1'))
  }
  await iterator.close()
  return rows
}

/** Batches that are there: each whole, as far as later ones did not write over it. Throws at one that is there in part. */
export function batchesIn(plan: WritePlan, rows: Rows, issued: number): Set<number> {
  const present = new Set<number>()
  for (const value of rows.values()) present.add(batchOf(value))
  for (const number of present) {
    if (number < 1 || number > issued) throw new Error(`batch ${number} was never issued`)
    const last = new Map(rowsOf(plan, number))
    for (const [key, value] of last) {
      const found = rows.get(key)
      if (found === value) continue
      if (key.startsWith('shared') && found !== undefined && batchOf(found) !== number) continue
      throw new Error(`batch ${number} is there without ${key}`)
    }
  }
  return present
}
