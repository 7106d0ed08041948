import { createNodeDisk } from '../env/node-disk.ts'
import { workerPort } from '../env/worker-port.ts'
import type { ShardInit } from '../storage/shard-protocol.ts'
import { runShard } from './shard-worker.ts'

/** What the shard's thread runs, once. The port is closed at its end, so that nothing keeps the thread alive. */
export async function runShardTask(task: {
  port: Parameters<typeof workerPort>[0]
  init: unknown
}): Promise<void> {
  const port = workerPort(task.port)
  try {
    await runShard(port, createNodeDisk(), task.init as ShardInit)
  } finally {
    port.close()
  }
}
