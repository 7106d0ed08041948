import type { ShardInit } from '../storage/shard-protocol.ts'
import { runShard } from '../worker/shard-worker.ts'
import type { DiskTimings } from './disk.ts'
import type { NetworkOptions } from './link.ts'
import { SimNetwork } from './network.ts'
import { SimProcess } from './process.ts'
import type { SimProcessOptions } from './process.ts'
import type { SimWorker } from './threads.ts'
import { Timeline } from './timeline.ts'
import type { TimelineOptions } from './timeline.ts'

export interface SimWorldOptions extends TimelineOptions {
  /** What runs in shard threads. Default: the engine's own shard worker. */
  readonly worker?: SimWorker
  readonly network?: Partial<NetworkOptions>
  /** Default: write 0.02, sync 0.3, read 0.02, open 2. */
  readonly disk?: Partial<DiskTimings>
}

const DEFAULT_DISK: DiskTimings = { writeMs: 0.02, syncMs: 0.3, readMs: 0.02, openMs: 2 }

const engineWorker: SimWorker = (port, disk, init) => runShard(port, disk, init as ShardInit)

/** A world of processes, network and disks on one timeline. */
export class SimWorld extends Timeline {
  readonly network: SimNetwork
  readonly #diskTimings: DiskTimings
  readonly #worker: SimWorker
  readonly #processes = new Map<string, SimProcess>()

  constructor(options: SimWorldOptions) {
    super(options)
    this.network = new SimNetwork(this, options.network ?? {})
    this.#diskTimings = { ...DEFAULT_DISK, ...options.disk }
    this.#worker = options.worker ?? engineWorker
  }

  get processes(): SimProcess[] {
    return [...this.#processes.values()]
  }

  /** The process of this name; made, and started, at the first call. Later calls ignore the options. */
  process(name: string, options: SimProcessOptions = {}): SimProcess {
    const known = this.#processes.get(name)
    if (known) return known
    const surroundings = {
      timeline: this,
      network: this.network,
      diskTimings: this.#diskTimings,
      worker: this.#worker,
    }
    const made = new SimProcess(surroundings, name, options)
    this.#processes.set(name, made)
    return made
  }
}
