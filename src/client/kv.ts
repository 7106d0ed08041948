import {
  type AbstractBatchOperation,
  type AbstractBatchOptions,
  type AbstractChainedBatch,
  type AbstractDatabaseOptions,
  type AbstractDelOptions,
  type AbstractGetManyOptions,
  type AbstractGetOptions,
  type AbstractIteratorOptions,
  AbstractLevel,
  type AbstractPutOptions,
} from 'abstract-level'
import { encodeBatch, encodeDel, encodePut, type KvOperation, operationBytes } from '../kv/command.ts'
import type { Keyspace } from '../kv/keyspace.ts'
import type { Region, RegionMap } from '../kv/regions.ts'
import { FlotillaError } from '../util/errors.ts'
import { MAX_BATCH_BYTES, MAX_GET_MANY_KEYS, MAX_KEY_BYTES, MAX_VALUE_BYTES } from '../util/limits.ts'
import { KvIterator } from './kv-iterator.ts'
import { KvPages } from './kv-pages.ts'
import type { KvRead, KvReads, Reach } from './kv-reads.ts'
import type { CallOptions } from './pending-call.ts'
import type { Router } from './router.ts'

/** What all keyspaces of a store share. */
export interface KvServices {
  readonly router: Router
  readonly reads: KvReads
  readonly regions: RegionMap
}

export interface KvOptions<K, V>
  extends Pick<AbstractDatabaseOptions<K, V>, 'keyEncoding' | 'valueEncoding'> {
  /** Milliseconds that each call (each page of an iterator) may take, unless it says otherwise. Default 5000. */
  readonly timeoutMs?: number | undefined
}

/** A value with its provenance. */
export interface DetailedValue<V> {
  /** Undefined when the key is absent. */
  readonly value: V | undefined
  /** The store whose state was read, and how far it had applied the log of the key's region. */
  readonly storeId: string
  readonly appliedIndex: number
  readonly groupId: string
}

interface BatchOperation {
  readonly type: 'put' | 'del'
  readonly key: Buffer
  readonly value: Buffer
  readonly sublevel?: unknown
}

interface RangeOptions extends CallOptions {
  readonly gte?: Buffer
  readonly gt?: Buffer
  readonly lte?: Buffer
  readonly lt?: Buffer
  readonly reverse: boolean
  /** -1 is none. */
  readonly limit: number
}

/**
 * A keyspace: an abstract-level database that is replicated. Reads are linearizable from any store; a write resolves when
 * a majority holds it behind an fsync and it is applied. A batch is atomic and must lie within one region (CROSS_REGION).
 * Reads of many keys and iterators are one consistent view within a region, not across regions.
 *
 * Every call takes `signal` and `timeoutMs` beside abstract-level's own options. What Flotilla refuses is a
 * FlotillaError, misuse of the database is one of abstract-level's `LEVEL_*` errors. Closing a handle closes nothing else.
 */
export class Kv<K = string, V = string> extends AbstractLevel<Buffer, K, V> {
  readonly name: string
  readonly #services: KvServices
  readonly #keyspace: Keyspace
  readonly #call: CallOptions

  constructor(services: KvServices, keyspace: Keyspace, options: KvOptions<K, V> = {}) {
    const { timeoutMs, ...level } = options
    super(
      {
        encodings: { buffer: true },
        implicitSnapshots: false,
        explicitSnapshots: false,
        has: true,
        seek: true,
        permanence: true,
        createIfMissing: false,
        errorIfExists: false,
        signals: { iterators: true },
        additionalMethods: { getDetailed: true },
      },
      level,
    )
    this.#services = services
    this.#keyspace = keyspace
    this.name = keyspace.name
    this.#call = { timeoutMs }
  }

  // ---- the calls' options, beside abstract-level's own ---------------------------------------------------------------

  override get(key: K): Promise<V | undefined>
  override get<A = K, B = V>(key: A, options: AbstractGetOptions<A, B> & CallOptions): Promise<B | undefined>
  override get(key: K, options?: AbstractGetOptions<K, V>): Promise<V | undefined> {
    return super.get(key, options as AbstractGetOptions<K, V>)
  }

  override getMany(keys: K[]): Promise<(V | undefined)[]>
  override getMany<A = K, B = V>(
    keys: A[],
    options: AbstractGetManyOptions<A, B> & CallOptions,
  ): Promise<(B | undefined)[]>
  override getMany(keys: K[], options?: AbstractGetManyOptions<K, V>): Promise<(V | undefined)[]> {
    return super.getMany(keys, options as AbstractGetManyOptions<K, V>)
  }

  override put(key: K, value: V): Promise<void>
  override put<A = K, B = V>(key: A, value: B, options: AbstractPutOptions<A, B> & CallOptions): Promise<void>
  override put(key: K, value: V, options?: AbstractPutOptions<K, V>): Promise<void> {
    return super.put(key, value, options as AbstractPutOptions<K, V>)
  }

  override del(key: K): Promise<void>
  override del<A = K>(key: A, options: AbstractDelOptions<A> & CallOptions): Promise<void>
  override del(key: K, options?: AbstractDelOptions<K>): Promise<void> {
    return super.del(key, options as AbstractDelOptions<K>)
  }

  override batch(operations: Array<AbstractBatchOperation<typeof this, K, V>>): Promise<void>
  override batch<A = K, B = V>(
    operations: Array<AbstractBatchOperation<typeof this, A, B>>,
    options: AbstractBatchOptions<A, B> & CallOptions,
  ): Promise<void>
  override batch(): AbstractChainedBatch<typeof this, K, V>
  override batch(
    ...args: [
      operations?: Array<AbstractBatchOperation<typeof this, K, V>>,
      options?: AbstractBatchOptions<K, V>,
    ]
  ): Promise<void> | AbstractChainedBatch<typeof this, K, V> {
    // The base class tells a chained batch by the number of arguments.
    if (args.length === 0) return super.batch()
    return super.batch(args[0]!, args[1] as AbstractBatchOptions<K, V>)
  }

  /**
   * A value and where it was read. With `localOnly` only this store's own state is asked (linearizable all the same: its
   * replica first learns how far it must have applied); rejects NO_SUCH_REPLICA when it hosts no replica of the region.
   */
  async getDetailed(
    key: K,
    options: CallOptions & { readonly localOnly?: boolean | undefined } = {},
  ): Promise<DetailedValue<V>> {
    if (this.status === 'opening') return this.deferAsync(() => this.getDetailed(key, options))
    if (this.status !== 'open')
      throw new FlotillaError('CLOSED', 'the database is closed', { outcome: 'not-applied' })
    const fullKey = this.#fullKey(this.keyEncoding().encode(key) as Buffer)
    const { groupId } = this.#regions.regionOf(fullKey)
    const reach = options.localOnly === true ? 'here' : 'anywhere'
    const { values, storeId, appliedIndex } = await this.#read(groupId, [fullKey], options, reach)
    const value = values[0] ?? undefined
    return { value: value && this.valueEncoding().decode(value), storeId, appliedIndex, groupId }
  }

  // ---- what the base class asks for: keys and values are Buffers here --------------------------------------------------

  async _get(key: Buffer, options: CallOptions): Promise<Buffer | undefined> {
    const fullKey = this.#fullKey(key)
    const { values } = await this.#read(this.#regions.regionOf(fullKey).groupId, [fullKey], options)
    return values[0] ?? undefined
  }

  async _getMany(keys: Buffer[], options: CallOptions): Promise<(Buffer | undefined)[]> {
    const found: (Buffer | undefined)[] = new Array(keys.length).fill(undefined)
    const reads: Promise<void>[] = []
    for (const { groupId, fullKeys, positions } of this.#byRegion(keys)) {
      const read = this.#read(groupId, fullKeys, options).then(({ values }) => {
        values.forEach((value, i) => {
          if (value !== null) found[positions[i]!] = value
        })
      })
      reads.push(read)
    }
    await Promise.all(reads)
    return found
  }

  async _has(key: Buffer, options: CallOptions): Promise<boolean> {
    return (await this._get(key, options)) !== undefined
  }

  async _hasMany(keys: Buffer[], options: CallOptions): Promise<boolean[]> {
    return (await this._getMany(keys, options)).map((value) => value !== undefined)
  }

  /** Not async, nor is what it calls: the base class awaits it anyway, and what it throws, its own promise rejects with. */
  _put(key: Buffer, value: Buffer, options: CallOptions): Promise<unknown> {
    const fullKey = this.#fullKey(key)
    checkValue(value)
    return this.#write(this.#regions.regionOf(fullKey), encodePut(fullKey, value), options)
  }

  _del(key: Buffer, options: CallOptions): Promise<unknown> {
    const fullKey = this.#fullKey(key)
    return this.#write(this.#regions.regionOf(fullKey), encodeDel(fullKey), options)
  }

  async _batch(operations: readonly BatchOperation[], options: CallOptions): Promise<void> {
    if (operations.length === 0) return
    const commands = operations.map((operation) => this.#commandOf(operation))
    const region = this.#regions.regionOf(commands[0]!.key as Buffer)
    let bytes = 0
    for (const command of commands) {
      if (this.#regions.regionOf(command.key as Buffer) !== region) {
        const text = 'the keys of the batch lie in more than one region; a batch is atomic only within one'
        throw new FlotillaError('CROSS_REGION', text)
      }
      bytes += operationBytes(command)
    }
    if (bytes > MAX_BATCH_BYTES) {
      throw new FlotillaError('TOO_LARGE', `a batch may have ${MAX_BATCH_BYTES} bytes in all, not ${bytes}`)
    }
    await this.#write(region, encodeBatch(commands), options)
  }

  #commandOf(operation: BatchOperation): KvOperation & { readonly key: Buffer } {
    if (operation.sublevel !== undefined && operation.sublevel !== null) {
      const text = 'a batch may name sublevels of its own database only'
      throw new FlotillaError('INVALID_ARGUMENT', text)
    }
    const key = this.#fullKey(operation.key)
    if (operation.type === 'del') return { type: 'del', key }
    checkValue(operation.value)
    return { type: 'put', key, value: operation.value }
  }

  /** Deletes page by page, each page atomic in its region, not the whole. */
  async _clear(options: RangeOptions): Promise<void> {
    const pages = this.#pages({ ...options, values: false })
    let left = options.limit < 0 ? Number.POSITIVE_INFINITY : options.limit
    try {
      while (left > 0) {
        const page = await pages.next(left, this.#callOptions(options))
        if (page === null) return
        await this.#deleteKeys(pages.region!, page.keys, options)
        left -= page.keys.length
      }
    } finally {
      pages.close()
    }
  }

  async #deleteKeys(region: Region, keys: readonly Buffer[], options: CallOptions): Promise<void> {
    let batch: KvOperation[] = []
    let bytes = 0
    for (const key of keys) {
      const operation: KvOperation = { type: 'del', key }
      const size = operationBytes(operation)
      if (bytes + size > MAX_BATCH_BYTES) {
        await this.#write(region, encodeBatch(batch), options)
        batch = []
        bytes = 0
      }
      batch.push(operation)
      bytes += size
    }
    await this.#write(region, encodeBatch(batch), options)
  }

  _iterator(
    options: AbstractIteratorOptions<K, V> & RangeOptions & { values: boolean },
  ): KvIterator<Kv<K, V>, K, V> {
    const { values } = options
    const pages = this.#pages(options)
    return new KvIterator<Kv<K, V>, K, V>(this, options, {
      keyspace: this.#keyspace,
      pages,
      values,
      call: this.#callOptions(options),
    })
  }

  #pages(options: RangeOptions & { readonly values: boolean }): KvPages {
    return new KvPages(this.#services.router, this.#regions, this.#keyspace, options)
  }

  // ---- helpers ----------------------------------------------------------------------------------------------------------

  get #regions(): RegionMap {
    return this.#services.regions
  }

  #fullKey(key: Buffer): Buffer {
    if (key.length > MAX_KEY_BYTES) {
      throw new FlotillaError('TOO_LARGE', `a key may have ${MAX_KEY_BYTES} bytes, not ${key.length}`)
    }
    return this.#keyspace.fullKey(key)
  }

  /** The call's own options win over the handle's. */
  #callOptions(options: CallOptions): CallOptions {
    if (options.signal === undefined && options.timeoutMs === undefined) return this.#call
    return { signal: options.signal, timeoutMs: options.timeoutMs ?? this.#call.timeoutMs }
  }

  #read(groupId: string, keys: readonly Buffer[], options: CallOptions, reach?: Reach): Promise<KvRead> {
    return this.#services.reads.get(groupId, keys, this.#callOptions(options), reach)
  }

  #write(region: Region, command: Buffer, options: CallOptions): Promise<unknown> {
    return this.#services.router.apply(region.groupId, command, this.#callOptions(options))
  }

  /** Keys by region, in portions that one read may have. */
  #byRegion(keys: readonly Buffer[]): Iterable<{ groupId: string; fullKeys: Buffer[]; positions: number[] }> {
    const portions: { groupId: string; fullKeys: Buffer[]; positions: number[] }[] = []
    const growing = new Map<string, (typeof portions)[number]>()
    keys.forEach((key, position) => {
      const fullKey = this.#fullKey(key)
      const { groupId } = this.#regions.regionOf(fullKey)
      let portion = growing.get(groupId)
      if (portion === undefined || portion.fullKeys.length >= MAX_GET_MANY_KEYS) {
        portion = { groupId, fullKeys: [], positions: [] }
        growing.set(groupId, portion)
        portions.push(portion)
      }
      portion.fullKeys.push(fullKey)
      portion.positions.push(position)
    })
    return portions
  }
}

function checkValue(value: Buffer): void {
  if (value.length > MAX_VALUE_BYTES) {
    throw new FlotillaError('TOO_LARGE', `a value may have ${MAX_VALUE_BYTES} bytes, not ${value.length}`)
  }
}
