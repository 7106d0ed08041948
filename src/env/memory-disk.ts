import { assert } from '../util/assert.ts'
import { MAX_MEMORY_DISK_UNSYNCED } from '../util/limits.ts'

/** One operation of a batch. Keys are latin-1 text, whose order is the order of the bytes; null deletes. */
export type MemoryOperation = readonly [key: string, value: Buffer | null]
export type MemoryRows = Map<string, Buffer>

/**
 * What one database keeps on a {@link MemoryDisk}. `durable` survives everything; `unsynced` are the batches
 * that the write-ahead log took since the last sync, oldest first. A batch whose write was failed by a fault
 * is among them: as with the real engine, only the next start tells whether it was written.
 */
export class MemoryDirectory {
  readonly durable: MemoryRows = new Map()
  readonly unsynced: Array<{ readonly number: number; readonly operations: readonly MemoryOperation[] }> = []
  /** Grows with each open and each crash: a handle of an older life is dead. */
  life = 0
  locked = false
  #nextNumber = 0

  /** The batch's place in the write-ahead log; later batches have higher numbers. */
  append(operations: readonly MemoryOperation[]): number {
    const number = this.#nextNumber++
    this.unsynced.push({ number, operations })
    while (this.unsynced.length > MAX_MEMORY_DISK_UNSYNCED) this.#writeBack(this.unsynced[0]!.number)
    return number
  }

  /** Makes the batch `number` durable, and with it all that stand before it in the same file. */
  sync(number: number): void {
    this.#writeBack(number)
  }

  /** What an open finds: durable rows, then the log replayed. */
  recover(): MemoryRows {
    const rows = new Map(this.durable)
    for (const batch of this.unsynced) applyOperations(rows, batch.operations)
    return rows
  }

  /**
   * A power cut: un-synced batches are on disk only when `keep` says so, and nothing is un-synced after it.
   */
  crash(keep: (unsyncedBatch: number) => boolean): void {
    for (let i = 0; i < this.unsynced.length; i++) {
      if (keep(i)) applyOperations(this.durable, this.unsynced[i]!.operations)
    }
    this.unsynced.length = 0
    this.life++
    this.locked = false
  }

  /** As an open would find it, in a directory of its own. */
  copy(): MemoryDirectory {
    const copy = new MemoryDirectory()
    for (const [key, value] of this.recover()) copy.durable.set(key, value)
    return copy
  }

  #writeBack(upTo: number): void {
    let count = 0
    while (count < this.unsynced.length && this.unsynced[count]!.number <= upTo) {
      applyOperations(this.durable, this.unsynced[count]!.operations)
      count++
    }
    this.unsynced.splice(0, count)
  }
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

  /** What lies on the disk now, on a disk of its own: a copy of the directories, without locks and faults. */
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
