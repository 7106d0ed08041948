import { createHash } from 'node:crypto'
import { NodeClock, NodeTimers } from './node-clock.ts'
import { NodeFiles } from './node-files.ts'
import { NodeRandom } from './node-random.ts'
import { RocksEngine } from './rocks.ts'
import type { Disk, Hash } from './ports.ts'

/** What a shard's worker works on in a real store. */
export function createNodeDisk(): Disk {
  return {
    engine: new RocksEngine(),
    files: new NodeFiles(),
    clock: new NodeClock(),
    timers: new NodeTimers(),
    random: new NodeRandom(),
    hash: sha256,
    setImmediate: (callback) => {
      setImmediate(callback)
    },
  }
}

/** The Hash of {@link createNodeDisk}; a simulated disk may use it too, for it is a pure function. */
export function sha256(): Hash {
  const hash = createHash('sha256')
  return {
    update: (bytes) => {
      hash.update(bytes)
    },
    digest: () => hash.digest(),
  }
}
