import type { Region } from '../kv/regions.ts'
import type { StoreAddress } from '../rpc/handshake.ts'
import { wire } from '../rpc/wire.ts'
import { FlotillaError } from '../util/errors.ts'
import { MAX_REGIONS } from '../util/limits.ts'
import { asBuffer } from './read-calls.ts'

export interface ClusterAnswer {
  readonly stores: readonly StoreAddress[]
  /** Empty: the store was opened without the key-value database. */
  readonly regions: readonly Region[]
}

/** What a store tells of the cluster, part by part: `ask` gets the answer from a region's position on. */
export async function readCluster(ask: (regionsFrom: number) => Promise<Buffer>): Promise<ClusterAnswer> {
  const regions: Region[] = []
  let stores: StoreAddress[] | null = null
  for (;;) {
    const answer = wire.admin.DescribeClusterResponse.decode(await ask(regions.length))
    stores ??= answer.stores.map(({ storeId, address, version }) => {
      return { storeId: storeId ?? '', address: address ?? '', version: version ?? 0 }
    })
    for (const { groupId, start, end } of answer.regions) {
      regions.push({ groupId: groupId ?? '', start: copyOf(start), end: end ? copyOf(end) : null })
    }
    const { regionCount } = answer
    if (regions.length === regionCount) return { stores, regions }
    if (answer.regions.length === 0 || regions.length > regionCount || regionCount > MAX_REGIONS) {
      throw new FlotillaError('PROTOCOL', `${regions.length} regions where ${regionCount} were announced`)
    }
  }
}

/** Regions are kept for long: they must not hold on to the message. */
function copyOf(bytes: Uint8Array | null | undefined): Buffer {
  return Buffer.from(asBuffer(bytes ?? Buffer.alloc(0)))
}
