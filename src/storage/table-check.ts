import type { Files, OpenFile } from '../env/ports.ts'
import { crc32c } from '../util/crc32c.ts'
import { MAX_TABLE_INDEX_BYTES, TABLE_READ_BYTES } from '../util/limits.ts'
import { readLiveFiles } from './manifest.ts'
import { unpackSnappy } from './snappy.ts'
import { Varints } from './varints.ts'
import { unmaskCrc } from './wal-format.ts'

/**
 * RocksDB's tables: blocks, each with u8 compression | u32 LE masked CRC-32C over block and compression byte; then a footer
 * that says where the index block is, which says where the data blocks are. Only what Flotilla's databases have is read:
 * Snappy or no compression, CRC-32C, an index in one block whose every entry is a restart.
 */
const FOOTER_BYTES = 53
const TRAILER_BYTES = 5
const MAGIC = Buffer.from('f7cff485b741e288', 'hex')
const CHECKSUM_CRC32C = 1
const UNCOMPRESSED = 0
const SNAPPY = 1
/** From this version on, values of the index have no length in front. */
const BARE_VALUES_VERSION = 4

const TABLE_NAME = /^(\d+)\.(?:sst|ldb)$/

interface Handle {
  readonly offset: number
  readonly size: number
}

/** How much of a directory is checked, and where in it one begins: from 0 to 1. */
export interface TableCheckPart {
  readonly maxBytes: number
  readonly start: number
}

/** What {@link checkTables} found. */
export interface TablesVerdict {
  /** What is damaged: file and place; null when nothing is. */
  readonly damage: string | null
  /**
   * Names of the tables that are no part of the database: half written or no longer needed when the process ended. RocksDB
   * reads none of them and removes them.
   */
  readonly leftovers: readonly string[]
}

/**
 * Checks every block of the tables of which the database in `dir` consists, of all of them unless `part` says otherwise.
 * RocksDB's iterators do not verify what they read; a flipped bit makes them skip rows or end the process. Tables in a form
 * that is not known here are left to RocksDB. Where no MANIFEST tells which tables count, all do.
 */
export async function checkTables(
  files: Files,
  dir: string,
  part: TableCheckPart = { maxBytes: Number.POSITIVE_INFINITY, start: 0 },
): Promise<TablesVerdict> {
  const live = (await readLiveFiles(files, dir))?.tables
  const missing = new Set(live)
  const names: string[] = []
  const leftovers: string[] = []
  for (const name of (await files.list(dir)).sort()) {
    const match = TABLE_NAME.exec(name)
    if (match === null) continue
    const number = Number(match[1])
    missing.delete(number)
    if (live === undefined || live.has(number)) names.push(name)
    else leftovers.push(name)
  }
  for (const number of missing) {
    const damage = `${String(number).padStart(6, '0')}.sst, which the MANIFEST names, is gone`
    return { damage, leftovers }
  }
  return { damage: await firstDamage(files, dir, names, part), leftovers }
}

async function firstDamage(
  files: Files,
  dir: string,
  names: readonly string[],
  { maxBytes, start }: TableCheckPart,
): Promise<string | null> {
  const from = Math.floor(start * names.length)
  let bytes = 0
  for (const name of [...names.slice(from), ...names.slice(0, from)]) {
    if (bytes >= maxBytes) break
    const file = await files.openFile(`${dir}/${name}`)
    if (file === null) continue
    try {
      bytes += file.size()
      const problem = tableProblem(file)
      if (problem !== null) return `${name} ${problem}`
    } finally {
      file.close()
    }
  }
  return null
}

/** What is bad in a table; null when nothing is, or when its form is unknown. */
export function tableProblem(file: OpenFile): string | null {
  const size = file.size()
  if (size < FOOTER_BYTES) return `has only ${size} bytes`
  const footer = Buffer.alloc(FOOTER_BYTES)
  file.read(footer, size - FOOTER_BYTES)
  if (!footer.subarray(45).equals(MAGIC)) return 'does not end as a table does'
  if (footer[0] !== CHECKSUM_CRC32C) return `has checksums of the unknown kind ${footer[0]}`
  const version = footer.readUInt32LE(41)
  const handles = new Varints(footer, 1)
  const meta = readHandle(handles)
  const index = readHandle(handles)
  const within = (handle: Handle): boolean =>
    handle.offset + handle.size + TRAILER_BYTES + FOOTER_BYTES <= size
  if (meta === null || index === null || !within(meta) || !within(index)) {
    return 'has a footer that is not what was written'
  }
  const reader = new BlockReader(file)
  // The entries of the meta index name the filter and the properties.
  return listProblem(reader, meta, false) ?? listProblem(reader, index, version >= BARE_VALUES_VERSION)
}

/** Checks a block whose entries name other blocks, and those. `bare`: its values have no length in front. */
function listProblem(reader: BlockReader, handle: Handle, bare: boolean): string | null {
  const problem = reader.problem(handle)
  if (problem !== null) return problem
  const list = Buffer.from(reader.read(handle))
  const entries = unpacked(list.subarray(0, handle.size), list[handle.size]!)
  return entries === null ? null : entriesProblem(reader, entries, bare)
}

/** Null when it is compressed in a way that is not known here. */
function unpacked(bytes: Buffer, compression: number): Buffer | null {
  if (compression === UNCOMPRESSED) return bytes
  return compression === SNAPPY ? unpackSnappy(bytes, MAX_TABLE_INDEX_BYTES) : null
}

function entriesProblem(reader: BlockReader, list: Buffer, bare: boolean): string | null {
  if (list.length < 4) return 'has an index that is not what was written'
  const count = list.readUInt32LE(list.length - 4)
  const restarts = list.length - 4 - count * 4
  if (restarts < 0) return 'has an index that is not what was written'
  for (let i = 0; i < count; i++) {
    const entry = new Varints(list, list.readUInt32LE(restarts + i * 4))
    entry.next()
    const keyBytes = entry.next()
    if (!bare) entry.next()
    entry.skip(keyBytes)
    const handle = readHandle(entry)
    if (handle === null) return 'has an index that is not what was written'
    const problem = reader.problem(handle)
    if (problem !== null) return problem
  }
  return null
}

/** Reads blocks, which lie one after the other, many at a time. */
class BlockReader {
  readonly #file: OpenFile
  #buffer = Buffer.alloc(TABLE_READ_BYTES)
  /** What of the file is in the buffer. */
  #from = 0
  #to = 0

  constructor(file: OpenFile) {
    this.#file = file
  }

  /** The block with its trailer, until the next read; shorter where the file ends. */
  read({ offset, size }: Handle): Buffer {
    const end = offset + size + TRAILER_BYTES
    if (offset < this.#from || end > this.#to) {
      if (end - offset > this.#buffer.length) this.#buffer = Buffer.alloc(end - offset)
      this.#from = offset
      this.#to = offset + this.#file.read(this.#buffer, offset)
    }
    return this.#buffer.subarray(offset - this.#from, Math.min(end, this.#to) - this.#from)
  }

  problem(handle: Handle): string | null {
    const { offset, size } = handle
    const block = this.read(handle)
    if (block.length < size + TRAILER_BYTES) return `ends within the block at byte ${offset}`
    if (unmaskCrc(block.readUInt32LE(size + 1)) === crc32c(block, 0, size + 1)) return null
    return `is bad in the block at byte ${offset} (the checksum is wrong)`
  }
}

/** Null when what is next is no place of a block. */
function readHandle(from: Varints): Handle | null {
  const offset = from.next()
  const size = from.next()
  return size < 2 ** 31 && offset < 2 ** 48 ? { offset, size } : null
}
