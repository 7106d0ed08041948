import type { Disk, EngineDb, Files } from '../env/ports.ts'
import { dataDirLocked } from '../util/data-dir-locked.ts'
import type { FlotillaError } from '../util/errors.ts'
import type { FlushNumbers } from './flush-numbers.ts'
import { DATABASE_ID_BYTES, Ledger, LEDGER_SLOTS } from './ledger.ts'
import type { LedgerContent } from './ledger.ts'
import { corruptShard, missingFlushes } from './log-damage.ts'
import { loadShardState, putNewShardState } from './shard-state.ts'
import type { ShardState } from './shard-state.ts'
import type { ShardInit } from './shard-protocol.ts'
import { checkRocksFiles } from './rocks-files.ts'
import { checkTables } from './table-check.ts'
import { checkWals } from './wal-check.ts'

/** What the log in `dir` lacks beside what its ledger says. */
function belowLedger(dir: string, recovered: number, ledger: LedgerContent, why: string): FlotillaError {
  const what = missingFlushes(recovered + 1, ledger.highest)
  return corruptShard(dir, `${what}, although the ledger knows of ${ledger.highest}${why}`)
}

/**
 * As {@link inspectFiles}. Files that another process is changing look damaged: then DATA_DIR_LOCKED is the truth.
 */
export async function inspectLog({ files, engine }: Disk, init: ShardInit): Promise<string[]> {
  try {
    return await inspectFiles(files, init)
  } catch (error) {
    const dir = `${init.dir}/log`
    if (!(await engine.isLocked(dir))) throw error
    throw dataDirLocked(dir, error)
  }
}

/**
 * Looks at the files of the log before RocksDB may open them, which would pass over damage and remove what is left of it.
 * Changes nothing, for only RocksDB's lock tells whether the directory is ours. Returns notes. Rejects with CORRUPT.
 */
async function inspectFiles(files: Files, init: ShardInit): Promise<string[]> {
  const dir = `${init.dir}/log`
  const ledger = await Ledger.read(files, ledgerPath(init))
  if (ledger === 'damaged') throw corruptShard(dir, `its ledger ${ledgerPath(init)} cannot be read`)
  if (ledger === 'absent' && init.mustExist) {
    throw corruptShard(dir, `its ledger ${ledgerPath(init)} is gone, and the store is not new`)
  }
  const highest = ledger === 'absent' ? 0 : ledger.highest
  const problem = await checkRocksFiles(files, dir, highest > 0)
  if (problem !== null) throw corruptShard(dir, problem)
  const { damage, badTail, lastFlush } = await checkWals(files, dir)
  if (damage !== null) throw corruptShard(dir, damage)
  const { damage: badTable } = await checkTables(files, dir)
  if (badTable !== null) throw corruptShard(dir, badTable)
  const notes: string[] = []
  if (ledger !== 'absent' && ledger.badSlots > 0) {
    notes.push(
      `The ledger ${ledgerPath(init)} had ${ledger.badSlots} bad slots of ${LEDGER_SLOTS}; it goes on.`,
    )
  }
  if (badTail === null) return notes
  const { name, at, bytes, what } = badTail
  const tail = `${name} is bad in its last ${bytes} bytes, from byte ${at} on (${what})`
  if (ledger !== 'absent' && lastFlush >= 0 && lastFlush < highest) {
    throw belowLedger(dir, lastFlush, ledger, `; ${tail}`)
  }
  notes.push(`The log in ${dir}: ${tail}, as a crash leaves it; nothing there had been reported.`)
  return notes
}

/**
 * Compares the opened log with its ledger, or gives birth to both on a new disk. Rejects with CORRUPT, IDENTITY_MISMATCH or
 * STORAGE_FAILED. `onError` is told of failures in the background.
 */
export async function openGuarded(
  disk: Disk,
  db: EngineDb,
  init: ShardInit,
  numbers: FlushNumbers,
  onError: (error: Error) => void,
): Promise<{ state: ShardState; ledger: Ledger }> {
  const dir = `${init.dir}/log`
  const path = ledgerPath(init)
  const said = await Ledger.read(disk.files, path)
  if (said === 'damaged') throw corruptShard(dir, `its ledger ${path} cannot be read`)
  let state = await loadShardState(db, dir, init, numbers)
  if (state === null) {
    if (said !== 'absent' && said.highest > 0) {
      throw belowLedger(dir, 0, said, '; the database is empty')
    }
    // First the ledger: a log without one is damage.
    const databaseId = disk.random.bytes(DATABASE_ID_BYTES)
    await Ledger.create(disk.files, path, databaseId)
    const batch = db.createBatch()
    state = putNewShardState(batch, init, databaseId)
    numbers.stamp(batch)
    await db.write(batch, true)
  } else {
    if (said === 'absent') throw corruptShard(dir, `its ledger ${path} is gone`)
    if (!said.databaseId.equals(state.databaseId)) {
      throw corruptShard(dir, `its ledger ${path} is that of another database`)
    }
    if (numbers.highest < said.highest) throw belowLedger(dir, numbers.highest, said, '')
  }
  const ledger = await Ledger.open(disk, path, onError)
  ledger.raise(numbers.highest)
  return { state, ledger }
}

function ledgerPath(init: ShardInit): string {
  return `${init.dir}/ledger`
}
