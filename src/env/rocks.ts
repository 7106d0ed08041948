/**
 * The engine on RocksDB. The only file that loads the package `rocksdb`, and it loads it at first use, so
 * that a process without a store (a client) never does. The package is archived and pinned: what is relied on
 * here cannot move.
 */
import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { assert, assertPresent } from '../util/assert.ts'
import { dataDirLocked } from '../util/data-dir-locked.ts'
import { FlotillaError } from '../util/errors.ts'
import { MAX_APPLY_BATCH_BYTES, MAX_GET_MANY_KEYS, MAX_SCAN_PAGE_BYTES } from '../util/limits.ts'
import type { Engine, EngineBatch, EngineDb, EngineIterator, EngineOptions, EngineRange } from './ports.ts'

type Callback<T = void> = (error: Error | null | undefined, result: T) => void

interface NativeBatch {
  put(key: Buffer, value: Buffer): unknown
  del(key: Buffer): unknown
  write(options: { sync: boolean }, callback: Callback): void
}

interface NativeIterator {
  /**
   * Rows that the last native call fetched beyond the one it answered: value, key, value, key …, the next row
   * last.
   */
  cache: Buffer[] | null | undefined
  next(callback: (error: Error | null | undefined, key?: Buffer, value?: Buffer) => void): void
  end(callback: Callback): void
}

interface NativeDb {
  open(options: object, callback: Callback): void
  close(callback: Callback): void
  getMany(keys: readonly Buffer[], options: object, callback: Callback<Array<Buffer | undefined>>): void
  batch(): NativeBatch
  iterator(options: object): NativeIterator
  getProperty(name: string): string
}

type NativeConstructor = new (location: string) => NativeDb

const PREBUILT_FOR: readonly string[] = ['linux-x64', 'darwin-x64', 'darwin-arm64', 'win32-x64']

/**
 * Loads the native engine. The main thread calls it before the first worker starts: a binary that only a
 * worker had loaded cannot be loaded again once that worker is gone. Cheap when already loaded.
 *
 * Throws FlotillaError UNSUPPORTED_PLATFORM.
 */
export function loadRocksDb(): NativeConstructor {
  try {
    return createRequire(import.meta.url)('rocksdb') as NativeConstructor
  } catch (error) {
    throw loadError(error, `${process.platform}-${process.arch}`)
  }
}

/** One clear line for a binary that is absent or does not load here, with what to do about it. */
export function loadError(error: unknown, platform: string): FlotillaError {
  const text = error instanceof Error ? error.message : String(error)
  return new FlotillaError(
    'UNSUPPORTED_PLATFORM',
    `${loadProblem(text, platform)}. flotilla/client works without it`,
    {
      cause: error,
    },
  )
}

function loadProblem(text: string, platform: string): string {
  const anew = 'Install the packages anew (npm ci), for this platform'
  if (text.includes('Cannot find module')) return `The storage engine "rocksdb" is not installed. ${anew}`
  if (!text.includes('No native build')) {
    const [line] = text.split('\n', 1)
    return `The binary of the storage engine "rocksdb" does not load on ${platform}: ${line}. ${anew}`
  }
  if (PREBUILT_FOR.includes(platform)) {
    return `The binary of the storage engine "rocksdb" for ${platform} is missing from its package. ${anew}`
  }
  const list = PREBUILT_FOR.join(', ')
  return `The storage engine "rocksdb" has no binary for ${platform}. Run the store on one of ${list}`
}

/** Our error for one that RocksDB gave while it opened or used `path`. */
function mapError(error: Error, path: string): FlotillaError {
  const text = error.message
  if (/lock hold by current process|While lock file/.test(text)) {
    return dataDirLocked(path, error)
  }
  const name = /^Corruption|checksum mismatch/.test(text) ? 'CORRUPT' : 'STORAGE_FAILED'
  return new FlotillaError(name, `RocksDB in ${path}: ${inWords(text)}`, { cause: error })
}

/** RocksDB says some things twice and without a space. */
function inWords(text: string): string {
  const once = text.replace(/^(IO error: )(.+?)(While .*: \2)$/, '$1$3')
  return once.includes('No space left') ? `${once}. Make room there, and start the store again` : once
}

/** Tables are opened when they are first read: one that is gone is found then. */
function mapReadError(error: Error, path: string): FlotillaError {
  const mapped = mapError(error, path)
  if (mapped.shortName !== 'STORAGE_FAILED' || !error.message.includes('No such file')) return mapped
  return new FlotillaError('CORRUPT', mapped.message, { cause: error })
}

/** While it opens, RocksDB tells of a missing file or a MANIFEST without sense in other words than of bad checksums. */
function mapOpenError(error: Error, path: string): FlotillaError {
  const mapped = mapError(error, path)
  if (mapped.shortName !== 'STORAGE_FAILED') return mapped
  const damaged = /^Invalid argument|^Not implemented|No such file/.test(error.message)
  return damaged ? new FlotillaError('CORRUPT', mapped.message, { cause: error }) : mapped
}

function closedError(path: string): FlotillaError {
  return new FlotillaError('CLOSED', `The database in ${path} is closed.`, { outcome: 'not-applied' })
}

/** RocksDB would store any other type as its text, and refuses empty keys only after the fact. */
function assertKey(key: Buffer): void {
  assert(Buffer.isBuffer(key) && key.length > 0, 'an engine key is a non-empty Buffer')
}

export class RocksEngine implements Engine {
  async open(path: string, options: EngineOptions): Promise<EngineDb> {
    assert(
      options.writeBufferBytes > 0 && options.writeBufferBytes < 2 ** 32,
      'the write buffer fits in 32 bits',
    )
    const native = new (loadRocksDb())(path)
    // The option `maxFileSize` is left alone: it sizes the info log, not the tables.
    const nativeOptions = {
      createIfMissing: true,
      compression: options.compression,
      writeBufferSize: options.writeBufferBytes,
    }
    try {
      await mkdir(path, { recursive: true })
      await new Promise<void>((resolve, reject) => {
        native.open(nativeOptions, (error) => (error ? reject(error) : resolve()))
      })
    } catch (error) {
      throw mapOpenError(error as Error, path)
    }
    return new RocksDb(native, path)
  }

  /**
   * For reading only: nothing in the directory is changed, no lock is taken, and what the write-ahead log holds is read into
   * memory. Rejects as `open`, and with CORRUPT when there is no database.
   */
  async openReadOnly(path: string): Promise<EngineDb> {
    const native = new (loadRocksDb())(path)
    try {
      await new Promise<void>((resolve, reject) => {
        native.open({ createIfMissing: false, readOnly: true }, (error) =>
          error ? reject(error) : resolve(),
        )
      })
    } catch (error) {
      throw mapOpenError(error as Error, path)
    }
    return new RocksDb(native, path)
  }

  /** An open that cannot succeed: it takes the lock before it looks at what else there is, and gives it back. */
  async isLocked(path: string): Promise<boolean> {
    if (!existsSync(join(path, 'LOCK'))) return false
    const native = new (loadRocksDb())(path)
    const refused = await new Promise<Error | null | undefined>((resolve) => {
      native.open({ createIfMissing: false, errorIfExists: true }, resolve)
    })
    return (
      mapError(assertPresent(refused, 'RocksDB opens nothing that it was told to refuse'), path).shortName ===
      'DATA_DIR_LOCKED'
    )
  }
}

/** A native batch: operations are copied into it as they come, so that callers may reuse their buffers. */
class RocksBatch implements EngineBatch {
  readonly owner: RocksDb
  readonly native: NativeBatch
  written = false
  count = 0
  byteLength = 0

  constructor(owner: RocksDb, native: NativeBatch) {
    this.owner = owner
    this.native = native
  }

  put(key: Buffer, value: Buffer): void {
    assertKey(key)
    assert(Buffer.isBuffer(value), 'an engine value is a Buffer')
    assert(!this.written, 'a batch is not changed after its write')
    this.native.put(key, value)
    this.count++
    this.byteLength += key.length + value.length
  }

  del(key: Buffer): void {
    assertKey(key)
    assert(!this.written, 'a batch is not changed after its write')
    this.native.del(key)
    this.count++
    this.byteLength += key.length
  }
}

class RocksDb implements EngineDb {
  readonly gatherBytes = MAX_APPLY_BATCH_BYTES
  readonly #native: NativeDb
  readonly #path: string
  readonly #iterators = new Set<RocksIterator>()
  #closing: Promise<void> | null = null

  constructor(native: NativeDb, path: string) {
    this.#native = native
    this.#path = path
  }

  getMany(keys: readonly Buffer[]): Promise<Array<Buffer | null>> {
    if (this.#closing) return Promise.reject(closedError(this.#path))
    return new Promise((resolve, reject) => {
      assert(keys.length <= MAX_GET_MANY_KEYS, 'getMany is given at most MAX_GET_MANY_KEYS keys')
      for (const key of keys) assertKey(key)
      this.#native.getMany(keys, { asBuffer: true }, (error, values) => {
        if (error) return reject(mapReadError(error, this.#path))
        const found = values as Array<Buffer | null | undefined>
        for (let i = 0; i < found.length; i++) found[i] ??= null
        resolve(found as Array<Buffer | null>)
      })
    })
  }

  createBatch(): EngineBatch {
    if (this.#closing) throw closedError(this.#path)
    return new RocksBatch(this, this.#native.batch())
  }

  write(batch: EngineBatch, sync: boolean): Promise<void> {
    if (this.#closing) return Promise.reject(closedError(this.#path))
    return new Promise((resolve, reject) => {
      assert(
        batch instanceof RocksBatch && batch.owner === this,
        'a batch is written to the database that made it',
      )
      assert(!batch.written, 'a batch is written once')
      assert(batch.count > 0 || !sync, 'a synced batch is not empty: RocksDB would sync nothing')
      batch.written = true
      batch.native.write({ sync }, (error) => (error ? reject(mapError(error, this.#path)) : resolve()))
    })
  }

  iterator(range: EngineRange): EngineIterator {
    if (this.#closing) throw closedError(this.#path)
    const native = this.#native.iterator(nativeRange(range))
    const iterator = new RocksIterator(native, this.#path, () => this.#iterators.delete(iterator))
    this.#iterators.add(iterator)
    return iterator
  }

  property(name: string): string {
    return this.#closing ? '' : this.#native.getProperty(name)
  }

  /**
   * Waits for what is in flight; open iterators are closed first, for RocksDB would wait for them without
   * end.
   */
  close(): Promise<void> {
    this.#closing ??= this.#closeAll()
    return this.#closing
  }

  async #closeAll(): Promise<void> {
    await Promise.all([...this.#iterators].map((iterator) => iterator.close()))
    await new Promise<void>((resolve, reject) => {
      this.#native.close((error) => (error ? reject(mapError(error, this.#path)) : resolve()))
    })
  }
}

/** Only the bounds that are set: the binding would take an undefined one for the text "undefined". */
function nativeRange(range: EngineRange): object {
  const options: Record<string, unknown> = {
    reverse: range.reverse === true,
    values: range.values !== false,
    highWaterMark: MAX_SCAN_PAGE_BYTES,
  }
  for (const bound of ['gte', 'gt', 'lte', 'lt'] as const) {
    const key = range[bound]
    if (key === undefined) continue
    assertKey(key)
    options[bound] = key
  }
  return options
}

type Row = [key: Buffer, value: Buffer]

class RocksIterator implements EngineIterator {
  readonly #native: NativeIterator
  readonly #path: string
  readonly #onClosed: () => void
  #reading = false
  #atEnd = false
  #closing: Promise<void> | null = null

  constructor(native: NativeIterator, path: string, onClosed: () => void) {
    this.#native = native
    this.#path = path
    this.#onClosed = onClosed
  }

  async next(maxRows: number): Promise<Row[]> {
    assert(maxRows > 0, 'a page has room for a row')
    assert(!this.#reading, 'one page of an iterator is read at a time')
    const rows: Row[] = []
    this.#reading = true
    try {
      let bytes = 0
      while (rows.length < maxRows && bytes < MAX_SCAN_PAGE_BYTES && !this.#atEnd) {
        if (this.#closing) throw closedError(this.#path)
        bytes += await this.#readSome(rows, maxRows)
      }
      if (this.#closing) throw closedError(this.#path)
      return rows
    } finally {
      this.#reading = false
    }
  }

  /**
   * One answer of the binding, and with it every row it had fetched along: else each row would cost a tick.
   */
  #readSome(rows: Row[], maxRows: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#native.next((error, key, value) => {
        if (error) return reject(mapReadError(error, this.#path))
        if (key === undefined || value === undefined) {
          this.#atEnd = true
          return resolve(0)
        }
        rows.push([key, value])
        resolve(key.length + value.length + this.#drainCache(rows, maxRows))
      })
    })
  }

  #drainCache(rows: Row[], maxRows: number): number {
    const cache = this.#native.cache
    let bytes = 0
    while (cache && cache.length >= 2 && rows.length < maxRows) {
      const key = cache.pop() as Buffer
      const value = cache.pop() as Buffer
      rows.push([key, value])
      bytes += key.length + value.length
    }
    return bytes
  }

  close(): Promise<void> {
    this.#closing ??= new Promise((resolve, reject) => {
      this.#native.end((error) => {
        this.#onClosed()
        if (error) reject(mapError(error, this.#path))
        else resolve()
      })
    })
    return this.#closing
  }
}
