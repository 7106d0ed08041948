import type { ApplyResult } from '../client/apply-call.ts'
import type { Kv } from '../client/kv.ts'
import type { Store } from '../api/store.ts'
import { FlotillaError, toFlotillaError } from '../util/errors.ts'
import type { SimCluster } from './cluster.ts'
import type { CallKind, History, HistoryEntry } from './history.ts'
import type { SimRandom } from './random.ts'
import { hashMessage } from './trace.ts'

const ENCODING = { keyEncoding: 'utf8', valueEncoding: 'buffer' } as const

/** One change of a batch. */
export type BatchChange =
  | { readonly type: 'put'; readonly key: string; readonly value: Buffer }
  | { readonly type: 'del'; readonly key: string }

interface Waiting {
  readonly life: string
  readonly fail: (error: FlotillaError) => void
}

/**
 * Callers of a cluster: each call runs within the process of a store that serves, is recorded, and ends also when that
 * process dies, which a promise of a dead process would not.
 */
export class SimClients {
  readonly history: History
  readonly #cluster: SimCluster
  readonly #waiting = new Set<Waiting>()
  /** A handle costs a little; a store's last as long as it does. */
  readonly #keyspaces = new WeakMap<Store, Map<string, Kv<string, Buffer>>>()

  constructor(cluster: SimCluster, history: History) {
    this.#cluster = cluster
    this.history = history
  }

  /** For clients. */
  kv(store: Store, keyspace: string): Kv<string, Buffer> {
    const known = this.#keyspaces.get(store) ?? new Map<string, Kv<string, Buffer>>()
    this.#keyspaces.set(store, known)
    const kv = known.get(keyspace) ?? store.kv<string, Buffer>(keyspace, ENCODING)
    known.set(keyspace, kv)
    return kv
  }

  get inFlight(): number {
    return this.#waiting.size
  }

  /** A caller named `name`, of any store that serves at the time, or of one. */
  client(name: string, random: SimRandom, storeId: string | null = null): SimClient {
    return new SimClient(this, name, random, storeId)
  }

  onLifeEnded(storeId: string, life: string): void {
    for (const call of [...this.#waiting]) {
      if (call.life !== life) continue
      const text = `the process of store ${storeId} died`
      call.fail(new FlotillaError('CONNECTION_LOST', text, { outcome: 'unknown' }))
    }
  }

  /** For clients. */
  /** Whether callers have this store, though it may be paused: then they wait with it. */
  has(storeId: string): boolean {
    return this.#cluster.stores.has(storeId)
  }

  storesThatServe(): string[] {
    return [...this.#cluster.stores.keys()].filter((storeId) => !this.#cluster.process(storeId).paused)
  }

  /** For clients: `run` on `storeId`. */
  call<T>(
    client: string,
    storeId: string,
    kind: CallKind,
    target: string,
    input: unknown,
    run: (store: Store) => Promise<T>,
  ): Promise<T> {
    const store = this.#cluster.stores.get(storeId)
    const entry = this.history.begin(client, storeId, kind, target, input)
    if (store === undefined) {
      const error = new FlotillaError('CONNECTION_LOST', `store ${storeId} is down`, {
        outcome: 'not-applied',
      })
      this.history.failed(entry, error)
      return Promise.reject(error)
    }
    const process = this.#cluster.process(storeId)
    return new Promise((resolve, reject) => {
      const fail = (error: unknown): void => {
        if (!this.#waiting.delete(waiting)) return
        const known = toFlotillaError(error)
        this.history.failed(entry, known)
        this.#noteEnd(entry, known.code)
        reject(known)
      }
      const waiting: Waiting = { life: process.life, fail }
      this.#waiting.add(waiting)
      process.receive(() => {
        run(store).then((answer) => {
          if (!this.#waiting.delete(waiting)) return
          this.history.done(entry, answer)
          this.#noteEnd(entry, hashMessage(answer).toString(16))
          resolve(answer)
        }, fail)
      })
    })
  }

  /** What clients were told is part of the trace: a machine that answers otherwise is another run. */
  #noteEnd({ id, kind, target, storeId, outcome }: HistoryEntry, what: string): void {
    this.#cluster.world.note(`call ${id}, ${kind} of ${target} on ${storeId}: ${outcome} ${what}`)
  }
}

export interface SimCallOptions {
  readonly timeoutMs?: number
}

export interface SimApplyOptions extends SimCallOptions {
  readonly expectedTerm?: number
}

/** A caller of the simulated cluster. Its calls reject with FlotillaErrors, as those of a store do. */
export class SimClient {
  readonly name: string
  readonly #clients: SimClients
  readonly #random: SimRandom
  /** The store that it asks; null for any. */
  readonly storeId: string | null

  constructor(clients: SimClients, name: string, random: SimRandom, storeId: string | null) {
    this.#clients = clients
    this.name = name
    this.#random = random
    this.storeId = storeId
  }

  group(groupId: string): SimGroup {
    return new SimGroup((kind, input, run) => this.#call(kind, groupId, input, run), groupId)
  }

  /** Keys are texts, values buffers. */
  kv(keyspace = 'default'): SimKv {
    const handle = (store: Store): Kv<string, Buffer> => this.#clients.kv(store, keyspace)
    return new SimKv((kind, input, run) => this.#call(kind, keyspace, input, run), keyspace, handle)
  }

  #call<T>(kind: CallKind, target: string, input: unknown, run: (store: Store) => Promise<T>): Promise<T> {
    const able = this.#clients.storesThatServe()
    const storeId = this.storeId ?? (able.length === 0 ? '' : this.#random.pick(able))
    return this.#clients.call(this.name, storeId, kind, target, input, run)
  }
}

type Call = <T>(kind: CallKind, input: unknown, run: (store: Store) => Promise<T>) => Promise<T>

/** A group, as {@link Group} is, from outside. */
export class SimGroup {
  readonly groupId: string
  readonly #call: Call

  constructor(call: Call, groupId: string) {
    this.#call = call
    this.groupId = groupId
  }

  apply(data: Uint8Array, options?: SimApplyOptions): Promise<ApplyResult> {
    const bytes = Buffer.from(data)
    return this.#call('apply', bytes, (store) => store.group(this.groupId).apply(bytes, options))
  }

  query(data: Uint8Array, options?: SimCallOptions): Promise<Buffer> {
    const bytes = Buffer.from(data)
    return this.#call('query', bytes, (store) => store.group(this.groupId).query(bytes, options))
  }
}

type Rows = Array<[key: string, value: Buffer]>

/** A keyspace from outside. The history keeps values of its own: what callers do with theirs later is up to them. */
export class SimKv {
  readonly keyspace: string
  readonly #call: Call

  readonly #of: (store: Store) => Kv<string, Buffer>

  constructor(call: Call, keyspace: string, of: (store: Store) => Kv<string, Buffer>) {
    this.#call = call
    this.keyspace = keyspace
    this.#of = of
  }

  get(key: string, options: SimCallOptions = {}): Promise<Buffer | undefined> {
    return this.#call('get', key, (store) => this.#of(store).get(key, options))
  }

  getMany(keys: readonly string[], options: SimCallOptions = {}): Promise<(Buffer | undefined)[]> {
    return this.#call('getMany', keys, (store) => this.#of(store).getMany([...keys], options))
  }

  put(key: string, value: Buffer, options: SimCallOptions = {}): Promise<void> {
    const kept = Buffer.from(value)
    return this.#call('put', { key, value: kept }, (store) => this.#of(store).put(key, kept, options))
  }

  del(key: string, options: SimCallOptions = {}): Promise<void> {
    return this.#call('del', key, (store) => this.#of(store).del(key, options))
  }

  /** All or nothing; within one region. */
  batch(changes: readonly BatchChange[], options: SimCallOptions = {}): Promise<void> {
    const kept = changes.map((change) =>
      change.type === 'put' ? { ...change, value: Buffer.from(change.value) } : { ...change },
    )
    return this.#call('batch', kept, (store) => this.#of(store).batch([...kept], options))
  }

  /** Rows in the order of their keys. */
  scan(gte: string, lt: string, options: SimCallOptions = {}): Promise<Rows> {
    return this.#call('scan', { gte, lt }, (store) =>
      this.#of(store)
        .iterator({ gte, lt, ...options })
        .all(),
    )
  }
}
