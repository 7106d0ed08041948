import { encodeDescription } from '../client/group-description.ts'
import type { KvReads } from '../client/kv-reads.ts'
import { asBuffer, noSuchReplica, QueryCall, ReadIndexCall } from '../client/read-calls.ts'
import type { Router } from '../client/router.ts'
import { encodeWire, wire } from '../rpc/wire.ts'
import type { GroupSpec } from '../store/group-spec.ts'
import { FlotillaError } from '../util/errors.ts'
import { AdminServer, type AdminSource } from './admin-server.ts'
import { MAX_GET_MANY_KEYS, MAX_READ_ANSWER_BYTES, MAX_SCAN_PAGE_ROWS } from '../util/limits.ts'
import { decodeCreateGroups, encodeCreateAnswers } from './group-wire.ts'
import { ViewServer } from './view-server.ts'

export interface CallServerParts {
  readonly router: Router
  readonly reads: KvReads
  readonly admin: AdminSource
  createGroups(specs: readonly GroupSpec[]): Promise<(FlotillaError | null)[]>
}

/**
 * Answers other stores' and clients' cold calls from this store's own replicas, never from a third store's: who asks goes on itself.
 * The method of a call is the name of its request in proto/.
 */
export class CallServer {
  readonly #parts: CallServerParts
  readonly #admin: AdminServer
  readonly #views: ViewServer

  constructor(parts: CallServerParts) {
    this.#parts = parts
    this.#admin = new AdminServer(parts.admin)
    this.#views = new ViewServer(parts.router)
  }

  /** What `peer` had open here is closed. */
  onLinkDown(peer: string): void {
    this.#views.onLinkDown(peer)
  }

  close(): void {
    this.#views.closeAll()
  }

  async onCall(peer: string, method: string, body: Buffer): Promise<Buffer> {
    switch (method) {
      case 'createGroups':
        return encodeCreateAnswers(await this.#parts.createGroups(decodeCreateGroups(body)))
      case 'locate':
        return this.#locate(body)
      case 'describeGroup':
        return this.#describe(body)
      case 'readIndex':
        return await this.#readIndex(body)
      case 'query':
        return await this.#query(body)
      case 'kv.get':
        return await this.#get(body)
      case 'kv.scan':
        return await this.#scan(peer, body)
      case 'kv.closeScan':
        return this.#closeScan(peer, body)
      default:
        return await this.#onAdminCall(method, body)
    }
  }

  async #onAdminCall(method: string, body: Buffer): Promise<Buffer> {
    switch (method) {
      case 'describeCluster':
        return this.#admin.describeCluster(body)
      case 'describeStore':
        return this.#admin.describeStore()
      case 'listReplicas':
        return this.#admin.listReplicas(body)
      case 'digest':
        return await this.#admin.digest(body)
      default:
        throw new FlotillaError(
          'INVALID_ARGUMENT',
          `this store does not know the call ${JSON.stringify(method)}`,
        )
    }
  }

  get #storeId(): string {
    return this.#parts.router.host.storeId
  }

  #locate(body: Buffer): Buffer {
    const { groupIds } = wire.admin.LocateRequest.decode(body)
    const groups = groupIds.map((groupId) => {
      const local = this.#parts.router.host.local(groupId)
      if (local === null) return { groupId, hosted: false }
      const { type, leaderStoreId, memberStoreIds } = local
      const { term } = local.describe()
      return {
        groupId,
        hosted: true,
        type,
        leaderStore: leaderStoreId,
        memberStores: [...memberStoreIds],
        term,
      }
    })
    return encodeWire(wire.admin.LocateResponse, new wire.admin.LocateResponse({ groups }))
  }

  #describe(body: Buffer): Buffer {
    const { groupId } = wire.admin.DescribeGroupRequest.decode(body)
    const local = this.#parts.router.host.local(groupId)
    if (local === null) throw noSuchReplica(this.#storeId, groupId)
    return encodeDescription(local.describe())
  }

  async #readIndex(body: Buffer): Promise<Buffer> {
    const { router } = this.#parts
    const { groupId } = wire.admin.ReadIndexRequest.decode(body)
    const { index } = await router.wheel.run(new ReadIndexCall(router, groupId, true), undefined)
    return encodeWire(wire.admin.ReadIndexResponse, new wire.admin.ReadIndexResponse({ index }))
  }

  async #query(body: Buffer): Promise<Buffer> {
    const { router } = this.#parts
    const { groupId, consistency, data } = wire.admin.QueryRequest.decode(body)
    const named = consistency === wire.admin.Consistency.STALE ? 'stale' : 'linearizable'
    const call = new QueryCall(router, groupId, asBuffer(data), named, true)
    const answer = await router.wheel.run(call, undefined)
    const message = new wire.admin.QueryResponse({ data: answer, storeId: this.#storeId })
    return encodeWire(wire.admin.QueryResponse, message)
  }

  /** As many keys, from the first on, as one answer holds; at least one. */
  async #get(body: Buffer): Promise<Buffer> {
    const { groupId, keys } = wire.kv.GetRequest.decode(body)
    const asked = keys.slice(0, MAX_GET_MANY_KEYS).map(asBuffer)
    const { values, storeId, appliedIndex } = await this.#parts.reads.get(
      groupId,
      asked,
      undefined,
      'here-once',
    )
    let count = 0
    let bytes = 0
    while (
      count < values.length &&
      (count === 0 || bytes + (values[count]?.length ?? 0) <= MAX_READ_ANSWER_BYTES)
    ) {
      bytes += values[count++]?.length ?? 0
    }
    const sent = values.slice(0, count)
    const message = new wire.kv.GetResponse({
      present: sent.map((value) => value !== null),
      values: sent.map((value) => value ?? NO_VALUE),
      appliedIndex,
      storeId,
    })
    return encodeWire(wire.kv.GetResponse, message)
  }

  async #scan(peer: string, body: Buffer): Promise<Buffer> {
    const question = wire.kv.ScanRequest.decode(body)
    const { groupId, gte, gt, lte, lt, reverse, limit, values, view, goesOn } = question
    const bounds = Object.entries({ gte, gt, lte, lt }).flatMap(([name, key]) => {
      return key === null || key === undefined ? [] : [[name, asBuffer(key)] as const]
    })
    const range = { ...Object.fromEntries(bounds), reverse, keys: true, values }
    const maxRows = limit === 0 ? MAX_SCAN_PAGE_ROWS : Math.min(limit, MAX_SCAN_PAGE_ROWS)
    const page = await this.#views.page(peer, { groupId, range, maxRows, view, goesOn })
    return encodeWire(wire.kv.ScanResponse, new wire.kv.ScanResponse({ ...page }))
  }

  #closeScan(peer: string, body: Buffer): Buffer {
    this.#views.close(peer, wire.kv.CloseScanRequest.decode(body).view)
    return NO_VALUE
  }
}

const NO_VALUE = Buffer.alloc(0)
