import { createNodeEnv } from '../env/node-env.ts'
import type { GroupReplica } from '../store/group-replica.ts'
import { firstMembers, type GroupSpec } from '../store/group-spec.ts'
import type { CommittedEntry, UserStateMachine } from '../store/state-machine-fsm.ts'
import { StoreHost } from '../store/store-host.ts'
import type { FlotillaError } from '../util/errors.ts'
import type { BenchStore, BenchStoreStats, StoreArgs } from './scenario.ts'
import { homeOfGroup, STORE_COUNT } from './scenario.ts'

/** A state machine that counts bytes: what is left is the replicated log itself. */
class ByteCounter implements UserStateMachine {
  bytes = 0

  onApply(entries: Iterable<CommittedEntry>): void {
    for (const entry of entries) this.bytes += entry.data.length
  }
}

/** Raft as it is, with fsync, without the key-value layer: `propose` is what a group's `apply` does on its leader. */
export async function startRawLogStore(args: StoreArgs): Promise<BenchStore> {
  const host = await StoreHost.open({
    env: createNodeEnv(),
    clusterId: 'bench',
    storeId: storeName(args.storeIndex),
    dataDir: args.dataDir,
    stores: {},
    listen: '127.0.0.1:0',
    shards: 1,
    nodeOptions: { electionTimeoutMs: 1_000, heartbeatIntervalMs: 100, stepDownWhenVoteTimedout: true },
    types: new Map([['bytes', () => new ByteCounter()]]),
    handlers: {
      onLinkUp() {},
      onLinkDown() {},
      onForwardRequest() {},
      onForwardResponse() {},
      onMissingReplica() {},
      onLeaderChange() {},
      onStall() {},
      onCall: () => Promise.resolve(Buffer.alloc(0)),
      onGroupError: (_groupId, error) => throwOutside(error),
    },
  })
  return new RawLogStore(host, args)
}

class RawLogStore implements BenchStore {
  readonly #host: StoreHost
  readonly #args: StoreArgs
  readonly #groups: GroupReplica[] = []

  constructor(host: StoreHost, args: StoreArgs) {
    this.#host = host
    this.#args = args
  }

  get address(): string {
    return this.#host.listenAddress
  }

  async join(addresses: readonly string[]): Promise<void> {
    addresses.forEach((address, i) => {
      if (i !== this.#args.storeIndex) this.#host.multiplexer.setPeer(storeName(i), address)
    })
    const stores = Array.from({ length: STORE_COUNT }, (_, i) => storeName(i))
    const specs = Array.from({ length: this.#args.groups }, (_, group): GroupSpec => {
      const members = firstMembers(stores, storeName(homeOfGroup(group)))
      return {
        groupId: `bench-${group}`,
        type: 'bytes',
        args: Buffer.alloc(0),
        members,
        nextReplica: STORE_COUNT + 1,
      }
    })
    for (const error of await this.#host.createGroups(specs)) if (error !== null) throw error
    for (const spec of specs) this.#groups.push(this.#host.group(spec.groupId)!)
  }

  leaders(): readonly number[] {
    return this.#groups.flatMap((group, i) => (group.isLeader ? [i] : []))
  }

  propose(group: number, payload: Buffer): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#groups[group]!.propose(payload, 0, new Caller(resolve, reject), 0)
    })
  }

  stats(): BenchStoreStats {
    let fsyncs = 0
    let entries = 0
    for (const shard of this.#host.stats().shards) {
      fsyncs += shard.flushes
      entries += shard.entries
    }
    return { fsyncs, entries }
  }

  async close(): Promise<void> {
    await this.#host.close()
  }
}

class Caller {
  readonly #resolve: (index: number) => void
  readonly #reject: (error: Error) => void

  constructor(resolve: (index: number) => void, reject: (error: Error) => void) {
    this.#resolve = resolve
    this.#reject = reject
  }

  onDone(_position: number, index: number): void {
    this.#resolve(index)
  }

  onRefused(_position: number, error: FlotillaError): void {
    this.#reject(error)
  }
}

function storeName(index: number): string {
  return `s${index + 1}`
}

function throwOutside(error: Error): void {
  setImmediate(() => {
    throw error
  })
}
