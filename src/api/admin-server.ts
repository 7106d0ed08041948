import { encodeDigest, encodeStoreReport, type GroupDigest, type OwnReport } from '../client/admin-reports.ts'
import { encodeDescription, type GroupDescription } from '../client/group-description.ts'
import type { RegionMap } from '../kv/regions.ts'
import type { StoreAddress } from '../rpc/handshake.ts'
import { encodeWire, wire } from '../rpc/wire.ts'
import { MAX_LIST_ANSWER_BYTES } from '../util/limits.ts'

/** What a store can tell of itself. */
export interface AdminSource {
  report(): OwnReport
  /** Every replica here, in no order. */
  replicas(): Iterable<{ readonly groupId: string; describe(): GroupDescription }>
  /** At an applied index, or 0: as it is. Rejects with NO_SUCH_REPLICA or NOT_A_KV_GROUP. */
  digest(groupId: string, at: number): Promise<GroupDigest>
  /** Every store that is known, this one included. */
  places(): readonly StoreAddress[]
  /** Null without the key-value database. Throws CLOSED while the store is starting. */
  regions(): RegionMap | null
}

/** Answers questions about this store, and what it knows of the cluster. */
export class AdminServer {
  readonly #source: AdminSource

  constructor(source: AdminSource) {
    this.#source = source
  }

  describeStore(): Buffer {
    return encodeStoreReport(this.#source.report())
  }

  /** By name, as many as one answer holds; at least one. */
  listReplicas(body: Buffer): Buffer {
    const { after } = wire.admin.ListReplicasRequest.decode(body)
    const rest = [...this.#source.replicas()].filter(({ groupId }) => groupId > after)
    rest.sort((a, b) => (a.groupId < b.groupId ? -1 : 1))
    const replicas: Buffer[] = []
    for (let bytes = 0; replicas.length < rest.length && bytes <= MAX_LIST_ANSWER_BYTES; ) {
      const encoded = encodeDescription(rest[replicas.length]!.describe())
      replicas.push(encoded)
      bytes += encoded.length
    }
    const done = replicas.length === rest.length
    return encodeWire(
      wire.admin.ListReplicasResponse,
      new wire.admin.ListReplicasResponse({ replicas, done }),
    )
  }

  async digest(body: Buffer): Promise<Buffer> {
    const { groupId, atIndex } = wire.admin.DigestRequest.decode(body)
    return encodeDigest(await this.#source.digest(groupId, atIndex))
  }

  /** Addresses, and as many regions as one answer holds; at least one. */
  describeCluster(body: Buffer): Buffer {
    const { regionsFrom } = wire.admin.DescribeClusterRequest.decode(body)
    const all = this.#source.regions()?.regions ?? []
    let to = regionsFrom
    for (let bytes = 0; to < all.length && bytes <= MAX_LIST_ANSWER_BYTES; to++) {
      bytes += all[to]!.groupId.length + all[to]!.start.length + (all[to]!.end?.length ?? 0)
    }
    const regions = all.slice(regionsFrom, to).map(({ groupId, start, end }) => ({ groupId, start, end }))
    const stores = regionsFrom === 0 ? [...this.#source.places()] : []
    const message = new wire.admin.DescribeClusterResponse({ stores, regionCount: all.length, regions })
    return encodeWire(wire.admin.DescribeClusterResponse, message)
  }
}
