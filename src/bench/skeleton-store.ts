import { packBlock, entriesForBlock, KIND_DATA, parseBlock } from '../block/log-block.ts'
import type { LogBlock } from '../block/log-block.ts'
import { assert } from '../util/assert.ts'
import { hash32 } from '../util/hash.ts'
import { homeOfGroup, STORE_COUNT } from './scenario.ts'
import type { BenchStore, BenchStoreStats, StoreArgs } from './scenario.ts'
import { SkeletonLinks } from './skeleton-links.ts'
import { SkeletonShard } from './skeleton-shard.ts'

/** The skeleton has one term for ever: it holds no elections. */
const TERM = 1

/** A block in flight on its leader: its callers, settled together when a majority holds the block. */
interface FlyingBlock {
  readonly lastIndex: number
  readonly resolvers: ReadonlyArray<(index: number) => void>
}

class SkeletonGroup {
  readonly number: number
  readonly tag: number
  /** Index held durably by each store, the leader's own included. */
  readonly matches = new Array<number>(STORE_COUNT).fill(0)
  /** Proposed in this turn. */
  payloads: Buffer[] = []
  resolvers: Array<(index: number) => void> = []
  /** In index order. */
  flying: FlyingBlock[] = []
  lastIndex = 0
  committed = 0

  constructor(number: number) {
    this.number = number
    this.tag = hash32(`bench-${number}`)
  }
}

export async function startSkeletonStore(args: StoreArgs): Promise<BenchStore> {
  const store = new SkeletonStore(args)
  await store.listen()
  return store
}

/**
 * The design without Raft: what a store would do per write if nothing were ever decided. One packed block with its CRC
 * per group and turn, one frame per peer and turn, one synced batch per flush, acks by index, commit at two of three.
 * No heartbeats, elections or terms, no snapshot, no recovery. Only the driver's closed loop bounds its queues.
 */
class SkeletonStore implements BenchStore {
  readonly #self: number
  readonly #groups: SkeletonGroup[] = []
  readonly #links: SkeletonLinks
  readonly #shard: SkeletonShard
  /** Groups proposed to in this turn. */
  #proposed: SkeletonGroup[] = []
  #turnScheduled = false

  constructor(args: StoreArgs) {
    this.#self = args.storeIndex
    for (let g = 0; g < args.groups; g++) this.#groups.push(new SkeletonGroup(g))
    this.#links = new SkeletonLinks(args.storeIndex, {
      onBlock: (group, bytes) => this.#onBlock(group, bytes),
      onAck: (from, group, index) => this.#onMatch(from, group, index),
    })
    this.#shard = new SkeletonShard(args.dataDir, {
      onDurable: (group, index) => this.#onDurable(group, index),
      onFlushed: () => this.#scheduleTurn(),
      onError: throwOutside,
    })
  }

  get address(): string {
    return this.#links.address
  }

  async listen(): Promise<void> {
    await this.#shard.ready
    await this.#links.listen()
  }

  async join(addresses: readonly string[]): Promise<void> {
    await this.#links.connectAll(addresses)
  }

  leaders(): ReadonlyMap<number, number> {
    const numbers = this.#groups.map((group) => group.number)
    return new Map(numbers.filter((group) => homeOfGroup(group) === this.#self).map((group) => [group, TERM]))
  }

  propose(group: number, payload: Buffer): Promise<number> {
    return new Promise((resolve) => {
      const target = this.#groups[group]!
      if (target.payloads.length === 0) {
        this.#proposed.push(target)
        this.#scheduleTurn()
      }
      target.payloads.push(payload)
      target.resolvers.push(resolve)
    })
  }

  stats(): BenchStoreStats {
    return this.#shard.stats
  }

  async close(): Promise<void> {
    this.#links.close()
    await this.#shard.close()
  }

  #scheduleTurn(): void {
    if (this.#turnScheduled) return
    this.#turnScheduled = true
    setImmediate(() => this.#endTurn())
  }

  /** Everything that gathered in this turn of the event loop leaves together. */
  #endTurn(): void {
    this.#turnScheduled = false
    const proposed = this.#proposed
    this.#proposed = []
    for (const group of proposed) this.#packProposals(group)
    this.#links.flush()
    this.#shard.flush()
  }

  #packProposals(group: SkeletonGroup): void {
    const { payloads, resolvers } = group
    group.payloads = []
    group.resolvers = []
    for (let from = 0; from < payloads.length; ) {
      const count = entriesForBlock(payloads, from)
      const place = {
        groupTag: group.tag,
        kind: KIND_DATA,
        term: TERM,
        firstIndex: group.lastIndex + 1,
        prevTerm: group.lastIndex === 0 ? 0 : TERM,
      } as const
      const block = packBlock(place, payloads, from, count)
      group.lastIndex = block.lastIndex
      const whole = from === 0 && count === payloads.length
      group.flying.push({
        lastIndex: block.lastIndex,
        resolvers: whole ? resolvers : resolvers.slice(from, from + count),
      })
      this.#links.sendBlockToAll(group.number, block.bytes)
      this.#shard.append(group.number, block)
      from += count
    }
  }

  /** A follower's part: check, store; the ack leaves after the flush. */
  #onBlock(group: number, bytes: Buffer): void {
    const target = this.#groups[group]!
    const block: LogBlock = parseBlock(bytes)
    assert(block.groupTag === target.tag, 'a block names its group')
    assert(block.firstIndex === target.lastIndex + 1, 'blocks of a group arrive in order')
    target.lastIndex = block.lastIndex
    this.#shard.append(group, block)
    this.#scheduleTurn()
  }

  #onDurable(group: number, index: number): void {
    const home = homeOfGroup(group)
    if (home === this.#self) this.#onMatch(this.#self, group, index)
    else this.#links.sendAck(home, group, index)
  }

  #onMatch(from: number, group: number, index: number): void {
    const target = this.#groups[group]!
    const matches = target.matches
    assert(index > matches[from]! && index <= target.lastIndex, 'a match index only rises, within the log')
    matches[from] = index
    const [a, b, c] = matches as [number, number, number]
    const commit = Math.max(Math.min(a, b), Math.min(b, c), Math.min(a, c))
    if (commit > target.committed) settle(target, commit)
  }
}

/** A store without its disk is no store: the error ends the process, and with it the run. */
function throwOutside(error: Error): void {
  setImmediate(() => {
    throw error
  })
}

function settle(group: SkeletonGroup, commit: number): void {
  group.committed = commit
  let settled = 0
  for (const block of group.flying) {
    if (block.lastIndex > commit) break
    let index = block.lastIndex - block.resolvers.length
    for (const resolve of block.resolvers) resolve(++index)
    settled++
  }
  // A handful of blocks fly at a time: one per turn until the disks have answered.
  group.flying.splice(0, settled)
}
