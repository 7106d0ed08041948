import type { LogShard, TruncationPlan } from '../storage/log-shard.ts'
import type { HashedWheelTimer } from '../timer/hashed-wheel-timer.ts'
import { RepeatedTimer } from '../timer/repeated-timer.ts'
import { TRUNCATE_AFTER_BYTES, TRUNCATION_LOOK_MS } from '../util/limits.ts'
import type { GroupReplica } from './group-replica.ts'

/** One shard's logs: they lie in one RocksDB, so they are truncated together. */
interface ShardLogs {
  readonly shard: LogShard
  /** `shard.stats.bytes` when the last pass began. What a start finds counts as grown. */
  passedBytes: number
  running: boolean
  /** The last pass left something that it may have taken. */
  more: boolean
}

/**
 * Keeps the logs of a store short. Whenever a shard's logs have grown by a write buffer (a quarter of the budget, if that
 * is less), a pass asks the worker which blocks may go: those that the durable state covers and that every member of
 * their group holds; when the logs are still over the budget, also those that some follower lacks. Each group is asked
 * again when the answer is there, for much may have happened meanwhile. Groups without durable state keep their logs.
 */
export class LogTruncation {
  readonly #groups: ReadonlyMap<string, GroupReplica>
  readonly #shards: readonly ShardLogs[]
  readonly #budgetBytes: number
  readonly #afterBytes: number
  readonly #timer: RepeatedTimer

  /** `maxLogBytes` is for all shards of the store together. */
  constructor(
    shards: readonly LogShard[],
    wheel: HashedWheelTimer,
    maxLogBytes: number,
    groups: ReadonlyMap<string, GroupReplica>,
  ) {
    this.#groups = groups
    this.#budgetBytes = Math.floor(maxLogBytes / shards.length)
    this.#afterBytes = Math.min(TRUNCATE_AFTER_BYTES, this.#budgetBytes / 4)
    this.#shards = shards.map((shard) => {
      return { shard, passedBytes: -shard.stats.retainedBytes, running: false, more: false }
    })
    const periodMs = (): number => TRUNCATION_LOOK_MS
    this.#timer = new RepeatedTimer(wheel, { periodMs, onTrigger: () => this.#look() })
  }

  start(): void {
    this.#timer.start()
  }

  #look(): void {
    for (const logs of this.#shards) {
      const { shard, passedBytes, running, more } = logs
      if (running || shard.failed !== null) continue
      if (more || shard.stats.bytes - passedBytes >= this.#afterBytes) this.#begin(logs)
    }
  }

  #begin(logs: ShardLogs): void {
    const { shard } = logs
    const groups = new Map<number, GroupReplica>()
    const soft: number[] = []
    for (const group of this.#groups.values()) {
      if (group.shard !== shard || !mayTruncate(group)) continue
      groups.set(group.slot, group)
      soft.push(group.slot, group.node!.heldByAll)
    }
    const beganAtBytes = shard.stats.bytes
    logs.running = true
    shard.planTruncation(Float64Array.from(soft), this.#budgetBytes, (error, plan) => {
      logs.running = false
      // Busy: the next look tries again. Any other error is the end of the shard.
      if (error !== null || plan === null) return
      logs.passedBytes = beganAtBytes
      logs.more = plan.more
      if (this.#carryOut(plan, groups) > 0 && plan.more) this.#begin(logs)
    })
  }

  /** How many logs became shorter. */
  #carryOut({ pairs }: TruncationPlan, groups: ReadonlyMap<number, GroupReplica>): number {
    let truncated = 0
    for (let i = 0; i < pairs.length; i += 2) {
      const group = groups.get(pairs[i]!)
      if (group === undefined || this.#groups.get(group.groupId) !== group || !mayTruncate(group)) continue
      const node = group.node!
      node.guard(() => {
        if (node.truncatePrefix(pairs[i + 1]!)) truncated++
      })
    }
    return truncated
  }
}

/** Its state is in the data RocksDB, and the replica works. */
function mayTruncate({ kv, node }: GroupReplica): boolean {
  return kv !== null && node?.isActive === true && !node.waitsForSnapshot
}
