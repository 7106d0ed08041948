import type { EngineDb } from '../env/ports.ts'
import { appliedKey, databaseKey, META_BATCH_NUMBER } from '../kv/data-keys.ts'
import { decodePosition, StateEngine } from '../kv/state-engine.ts'
import type { LogIdentity } from '../kv/state-engine.ts'
import { missingFlushes } from '../storage/log-damage.ts'
import { logKey, SHARD_SLOT } from '../storage/log-keys.ts'
import { checkRocksFiles } from '../storage/rocks-files.ts'
import { checkTables } from '../storage/table-check.ts'
import { findBadWal } from '../storage/wal-check.ts'
import { damaged, damagedLog, note, ok, skipped, whatIsWrong, withLeftovers } from './guards.ts'
import type { InspectDisk, InspectOptions, WalCut } from './inspect-disk.ts'
import type { Guard, InspectedState } from './inspected-store.ts'
import { countKeys } from './region-keys.ts'

/** What the state of a shard shows: by space, of those that were asked for. */
export interface StateReading {
  readonly guards: Guard[]
  readonly spaces: Map<number, InspectedState>
}

/** A space of keys and the group whose state it is. */
export interface SpaceOf {
  readonly space: number
  readonly groupId: string
}

/** The key-value state below `shardDir`, which belongs to the log `log` (null: not known, then only positions are read). */
export async function inspectState(
  disk: InspectDisk,
  shardDir: string,
  log: LogIdentity | null,
  spaces: readonly SpaceOf[],
  options: InspectOptions,
): Promise<StateReading> {
  const inspection = new StateInspection(disk, shardDir, spaces, options)
  const cut = await inspection.checkFiles()
  await inspection.checkDatabase(log, cut)
  return inspection.reading
}

class StateInspection {
  readonly reading: StateReading = { guards: [], spaces: new Map() }
  readonly #disk: InspectDisk
  readonly #dir: string
  readonly #spaces: readonly SpaceOf[]
  readonly #options: InspectOptions
  /** Why the database is not to be opened; null when it may be. */
  #closedBy: string | null = null
  /** Why no iterator may read the state; null when one may. */
  #noIterators: string | null
  /** Null when it is not a prefix of what was written, or empty. */
  #state: StateEngine | null = null

  constructor(disk: InspectDisk, shardDir: string, spaces: readonly SpaceOf[], options: InspectOptions) {
    this.#disk = disk
    this.#dir = `${shardDir}/data`
    this.#spaces = spaces
    this.#options = options
    this.#noIterators = options.cautious ? 'the engine ended the process before' : null
  }

  async checkFiles(): Promise<WalCut | null> {
    let cut: WalCut | null = null
    await this.#guard('state: file names', () => this.#checkNames())
    await this.#guard('state: write-ahead log', async () => {
      const name = 'state: write-ahead log'
      const bad = await findBadWal(this.#disk.files, this.#dir)
      if (bad === null) return ok(name, 'every record as it was written')
      cut = bad
      const text = `${bad.path} is bad at byte ${bad.at} (${bad.what})`
      return note(name, `${text}: the next start cuts it there, and the log replays what is gone`)
    })
    await this.#guard('state: tables', async () => {
      const { damage, leftovers } = await checkTables(this.#disk.files, this.#dir)
      if (damage === null) {
        const sound = ok('state: tables', 'every block that can be checked is as it was written')
        return withLeftovers(sound, leftovers)
      }
      this.#noIterators ??= 'the tables are damaged'
      return this.#damaged('state: tables', `${this.#dir}/${damage}`)
    })
    return cut
  }

  async #checkNames(): Promise<Guard> {
    const name = 'state: file names'
    const problem = await checkRocksFiles(this.#disk.files, this.#dir, false)
    if (problem !== null) {
      this.#closedBy = problem
      return this.#damaged(name, `${this.#dir}: ${problem}`)
    }
    const count = (await this.#disk.files.list(this.#dir)).length
    if (count > 0) return ok(name, `${count} files, CURRENT and its MANIFEST among them`)
    this.#closedBy = 'there is none'
    return note(name, 'there is no state: the next start replays what the log holds')
  }

  async checkDatabase(log: LogIdentity | null, cut: WalCut | null): Promise<void> {
    const rest = ['state: numbers and database id', 'state: keys and values']
    if (this.#closedBy !== null) return this.#skip(rest, this.#closedBy)
    let db: EngineDb
    try {
      db = await this.#disk.openReadOnly(this.#dir, cut)
    } catch (error) {
      this.reading.guards.push(this.#damaged('state: opening', whatIsWrong(error, this.#dir)))
      return this.#skip(rest, 'the state does not open')
    }
    try {
      await this.#checkOpen(db, log)
    } finally {
      await db.close()
    }
  }

  async #checkOpen(db: EngineDb, log: LogIdentity | null): Promise<void> {
    await this.#load(db, log)
    for (const { space } of this.#spaces) {
      const position = await this.#position(db, space)
      if (position !== null) this.reading.spaces.set(space, position)
    }
    const name = 'state: keys and values'
    const state = this.#state
    if (state === null) this.#skip([name], 'the state is empty or not sound as a whole')
    else if (this.#noIterators !== null) this.#skip([name], this.#noIterators)
    else await this.#guard(name, () => this.#countAll(state))
  }

  async #load(db: EngineDb, log: LogIdentity | null): Promise<void> {
    const name = 'state: numbers and database id'
    await this.#guard(name, async () => {
      const [id, head] = await db.getMany([databaseKey(), logKey(SHARD_SLOT, META_BATCH_NUMBER, 0)])
      if (!id && !head) return note(name, 'the state is empty: the next start replays what the log holds')
      if (log === null) return skipped(name, 'the log that it belongs to is not known')
      const spaces = this.#spaces.map(({ space }) => space)
      this.#state = await StateEngine.load(db, this.#dir, log, spaces)
      const { logFlush } = this.#state
      if (logFlush <= log.highestFlush) {
        return ok(name, `without a hole; built when the log had flush ${logFlush}`)
      }
      const missing = missingFlushes(log.highestFlush + 1, logFlush)
      return damagedLog(name, `${missing} in the log: the state was built after them`)
    })
  }

  async #position(db: EngineDb, space: number): Promise<InspectedState | null> {
    let bytes: Buffer | null
    try {
      bytes = (await db.getMany([appliedKey(space)]))[0] ?? null
    } catch (error) {
      whatIsWrong(error, this.#dir)
      return null
    }
    const position = bytes === null ? { index: 0, term: 0 } : decodePosition(bytes)
    if (position === null) return null
    const { index: appliedIndex, term: appliedTerm } = position
    return { appliedIndex, appliedTerm, keyspaces: null, countedAll: false, keyList: [] }
  }

  async #countAll(state: StateEngine): Promise<Guard> {
    const name = 'state: keys and values'
    const broken: string[] = []
    let all = true
    for (const { space, groupId } of this.#spaces) {
      const position = this.reading.spaces.get(space)
      if (position === undefined) continue
      const counted = await countKeys(state, space, groupId, this.#options)
      const { keyspaces, countedAll, keyList, brokenBy } = counted
      this.reading.spaces.set(space, { ...position, keyspaces, countedAll, keyList })
      all &&= countedAll
      if (brokenBy !== null) broken.push(`group ${groupId}: ${brokenBy}`)
    }
    if (broken.length > 0) return this.#damaged(name, `${this.#dir}: ${broken.join('; ')}`)
    return ok(name, all ? 'every value as it was written' : 'every value that was read is as it was written')
  }

  #damaged(name: string, detail: string): Guard {
    const remedy =
      `the log brings the state back as far as it reaches: a start moves a state that does not open aside by itself; ` +
      `one that opens is moved away by hand, ${this.#dir}, while the store is stopped`
    return damaged(name, detail, remedy)
  }

  async #guard(name: string, check: () => Promise<Guard>): Promise<void> {
    try {
      this.reading.guards.push(await check())
    } catch (error) {
      this.reading.guards.push(this.#damaged(name, whatIsWrong(error, this.#dir)))
    }
  }

  #skip(names: readonly string[], because: string): void {
    for (const name of names) this.reading.guards.push(skipped(name, because))
  }
}
