/**
 * An engine in memory that keeps the promises of the real one and fails in its ways: for tests and the
 * simulator.
 */
import { assert } from '../util/assert.ts'
import { dataDirLocked } from '../util/data-dir-locked.ts'
import { FlotillaError } from '../util/errors.ts'
import { MAX_GET_MANY_KEYS, MAX_SCAN_PAGE_BYTES } from '../util/limits.ts'
import { applyOperations, MemoryDisk } from './memory-disk.ts'
import type { MemoryDirectory, MemoryOperation, MemoryRot, MemoryRows } from './memory-disk.ts'
import type { Engine, EngineBatch, EngineDb, EngineIterator, EngineOptions, EngineRange } from './ports.ts'

const EMPTY = Buffer.alloc(0)
/** In the place of the value of a row that an iterator cannot read. */
const UNREADABLE = Buffer.alloc(0)

function assertKey(key: Buffer): void {
  assert(Buffer.isBuffer(key) && key.length > 0, 'an engine key is a non-empty Buffer')
}

function closedError(path: string): FlotillaError {
  return new FlotillaError('CLOSED', `The database in ${path} is closed.`, { outcome: 'not-applied' })
}

/** What a call of a dead process answers: nothing, ever. */
function never<T>(): Promise<T> {
  return new Promise(() => {})
}

export class MemoryEngine implements Engine {
  readonly disk: MemoryDisk

  constructor(disk: MemoryDisk = new MemoryDisk()) {
    this.disk = disk
  }

  async open(path: string, _options: EngineOptions): Promise<EngineDb> {
    const directory = this.disk.directory(path)
    if (directory.locked) throw dataDirLocked(path)
    if (directory.unreadable)
      throw new FlotillaError('CORRUPT', `The MANIFEST in ${path} is not what was written.`)
    directory.locked = true
    directory.life++
    directory.flush()
    return new MemoryDb(this.disk, directory, path)
  }

  async isLocked(path: string): Promise<boolean> {
    return this.disk.directory(path).locked
  }
}

/** For the simulator: what a batch of this engine holds. */
export function operationsOf(batch: EngineBatch): readonly MemoryOperation[] {
  assert(batch instanceof MemoryBatch, 'a batch of this engine')
  return batch.operations
}

class MemoryBatch implements EngineBatch {
  readonly owner: MemoryDb
  readonly operations: MemoryOperation[] = []
  written = false
  byteLength = 0

  constructor(owner: MemoryDb) {
    this.owner = owner
  }

  get count(): number {
    return this.operations.length
  }

  /** Copies, as the real engine does: callers reuse their buffers. */
  put(key: Buffer, value: Buffer): void {
    assertKey(key)
    assert(Buffer.isBuffer(value), 'an engine value is a Buffer')
    assert(!this.written, 'a batch is not changed after its write')
    this.operations.push([key.toString('latin1'), Buffer.from(value)])
    this.byteLength += key.length + value.length
  }

  del(key: Buffer): void {
    assertKey(key)
    assert(!this.written, 'a batch is not changed after its write')
    this.operations.push([key.toString('latin1'), null])
    this.byteLength += key.length
  }
}

class MemoryDb implements EngineDb {
  /** Nothing: tests and crashes shall see many batches. */
  readonly gatherBytes = 0
  readonly #disk: MemoryDisk
  readonly #directory: MemoryDirectory
  readonly #path: string
  readonly #life: number
  readonly #rows: MemoryRows
  readonly #iterators = new Set<MemoryIterator>()
  readonly #writing = new Set<Promise<void>>()
  #closing: Promise<void> | null = null

  constructor(disk: MemoryDisk, directory: MemoryDirectory, path: string) {
    this.#disk = disk
    this.#directory = directory
    this.#path = path
    this.#life = directory.life
    this.#rows = directory.recover()
  }

  get dead(): boolean {
    return this.#directory.life !== this.#life
  }

  async getMany(keys: readonly Buffer[]): Promise<Array<Buffer | null>> {
    if (this.dead) return never()
    if (this.#closing) throw closedError(this.#path)
    assert(keys.length <= MAX_GET_MANY_KEYS, 'getMany is given at most MAX_GET_MANY_KEYS keys')
    let rotten = false
    const values = keys.map((key) => {
      assertKey(key)
      const text = key.toString('latin1')
      const value = this.#rows.get(text)
      rotten ||= value !== undefined && this.#directory.rot?.rows.get(text) === value
      return value === undefined ? null : Buffer.from(value)
    })
    await null
    if (this.dead) return never()
    if (rotten) throw new FlotillaError('CORRUPT', `The checksum of a block in ${this.#path} is wrong.`)
    return values
  }

  createBatch(): EngineBatch {
    if (this.#closing) throw closedError(this.#path)
    return new MemoryBatch(this)
  }

  async write(batch: EngineBatch, sync: boolean): Promise<void> {
    if (this.dead) return never()
    if (this.#closing) throw closedError(this.#path)
    assert(
      batch instanceof MemoryBatch && batch.owner === this,
      'a batch is written to the database that made it',
    )
    assert(!batch.written, 'a batch is written once')
    assert(batch.count > 0 || !sync, 'a synced batch is not empty: RocksDB would sync nothing')
    batch.written = true
    const writing = this.#write(batch.operations, sync)
    this.#writing.add(writing)
    try {
      await writing
    } finally {
      this.#writing.delete(writing)
    }
  }

  async #write(operations: readonly MemoryOperation[], sync: boolean): Promise<void> {
    const fails = this.#disk.takeWriteFault()
    const number = this.#directory.append(operations, fails)
    await this.#disk.stalled
    if (this.dead) return never()
    if (fails) {
      throw new FlotillaError(
        'STORAGE_FAILED',
        `The disk under ${this.#path} refused a write (injected fault).`,
      )
    }
    applyOperations(this.#rows, operations)
    if (sync) this.#directory.sync(number)
  }

  iterator(range: EngineRange): EngineIterator {
    if (this.#closing) throw closedError(this.#path)
    const { rot } = this.#directory
    const rows = selectRows(rot === null ? this.#rows : rottenRows(this.#rows, rot), range)
    const iterator = new MemoryIterator(this, this.#path, rows, () => {
      this.#iterators.delete(iterator)
    })
    this.#iterators.add(iterator)
    return iterator
  }

  property(name: string): string {
    return this.#closing ? '' : this.#disk.property(name)
  }

  close(): Promise<void> {
    this.#closing ??= this.#closeAll()
    return this.#closing
  }

  async #closeAll(): Promise<void> {
    if (this.dead) return never()
    await Promise.all([...this.#iterators].map((iterator) => iterator.close()))
    await Promise.allSettled(this.#writing)
    if (this.dead) return never()
    this.#directory.locked = false
  }
}

/** What an iterator finds, which verifies nothing. */
function rottenRows(rows: MemoryRows, rot: MemoryRot): MemoryRows {
  const [key, value] = [...rot.rows][0]!
  if (rows.get(key) !== value) return rows
  if (rot.shown === 'error') return new Map(rows).set(key, UNREADABLE)
  const seen = new Map(rows)
  seen.delete(key)
  if (rot.shown !== null) seen.set(rot.shown[0], rot.shown[1])
  return seen
}

/** The rows of `range` in its order: the view that an iterator keeps. Values are never changed in place. */
function selectRows(rows: MemoryRows, range: EngineRange): Row[] {
  for (const bound of [range.gte, range.gt, range.lte, range.lt]) if (bound !== undefined) assertKey(bound)
  const gte = range.gte?.toString('latin1')
  const gt = range.gt?.toString('latin1')
  const lte = range.lte?.toString('latin1')
  const lt = range.lt?.toString('latin1')
  const keys: string[] = []
  for (const key of rows.keys()) {
    if (gte !== undefined && key < gte) continue
    if (gt !== undefined && key <= gt) continue
    if (lte !== undefined && key > lte) continue
    if (lt !== undefined && key >= lt) continue
    keys.push(key)
  }
  keys.sort(compareText)
  if (range.reverse) keys.reverse()
  const withValues = range.values !== false
  return keys.map((key) => {
    const value = rows.get(key)!
    return [Buffer.from(key, 'latin1'), withValues || value === UNREADABLE ? value : EMPTY]
  })
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

type Row = [key: Buffer, value: Buffer]

class MemoryIterator implements EngineIterator {
  readonly #db: MemoryDb
  readonly #path: string
  readonly #rows: readonly Row[]
  readonly #onClosed: () => void
  #position = 0
  #reading = false
  #closed = false

  constructor(db: MemoryDb, path: string, rows: readonly Row[], onClosed: () => void) {
    this.#db = db
    this.#path = path
    this.#rows = rows
    this.#onClosed = onClosed
  }

  async next(maxRows: number): Promise<Row[]> {
    assert(maxRows > 0, 'a page has room for a row')
    assert(!this.#reading, 'one page of an iterator is read at a time')
    if (this.#db.dead) return never()
    if (this.#closed) throw closedError(this.#path)
    this.#reading = true
    await null
    this.#reading = false
    if (this.#db.dead) return never()
    if (this.#closed) throw closedError(this.#path)
    const page: Row[] = []
    let bytes = 0
    while (page.length < maxRows && bytes < MAX_SCAN_PAGE_BYTES && this.#position < this.#rows.length) {
      const [key, value] = this.#rows[this.#position++]!
      if (value === UNREADABLE) throw new FlotillaError('CORRUPT', `A block in ${this.#path} cannot be read.`)
      page.push([key, Buffer.from(value)])
      bytes += key.length + value.length
    }
    return page
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#onClosed()
  }
}
