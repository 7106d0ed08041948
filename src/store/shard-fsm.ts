import type { Member } from '../raft/configuration.ts'
import type { Fsm } from '../raft/ports.ts'
import type { LogShard } from '../storage/log-shard.ts'

/**
 * The state machine of a key-value region lies in the shard's worker, which has the blocks already: it is told how far it
 * may apply and says how far it came (LogShard's onApplied).
 */
export class ShardFsm implements Fsm {
  readonly needsBlocks = false
  readonly #shard: LogShard
  readonly #slot: number

  constructor(shard: LogShard, slot: number) {
    this.#shard = shard
    this.#slot = slot
  }

  apply(_from: number, to: number): void {
    this.#shard.apply(this.#slot, to)
  }

  onLeaderStart(): void {}
  onLeaderStop(): void {}
  onStartFollowing(_leader: Member): void {}
  onStopFollowing(): void {}
  onConfigurationCommitted(): void {}
  onError(): void {}
}
