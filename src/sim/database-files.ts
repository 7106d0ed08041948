import type { MemoryBatch, MemoryDirectory, MemoryDisk } from '../env/memory-disk.ts'
import type { MemoryPages } from '../env/memory-pages.ts'
import { assertPresent } from '../util/assert.ts'
import type { CrashMode } from './crash-mode.ts'
import { InvariantViolation } from './invariants.ts'
import type { SimRandom } from './random.ts'
import { encodeWal, mergeReplayed, replayWal } from './rocks-wal.ts'

const WAL_NAME = /^(\d+)\.log$/
/** What a disk writes whole of a file that grows, or not at all. */
const PAGE_BYTES = 4_096
/** Of the pages that no sync covered so many survive, by the crash. */
const PAGE_KEEP_RATES = [0.5, 0.9, 0.98] as const
/** How often a crash finds two logs: the older one's batches are on their way into a table. */
const TWO_LOGS_RATE = 0.3
const SHORT_LOG = 8
/** Room for them among the numbers of files. */
const FILES_PER_LIFE = 10
/** How often what was under way at a crash is there in part. */
const TORN_RATE = 0.25

/**
 * The files of a simulated disk's databases, as RocksDB leaves them: the write-ahead log of a database that nobody has open
 * is a file, byte for byte, which whoever starts next may check, cut and remove. Tables stay rows in memory.
 */
export class DatabaseFiles {
  readonly #pages: MemoryPages
  readonly #random: SimRandom

  constructor(pages: MemoryPages, random: SimRandom) {
    this.#pages = pages
    this.#random = random
  }

  /** Paths of the write-ahead logs in `path`, oldest first. */
  logFiles(path: string): string[] {
    const found: Array<readonly [number, string]> = []
    for (const at of this.#pages.paths()) {
      if (!at.startsWith(`${path}/`)) continue
      const match = WAL_NAME.exec(at.slice(path.length + 1))
      if (match !== null) found.push([Number(match[1]), at])
    }
    return found.sort(([a], [b]) => a - b).map(([, at]) => at)
  }

  /** What its files hold is the log of the directory. */
  read(path: string, directory: MemoryDirectory): void {
    const files = this.logFiles(path)
    if (files.length === 0) return
    const batches = files.flatMap((at) =>
      replayWal(assertPresent(this.#pages.content(at), 'a listed file is there'), numberOf(at)),
    )
    const merged = mergeReplayed(batches)
    if (merged === null)
      throw new InvariantViolation(
        'I-open',
        `${path} was written to after a refused write: RocksDB never opens it`,
      )
    directory.replaceLog(merged)
  }

  /** RocksDB opens the directory: what the log holds goes into a table, and its files are removed. */
  open(path: string, directory: MemoryDirectory): void {
    this.read(path, directory)
    for (const at of this.logFiles(path)) this.#pages.remove(at)
    const manifest = `MANIFEST-${String(directory.life + 1).padStart(6, '0')}`
    for (const at of [...this.#pages.paths()]) if (at.startsWith(`${path}/MANIFEST-`)) this.#pages.remove(at)
    this.#pages.replace(`${path}/${manifest}`, Buffer.from(manifest))
    this.#pages.replace(`${path}/CURRENT`, Buffer.from(`${manifest}\n`))
  }

  /** Nobody has the directory open any more; the system has what was written, the disk what was synced. */
  close(path: string, directory: MemoryDirectory): void {
    const { bytes, ends } = encodeWal(directory.log, directory.logSequence)
    const synced = ends[directory.syncedBatches - 1] ?? 0
    const at = logPath(path, directory, 0)
    this.#pages.replace(at, bytes.subarray(0, synced))
    if (synced < bytes.length) this.#pages.write(at, bytes.subarray(synced), synced)
  }

  /** The process died with the directory open. Of the log's batches those from `inFlight` on were not reported yet. */
  crash(path: string, directory: MemoryDirectory, mode: CrashMode, inFlight: number): void {
    const log = this.#settleFailed(directory, inFlight)
    const cut = this.#drawCut(log, mode)
    const second = this.#random.chance(TWO_LOGS_RATE) ? this.#drawSecondLog(log.batches.length) : 0
    let sequence = directory.logSequence
    for (const [file, [from, to]] of [
      [0, second] as const,
      [second, log.batches.length] as const,
    ].entries()) {
      if (from === to && file === 0) continue
      const encoded = encodeWal(log.batches.slice(from, to), sequence)
      sequence = encoded.nextSequence
      const { bytes, ends } = encoded
      const whole = ends[Math.min(cut.batches, to) - from - 1] ?? 0
      const torn = cut.isTorn && cut.batches >= from && cut.batches < to
      const length = torn ? whole + this.#random.below(ends[cut.batches - from]! - whole) : whole
      const left =
        mode === 'holes'
          ? this.#holes(bytes, ends[Math.min(log.synced, to) - from - 1] ?? 0, file === 0)
          : bytes.subarray(0, length)
      this.#pages.replace(logPath(path, directory, file), left)
    }
  }

  /** How many batches lie in the older one; of the newer one there is little while the older one is on its way. */
  #drawSecondLog(count: number): number {
    const inNewer = this.#random.below(1 + (this.#random.chance(0.5) ? Math.min(count, SHORT_LOG) : count))
    return count - inNewer
  }

  /** What a refused write left: nothing, or a batch like any other. */
  #settleFailed(directory: MemoryDirectory, inFlight: number): LogAtCrash {
    const log: LogAtCrash = { batches: [], synced: 0, reported: 0 }
    directory.log.forEach((batch, i) => {
      if (batch.failed && this.#random.chance(0.5)) return
      log.batches.push(batch)
      if (i < directory.syncedBatches) log.synced++
      if (i < inFlight) log.reported++
    })
    return log
  }

  /** How many batches are whole, and whether there is a part of the next. */
  #drawCut({ batches, synced, reported }: LogAtCrash, mode: CrashMode): { batches: number; isTorn: boolean } {
    if (mode === 'lose-unsynced') return { batches: synced, isTorn: false }
    const isKill = mode === 'process'
    if (mode === 'holes' || (isKill && !this.#random.chance(TORN_RATE)))
      return { batches: batches.length, isTorn: false }
    const least = isKill ? reported : synced
    const whole = least + this.#random.below(batches.length - least + 1)
    return { batches: whole, isTorn: whole < batches.length && this.#random.chance(TORN_RATE) }
  }

  #holes(bytes: Buffer, synced: number, isFollowed: boolean): Buffer {
    const keepRate = this.#random.pick(PAGE_KEEP_RATES)
    let last = synced
    for (let page = synced - (synced % PAGE_BYTES); page < bytes.length; page += PAGE_BYTES) {
      const pageEnd = Math.min(page + PAGE_BYTES, bytes.length)
      if (this.#random.chance(keepRate)) last = pageEnd
      else bytes.fill(0, Math.max(page, synced), pageEnd)
    }
    // Its length is another write: zeros at the end may be there, or not. Of a log that another follows something is left:
    // nobody could tell one of which nothing is from one that was always empty.
    const hasLength = this.#random.chance(0.5) || (isFollowed && last === 0)
    return hasLength ? bytes : bytes.subarray(0, last)
  }
}

/** The log of a database at a crash; of its batches so many are synced, and so many were answered. */
interface LogAtCrash {
  readonly batches: MemoryBatch[]
  synced: number
  reported: number
}

/** As unique as RocksDB's numbers: each open has logs of its own. */
function logPath(path: string, directory: MemoryDirectory, file: number): string {
  return `${path}/${String(directory.life * FILES_PER_LIFE + file).padStart(6, '0')}.log`
}

function numberOf(path: string): number {
  return Number(assertPresent(WAL_NAME.exec(path.slice(path.lastIndexOf('/') + 1)), 'a log has a number')[1])
}

/** Databases that somebody has open, with the number of batches that their logs hold. */
export function openLogs(memory: MemoryDisk): Map<string, number> {
  const found = new Map<string, number>()
  for (const path of memory.paths()) {
    const directory = memory.directory(path)
    if (directory.locked) found.set(path, directory.log.length)
  }
  return found
}
