import type { Store } from '../api/store.ts'
import type { AppliedEntry, StateMachine } from '../api/state-machine.ts'
import type { Group } from '../client/group.ts'
import { EngineStore, openStore, STORE_IDS } from './engine-store.ts'
import { homeOfGroup } from './scenario.ts'
import type { BenchStore, StoreArgs } from './scenario.ts'

const TYPE = 'bytes'

/** A state machine that counts bytes: what is left is the replicated log itself. */
class ByteCounter implements StateMachine {
  bytes = 0

  onApply(entries: Iterable<AppliedEntry>): void {
    for (const entry of entries) this.bytes += entry.data.length
  }
}

/** Raft with fsync, without the key-value layer: a write is `group.apply`, as users call it. */
export async function startRawLogStore(args: StoreArgs): Promise<BenchStore> {
  const store = await openStore(args, { kv: false, stateMachines: { [TYPE]: () => new ByteCounter() } })
  return new RawLogStore(store, args)
}

class RawLogStore extends EngineStore {
  readonly #groups: readonly Group[]
  readonly #home: readonly string[]

  constructor(store: Store, args: StoreArgs) {
    const groupIds = Array.from({ length: args.groups }, (_, group) => `bench-${group}`)
    super(store, args, groupIds)
    this.#groups = groupIds.map((groupId) => store.group(groupId))
    this.#home = groupIds.filter((_, group) => homeOfGroup(group) === args.storeIndex)
  }

  /** Each store makes the groups that it should lead. */
  override async join(addresses: readonly string[]): Promise<void> {
    await super.join(addresses)
    const preferredLeader = this.store.storeId
    await this.store.createGroups(
      this.#home.map((groupId) => ({ groupId, type: TYPE, members: STORE_IDS, preferredLeader })),
    )
  }

  propose(group: number, payload: Buffer): Promise<unknown> {
    return this.#groups[group]!.apply(payload)
  }
}
