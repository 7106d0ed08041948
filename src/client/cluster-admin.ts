import type { Clock, Timers } from '../env/ports.ts'
import { encodeWire, wire } from '../rpc/wire.ts'
import { assertPresent } from '../util/assert.ts'
import { FlotillaError, toFlotillaError } from '../util/errors.ts'
import { DEFAULT_CALL_TIMEOUT_MS, DEFAULT_VERIFY_TIMEOUT_MS } from '../util/limits.ts'
import {
  decodeReplicas,
  decodeStoreReport,
  encodeDigestQuestion,
  encodeGroupQuestion,
  type GroupSummary,
  type GroupVerification,
  type ReplicaReport,
  type StoreReport,
  type StoreSummary,
  unreachableStore,
} from './admin-reports.ts'
import { CallTime } from './call-time.ts'
import { decodeDescription, type GroupDescription } from './group-description.ts'
import { GroupUnion } from './group-union.ts'
import { verifyGroup } from './group-verification.ts'
import type { CallOptions } from './pending-call.ts'

/** What questions about the cluster need of the process that they are asked in. */
export interface AdminHost {
  readonly clock: Clock
  readonly timers: Timers
  /** It has been closed: nobody is asked any more. */
  readonly closed: boolean
  /** Every store that is known, the one of this process included. */
  places(): readonly { readonly storeId: string; readonly address: string }[]
  /** A cold call. Gives a link that is coming up a moment. Rejects with a FlotillaError. */
  ask(storeId: string, method: string, body: Buffer, timeoutMs: number): Promise<Buffer>
}

/** Questions about stores and replicas, put to every store by itself: what a tool shows. Nothing is changed. */
export class ClusterAdmin {
  readonly #host: AdminHost
  readonly #closedText: string

  /** `closedText`: what those read who ask after the end. */
  constructor(host: AdminHost, closedText: string) {
    this.#host = host
    this.#closedText = closedText
  }

  /** Every known store, by name. One that does not answer is in it with its error. Rejects only for bad options. */
  async describeStores(options?: CallOptions): Promise<StoreSummary[]> {
    const time = this.#time('the description of all stores', options)
    const places = [...this.#host.places()].sort(byStoreId)
    return await this.#ask(
      time,
      Promise.all(
        places.map(async ({ storeId, address }) => {
          try {
            const { peers, ...summary } = await this.#report(storeId, address, time)
            return summary
          } catch (error) {
            return unreachableStore(storeId, address, toFlotillaError(error))
          }
        }),
      ),
    )
  }

  /** Rejects with INVALID_ARGUMENT for an unknown store, or with what keeps it from answering. */
  async describeStore(storeId: string, options?: CallOptions): Promise<StoreReport> {
    const time = this.#time(`the description of store ${storeId}`, options)
    const places = this.#host.places()
    const place = places.find((one) => one.storeId === storeId)
    if (place === undefined) {
      const known = places.map((one) => one.storeId).sort()
      throw new FlotillaError(
        'INVALID_ARGUMENT',
        `no store ${storeId} is known; known are ${known.join(', ')}`,
      )
    }
    const [report, groups] = await this.#ask(
      time,
      Promise.all([this.#report(storeId, place.address, time), this.#replicas(storeId, time)]),
    )
    return { ...report, groups }
  }

  /** Every group that a store which answers hosts, by name. Rejects with UNREACHABLE when none answers. */
  async listGroups(options?: CallOptions): Promise<GroupSummary[]> {
    const time = this.#time('the list of groups', options)
    const unions = new Map<string, GroupUnion>()
    const silent = new Map<string, FlotillaError>()
    const places = this.#host.places()
    const ask = async (storeId: string) => {
      try {
        for (const view of await this.#replicas(storeId, time)) addTo(unions, view)
      } catch (error) {
        silent.set(storeId, toFlotillaError(error))
      }
    }
    await this.#ask(time, Promise.all(places.map(({ storeId }) => ask(storeId))))
    if (silent.size === places.length) throw nobodyAnswers(silent)
    const names = [...unions.keys()].sort()
    return names.map((groupId) => assertPresent(unions.get(groupId), 'a name of the map').summary(silent))
  }

  /**
   * What each known store says of its replica of a group, members first. A store that hosts none is left out unless the
   * group's configuration names it. Rejects with UNKNOWN_GROUP when no store that answers hosts it.
   */
  async describeReplicas(groupId: string, options?: CallOptions): Promise<ReplicaReport[]> {
    const time = this.#time(`the description of the replicas of ${groupId}`, options)
    return await this.#ask(time, this.#reports(groupId, time))
  }

  /**
   * Compares all replicas of a key-value region at one applied index, under load too: at one that lies ahead, where each is
   * looked at as it gets there. Rejects with NOT_A_KV_GROUP, UNKNOWN_GROUP, or TIMEOUT when a replica did not get there.
   * `timeoutMs`: default 30000.
   */
  async verifyGroup(groupId: string, options?: CallOptions): Promise<GroupVerification> {
    const time = this.#time(`the verification of ${groupId}`, options, DEFAULT_VERIFY_TIMEOUT_MS)
    const verification = verifyGroup(groupId, time, {
      reports: () => this.#reports(groupId, time),
      digest: (storeId, at) =>
        this.#host.ask(storeId, 'digest', encodeDigestQuestion(groupId, at), time.remainingMs()),
    })
    return await this.#ask(time, verification)
  }

  #time(what: string, options: CallOptions | undefined, defaultMs = DEFAULT_CALL_TIMEOUT_MS): CallTime {
    const time = new CallTime(this.#host, what, options, defaultMs)
    if (this.#host.closed) throw this.#closedError()
    return time
  }

  /** What came of `work`, unless the end came meanwhile: then silent stores say nothing about the stores. */
  async #ask<T>(time: CallTime, work: Promise<T>): Promise<T> {
    try {
      const answer = await time.guard(work)
      if (!this.#host.closed) return answer
    } catch (error) {
      if (!this.#host.closed) throw error
    }
    throw this.#closedError()
  }

  #closedError(): FlotillaError {
    return new FlotillaError('CLOSED', this.#closedText, { outcome: 'not-applied' })
  }

  async #report(storeId: string, address: string, time: CallTime): Promise<Omit<StoreReport, 'groups'>> {
    const request = encodeWire(wire.admin.DescribeStoreRequest, new wire.admin.DescribeStoreRequest({}))
    return decodeStoreReport(
      await this.#host.ask(storeId, 'describeStore', request, time.remainingMs()),
      address,
    )
  }

  async #replicas(storeId: string, time: CallTime): Promise<GroupDescription[]> {
    const all: GroupDescription[] = []
    for (let after = ''; ; ) {
      const request = new wire.admin.ListReplicasRequest({ after })
      const body = encodeWire(wire.admin.ListReplicasRequest, request)
      const { replicas, done } = decodeReplicas(
        await this.#host.ask(storeId, 'listReplicas', body, time.remainingMs()),
      )
      all.push(...replicas)
      const last = replicas.at(-1)?.groupId
      if (done || last === undefined) return all
      if (last <= after)
        throw new FlotillaError('PROTOCOL', `store ${storeId} lists its replicas out of order`)
      after = last
    }
  }

  async #reports(groupId: string, time: CallTime): Promise<ReplicaReport[]> {
    const reports = await Promise.all(
      this.#host.places().map(({ storeId }) => this.#one(storeId, groupId, time)),
    )
    const union = new GroupUnion(groupId)
    const found = reports.filter((report) => report.description !== null)
    if (found.length === 0) {
      const text = `no store that answers hosts group ${groupId}`
      throw new FlotillaError('UNKNOWN_GROUP', text, { cause: reports.find(isSilent)?.error ?? undefined })
    }
    for (const { description } of found) union.add(assertPresent(description, 'these have one'))
    const { replicas } = union.summary(new Map())
    return replicas.map(({ storeId }) => {
      const report = reports.find((one) => one.storeId === storeId)
      if (report !== undefined) return report
      const error = new FlotillaError('UNREACHABLE', `store ${storeId} is not known here`)
      return { storeId, description: null, error }
    })
  }

  async #one(storeId: string, groupId: string, time: CallTime): Promise<ReplicaReport> {
    try {
      const question = encodeGroupQuestion(groupId)
      const body = await this.#host.ask(storeId, 'describeGroup', question, time.remainingMs())
      return { storeId, description: decodeDescription(body), error: null }
    } catch (error) {
      return { storeId, description: null, error: toFlotillaError(error) }
    }
  }
}

function isSilent({ error }: ReplicaReport): boolean {
  return error !== null && error.shortName !== 'NO_SUCH_REPLICA'
}

function addTo(unions: Map<string, GroupUnion>, view: GroupDescription): void {
  let union = unions.get(view.groupId)
  if (union === undefined) {
    union = new GroupUnion(view.groupId)
    unions.set(view.groupId, union)
  }
  union.add(view)
}

function nobodyAnswers(silent: ReadonlyMap<string, FlotillaError>): FlotillaError {
  const why = [...silent].map(([storeId, error]) => `${storeId}: ${error.message}`).join('; ')
  const cause = [...silent.values()][0]
  return new FlotillaError('UNREACHABLE', `no store answers: ${why === '' ? 'none is known' : why}`, {
    cause,
  })
}

function byStoreId(a: { readonly storeId: string }, b: { readonly storeId: string }): number {
  return a.storeId < b.storeId ? -1 : a.storeId > b.storeId ? 1 : 0
}
