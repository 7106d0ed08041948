import { operationsOf } from '../env/memory-engine.ts'
import type {
  Engine,
  EngineBatch,
  EngineDb,
  EngineIterator,
  EngineOptions,
  EngineRange,
} from '../env/ports.ts'
import { assert } from '../util/assert.ts'
import { crc32Range } from '../util/crc.ts'
import { FlotillaError } from '../util/errors.ts'
import type { OpenDatabase, SimDisk } from './disk.ts'
import { never } from './loop.ts'
import type { SimLoop } from './loop.ts'
import { hashText } from './trace.ts'

/** The in-memory engine, in simulated time and with the disk's faults, as the code on one event loop sees it. */
export class SimEngine implements Engine {
  readonly #disk: SimDisk
  readonly #loop: SimLoop

  constructor(disk: SimDisk, loop: SimLoop) {
    this.#disk = disk
    this.#loop = loop
  }

  open(path: string, options: EngineOptions): Promise<EngineDb> {
    return new Promise((resolve, reject) => {
      this.#loop.schedule(
        this.#disk.latencyUs('open'),
        'disk-read',
        hashText(path),
        () => {
          this.#open(path, options).then(resolve, reject)
        },
        `open ${path}`,
      )
    })
  }

  async #open(path: string, options: EngineOptions): Promise<EngineDb> {
    this.#disk.checkReadable(path)
    const inner = await this.#disk.openDatabase(path, options)
    this.#disk.directories.add(path)
    return new SimDb(this.#disk, this.#loop, path, inner)
  }

  isLocked(path: string): Promise<boolean> {
    return this.#disk.engine.isLocked(path)
  }
}

class SimBatch implements EngineBatch {
  readonly owner: SimDb
  readonly inner: EngineBatch
  written = false
  /** Fingerprint of the operations, and of where they go. */
  hash: number

  constructor(owner: SimDb, inner: EngineBatch) {
    this.owner = owner
    this.inner = inner
    this.hash = owner.pathHash
  }

  get count(): number {
    return this.inner.count
  }

  get byteLength(): number {
    return this.inner.byteLength
  }

  put(key: Buffer, value: Buffer): void {
    assert(!this.written, 'a batch is not changed after its write')
    this.inner.put(key, value)
    this.#fold(key)
    this.#fold(value)
  }

  del(key: Buffer): void {
    assert(!this.written, 'a batch is not changed after its write')
    this.inner.del(key)
    this.hash = ~this.hash
    this.#fold(key)
  }

  #fold(bytes: Buffer): void {
    this.hash = Math.imul(this.hash ^ crc32Range(bytes, 0, bytes.length), 0x01000193)
  }
}

export class SimDb implements EngineDb, OpenDatabase {
  readonly loop: SimLoop
  readonly gatherBytes: number
  readonly pathHash: number
  readonly #disk: SimDisk
  readonly #path: string
  readonly #inner: EngineDb
  #writes = 0
  #closing: Promise<void> | null = null
  #onIdle: (() => void) | null = null

  constructor(disk: SimDisk, loop: SimLoop, path: string, inner: EngineDb) {
    this.#disk = disk
    this.loop = loop
    this.#path = path
    this.pathHash = hashText(path)
    this.#inner = inner
    this.gatherBytes = disk.gatherBytes
    disk.databases.add(this)
  }

  getMany(keys: readonly Buffer[]): Promise<Array<Buffer | null>> {
    if (this.#closing) return this.#inner.getMany(keys)
    // What is read is as it was at the call, as in the real engine: only the answer takes its time.
    const reading = this.#inner.getMany(keys)
    reading.catch(() => {})
    return this.#read(keys.length, () => reading)
  }

  createBatch(): EngineBatch {
    return new SimBatch(this, this.#inner.createBatch())
  }

  write(batch: EngineBatch, sync: boolean): Promise<void> {
    if (!this.loop.alive) return never()
    if (this.#closing) {
      const message = `The database in ${this.#path} is closed.`
      return Promise.reject(new FlotillaError('CLOSED', message, { outcome: 'not-applied' }))
    }
    assert(
      batch instanceof SimBatch && batch.owner === this,
      'a batch is written to the database that made it',
    )
    assert(!batch.written, 'a batch is written once')
    assert(batch.count > 0 || !sync, 'a synced batch is not empty: RocksDB would sync nothing')
    batch.written = true
    this.#writes++
    return new Promise((resolve, reject) => {
      const perform = (crashing: boolean): void => this.#perform(batch, sync, crashing, resolve, reject)
      const path = this.#path
      const redo = (disk: SimDisk): void => {
        disk.memory.directory(path).append(operationsOf(batch.inner))
      }
      this.#disk.begin(
        { path, kind: 'disk-write', detail: batch.hash ^ Number(sync), sync, perform, redo, over: false },
        this.#disk.latencyUs(sync ? 'sync' : 'write'),
      )
    })
  }

  /** The bytes reach the disk now. What the code learns of it, it learns in an event of its own. */
  #perform(
    batch: SimBatch,
    sync: boolean,
    crashing: boolean,
    resolve: () => void,
    reject: (error: unknown) => void,
  ): void {
    if (crashing) {
      // Written, not reported; whether its pages stayed is up to the crash.
      this.#inner.write(batch.inner, false).catch(() => {})
      return
    }
    if (this.#disk.takeFault(sync)) this.#disk.memory.failNextWrites(1)
    const settle = (answer: () => void): void => {
      this.#writes--
      this.loop.schedule(0, 'disk-done', batch.hash, answer)
      if (this.#writes === 0) this.#onIdle?.()
    }
    this.#inner.write(batch.inner, sync).then(
      () => {
        this.#disk.watch?.onWritten(this.#path, operationsOf(batch.inner), sync)
        settle(resolve)
      },
      (error: unknown) => {
        this.#disk.watch?.onRefused()
        settle(() => reject(error))
      },
    )
  }

  iterator(range: EngineRange): EngineIterator {
    const inner = this.#inner.iterator(range)
    return {
      next: (maxRows) => this.#read(maxRows, () => inner.next(maxRows)),
      close: () => inner.close(),
    }
  }

  property(name: string): string {
    return this.#inner.property(name)
  }

  close(): Promise<void> {
    this.#closing ??= new Promise((resolve, reject) => {
      const closeInner = (): void => {
        this.loop.schedule(
          this.#disk.latencyUs('sync'),
          'disk-read',
          this.pathHash,
          () => {
            this.#disk.databases.delete(this)
            this.#inner.close().then(() => {
              this.#disk.databaseClosed(this.#path)
              resolve()
            }, reject)
          },
          `close ${this.#path}`,
        )
      }
      if (this.#writes === 0) closeInner()
      else this.#onIdle = closeInner
    })
    return this.#closing
  }

  abandon(): void {
    const closeInner = (): void => {
      this.#disk.databases.delete(this)
      void this.#inner.close().then(() => this.#disk.databaseClosed(this.#path))
    }
    if (this.#writes === 0) closeInner()
    else this.#onIdle = closeInner
  }

  #read<T>(detail: number, read: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.loop.schedule(this.#disk.latencyUs('read'), 'disk-read', detail, () => {
        try {
          this.#disk.checkReadable(this.#path)
          read().then(resolve, reject)
        } catch (error) {
          reject(error)
        }
      })
    })
  }
}
