import type { ForwardResponse } from '../rpc/messages.ts'
import { FlotillaError } from '../util/errors.ts'
import { MAX_ENTRY_BYTES, MAX_WAITING_CALL_BYTES } from '../util/limits.ts'
import { ApplyCall, type ApplyResult, type ApplyRoutes } from './apply-call.ts'
import { CallWheel } from './call-wheel.ts'
import { Forwarder, notConnected } from './forwarder.ts'
import type { GroupDescription } from './group-description.ts'
import { Locator } from './locator.ts'
import type { ScanRoutes } from './kv-scan.ts'
import type { CallOptions } from './pending-call.ts'
import type { ClientHost, LocalReplica } from './ports.ts'
import {
  type Consistency,
  DescribeCall,
  QueryCall,
  ReadIndexCall,
  type ReadIndexResult,
} from './read-calls.ts'
import { ReadIndexes } from './read-indexes.ts'
import { mayApplyAgain } from './retry.ts'

export interface ApplyOptions extends CallOptions {
  /** Rejects with TERM_MISMATCH when the leader is in another term. Default: any term. */
  readonly expectedTerm?: number | undefined
}

export interface QueryOptions extends CallOptions {
  /** Default 'linearizable': the answer holds everything acknowledged before the call. 'stale' is any replica's state. */
  readonly consistency?: Consistency | undefined
}

export interface RouterEvents {
  /** What callers read when everything ends. Default: 'the store is closed'. */
  readonly closedText?: string
  /** A refusal or an answer has named another leader of a group that is not hosted here; term 0: it did not say. */
  onLeader?(groupId: string, leader: string, term: number): void
}

/**
 * Calls on groups, wherever their replicas are: the leader in this process is called directly, one elsewhere is sent the
 * calls of a turn in one message. A write is tried again only while it was certainly not done; a read has no effect and
 * may be asked of another member.
 */
export class Router implements ApplyRoutes, ScanRoutes {
  readonly host: ClientHost
  readonly wheel: CallWheel
  readonly locator: Locator
  readonly readIndexes: ReadIndexes
  readonly #forwarder: Forwarder
  #waitingBytes = 0
  #ledNow: string[] = []
  #nextView = 1

  readonly #closedText: string

  constructor(host: ClientHost, events: RouterEvents = {}) {
    this.host = host
    this.#closedText = events.closedText ?? 'the store is closed'
    this.wheel = new CallWheel(host)
    this.locator = new Locator(host, (groupId, leader, term) => events.onLeader?.(groupId, leader, term))
    this.readIndexes = new ReadIndexes(host)
    this.#forwarder = new Forwarder(host)
  }

  newViewNumber(): number {
    return this.#nextView++
  }

  /** Calls that are not settled. */
  get pendingCalls(): number {
    return this.wheel.count
  }

  /**
   * Replicates `payload` (which must not change until the call is settled) and resolves when the leader has applied it.
   * Rejects with a FlotillaError whose `outcome` says whether it may have been applied.
   */
  apply(groupId: string, payload: Buffer, options?: ApplyOptions): Promise<ApplyResult> {
    const expectedTerm = options === undefined ? 0 : (options.expectedTerm ?? 0)
    return this.wheel.run(new ApplyCall(this.wheel, this, groupId, payload, expectedTerm), options)
  }

  /** The group's commit index; on a store that hosts the group everything up to it is applied here. */
  readIndex(groupId: string, options?: CallOptions): Promise<ReadIndexResult> {
    return this.wheel.run(new ReadIndexCall(this, groupId, false), options)
  }

  query(groupId: string, data: Buffer, options?: QueryOptions): Promise<Buffer> {
    const consistency = options?.consistency ?? 'linearizable'
    if (consistency !== 'linearizable' && consistency !== 'stale') {
      const text = `consistency must be 'linearizable' or 'stale', not ${String(consistency)}`
      return Promise.reject(new FlotillaError('INVALID_ARGUMENT', text))
    }
    if (data.length > MAX_ENTRY_BYTES) return Promise.reject(tooLarge('a query', data.length))
    return this.wheel.run(new QueryCall(this, groupId, data, consistency, false), options)
  }

  describe(groupId: string, options?: CallOptions): Promise<GroupDescription> {
    return this.wheel.run(new DescribeCall(this, groupId, false), options)
  }

  /** The replica of this process, when it works. */
  workingLocal(groupId: string): LocalReplica | null {
    const local = this.host.local(groupId)
    return local !== null && local.error === null ? local : null
  }

  // ---- routes of writes --------------------------------------------------------------------------------------------

  route(call: ApplyCall): void {
    if (call.waitingBytes > 0) this.#stopWaiting(call)
    const local = this.host.local(call.groupId)
    if (local !== null && local.error === null) {
      if (local.isLeader) this.#propose(call, local)
      else this.#routeToLeader(call, local)
      return
    }
    if (!this.#isSound(call)) return
    const location = this.locator.of(call.groupId)
    if (location === null) {
      if (this.#startWaiting(call)) this.locator.locate(call.groupId, call)
      return
    }
    const hint = this.#takeHint(call)
    const storeId = hint !== '' && this.#connected(hint) ? hint : this.locator.pick(location)
    if (storeId !== null) this.#forwarder.forward(call, storeId)
    else {
      this.locator.onNoneConnected(call.groupId)
      this.#retryUnconnected(call, location.leader || location.members.join(', '))
    }
  }

  #propose(call: ApplyCall, local: LocalReplica): void {
    if (!this.#isSound(call)) return
    call.handedOver = true
    local.propose(call.payload, call.expectedTerm, call, 0)
  }

  #routeToLeader(call: ApplyCall, local: LocalReplica): void {
    const leader = this.#takeHint(call) || local.leaderStoreId
    if (!this.#isSound(call)) return
    if (leader === '' || leader === this.host.storeId) {
      const text = `group ${call.groupId} has no known leader`
      this.#retry(call, this.wheel.parkedRefusal(call.groupId) ?? new FlotillaError('NO_LEADER', text))
    } else if (this.#connected(leader)) this.#forwarder.forward(call, leader)
    else this.#retryUnconnected(call, leader)
  }

  /** Calls that wait together share one error: making one costs more than all else that a try costs. */
  #retryUnconnected(call: ApplyCall, storeIds: string): void {
    this.#retry(call, this.wheel.parkedRefusal(call.groupId) ?? notConnected(storeIds))
  }

  /** Limits are checked here, before anything is logged. */
  #isSound(call: ApplyCall): boolean {
    if (call.payload.length <= MAX_ENTRY_BYTES) return true
    call.fail(tooLarge('an entry', call.payload.length))
    return false
  }

  #takeHint(call: ApplyCall): string {
    const { hint } = call
    call.hint = ''
    call.followedHint = hint !== ''
    return hint
  }

  #connected(storeId: string): boolean {
    const { host } = this
    return storeId !== host.storeId && host.link(storeId).connected
  }

  onRefused(call: ApplyCall, storeId: string, error: FlotillaError): void {
    if (storeId !== '') this.locator.onRefused(call.groupId, storeId, error)
    if (!mayApplyAgain(error)) {
      call.fail(error)
      return
    }
    call.handedOver = false
    const { leader } = error
    if (leader !== undefined && leader !== '' && leader !== storeId && !call.followedHint) {
      call.lastRefusal = error
      call.hint = leader
      call.followedHint = true
      this.route(call)
    } else this.#retry(call, error)
  }

  #retry(call: ApplyCall, error: FlotillaError): void {
    call.followedHint = false
    if (this.#startWaiting(call)) call.retry(error)
  }

  /** A waiting call's payload is held here and nowhere else: the bytes are bounded. False when it was refused. */
  #startWaiting(call: ApplyCall): boolean {
    const bytes = call.payload.length
    if (this.#waitingBytes + bytes > MAX_WAITING_CALL_BYTES) {
      const text = `${this.#waitingBytes} bytes of calls wait for their groups' leaders already`
      call.fail(new FlotillaError('BUSY', text, { cause: call.lastRefusal ?? undefined }))
      return false
    }
    this.#stopWaiting(call)
    call.waitingBytes = bytes
    this.#waitingBytes += bytes
    return true
  }

  #stopWaiting(call: ApplyCall): void {
    this.#waitingBytes -= call.waitingBytes
    call.waitingBytes = 0
  }

  onSettled(call: ApplyCall): void {
    this.#forwarder.release(call)
    this.#stopWaiting(call)
  }

  // ---- what the host tells -----------------------------------------------------------------------------------------

  onForwardResponse(storeId: string, message: ForwardResponse): void {
    this.#forwarder.onResponse(storeId, message)
  }

  onLinkDown(storeId: string): void {
    this.#forwarder.onLinkDown(storeId)
  }

  /** The replica here has heard of a leader: calls that wait for one go on at the end of this turn. */
  onLeaderKnown(groupId: string): void {
    if (this.wheel.parkedRefusal(groupId) === null) return
    if (this.#ledNow.length === 0) this.host.markDirty(this)
    this.#ledNow.push(groupId)
  }

  endOfTurn(): void {
    for (const groupId of this.#ledNow.splice(0)) this.wheel.release(groupId)
  }

  /** Settles every call that waits with CLOSED and refuses new ones. Idempotent. */
  close(cause?: FlotillaError): void {
    this.wheel.close(this.#closedText, cause)
  }
}

function tooLarge(what: string, bytes: number): FlotillaError {
  return new FlotillaError('TOO_LARGE', `${what} may have ${MAX_ENTRY_BYTES} bytes, not ${bytes}`)
}
