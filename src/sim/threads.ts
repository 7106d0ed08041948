import type { Disk, ShardThread, ThreadPort, Threads } from '../env/ports.ts'
import { InvariantError } from '../util/assert.ts'
import { cloneMessage } from './clone-message.ts'
import type { SimDisk } from './disk.ts'
import { diskPort } from './disk-port.ts'
import { SimLoop } from './loop.ts'
import type { SimRandom } from './random.ts'
import { hashMessage } from './trace.ts'
import type { Timeline } from './timeline.ts'

/** The shard worker's entry, as `runShard` of the engine. */
export type SimWorker = (port: ThreadPort, disk: Disk, init: unknown) => Promise<void>

/** A worker thread is up after this, and a message takes so long: least and mean addition. */
const START_US = { least: 500, mean: 1_500 }
const MESSAGE_US = { least: 5, mean: 15 }

type Handler = (message: unknown) => void

/** The threads port of one life of a process: workers run in this thread, each on an event loop of its own. */
export class SimThreads implements Threads {
  readonly #timeline: Timeline
  readonly #worker: SimWorker
  readonly #loop: SimLoop
  readonly #disk: SimDisk
  readonly #random: SimRandom
  readonly #running: SimShardThread[] = []
  #count = 0

  constructor(timeline: Timeline, loop: SimLoop, disk: SimDisk, worker: SimWorker) {
    this.#timeline = timeline
    this.#worker = worker
    this.#loop = loop
    this.#disk = disk
    this.#random = timeline.random.fork(`threads/${loop.name}`)
  }

  startShard(init: unknown): ShardThread {
    const loop = new SimLoop(this.#timeline, `${this.#loop.name}/shard${this.#count++}`, this.#loop)
    const thread = new SimShardThread(
      this.#worker,
      this.#loop,
      loop,
      this.#disk,
      this.#random,
      structuredClone(init),
    )
    this.#running.push(thread)
    return thread
  }

  /** For processes: one of the threads dies where it is, as of a bug or of memory. False when none runs. */
  killOne(random: SimRandom): boolean {
    const able = this.#running.filter((thread) => thread.alive)
    if (able.length === 0) return false
    random.pick(able).die()
    return true
  }
}

/** One direction of a thread's channel: in order, each message an event of the receiving thread. */
class Channel {
  readonly #receiver: SimLoop
  readonly #random: SimRandom
  readonly #onThrow: (error: unknown) => void
  #handler: Handler | null = null
  readonly #waiting: unknown[] = []
  #lastUs = 0

  constructor(receiver: SimLoop, random: SimRandom, onThrow: (error: unknown) => void) {
    this.#receiver = receiver
    this.#random = random
    this.#onThrow = onThrow
  }

  post(message: unknown, transfer?: readonly ArrayBuffer[]): void {
    const copy = cloneMessage(message, transfer)
    this.schedule('message', hashMessage(copy), () => this.#deliver(copy))
  }

  /** After everything that was posted before. */
  schedule(kind: 'message' | 'ended', detail: number, run: () => void): void {
    const now = this.#receiver.timeline.nowUs
    const delay = MESSAGE_US.least + this.#random.exponential(MESSAGE_US.mean)
    this.#lastUs = Math.max(this.#lastUs, now + Math.round(delay))
    this.#receiver.schedule(this.#lastUs - now, kind, detail, run)
  }

  /** Messages that came before the first handler wait for it. A later call replaces the handler. */
  setHandler(handler: Handler): void {
    const first = this.#handler === null
    this.#handler = handler
    if (!first) return
    for (let i = 0; i < this.#waiting.length; i++) this.#scheduleWaiting()
  }

  #deliver(message: unknown): void {
    if (this.#handler !== null && this.#waiting.length === 0) {
      this.#call(message)
      return
    }
    this.#waiting.push(message)
    if (this.#handler !== null) this.#scheduleWaiting()
  }

  #scheduleWaiting(): void {
    this.#receiver.schedule(0, 'message', 0, () => this.#call(this.#waiting.shift()))
  }

  #call(message: unknown): void {
    try {
      this.#handler?.(message)
    } catch (error) {
      this.#onThrow(error)
    }
  }
}

class SimShardThread implements ShardThread {
  readonly ended: Promise<Error | null>
  readonly #timeline: Timeline
  readonly #worker: SimWorker
  readonly #owner: SimLoop
  readonly #loop: SimLoop
  readonly #disk: SimDisk
  readonly #toWorker: Channel
  readonly #toOwner: Channel
  #resolveEnded: (reason: Error | null) => void = () => {}
  #over = false

  constructor(
    worker: SimWorker,
    owner: SimLoop,
    loop: SimLoop,
    disk: SimDisk,
    random: SimRandom,
    init: unknown,
  ) {
    this.#timeline = loop.timeline
    this.#worker = worker
    this.#owner = owner
    this.#loop = loop
    this.#disk = disk
    this.ended = new Promise((resolve) => {
      this.#resolveEnded = resolve
    })
    // An uncaught error ends a worker thread; in the main thread it would end the process, that is: the run.
    this.#toWorker = new Channel(loop, random, (error) => this.#finish(toError(error)))
    this.#toOwner = new Channel(owner, random, (error) => {
      throw error
    })
    loop.schedule(START_US.least + random.exponential(START_US.mean), 'thread', 0, () => this.#start(init))
  }

  post(message: unknown, transfer?: readonly ArrayBuffer[]): void {
    if (!this.#over && this.#owner.alive) this.#toWorker.post(message, transfer)
  }

  setHandler(onMessage: Handler): void {
    this.#toOwner.setHandler((message) => {
      if (!this.#over) onMessage(message)
    })
  }

  terminate(): Promise<void> {
    if (!this.#over) {
      this.#over = true
      this.#stop()
      this.#resolveEnded(new Error('The worker thread was terminated.'))
    }
    return new Promise((resolve) => {
      this.#owner.setImmediate(resolve)
    })
  }

  get alive(): boolean {
    return !this.#over && this.#loop.alive
  }

  /** For SimThreads. What it had given to the disk is still done; nobody in it hears of that. */
  die(): void {
    this.#finish(new Error('The worker thread ran out of memory.'))
  }

  #start(init: unknown): void {
    const port: ThreadPort = {
      post: (message, transfer) => {
        if (this.#loop.alive) this.#toOwner.post(message, transfer)
      },
      setHandler: (onMessage) => this.#toWorker.setHandler(onMessage),
    }
    this.#worker(port, diskPort(this.#disk, this.#loop), init).then(
      () => this.#finish(null),
      (error: unknown) => this.#finish(toError(error)),
    )
  }

  /** The task has settled: what it posted before still arrives, then `ended` tells. */
  #finish(reason: Error | null): void {
    if (!this.#loop.alive) return
    if (reason instanceof InvariantError && this.#timeline.failOnInvariant) this.#timeline.fail(reason)
    this.#stop()
    this.#toOwner.schedule('ended', reason === null ? 0 : 1, () => {
      this.#over = true
      this.#resolveEnded(reason)
    })
  }

  #stop(): void {
    this.#loop.kill()
    this.#disk.abandon(this.#loop)
  }
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error))
}
