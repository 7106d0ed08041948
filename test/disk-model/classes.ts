import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { SimRandom } from '../../src/sim/random.ts'
import { encodeWal, replayWal } from '../../src/sim/rocks-wal.ts'
import { WAL_BLOCK_BYTES } from '../../src/storage/wal-format.ts'
import { isSynced, type WritePlan } from './batches.ts'
import { checkKilled, describeLoss, numbersIn } from './loss.ts'
import { batchesOfWal, ModelViolation, walNames } from './model.ts'
import type { Scene } from './scene.ts'
import { runWriter, type Written } from './writer.ts'

/** One way in which a database is ended or damaged. */
export interface DiskClass {
  readonly name: string
  /** Of 100 runs of a campaign. */
  readonly weight: number
  /** What the simulated engine draws for it. */
  readonly drawn: readonly string[]
  /** What the machine must have; the class is left out, and said so, without it. */
  readonly needs?: string
  /** Answers the outcome. Throws ModelViolation when the model does not allow it. */
  run(scene: Scene, random: SimRandom): Promise<string>
}

const PAGE_BYTES = 4_096
const LOSSES = ['nothing lost', 'the end lost', 'a part lost, later ones kept', 'all lost'] as const

export function drawPlan(random: SimRandom): WritePlan {
  return {
    seed: String(random.uint32()),
    syncRate: random.pick([0, 0.3, 1]),
    writeBufferBytes: random.pick([64 << 10, 256 << 10, 64 << 20]),
    meanValueBytes: random.pick([30, 300, 3_000, 30_000]),
    batches: 0,
    inFlight: 1,
    manyRows: false,
  }
}

/** Writes, and is killed in the middle of it. */
async function killed(
  scene: Scene,
  random: SimRandom,
  given: Partial<WritePlan> = {},
): Promise<{ readonly plan: WritePlan; readonly written: Written }> {
  const plan = { ...drawPlan(random), ...given }
  const written = await runWriter(scene.db, plan, { killAfter: 1 + random.below(120) })
  return { plan, written }
}

const KILL: DiskClass = {
  name: 'kill -9',
  weight: 14,
  drawn: ['what was in flight is there', 'what was in flight is gone', 'what was in flight is torn off'],
  async run(scene, random) {
    const { plan, written } = await killed(scene, random)
    const torn = isTailTorn(scene.db)
    const { after } = await scene.reopen(() => {}, this.name)
    const present = checkKilled(plan, written, after)
    if (torn) return 'what was in flight is torn off'
    return present.has(written.issued) ? 'what was in flight is there' : 'what was in flight is gone'
  },
}

function isTailTorn(dir: string): boolean {
  const name = walNames(dir).at(-1)
  if (name === undefined) return false
  const bytes = readFileSync(join(dir, name))
  return encodeWal(replayWal(bytes, Number.parseInt(name, 10)), 1).bytes.length < bytes.length
}

/**
 * Earlier batches that were not written yet when the i-th of the log was: with two in flight at most one. A batch that RocksDB
 * wrote in one record with another is not in `order` by itself.
 */
function overtaken(order: readonly number[], i: number): number {
  return order.slice(i + 1).filter((later) => later < order[i]!).length
}

const TWO_IN_FLIGHT: DiskClass = {
  name: 'kill -9, two batches in flight',
  weight: 8,
  drawn: ['in order', 'swapped'],
  async run(scene, random) {
    const given = { inFlight: 2, writeBufferBytes: 64 << 20, meanValueBytes: 3_000 } as const
    const { plan, written } = await killed(scene, random, given)
    const [name] = walNames(scene.db)
    const order = batchesOfWal(readFileSync(join(scene.db, name!)), Number.parseInt(name!, 10))
    const { after } = await scene.reopen(() => {}, this.name)
    checkKilled(plan, written, after)
    if (order.some((_, i) => overtaken(order, i) > 1))
      throw new ModelViolation(`batches that were never in flight at once swapped: ${order}`)
    return order.some((_, i) => overtaken(order, i) > 0) ? 'swapped' : 'in order'
  },
}

/** A class that changes one file of the write-ahead log; `change` gets its bytes, and answers what they become. */
function walClass(
  name: string,
  weight: number,
  drawn: readonly string[],
  change: (bytes: Buffer, random: SimRandom) => Buffer,
): DiskClass {
  return {
    name,
    weight,
    drawn,
    async run(scene, random) {
      await killed(scene, random)
      const wal = join(scene.db, random.pick(walNames(scene.db)))
      const damage = (): void => writeFileSync(wal, change(readFileSync(wal), random))
      const { before, after } = await scene.reopen(damage, name)
      return describeLoss(numbersIn(before), numbersIn(after))
    },
  }
}

function flipBit(bytes: Buffer, at: number, bit: number): Buffer {
  if (at < bytes.length) bytes[at]! ^= 1 << bit
  return bytes
}

const WAL_FLIP = walClass('WAL, one bit flipped', 16, LOSSES, (bytes, random) =>
  flipBit(bytes, random.below(Math.max(bytes.length, 1)), random.below(8)),
)

/** The bit that tells a record of a recycled file: RocksDB takes all that follows for an older file's. */
const WAL_HEADER_FLIP = walClass(
  'WAL, a bit of the first record’s header flipped',
  5,
  LOSSES,
  (bytes, random) => {
    const block = random.below(Math.ceil(bytes.length / WAL_BLOCK_BYTES)) * WAL_BLOCK_BYTES
    return flipBit(bytes, block + random.pick([0, 4, 5, 6]), random.pick([0, 1, 2]))
  },
)

const WAL_CUT = walClass('WAL cut', 12, LOSSES, (bytes, random) =>
  bytes.subarray(0, random.below(bytes.length + 1)),
)

const WAL_PAGE = walClass('WAL, a page of zeros', 8, LOSSES, (bytes, random) => {
  const page = random.below(Math.ceil(bytes.length / PAGE_BYTES)) * PAGE_BYTES
  return bytes.fill(0, Math.min(page, bytes.length), Math.min(page + PAGE_BYTES, bytes.length))
})

const WAL_DELETED: DiskClass = {
  name: 'WAL deleted',
  weight: 4,
  drawn: ['nothing lost', 'the end lost', 'all lost'],
  async run(scene, random) {
    await killed(scene, random)
    const damage = (): void => {
      for (const name of walNames(scene.db)) rmSync(join(scene.db, name))
    }
    const { before, after } = await scene.reopen(damage, this.name)
    return describeLoss(numbersIn(before), numbersIn(after))
  },
}

/** What a power cut may leave, by hand: of the pages behind the last sync each is there or not. */
const LOST_PAGES: DiskClass = {
  name: 'un-synced tail of the WAL loses pages (zeroed by hand)',
  weight: 10,
  drawn: LOSSES,
  async run(scene, random) {
    const given = { syncRate: random.pick([0, 0.05, 0.3]), writeBufferBytes: 64 << 20 }
    const { plan, written } = await killed(scene, random, given)
    const wal = join(scene.db, walNames(scene.db).at(-1)!)
    const bytes = readFileSync(wal)
    const order = batchesOfWal(bytes, Number.parseInt(walNames(scene.db).at(-1)!, 10))
    const { ends } = encodeWal(replayWal(bytes, 0), 1)
    const isDurable = (batch: number): boolean => written.acked.has(batch) && isSynced(plan, batch)
    const last = order.findLastIndex(isDurable)
    const synced = ends[last] ?? 0
    const keepRate = random.pick([0.2, 0.5, 0.9])
    const damage = (): void => {
      for (let page = synced - (synced % PAGE_BYTES); page < bytes.length; page += PAGE_BYTES) {
        if (!random.chance(keepRate))
          bytes.fill(0, Math.max(page, synced), Math.min(page + PAGE_BYTES, bytes.length))
      }
      writeFileSync(wal, bytes)
    }
    const { before, after } = await scene.reopen(damage, this.name)
    const left = numbersIn(after)
    const gone = order.slice(0, last + 1).filter((batch) => !left.has(batch))
    if (gone.length > 0) throw new ModelViolation(`batches before the last sync are gone: ${gone.join(', ')}`)
    return describeLoss(numbersIn(before), left)
  },
}

export const DAMAGE_CLASSES: readonly DiskClass[] = [
  KILL,
  TWO_IN_FLIGHT,
  WAL_FLIP,
  WAL_HEADER_FLIP,
  WAL_CUT,
  WAL_PAGE,
  WAL_DELETED,
  LOST_PAGES,
]
