import type { EngineDb } from '../env/ports.ts'
import { FlushNumbers } from '../storage/flush-numbers.ts'
import { Ledger, LEDGER_SLOTS } from '../storage/ledger.ts'
import type { FoundLedger } from '../storage/ledger.ts'
import { corruptShard, missingFlushes } from '../storage/log-damage.ts'
import { KEY_FLUSH_NUMBER } from '../storage/log-keys.ts'
import { checkEnds, recoverLogs } from '../storage/log-recovery.ts'
import type { RecoveredLog } from '../storage/log-recovery.ts'
import { checkRocksFiles } from '../storage/rocks-files.ts'
import type { ShardInit } from '../storage/shard-protocol.ts'
import { checkCounted, loadShardState } from '../storage/shard-state.ts'
import type { ShardState } from '../storage/shard-state.ts'
import { checkTables } from '../storage/table-check.ts'
import { checkWals } from '../storage/wal-check.ts'
import { damagedLog, note, ok, skipped, whatIsWrong, withLeftovers } from './guards.ts'
import type { InspectDisk, InspectOptions } from './inspect-disk.ts'
import type { Guard } from './inspected-store.ts'
import { fromRecovered, walkLogs } from './replica-logs.ts'
import type { ReplicaLog } from './replica-logs.ts'

/** What a shard's log shows, and the checks of it that a start makes. */
export interface LogReading {
  readonly guards: Guard[]
  databaseId: Buffer | null
  highestFlush: number | null
  ledgerFlush: number | null
  replicas: readonly ReplicaLog[]
}

/** Each check is made even where the one before it failed, as far as that can be; what can be read is read. */
export async function inspectLog(
  disk: InspectDisk,
  init: ShardInit,
  options: Pick<InspectOptions, 'cautious'>,
): Promise<LogReading> {
  const inspection = new LogInspection(disk, init, options.cautious)
  await inspection.checkFiles()
  await inspection.checkDatabase()
  return inspection.reading
}

class LogInspection {
  readonly reading: LogReading = {
    guards: [],
    databaseId: null,
    highestFlush: null,
    ledgerFlush: null,
    replicas: [],
  }
  readonly #disk: InspectDisk
  readonly #init: ShardInit
  readonly #dir: string
  /** Null when it is gone, damaged, or not there yet. */
  #ledger: FoundLedger | null = null
  /** Why the database is not to be opened; null when it may be. */
  #closedBy: string | null = null
  /** Why no iterator may read the log: it may end the process on a damaged table, gets do not. Null when one may. */
  #noIterators: string | null
  #numbers: FlushNumbers | null = null
  #state: ShardState | null = null

  constructor(disk: InspectDisk, init: ShardInit, cautious: boolean) {
    this.#noIterators = cautious ? 'the engine ended the process before' : null
    this.#disk = disk
    this.#init = init
    this.#dir = `${init.dir}/log`
  }

  // ---- the files, before RocksDB sees them ------------------------------------------------------------------------

  async checkFiles(): Promise<void> {
    await this.#guard('ledger', () => this.#checkLedger())
    await this.#guard('log: file names', () => this.#checkNames())
    await this.#guard('log: write-ahead log', () => this.#checkWal())
    await this.#guard('log: tables', () => this.#checkTables())
  }

  async #checkLedger(): Promise<Guard> {
    const path = `${this.#init.dir}/ledger`
    const found = await Ledger.read(this.#disk.files, path)
    if (found === 'damaged') return damagedLog('ledger', `${path} cannot be read`)
    if (found === 'absent') {
      if (!this.#init.mustExist) return note('ledger', 'there is none: the shard was never born')
      return damagedLog('ledger', `${path} is gone, and the store is not new`)
    }
    this.#ledger = found
    this.reading.ledgerFlush = found.highest
    this.reading.databaseId = found.databaseId
    const detail = `flush ${found.highest} was reported, of database ${found.databaseId.toString('hex')}`
    if (found.badSlots === 0) return ok('ledger', detail)
    return note('ledger', `${detail}; ${found.badSlots} of its ${LEDGER_SLOTS} slots are bad, it goes on`)
  }

  async #checkNames(): Promise<Guard> {
    const { files } = this.#disk
    const problem = await checkRocksFiles(files, this.#dir, (this.#ledger?.highest ?? 0) > 0)
    if (problem !== null) {
      this.#closedBy = problem
      return damagedLog('log: file names', `${this.#dir}: ${problem}`)
    }
    const count = (await files.list(this.#dir)).length
    if (count > 0) return ok('log: file names', `${count} files, CURRENT and its MANIFEST among them`)
    this.#closedBy = `${this.#dir} is empty`
    const missing = (this.#ledger?.highest ?? 0) > 0 || this.#init.mustExist === true
    return missing
      ? damagedLog('log: file names', `${this.#dir} is empty, and the store is not new`)
      : note('log: file names', 'none yet')
  }

  async #checkWal(): Promise<Guard> {
    const name = 'log: write-ahead log'
    const { damage, badTail, lastFlush } = await checkWals(this.#disk.files, this.#dir)
    if (damage !== null) return damagedLog(name, `${this.#dir}/${damage}`)
    if (badTail === null) return ok(name, 'every record as it was written')
    const tail = `${this.#dir}/${badTail.name} is bad in its last ${badTail.bytes} bytes, from byte ${badTail.at} on (${badTail.what})`
    const reported = this.#ledger?.highest ?? 0
    if (lastFlush >= 0 && lastFlush < reported) {
      return damagedLog(name, `${tail}: ${missingFlushes(lastFlush + 1, reported)}, which had been reported`)
    }
    return note(name, `${tail}, as a crash leaves it; nothing there had been reported`)
  }

  async #checkTables(): Promise<Guard> {
    const { damage, leftovers } = await checkTables(this.#disk.files, this.#dir)
    if (damage !== null) {
      this.#noIterators ??= 'the tables are damaged'
      return damagedLog('log: tables', `${this.#dir}/${damage}`)
    }
    return withLeftovers(ok('log: tables', 'every block as it was written'), leftovers)
  }

  // ---- the database ------------------------------------------------------------------------------------------------

  async checkDatabase(): Promise<void> {
    const rest = ['log: flush numbers', 'log: database id', 'log: groups and blocks']
    if (this.#closedBy !== null) return this.#skip(rest, this.#closedBy)
    let db: EngineDb
    try {
      db = await this.#disk.openReadOnly(this.#dir, null)
    } catch (error) {
      this.reading.guards.push(damagedLog('log: opening', whatIsWrong(error, this.#dir)))
      return this.#skip(rest, 'the log does not open')
    }
    try {
      await this.#checkOpen(db)
    } finally {
      await db.close()
    }
  }

  async #checkOpen(db: EngineDb): Promise<void> {
    await this.#guard('log: flush numbers', async () => {
      const damaged = (what: string) => corruptShard(this.#dir, what)
      this.#numbers = await FlushNumbers.load(db, { kind: KEY_FLUSH_NUMBER, damaged })
      return this.#compareNumbers(this.#numbers.highest)
    })
    if (this.#numbers === null) this.#skip(['log: database id'], 'the flush numbers are damaged')
    else await this.#checkState(db, this.#numbers)
    await this.#readReplicas(db)
  }

  #compareNumbers(highest: number): Guard {
    const name = 'log: flush numbers'
    this.reading.highestFlush = highest
    const reported = this.#ledger?.highest ?? 0
    if (highest < reported) {
      const missing = missingFlushes(highest + 1, reported)
      return damagedLog(name, `${missing}: the log ends at ${highest}, the ledger knows of ${reported}`)
    }
    return ok(name, `without a hole up to ${highest}`)
  }

  async #checkState(db: EngineDb, numbers: FlushNumbers): Promise<void> {
    const name = 'log: database id'
    await this.#guard(name, async () => {
      this.#state = await loadShardState(db, this.#dir, this.#init, numbers)
      if (this.#state === null) return note(name, 'the log is empty: the shard was never born')
      const { databaseId } = this.#state
      this.reading.databaseId = databaseId
      const id = databaseId.toString('hex')
      if (this.#ledger === null || this.#ledger.databaseId.equals(databaseId)) return ok(name, id)
      return damagedLog(name, `${id}, but the ledger is that of ${this.#ledger.databaseId.toString('hex')}`)
    })
  }

  /** The whole log as a start reads it; where that fails, what gets still find of each replica. */
  async #readReplicas(db: EngineDb): Promise<void> {
    const name = 'log: groups and blocks'
    let read = false
    if (this.#noIterators !== null) this.#skip([name], this.#noIterators)
    else {
      await this.#guard(name, async () => {
        const recovered = await recoverLogs(db, this.#dir)
        await this.#checkAgainstState(db, recovered)
        this.reading.replicas = recovered.map(fromRecovered)
        read = true
        return ok(name, 'continuous, every block as it was written')
      })
    }
    if (read) return
    this.reading.replicas = await walkLogs(db, this.#dir, this.#init, (what) =>
      this.reading.guards.push(damagedLog('log: records', `${this.#dir}: ${what} cannot be read`)),
    )
  }

  async #checkAgainstState(db: EngineDb, recovered: readonly RecoveredLog[]): Promise<void> {
    if (this.#state === null) return
    const { counters } = this.#state
    await checkEnds(db, this.#dir, recovered, counters, this.#init)
    for (const { log } of recovered) checkCounted(log, counters, this.#dir, this.#init)
  }

  // ---- verdicts ----------------------------------------------------------------------------------------------------

  async #guard(name: string, check: () => Promise<Guard> | Guard): Promise<void> {
    try {
      this.reading.guards.push(await check())
    } catch (error) {
      this.reading.guards.push(damagedLog(name, whatIsWrong(error, this.#dir)))
    }
  }

  #skip(names: readonly string[], because: string): void {
    for (const name of names) this.reading.guards.push(skipped(name, because))
  }
}
