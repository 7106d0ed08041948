import type { Files, OpenFile } from '../env/ports.ts'
import { crc32c } from '../util/crc32c.ts'
import { TABLE_READ_BYTES } from '../util/limits.ts'
import { unmaskCrc } from './wal-format.ts'

/**
 * RocksDB's tables: blocks, each with u8 compression | u32 LE masked CRC-32C over block and compression byte; then a footer
 * that says where the index block is, which says where the data blocks are. Only what Flotilla's log has is read:
 * no compression, CRC-32C, an index in one block whose every entry is a restart.
 */
const FOOTER_BYTES = 53
const TRAILER_BYTES = 5
const MAGIC = Buffer.from('f7cff485b741e288', 'hex')
const CHECKSUM_CRC32C = 1
const UNCOMPRESSED = 0
/** From this version on, values of the index have no length in front. */
const BARE_VALUES_VERSION = 4

const TABLE_NAME = /^\d+\.(?:sst|ldb)$/

interface Handle {
  readonly offset: number
  readonly size: number
}

/**
 * Checks every block of every table in `dir`: what is bad, or null. RocksDB's iterators do not verify what they read; a
 * flipped bit makes them skip rows or end the process. Tables in a form that is not known here are left to RocksDB.
 */
export async function checkTables(files: Files, dir: string): Promise<string | null> {
  for (const name of await files.list(dir)) {
    if (!TABLE_NAME.test(name)) continue
    const file = await files.openFile(`${dir}/${name}`)
    if (file === null) continue
    try {
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
  const meta = handles.handle()
  const index = handles.handle()
  const within = (handle: Handle): boolean =>
    handle.offset + handle.size + TRAILER_BYTES + FOOTER_BYTES <= size
  if (meta === null || index === null || !within(meta) || !within(index)) {
    return 'has a footer that is not what was written'
  }
  // The entries of the meta index name the filter and the properties.
  return listProblem(file, meta, false) ?? listProblem(file, index, version >= BARE_VALUES_VERSION)
}

/** Checks a block whose entries name other blocks, and those. `bare`: its values have no length in front. */
function listProblem(file: OpenFile, handle: Handle, bare: boolean): string | null {
  const list = Buffer.alloc(handle.size + TRAILER_BYTES)
  const problem = blockProblem(file, handle, list)
  if (problem !== null) return problem
  if (list[handle.size] !== UNCOMPRESSED) return null
  return entriesProblem(file, list.subarray(0, handle.size), bare)
}

function entriesProblem(file: OpenFile, list: Buffer, bare: boolean): string | null {
  if (list.length < 4) return 'has an index that is not what was written'
  const count = list.readUInt32LE(list.length - 4)
  const restarts = list.length - 4 - count * 4
  if (restarts < 0) return 'has an index that is not what was written'
  let buffer = Buffer.alloc(TABLE_READ_BYTES)
  for (let i = 0; i < count; i++) {
    const entry = new Varints(list, list.readUInt32LE(restarts + i * 4))
    entry.next()
    const keyBytes = entry.next()
    if (!bare) entry.next()
    entry.skip(keyBytes)
    const handle = entry.handle()
    if (handle === null) return 'has an index that is not what was written'
    if (handle.size + TRAILER_BYTES > buffer.length) buffer = Buffer.alloc(handle.size + TRAILER_BYTES)
    const problem = blockProblem(file, handle, buffer)
    if (problem !== null) return problem
  }
  return null
}

/** Reads the block into `buffer`, which is large enough. */
function blockProblem(file: OpenFile, { offset, size }: Handle, buffer: Buffer): string | null {
  const block = buffer.subarray(0, size + TRAILER_BYTES)
  if (file.read(block, offset) < block.length) return `ends within the block at byte ${offset}`
  if (unmaskCrc(block.readUInt32LE(size + 1)) === crc32c(block, 0, size + 1)) return null
  return `is bad in the block at byte ${offset} (the checksum is wrong)`
}

/** Reads variable-length numbers one after the other; past the end they are NaN. */
class Varints {
  readonly #bytes: Buffer
  #at: number

  constructor(bytes: Buffer, at: number) {
    this.#bytes = bytes
    this.#at = at
  }

  next(): number {
    let value = 0
    for (let factor = 1; factor <= 2 ** 42; factor *= 128) {
      const byte = this.#bytes[this.#at++]
      if (byte === undefined) return Number.NaN
      value += (byte & 0x7f) * factor
      if (byte < 0x80) return value
    }
    return Number.NaN
  }

  skip(count: number): void {
    this.#at += count
  }

  /** Offset and size of a block; null when they are none. */
  handle(): Handle | null {
    const offset = this.next()
    const size = this.next()
    return size < 2 ** 31 && offset < 2 ** 48 ? { offset, size } : null
  }
}
