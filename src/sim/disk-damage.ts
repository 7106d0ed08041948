import type { MemoryDirectory, MemoryRot } from '../env/memory-disk.ts'
import { LEDGER_SLOT_BYTES, LEDGER_SLOT_STRIDE, LEDGER_SLOTS } from '../storage/ledger.ts'
import { KEY_BLOCK, LOG_KEY_BYTES } from '../storage/log-keys.ts'
import type { SimDisk } from './disk.ts'
import type { SimRandom } from './random.ts'
import { isUserRow } from './state-mirror.ts'

/** About what one block of a table holds. */
const BLOCK_BYTES = 4_096
const PAGE_BYTES = 4_096
/** Half of what is damaged lies in so many bytes at the end of a log: what was written last was promised last. */
const NEWEST_BYTES = 2_000
/** How often the log of a shard is damaged rather than its state. */
const LOGS_FIRST = 0.6
/** How often RocksDB refuses what is left of a MANIFEST. */
const REFUSED_RATE = 0.3

/** What may happen to the files of a store that is down, database by database. */
export const DAMAGES = [
  'wal-flip',
  'wal-cut',
  'wal-page',
  'wal-deleted',
  'manifest-cut',
  'block-flip',
] as const
export type Damage = (typeof DAMAGES)[number]

/**
 * Damages one of the databases of a disk that no process uses, as bit rot, a stray write or a lost file would: synced
 * writes are gone then, and RocksDB says no word about it. Answers the path of the database; null when none has anything
 * to damage in that way.
 */
export function damageDatabase(disk: SimDisk, damage: Damage, random: SimRandom): string | null {
  const paths = random.shuffle([...disk.memory.paths()])
  // A state can be made anew from its log.
  if (random.chance(LOGS_FIRST)) paths.sort((a, b) => Number(isLog(b)) - Number(isLog(a)))
  for (const path of paths) {
    if (!damageOne(disk, path, damage, random)) continue
    disk.contentChanged()
    return path
  }
  return null
}

/** The same to a state alone. Answers what was done, null when there was nothing to do it to. */
export function damageState(disk: SimDisk, random: SimRandom): string | null {
  const states = random.shuffle([...disk.memory.paths()].filter((path) => !isLog(path)))
  for (const damage of random.shuffle(DAMAGES)) {
    if (!states.some((path) => damageOne(disk, path, damage, random))) continue
    disk.contentChanged()
    return `state-${damage}`
  }
  return null
}

/** A bit of a slot of a ledger. */
export function flipLedger(disk: SimDisk, random: SimRandom): string | null {
  const paths = [...disk.files.keys()].filter((path) => path.endsWith('/ledger'))
  if (paths.length === 0) return null
  const path = random.pick(paths)
  const bytes = Buffer.from(disk.pages.content(path)!)
  const at = random.below(LEDGER_SLOTS) * LEDGER_SLOT_STRIDE + random.below(LEDGER_SLOT_BYTES)
  if (at >= bytes.length) return null
  bytes[at]! ^= 1 << random.below(8)
  disk.pages.replace(path, bytes)
  return 'ledger-flip'
}

function isLog(path: string): boolean {
  return path.endsWith('/log')
}

function damageOne(disk: SimDisk, path: string, damage: Damage, random: SimRandom): boolean {
  const directory = disk.memory.directory(path)
  if (damage === 'manifest-cut') return cutManifest(directory, random)
  if (damage === 'block-flip') return flipRow(directory, isLog(path), random)
  return damageLog(disk, path, damage, random)
}

/** In memory, before the engine made its checksum: only what the store itself put there can tell. */
function flipRow(directory: MemoryDirectory, isLog: boolean, random: SimRandom): boolean {
  const now = directory.recover()
  const rows = [...directory.tables()].filter(
    ([key, value]) =>
      (isLog ? isBlockKey(key) : isUserRow(key)) && value.length > 0 && now.get(key) === value,
  )
  if (rows.length === 0) return false
  const [key, value] = random.pick(rows)
  directory.alterRow(key, flip(value, random))
  return true
}

function isBlockKey(key: string): boolean {
  return key.length === LOG_KEY_BYTES && key.charCodeAt(4) === KEY_BLOCK
}

/**
 * The newest tables are forgotten, which RocksDB does not notice; or what is left makes no sense to it. Most of all where
 * something newer is in the log: then it is not the end that is gone.
 */
function cutManifest(directory: MemoryDirectory, random: SimRandom): boolean {
  const count = directory.newTables
  if (count === 0 || (directory.log.length === 0 && random.chance(0.7))) return false
  if (random.chance(REFUSED_RATE)) directory.unreadable = true
  else directory.loseNewTables(random.chance(0.7) ? 1 : 1 + random.below(count))
  return true
}

function damageLog(disk: SimDisk, path: string, damage: Damage, random: SimRandom): boolean {
  const files = disk.databaseFiles.logFiles(path)
  const file = files.length === 0 ? undefined : random.pick(files)
  const content = file === undefined ? undefined : disk.pages.content(file)
  if (file === undefined || content === undefined || content.length === 0) return false
  if (damage === 'wal-deleted') {
    disk.pages.remove(file)
    if (files.length === 1) disk.memory.directory(path).replaceLog([])
    return true
  }
  const bytes = Buffer.from(content)
  const newest = random.chance(0.5) ? Math.min(bytes.length, NEWEST_BYTES) : bytes.length
  const at = bytes.length - 1 - random.below(newest)
  if (damage === 'wal-flip') bytes[at]! ^= 1 << random.below(8)
  else if (damage === 'wal-page')
    bytes.fill(0, at - (at % PAGE_BYTES), Math.min(at - (at % PAGE_BYTES) + PAGE_BYTES, bytes.length))
  disk.pages.replace(file, damage === 'wal-cut' ? bytes.subarray(0, at) : bytes)
  return true
}

/** How often what rots are rows of users, where there are any. */
const USERS_ROWS = 0.7

/** What an iterator may make of the row whose bit is another. */
export const ROT_SHOWN = ['value', 'key', 'nothing', 'error', 'checksum'] as const
export type RotShown = (typeof ROT_SHOWN)[number]

/**
 * Flips a bit in a block of a table of a running database: reads by key refuse the rows of the block, iterators show
 * something else, skip a row, or notice nothing. Answers whether there was a table.
 */
export function rotBlock(
  directory: MemoryDirectory,
  random: SimRandom,
  shown: readonly RotShown[] = ROT_SHOWN,
): boolean {
  const rows = directory.tables()
  const keys = [...rows.keys()].sort()
  if (keys.length === 0) return false
  const users = random.chance(USERS_ROWS) ? keys.findIndex(isUserRow) : 0
  // Space 0 comes first, and is most of a state that is small.
  const first = users < 0 ? random.below(keys.length) : users + random.below(keys.length - users)
  const block = new Map<string, Buffer>()
  let bytes = 0
  for (let i = first; i < keys.length && bytes < BLOCK_BYTES; i++) {
    const key = keys[i]!
    const value = rows.get(key)!
    block.set(key, value)
    bytes += key.length + value.length
  }
  const key = keys[first]!
  directory.rot = { rows: block, shown: shownRow(key, rows.get(key)!, random.pick(shown), random) }
  return true
}

function shownRow(key: string, value: Buffer, what: RotShown, random: SimRandom): MemoryRot['shown'] {
  if (what === 'error') return what
  if (what === 'nothing') return null
  if (what === 'checksum') return [key, value]
  if (what === 'value' && value.length > 0) return [key, flip(value, random)]
  return [flip(Buffer.from(key, 'latin1'), random).toString('latin1'), value]
}

function flip(bytes: Buffer, random: SimRandom): Buffer {
  const flipped = Buffer.from(bytes)
  flipped[random.below(bytes.length)]! ^= 1 << random.below(8)
  return flipped
}
