import { assert } from '../util/assert.ts'
import { MAX_MEMORY_DISK_UNSYNCED, MEMORY_NEW_TABLES, MEMORY_WRITE_BUFFER_BYTES } from '../util/limits.ts'

/** One operation of a batch. Keys are latin-1 text, whose order is the order of the bytes; null deletes. */
export type MemoryOperation = readonly [key: string, value: Buffer | null]
export type MemoryRows = Map<string, Buffer>

/** A batch in the write-ahead log. */
export interface MemoryBatch {
  readonly number: number
  readonly operations: readonly MemoryOperation[]
  /** Its write was answered with an error: no later sync covers it. */
  readonly failed: boolean
}

/**
 * What one database keeps on a {@link MemoryDisk}, as RocksDB does: tables, and the write-ahead log of what is in none of
 * them. The tables survive everything, and so does the log up to the last sync. A batch whose write was failed by a fault
 * stands in the log, too: as with the real engine, only the next start tells whether it was written.
 */
export class MemoryDirectory {
  /** Of all tables but the newest ones, which a compaction has not reached yet: those lie apart, oldest first. */
  readonly #tables: MemoryRows = new Map()
  #newTables: Array<readonly MemoryOperation[]> = []
  #log: MemoryBatch[] = []
  /** So many batches of the log are synced, the failed ones among them aside. */
  #synced = 0
  #logBytes = 0
  /** Operations that lie in tables: the sequence number of the log's first is the next. */
  #tableOperations = 0
  /** Grows with each open and each crash: a handle of an older life is dead. */
  life = 0
  locked = false
  /** A log that has grown beyond this becomes a table. */
  writeBufferBytes = MEMORY_WRITE_BUFFER_BYTES
  /** Its MANIFEST makes no sense: an open is refused. */
  unreadable = false
  /** What is rotten in the tables; null when nothing is. */
  rot: MemoryRot | null = null
  #nextNumber = 0

  /** The batch's place in the write-ahead log; later batches have higher numbers. */
  append(operations: readonly MemoryOperation[], failed = false): number {
    const number = this.#nextNumber++
    this.#log.push({ number, operations, failed })
    for (const [key, value] of operations) this.#logBytes += key.length + (value?.length ?? 0)
    // Not in the middle of a write: its own sync comes first.
    if (this.#logBytes > this.writeBufferBytes && !failed) this.#flushAllBut(number)
    while (this.#log.length - this.#synced > MAX_MEMORY_DISK_UNSYNCED) this.#synced++
    return number
  }

  /** Makes the batch `number` durable, and with it all that stand before it in the same file. */
  sync(number: number): void {
    while (this.#synced < this.#log.length && this.#log[this.#synced]!.number <= number) this.#synced++
  }

  /** The write-ahead log, oldest first. */
  get log(): readonly MemoryBatch[] {
    return this.#log
  }

  /** Sequence number of the log's first operation. */
  get logSequence(): number {
    return this.#tableOperations + 1
  }

  /** How many batches of the log, from its beginning, the last sync covered. */
  get syncedBatches(): number {
    return this.#synced
  }

  /** Batches of the log that no sync covered, oldest first. */
  get unsynced(): readonly MemoryBatch[] {
    return this.#log.slice(this.#synced)
  }

  /** For the simulator: the log holds these batches, for good. */
  replaceLog(batches: ReadonlyArray<readonly MemoryOperation[]>): void {
    this.#log = []
    this.#logBytes = 0
    this.#synced = 0
    for (const operations of batches)
      this.#log.push({ number: this.#nextNumber++, operations, failed: false })
    this.#synced = this.#log.length
  }

  /** The log becomes the newest table, as at every open and when the write buffer is full. */
  flush(): void {
    this.#flushAllBut(-1)
  }

  #flushAllBut(number: number): void {
    // What failed never was in the memtable.
    const kept = this.#log.filter((batch) => batch.number === number)
    const flushed = this.#log.filter((batch) => batch.number !== number && !batch.failed)
    if (flushed.length === 0) return
    const table = flushed.flatMap(({ operations }) => operations)
    this.#newTables.push(table)
    if (this.#newTables.length > MEMORY_NEW_TABLES) applyOperations(this.#tables, this.#newTables.shift()!)
    this.#tableOperations += table.length
    this.#log = kept
    this.#synced = 0
    this.#logBytes = 0
  }

  /** Tables that a compaction has not reached yet. */
  get newTables(): number {
    return this.#newTables.length
  }

  /** A MANIFEST without its end: so many of the newest tables are forgotten; their logs were removed long ago. */
  loseNewTables(count: number): void {
    assert(count <= this.#newTables.length, 'a table is forgotten once')
    this.#newTables.length -= count
  }

  /** Rows of the tables: what is left when the log is gone. */
  tables(): MemoryRows {
    const rows = new Map(this.#tables)
    for (const table of this.#newTables) applyOperations(rows, table)
    return rows
  }

  /** For the simulator: a row of the tables holds something else, of which no checksum of the engine tells. */
  alterRow(key: string, value: Buffer): void {
    const newest = this.#newTables.pop()
    if (newest === undefined) this.#tables.set(key, value)
    else this.#newTables.push([...newest, [key, value]])
  }

  /** What an open finds: the tables, then the log replayed. */
  recover(): MemoryRows {
    const rows = this.tables()
    for (const batch of this.#log) applyOperations(rows, batch.operations)
    return rows
  }

  /**
   * A power cut: un-synced batches are on disk only when `keep` says so, and nothing is un-synced after it.
   */
  crash(keep: (unsyncedBatch: number) => boolean): void {
    const synced = this.#synced
    this.#log = this.#log.filter((_, i) => i < synced || keep(i - synced))
    this.#synced = this.#log.length
    this.life++
    this.locked = false
  }

  /** A directory of its own with the same content, un-synced batches included; nobody has it open. */
  copy(): MemoryDirectory {
    const copy = new MemoryDirectory()
    for (const [key, value] of this.#tables) copy.#tables.set(key, value)
    copy.#newTables = [...this.#newTables]
    copy.#log = [...this.#log]
    copy.#synced = this.#synced
    copy.#logBytes = this.#logBytes
    copy.#tableOperations = this.#tableOperations
    copy.#nextNumber = this.#nextNumber
    copy.unreadable = this.unreadable
    copy.writeBufferBytes = this.writeBufferBytes
    return copy
  }
}

/** A table block with a flipped bit: `getMany` verifies it and refuses its rows, iterators return what is there. */
export interface MemoryRot {
  /** Rows of the block as they were written; those that were written anew lie elsewhere. */
  readonly rows: ReadonlyMap<string, Buffer>
  /** What an iterator makes of the first of them: another value, another key, no row at all, or its end with an error. */
  readonly shown: readonly [key: string, value: Buffer] | null | 'error'
}

export function applyOperations(rows: MemoryRows, operations: readonly MemoryOperation[]): void {
  for (const [key, value] of operations) {
    if (value === null) rows.delete(key)
    else rows.set(key, value)
  }
}

/**
 * A disk in memory. It outlives the databases opened on it, so that a reopen finds their data, and it fails
 * on demand. It holds any number of directories. Faults hit every directory: it is one disk.
 */
export class MemoryDisk {
  readonly #directories = new Map<string, MemoryDirectory>()
  readonly #properties = new Map<string, string>([
    ['rocksdb.background-errors', '0'],
    ['rocksdb.is-write-stopped', '0'],
  ])
  #writesToFail = 0
  #stall: Promise<void> | null = null

  /**
   * The machine dies. Of the batches written without a sync after the last synced one, those survive for
   * whose position (0 is the oldest; counted per directory) `keep` answers true; synced batches always do.
   * `() => true` is a mere kill of the process, `() => false` the worst power cut; anything between tears
   * holes, as RocksDB's recovery may. Every open handle is dead from now on: its calls never settle, as no
   * code of a killed process runs on.
   */
  crash(keep: (unsyncedBatch: number, path: string) => boolean): void {
    for (const [path, directory] of this.#directories) directory.crash((batch) => keep(batch, path))
  }

  /** As `crash`, for the directories of one process: those at or below `path`. */
  crashUnder(path: string, keep: (unsyncedBatch: number, path: string) => boolean): void {
    for (const at of this.#below(path)) this.#directories.get(at)!.crash((batch) => keep(batch, at))
  }

  /**
   * The next `count` writes are rejected with STORAGE_FAILED, and then writes succeed again, for that is what
   * the real engine does. A failed write is not seen by readers, but a later start may find it: its outcome
   * is unknown.
   */
  failNextWrites(count: number): void {
    assert(Number.isSafeInteger(count) && count >= 0, 'failNextWrites takes a count')
    this.#writesToFail = count
  }

  /** Writes that start from now on wait until the returned function is called. Reads go on. */
  stallWrites(): () => void {
    assert(this.#stall === null, 'the disk is stalled once at a time')
    let release = () => {}
    const stalled = new Promise<void>((resolve) => {
      release = resolve
    })
    this.#stall = stalled
    return () => {
      if (this.#stall === stalled) this.#stall = null
      release()
    }
  }

  /** What `EngineDb.property` answers for `name` on every database. */
  setProperty(name: string, value: string): void {
    this.#properties.set(name, value)
  }

  property(name: string): string {
    return this.#properties.get(name) ?? ''
  }

  /** What lies on the disk now, on a disk of its own: a copy of the directories, without locks, faults and rot. */
  copy(): MemoryDisk {
    const copy = new MemoryDisk()
    for (const [path, directory] of this.#directories) copy.#directories.set(path, directory.copy())
    return copy
  }

  paths(): Iterable<string> {
    return this.#directories.keys()
  }

  /** For the engine: the directory at `path`, made when absent. */
  directory(path: string): MemoryDirectory {
    let directory = this.#directories.get(path)
    if (!directory) {
      directory = new MemoryDirectory()
      this.#directories.set(path, directory)
    }
    return directory
  }

  /** The directories at or below `from` are at `to` from now on. None of them may be open. */
  rename(from: string, to: string): void {
    for (const path of this.#below(from)) {
      const directory = this.#directories.get(path)!
      assert(!directory.locked, 'an open database is not renamed')
      this.#directories.delete(path)
      this.#directories.set(to + path.slice(from.length), directory)
    }
  }

  /** For the simulator: this is what lies at `path` from now on, where nothing lies. */
  place(path: string, directory: MemoryDirectory): void {
    assert(!this.#directories.has(path), 'a directory takes no other’s place')
    this.#directories.set(path, directory)
  }

  /** Removes the directories at or below `path`. None of them may be open. */
  remove(path: string): void {
    for (const at of this.#below(path)) {
      assert(!this.#directories.get(at)!.locked, 'an open database is not removed')
      this.#directories.delete(at)
    }
  }

  #below(path: string): string[] {
    return [...this.#directories.keys()].filter((at) => at === path || at.startsWith(`${path}/`))
  }

  /** For the engine: the promise that a write must wait for, null when the disk is not stalled. */
  get stalled(): Promise<void> | null {
    return this.#stall
  }

  /** For the engine: true when this write is one that shall fail. */
  takeWriteFault(): boolean {
    if (this.#writesToFail === 0) return false
    this.#writesToFail--
    return true
  }
}
