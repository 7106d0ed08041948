import type { Timers } from '../env/ports.ts'
import type { LogShard } from '../storage/log-shard.ts'
import { FlotillaError } from '../util/errors.ts'

/** Resolves when `work` does, or after `ms`. `work` does not reject. */
export async function atMost(timers: Timers, work: Promise<unknown>, ms: number): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = timers.setTimeout(resolve, ms)
    void work.then(() => {
      timers.clearTimeout(timer)
      resolve()
    })
  })
}

/** Closes them in `ms`, or gives them up. A disk that does not answer keeps nobody waiting for ever: what is not flushed by then was promised to nobody. */
export async function closeShards(timers: Timers, shards: readonly LogShard[], ms: number): Promise<void> {
  const open = new Set(shards)
  const closing = Promise.allSettled(
    shards.map(async (shard) => {
      await shard.close()
      open.delete(shard)
    }),
  )
  await atMost(timers, closing, ms)
  for (const shard of open) {
    shard.abandon(new FlotillaError('STORAGE_FAILED', 'the disk took nothing more while the store closed'))
  }
  await closing
}
