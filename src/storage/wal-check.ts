import type { Files, OpenFile } from '../env/ports.ts'
import {
  KEY_FLUSH_NUMBER,
  LOG_KEY_BYTES,
  logKeyIndex,
  logKeyKind,
  logKeySlot,
  SHARD_SLOT,
} from './log-keys.ts'
import { readLiveFiles } from './manifest.ts'
import { scanWal } from './wal-scan.ts'
import type { WalScan } from './wal-scan.ts'
import { readRecordPayload } from './wal-payload.ts'
import { walkBatch } from './write-batch.ts'

interface WalFile {
  readonly name: string
  readonly path: string
  readonly scan: WalScan
}

/** What {@link checkWals} found. */
export interface WalVerdict {
  /** What is damaged: file, place and how it is known; null when nothing is. */
  readonly damage: string | null
  /** The bad end of the newest file: RocksDB drops it. Null when the end is sound. */
  readonly badTail: {
    readonly name: string
    readonly at: number
    readonly bytes: number
    readonly what: string
  } | null
  /** The flush number in the newest sound record; -1 when no file has one. */
  readonly lastFlush: number
}

const WAL_NAME = /^(\d+)\.log$/

/**
 * Checks the write-ahead log of the log's RocksDB in `dir`, where every batch is synced before the next is begun. Changes
 * nothing: another process may have the directory open, which only RocksDB's own lock tells.
 *
 * A bad end is what a crash in the middle of a write leaves. Anything written behind a bad place proves that what is bad
 * had been synced: that is damage, over which RocksDB would pass without a word.
 */
export async function checkWals(files: Files, dir: string): Promise<WalVerdict> {
  const wals = await scanWals(files, dir)
  let lastFlush = -1
  let badTail: WalVerdict['badTail'] = null
  for (let i = 0; i < wals.length; i++) {
    const { name, scan } = wals[i]!
    if (scan.bad !== null) {
      const { at, what } = scan.bad
      const known = behind(scan, wals.slice(i + 1))
      if (known !== null)
        return { damage: `${name} is bad at byte ${at} (${what}), and ${known}`, badTail, lastFlush }
      badTail = { name, at: scan.goodEnd, bytes: scan.size - scan.goodEnd, what }
    }
  }
  for (let i = wals.length - 1; i >= 0 && lastFlush < 0; i--) lastFlush = await lastFlushOf(files, wals[i]!)
  return { damage: null, badTail, lastFlush }
}

/** How it is known that something was written behind the bad place of `scan`; null when nothing was. */
function behind(scan: WalScan, newer: readonly WalFile[]): string | null {
  if (scan.laterAt >= 0) return `a record written later begins at byte ${scan.laterAt}`
  const next = newer.find((wal) => wal.scan.records > 0)
  if (next === undefined || scan.nextSequence < 0) return null
  // A start that was cut short leaves the old file, bad end and all, beside the new one that goes on where it ended.
  if (next.scan.firstSequence === scan.nextSequence) return null
  return `${next.name} was written after it`
}

/** Where the write-ahead log of the data's RocksDB stops to be a true prefix of what was written. */
export interface WalEnd {
  readonly name: string
  readonly path: string
  readonly size: number
  /** Bytes before the first bad place. */
  readonly goodBytes: number
  readonly at: number
  readonly what: string
  /** Names of the files that were written after it. */
  readonly newer: readonly string[]
}

/** The first bad place in the write-ahead log in `dir`; null when there is none. Changes nothing. */
export async function findBadWal(files: Files, dir: string): Promise<WalEnd | null> {
  const wals = await scanWals(files, dir)
  const first = wals.findIndex((wal, i) => wal.scan.bad !== null || lacksEnd(wal, wals.slice(i + 1)))
  if (first < 0) return null
  const { name, path, scan } = wals[first]!
  const newer = wals.slice(first + 1).map((wal) => wal.name)
  const bad = scan.bad ?? { at: scan.goodEnd, what: 'what was written next is gone' }
  return { name, path, size: scan.size, goodBytes: scan.goodEnd, ...bad, newer }
}

/** Batches of one file were lost, a whole number of them, and those of a newer file were not: only their sequence tells. */
function lacksEnd({ scan }: WalFile, newer: readonly WalFile[]): boolean {
  const next = newer.find((wal) => wal.scan.records > 0)
  return scan.records > 0 && next !== undefined && next.scan.firstSequence > scan.nextSequence
}

/**
 * Makes the write-ahead log of the data's RocksDB in `dir` a true prefix of what was written: cut at the first bad place,
 * newer files removed. Its batches are not synced, so a power cut may leave holes, and the log brings back what is cut
 * off. Only under the lock of the shard. Returns what was done, in words; empty when nothing was.
 */
export async function cutWals(files: Files, dir: string): Promise<string[]> {
  const bad = await findBadWal(files, dir)
  if (bad === null) return []
  const { name, path, size, goodBytes, at, what } = bad
  const done: string[] = []
  for (const newer of bad.newer) {
    await files.remove(`${dir}/${newer}`)
    done.push(`${dir}/${newer} was removed, for it follows ${name}`)
  }
  const file = goodBytes < size ? await files.openFile(path) : null
  if (file !== null) {
    try {
      file.truncate(goodBytes)
      await file.sync()
    } finally {
      file.close()
    }
  }
  if (goodBytes < size)
    done.push(`${path} was cut from ${size} to ${goodBytes} bytes: it is bad at byte ${at} (${what})`)
  return done
}

/**
 * Oldest first. Those whose content is in tables are left out: a crash leaves them, they may be torn, for nobody synced
 * them, and RocksDB does not read them.
 */
async function scanWals(files: Files, dir: string): Promise<WalFile[]> {
  const first = (await readLiveFiles(files, dir))?.firstWal ?? 0
  const numbered: Array<{ name: string; number: number }> = []
  for (const name of await files.list(dir)) {
    const match = WAL_NAME.exec(name)
    if (match && Number(match[1]) >= first) numbered.push({ name, number: Number(match[1]) })
  }
  numbered.sort((a, b) => a.number - b.number)
  const wals: WalFile[] = []
  for (const { name, number } of numbered) {
    const path = `${dir}/${name}`
    const scan = await withFile(files, path, (file) => scanWal(file, number))
    if (scan !== null) wals.push({ name, path, scan })
  }
  return wals
}

async function lastFlushOf(files: Files, { path, scan }: WalFile): Promise<number> {
  if (scan.records === 0) return -1
  const payload = await withFile(files, path, (file) => readRecordPayload(file, scan.lastFrom, scan.goodEnd))
  let last = -1
  if (payload === null) return -1
  walkBatch(payload, (key) => {
    if (isFlushKey(key)) last = Math.max(last, logKeyIndex(key))
  })
  return last
}

function isFlushKey(key: Buffer): boolean {
  return (
    key.length === LOG_KEY_BYTES && logKeySlot(key) === SHARD_SLOT && logKeyKind(key) === KEY_FLUSH_NUMBER
  )
}

/** Null when the file is gone meanwhile. */
async function withFile<T>(files: Files, path: string, work: (file: OpenFile) => T): Promise<T | null> {
  const file = await files.openFile(path)
  if (file === null) return null
  try {
    return work(file)
  } finally {
    file.close()
  }
}
