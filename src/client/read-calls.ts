import { encodeWire, wire } from '../rpc/wire.ts'
import { FlotillaError, toFlotillaError } from '../util/errors.ts'
import { decodeDescription, type GroupDescription } from './group-description.ts'
import type { Location, Locator, LocateWaiter } from './locator.ts'
import { type CallKeeper, PendingCall } from './pending-call.ts'
import type { ClientHost, LocalReplica, ReadSink } from './ports.ts'
import type { ReadIndexes } from './read-indexes.ts'
import { mayReadAgain } from './retry.ts'
import { whyDown } from './why-down.ts'

export type Consistency = 'linearizable' | 'stale'

export interface ReadIndexResult {
  readonly index: number
}

/** What a read needs to find a replica: see Router. */
export interface ReadRoutes {
  readonly host: ClientHost
  readonly wheel: CallKeeper
  readonly locator: Locator
  readonly readIndexes: ReadIndexes
  workingLocal(groupId: string): LocalReplica | null
}

/**
 * A read of one group: of the replica in this process when there is one that works, else of its members elsewhere, one
 * after the other. Reads have no effect, so every failure that another member might not share is tried again.
 */
export abstract class ReadCall<T> extends PendingCall<T> implements LocateWaiter {
  protected readonly routes: ReadRoutes
  /** Only the replica of this process is asked, and once: for the store that serves another's call. */
  readonly #localOnly: boolean
  #triesSincePause = 0

  constructor(routes: ReadRoutes, groupId: string, localOnly: boolean) {
    super(routes.wheel, groupId)
    this.routes = routes
    this.#localOnly = localOnly
  }

  get isWanted(): boolean {
    return !this.settled
  }

  /** The method of the call to another store, its body, and what its answer means. */
  protected abstract readonly method: string
  protected abstract encodeRequest(): Buffer
  protected abstract decodeAnswer(body: Buffer): T

  protected abstract readLocal(local: LocalReplica): void

  override attempt(): void {
    const local = this.routes.workingLocal(this.groupId)
    if (local !== null) this.readLocal(local)
    else if (this.#localOnly) this.fail(this.#whyNotLocal())
    else this.#readRemote()
  }

  #whyNotLocal(): FlotillaError {
    const local = this.routes.host.local(this.groupId)
    const { storeId } = this.routes.host
    return local === null ? noSuchReplica(storeId, this.groupId) : whyDown(storeId, local)
  }

  /** The member that is asked; null when none is connected. */
  protected pick(location: Location): string | null {
    return this.routes.locator.pick(location)
  }

  #readRemote(): void {
    const { locator, host } = this.routes
    const location = locator.of(this.groupId)
    if (location === null) {
      locator.locate(this.groupId, this)
      return
    }
    const storeId = this.pick(location)
    if (storeId === null) {
      locator.onNoneConnected(this.groupId)
      this.retry(new FlotillaError('NO_LEADER', `no member of ${this.groupId} is connected`))
      return
    }
    // Half of what is left: a store that hangs leaves time for another.
    const timeoutMs = Math.max(1, (this.deadlineMs - host.nowMs()) / 2)
    host
      .link(storeId)
      .call(this.method, this.encodeRequest(), timeoutMs)
      .then((body) => {
        if (!this.settled) this.onAnswer(body)
      })
      .catch((error: unknown) => this.#onRemoteRefused(storeId, toFlotillaError(error, 'PROTOCOL')))
  }

  /** Another store has answered. What it throws counts as that store's refusal. */
  protected onAnswer(body: Buffer): void {
    this.succeed(this.decodeAnswer(body))
  }

  #onRemoteRefused(storeId: string, error: FlotillaError): void {
    if (this.settled) return
    const { locator } = this.routes
    locator.onRefused(this.groupId, storeId, error)
    const others = locator.of(this.groupId)?.members.length ?? 0
    if (!mayReadAgain(error)) this.fail(error)
    else if (++this.#triesSincePause < others) {
      this.lastRefusal = error
      this.attempt()
    } else this.refused(error)
  }

  /** The replica here, or the last of several tried, could not answer. */
  refused(error: FlotillaError): void {
    if (this.#localOnly || !mayReadAgain(error)) {
      this.fail(error)
      return
    }
    this.#triesSincePause = 0
    this.retry(error)
  }

  onLocated(): void {
    if (!this.settled) this.attempt()
  }

  onNotLocated(error: FlotillaError, final: boolean): void {
    if (final) this.fail(error)
    else this.retry(error)
  }
}

/** Resolves once the replica here has applied everything acknowledged before, or with another's answer. */
export class ReadIndexCall extends ReadCall<ReadIndexResult> implements ReadSink {
  protected override readonly method = 'readIndex'

  override describeCall(): string {
    return `read index of group ${this.groupId}`
  }

  protected override readLocal(local: LocalReplica): void {
    this.routes.readIndexes.read(local, this)
  }

  protected override encodeRequest(): Buffer {
    const { groupId } = this
    return encodeWire(wire.admin.ReadIndexRequest, new wire.admin.ReadIndexRequest({ groupId }))
  }

  protected override decodeAnswer(body: Buffer): ReadIndexResult {
    return { index: wire.admin.ReadIndexResponse.decode(body).index }
  }

  onReadIndex(index: number): void {
    if (!this.settled) this.succeed({ index })
  }

  onReadRefused(error: FlotillaError): void {
    if (!this.settled) this.refused(error)
  }
}

/** Asks a state machine. */
export class QueryCall extends ReadCall<Buffer> implements ReadSink {
  protected override readonly method = 'query'
  readonly #data: Buffer
  readonly #consistency: Consistency
  #local: LocalReplica | null = null

  constructor(
    routes: ReadRoutes,
    groupId: string,
    data: Buffer,
    consistency: Consistency,
    localOnly: boolean,
  ) {
    super(routes, groupId, localOnly)
    this.#data = data
    this.#consistency = consistency
  }

  override describeCall(): string {
    return `query of group ${this.groupId}`
  }

  protected override readLocal(local: LocalReplica): void {
    this.#local = local
    if (this.#consistency === 'stale') this.#ask()
    else this.routes.readIndexes.read(local, this)
  }

  protected override encodeRequest(): Buffer {
    const { Consistency } = wire.admin
    const consistency = this.#consistency === 'stale' ? Consistency.STALE : Consistency.LINEARIZABLE
    const message = new wire.admin.QueryRequest({ groupId: this.groupId, consistency, data: this.#data })
    return encodeWire(wire.admin.QueryRequest, message)
  }

  protected override decodeAnswer(body: Buffer): Buffer {
    return asBuffer(wire.admin.QueryResponse.decode(body).data)
  }

  onReadIndex(): void {
    if (!this.settled) this.#ask()
  }

  onReadRefused(error: FlotillaError): void {
    if (!this.settled) this.refused(error)
  }

  #ask(): void {
    const local = this.#local
    if (local === null) return
    local.query(this.#data).then(
      (answer) => this.succeed(answer),
      (error: unknown) => this.fail(toFlotillaError(error)),
    )
  }
}

/** The description of one replica: of the one here, even when it is down, else of a member. */
export class DescribeCall extends ReadCall<GroupDescription> {
  protected override readonly method = 'describeGroup'

  override attempt(): void {
    const local = this.routes.host.local(this.groupId)
    if (local !== null) this.readLocal(local)
    else super.attempt()
  }

  override describeCall(): string {
    return `description of group ${this.groupId}`
  }

  protected override readLocal(local: LocalReplica): void {
    this.succeed(local.describe())
  }

  protected override encodeRequest(): Buffer {
    const { groupId } = this
    return encodeWire(wire.admin.DescribeGroupRequest, new wire.admin.DescribeGroupRequest({ groupId }))
  }

  protected override decodeAnswer(body: Buffer): GroupDescription {
    return decodeDescription(body)
  }
}

export function noSuchReplica(storeId: string, groupId: string): FlotillaError {
  return new FlotillaError('NO_SUCH_REPLICA', `store ${storeId} hosts no replica of group ${groupId}`)
}

/** Bytes of a decoded message as a Buffer, without copying. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
