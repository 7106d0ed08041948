import { NodeClock, NodeTimers } from './node-clock.ts'
import { NodeRandom } from './node-random.ts'
import { NodeSockets } from './node-sockets.ts'
import type { ClientEnv, Logger } from './ports.ts'
import { adaptLogger } from './user-logger.ts'

/** The real surroundings of a client: no disk, no threads, and nothing that would load the engine. */
export function createNodeClientEnv(logger: Logger | undefined): ClientEnv {
  return {
    clock: new NodeClock(),
    timers: new NodeTimers(),
    random: new NodeRandom(),
    sockets: new NodeSockets(),
    logger: adaptLogger(logger),
  }
}
