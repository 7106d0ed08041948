import { encodeWire, wire } from '../rpc/wire.ts'
import { FlotillaError, toFlotillaError } from '../util/errors.ts'
import { MAX_GET_MANY_KEYS } from '../util/limits.ts'
import type { CallWheel } from './call-wheel.ts'
import { type CallOptions, PendingCall } from './pending-call.ts'
import type { LocalKv, LocalReplica, ReadSink } from './ports.ts'
import { asBuffer, noSuchReplica, ReadCall, type ReadRoutes } from './read-calls.ts'
import { mayReadAgain } from './retry.ts'
import { whyDown } from './why-down.ts'

/**
 * Which replicas may answer: any member; the one in this process, until the deadline; or that one at the first try (for
 * the store that serves another's call).
 */
export type Reach = 'anywhere' | 'here' | 'here-once'

/** Values of some keys of one region, in the order of the keys. */
export interface KvRead {
  readonly values: readonly (Buffer | null)[]
  /** The store whose state it is, and the applied index that it was read at. */
  readonly storeId: string
  readonly appliedIndex: number
}

export interface KvReadRoutes extends ReadRoutes {
  readonly wheel: CallWheel
}

/** Bytes of keys that one call to another store carries at most. */
const MAX_REMOTE_KEY_BYTES = 1024 * 1024

/**
 * Linearizable reads of keys. All reads of a region in a turn share one read index and one look-up; for a region of other
 * stores they share one call.
 */
export class KvReads {
  readonly routes: KvReadRoutes
  /** Batches that reads of this turn may still join: their read index is asked for at its end. */
  readonly #local = new Map<string, LocalGetBatch>()
  readonly #remote = new Map<string, KvGetCall[]>()
  #dirty = false

  constructor(routes: KvReadRoutes) {
    this.routes = routes
  }

  /** `keys`: whole keys of one region, at most MAX_GET_MANY_KEYS. */
  get(
    groupId: string,
    keys: readonly Buffer[],
    options?: CallOptions,
    reach: Reach = 'anywhere',
  ): Promise<KvRead> {
    return this.routes.wheel.run(new KvGetCall(this, groupId, keys, reach), options)
  }

  join(call: KvGetCall): void {
    const { groupId, reach } = call
    const local = this.routes.workingLocal(groupId)
    if (local !== null) this.#joinLocal(call, local)
    else if (reach === 'anywhere') this.#joinRemote(call)
    else call.refused(this.#whyNotHere(groupId))
  }

  #whyNotHere(groupId: string): FlotillaError {
    const { host } = this.routes
    const local = host.local(groupId)
    return local === null ? noSuchReplica(host.storeId, groupId) : whyDown(host.storeId, local)
  }

  #joinLocal(call: KvGetCall, local: LocalReplica): void {
    if (local.kv === null) {
      call.fail(new FlotillaError('NOT_A_KV_GROUP', `group ${call.groupId} is of type ${local.type}`))
      return
    }
    const open = this.#local.get(call.groupId)
    if (open?.joins(call, local) === true) {
      open.add(call)
      return
    }
    const batch = new LocalGetBatch(local, this.routes.host.storeId)
    batch.add(call)
    this.#local.set(call.groupId, batch)
    this.#markDirty()
    this.routes.readIndexes.read(local, batch)
  }

  #joinRemote(call: KvGetCall): void {
    const waiting = this.#remote.get(call.groupId)
    if (waiting !== undefined) waiting.push(call)
    else this.#remote.set(call.groupId, [call])
    this.#markDirty()
  }

  #markDirty(): void {
    if (this.#dirty) return
    this.#dirty = true
    this.routes.host.markDirty(this)
  }

  endOfTurn(): void {
    this.#dirty = false
    this.#local.clear()
    const remote = [...this.#remote]
    this.#remote.clear()
    for (const [groupId, calls] of remote) for (const some of splitCalls(calls)) this.#ask(groupId, some)
  }

  #ask(groupId: string, calls: readonly KvGetCall[]): void {
    const open = calls.filter((call) => !call.settled)
    if (open.length === 0) return
    const nowMs = this.routes.host.nowMs()
    const timeoutMs = Math.max(1, ...open.map((call) => call.deadlineMs - nowMs))
    this.routes.wheel.run(new RemoteGetCall(this.routes, groupId, open), { timeoutMs }).then(
      () => {
        // Those that have no answer: a replica began to work here meanwhile.
        for (const call of open) this.#again(call)
      },
      (error: unknown) => this.#onRemoteFailed(groupId, open, toFlotillaError(error)),
    )
  }

  /** A damaged value is the failure of who reads it, and of nobody who asks with him. */
  #onRemoteFailed(groupId: string, calls: readonly KvGetCall[], error: FlotillaError): void {
    const open = calls.filter((call) => !call.settled)
    if (error.shortName === 'CORRUPT' && calls.length > 1) for (const call of open) this.#ask(groupId, [call])
    else for (const call of open) call.fail(error)
  }

  #again(call: KvGetCall): void {
    if (!call.settled) this.join(call)
  }
}

/** Calls in groups that one message may carry. */
function* splitCalls(calls: readonly KvGetCall[]): Iterable<KvGetCall[]> {
  let some: KvGetCall[] = []
  let keys = 0
  let bytes = 0
  for (const call of calls) {
    const size = call.keys.reduce((sum, key) => sum + key.length, 0)
    if (
      some.length > 0 &&
      (keys + call.keys.length > MAX_GET_MANY_KEYS || bytes + size > MAX_REMOTE_KEY_BYTES)
    ) {
      yield some
      some = []
      keys = 0
      bytes = 0
    }
    some.push(call)
    keys += call.keys.length
    bytes += size
  }
  if (some.length > 0) yield some
}

function distribute(calls: readonly KvGetCall[], read: KvRead): void {
  const { values, storeId, appliedIndex } = read
  let at = 0
  for (const call of calls) {
    const to = at + call.keys.length
    if (!call.settled) call.succeed({ values: values.slice(at, to), storeId, appliedIndex })
    at = to
  }
}

/** One caller's read. */
export class KvGetCall extends PendingCall<KvRead> {
  readonly keys: readonly Buffer[]
  readonly reach: Reach
  readonly #reads: KvReads

  constructor(reads: KvReads, groupId: string, keys: readonly Buffer[], reach: Reach) {
    super(reads.routes.wheel, groupId)
    this.#reads = reads
    this.keys = keys
    this.reach = reach
  }

  override attempt(): void {
    this.#reads.join(this)
  }

  override describeCall(): string {
    return `read of region ${this.groupId}`
  }

  refused(error: FlotillaError): void {
    // A store without a replica will not get one while the call waits.
    const hopeless = this.reach === 'here' && error.shortName === 'NO_SUCH_REPLICA'
    if (this.reach === 'here-once' || hopeless || !mayReadAgain(error)) this.fail(error)
    else this.retry(error)
  }
}

/** Reads of one region that wait for one read index here. */
class LocalGetBatch implements ReadSink {
  readonly #local: LocalReplica
  readonly #storeId: string
  readonly #calls: KvGetCall[] = []
  readonly #keys: Buffer[] = []

  constructor(local: LocalReplica, storeId: string) {
    this.#local = local
    this.#storeId = storeId
  }

  joins(call: KvGetCall, local: LocalReplica): boolean {
    return this.#local === local && this.#keys.length + call.keys.length <= MAX_GET_MANY_KEYS
  }

  add(call: KvGetCall): void {
    this.#calls.push(call)
    for (const key of call.keys) this.#keys.push(key)
  }

  get isWanted(): boolean {
    return this.#calls.some((call) => !call.settled)
  }

  onReadIndex(): void {
    const { kv } = this.#local
    if (kv === null) return
    this.#lookUp(kv, this.#calls, this.#keys)
  }

  /** A damaged value is the failure of who reads it, and of nobody who asks with him. */
  #lookUp(kv: LocalKv, calls: readonly KvGetCall[], keys: readonly Buffer[]): void {
    kv.getMany(keys, (error, values, appliedIndex) => {
      if (error === null) distribute(calls, { values, storeId: this.#storeId, appliedIndex })
      else {
        const open = calls.filter((call) => !call.settled)
        if (error.shortName === 'CORRUPT' && calls.length > 1)
          for (const call of open) this.#lookUp(kv, [call], call.keys)
        else for (const call of open) call.refused(error)
      }
    })
  }

  onReadRefused(error: FlotillaError): void {
    for (const call of this.#calls) if (!call.settled) call.refused(error)
  }
}

/** Reads of one region that another store answers. Ends without an answer when this store can itself by now. */
class RemoteGetCall extends ReadCall<void> {
  protected override readonly method = 'kv.get'
  /** Those that have no answer yet, in the order of the keys that are asked for. */
  #calls: KvGetCall[]
  /** An answer holds so many values or fewer: it makes no sense to have more looked up for it. */
  #mostKeys = MAX_GET_MANY_KEYS
  /** Of the first of them, when it alone is more than an answer holds: what has come. */
  #values: (Buffer | null)[] = []

  constructor(routes: ReadRoutes, groupId: string, calls: readonly KvGetCall[]) {
    super(routes, groupId, false)
    this.#calls = [...calls]
  }

  override describeCall(): string {
    return `read of region ${this.groupId}`
  }

  protected override readLocal(): void {
    this.succeed()
  }

  /** The first call's in any case. */
  #askedKeys(): Buffer[] {
    const asked: Buffer[] = []
    for (const { keys } of this.#calls) {
      if (asked.length > 0 && asked.length + keys.length - this.#values.length > this.#mostKeys) break
      for (const key of keys) asked.push(key)
    }
    const had = this.#values.length
    return had === 0 ? asked : asked.slice(had, had + this.#mostKeys)
  }

  protected override encodeRequest(): Buffer {
    const { groupId } = this
    const keys = this.#askedKeys()
    const consistency = wire.admin.Consistency.LINEARIZABLE
    return encodeWire(wire.kv.GetRequest, new wire.kv.GetRequest({ groupId, keys, consistency }))
  }

  /**
   * An answer that would be too long holds the first keys only: the others are asked for again. What one caller reads is of
   * one moment, so a call of which it holds a part is asked for again as a whole, unless it is too long by itself.
   */
  protected override onAnswer(body: Buffer): void {
    const { present, values, storeId, appliedIndex } = wire.kv.GetResponse.decode(body)
    const asked = this.#askedKeys().length
    if (present.length !== values.length || present.length === 0 || present.length > asked) {
      throw new FlotillaError('PROTOCOL', `an answer with ${values.length} values for ${asked} keys`)
    }
    const { length } = present
    this.#mostKeys = length < asked ? 2 * length : Math.min(2 * this.#mostKeys, MAX_GET_MANY_KEYS)
    present.forEach((there, i) => this.#values.push(there ? asBuffer(values[i]!) : null))
    let whole = 0
    let next = 0
    for (const { keys } of this.#calls) {
      if (next + keys.length > this.#values.length) break
      next += keys.length
      whole++
    }
    const answered = this.#calls.splice(0, whole)
    distribute(answered, { values: this.#values, storeId, appliedIndex })
    if (whole > 0 || this.#calls[0]?.settled) this.#values = []
    this.#calls = this.#calls.filter((call) => !call.settled)
    if (this.#calls.length === 0) this.succeed()
    else this.attempt()
  }

  protected override decodeAnswer(): never {
    throw new FlotillaError('INTERNAL', 'answers are taken by onAnswer')
  }
}
