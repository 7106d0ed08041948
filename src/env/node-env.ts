import { NodeClock, NodeTimers } from './node-clock.ts'
import { NodeFiles } from './node-files.ts'
import { NodeRandom } from './node-random.ts'
import { NodeSockets } from './node-sockets.ts'
import { loadRocksDb } from './rocks.ts'
import { ShardThreads } from './shard-threads.ts'
import { adaptLogger } from './user-logger.ts'
import type { Env, Logger } from './ports.ts'

export interface NodeEnvOptions {
  /** Pino or anything of its shape. Default: silent. */
  readonly logger?: Logger | undefined
}

/**
 * The real surroundings of a store or client. It loads neither the engine nor the thread pool: the first
 * start of a shard does, on the main thread and before its worker. `threads.startShard` throws
 * UNSUPPORTED_PLATFORM.
 */
export function createNodeEnv(options: NodeEnvOptions = {}): Env {
  return {
    clock: new NodeClock(),
    timers: new NodeTimers(),
    random: new NodeRandom(),
    files: new NodeFiles(),
    sockets: new NodeSockets(),
    threads: new ShardThreads({ prepare: loadRocksDb }),
    logger: adaptLogger(options.logger),
  }
}
