import type { Env } from '../env/ports.ts'
import { LogShard } from '../storage/log-shard.ts'
import type { FlotillaError } from '../util/errors.ts'
import type { Identity } from './identity.ts'
import type { Turn } from './turn.ts'

/** Whom the shards tell. */
export interface ShardOwner {
  readonly turn: Turn
  onApplied(slot: number, index: number): void
  onApplyFailed(slot: number, index: number, message: string): void
  fail(error: FlotillaError): void
}

/**
 * Opens every shard, or none. The first comes alone: its lock stands for the whole directory, else two processes at once
 * could have some shards each, and both would give up. What they report before the host exists is kept by `late` being
 * filled in time.
 */
export async function openShards(
  env: Pick<Env, 'threads' | 'logger' | 'limits'>,
  dataDir: string,
  identity: Identity,
  late: { readonly host: ShardOwner | null },
): Promise<LogShard[]> {
  const open = (shardIndex: number): Promise<LogShard> =>
    LogShard.open({
      threads: env.threads,
      dir: `${dataDir}/shard-${String(shardIndex).padStart(2, '0')}`,
      shardIndex,
      shardCount: identity.shards,
      // The boot number is raised once the shards were open: from then on a shard that is not there is lost.
      mustExist: identity.boot > 0,
      logger: env.logger,
      maxQueueBytes: env.limits?.shardQueueBytes,
      onApplied: (slot, index) => late.host?.onApplied(slot, index),
      onApplyFailed: (slot, index, message) => late.host?.onApplyFailed(slot, index, message),
      onFailed: (error) => late.host?.fail(error),
      scheduleFlush: () => late.host?.turn.schedule(),
      enterTurn: () => late.host?.turn.nowMs(),
    })
  const first = await open(0)
  const others = Array.from({ length: identity.shards - 1 }, (_, i) => open(i + 1))
  const settled = await Promise.allSettled(others)
  const opened = [first, ...settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))]
  const failed = settled.find((one) => one.status === 'rejected')
  if (failed === undefined) return opened
  await Promise.allSettled(opened.map((shard) => shard.close()))
  throw failed.reason
}
