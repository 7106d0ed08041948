import type { Disk, EngineDb } from '../env/ports.ts'
import { corruptShard, missingFlushes } from '../storage/log-damage.ts'
import { checkRocksFiles } from '../storage/rocks-files.ts'
import { checkTables } from '../storage/table-check.ts'
import { cutWals } from '../storage/wal-check.ts'
import { toFlotillaError } from '../util/errors.ts'
import { MAX_STATE_CHECK_BYTES, ROCKS_WRITE_BUFFER_BYTES } from '../util/limits.ts'
import { damagedState } from './state-damage.ts'
import { StateEngine } from './state-engine.ts'
import type { LogIdentity } from './state-engine.ts'

const DAMAGED_NAME = /^data\.damaged-(\d+)$/

export interface RecoveredState {
  readonly state: StateEngine
  /** What was found and mended, in words. */
  readonly notes: string[]
}

/**
 * Opens the KV state below `dir`, which belongs to the open log `log`. The log can replay it, as far as it reaches, so it
 * need not be whole, only a prefix of what was written: a bad end of its write-ahead log is cut off, and a state that is
 * damaged otherwise is moved aside, to begin empty. Rejects with DATA_DIR_LOCKED, STORAGE_FAILED, or CORRUPT when the state
 * proves that the log lost something.
 */
export async function openState(
  disk: Disk,
  dir: string,
  log: LogIdentity,
  spaces: readonly number[],
): Promise<RecoveredState> {
  const data = `${dir}/data`
  const notes: string[] = []
  let state: StateEngine
  try {
    state = await tryOpen(disk, data, log, spaces, notes)
  } catch (error) {
    const { shortName, message } = toFlotillaError(error)
    if (shortName !== 'CORRUPT') throw error
    const aside = await setAside(disk, dir)
    notes.push(
      `${message.replace(/\.?$/, '.')} It was moved to ${aside}; the log replays what it still holds.`,
    )
    state = await tryOpen(disk, data, log, spaces, notes)
  }
  if (state.logFlush > log.highestFlush) {
    await state.close()
    const missing = missingFlushes(log.highestFlush + 1, state.logFlush)
    throw corruptShard(`${dir}/log`, `${missing}: the state in ${data} was built after them`)
  }
  return { state, notes }
}

async function tryOpen(
  disk: Disk,
  data: string,
  log: LogIdentity,
  spaces: readonly number[],
  notes: string[],
): Promise<StateEngine> {
  const problem = await checkRocksFiles(disk.files, data, false)
  if (problem !== null) throw damagedState(data, problem)
  const part = { maxBytes: MAX_STATE_CHECK_BYTES, start: disk.random.float() }
  const { damage } = await checkTables(disk.files, data, part)
  if (damage !== null) throw damagedState(data, damage)
  for (const done of await cutWals(disk.files, data)) notes.push(`${done}; the log replays what is gone.`)
  const options = { writeBufferBytes: ROCKS_WRITE_BUFFER_BYTES, compression: true }
  const db: EngineDb = await disk.engine.open(data, options)
  try {
    return await StateEngine.load(db, data, log, spaces)
  } catch (error) {
    await db.close()
    throw error
  }
}

/** One damaged state is kept, for whoever wants to look at it: the newest. */
async function setAside(disk: Disk, dir: string): Promise<string> {
  let highest = 0
  for (const name of await disk.files.list(dir)) {
    const match = DAMAGED_NAME.exec(name)
    if (match === null) continue
    highest = Math.max(highest, Number(match[1]))
    await disk.files.remove(`${dir}/${name}`)
  }
  const aside = `${dir}/data.damaged-${highest + 1}`
  await disk.files.rename(`${dir}/data`, aside)
  return aside
}
