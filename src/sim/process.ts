import type { Env } from '../env/ports.ts'
import { assert } from '../util/assert.ts'
import type { QueueLimits } from '../util/queue-limits.ts'
import { SimDisk } from './disk.ts'
import type { CrashMode, DiskImage, DiskTimings } from './disk.ts'
import { diskPort } from './disk-port.ts'
import { SimLogger } from './logger.ts'
import type { LogRecord } from './logger.ts'
import { SimLoop } from './loop.ts'
import type { SimNetwork } from './network.ts'
import type { SimRandom } from './random.ts'
import { SimThreads } from './threads.ts'
import type { SimWorker } from './threads.ts'
import type { Timeline } from './timeline.ts'

export interface SimProcessOptions {
  /** Where the process keeps its data, default `/sim/<name>`. Disks are not shared, so the path is only a name. */
  readonly dir?: string
  /** The program: called in an event of its own at the first start and after each restart. What it throws fails the run. */
  readonly main?: (process: SimProcess) => void | Promise<void>
  /** Gets the host of each store that the process opens, before it starts. */
  readonly inspect?: (process: SimProcess, host: object) => void
  readonly onLog?: (record: LogRecord) => void
  /** A life was just killed; the disk shows what it left. */
  readonly onCrashed?: (process: SimProcess, crash: CrashScene) => void
  /** A life is over. */
  readonly onEnded?: (process: SimProcess, life: string) => void
  /** How fast the monotonic clock runs against simulated time. Default 1. */
  readonly clockRate?: number
  /** Probability that a timer fires late, and by how much at most, while the world lets it. Default 0. */
  readonly lateTimers?: { readonly rate: number; readonly maxMs: number }
  /** Default: what real stores have. */
  readonly limits?: QueueLimits
}

/** What a process had under way when it died. */
export interface CrashScene {
  readonly mode: CrashMode
  /** In its sockets, not yet taken by the system. */
  readonly unsentBytes: number
  readonly writesInFlight: number
}

/** What a process finds in its world. */
export interface Surroundings {
  readonly timeline: Timeline
  readonly network: SimNetwork
  readonly diskTimings: DiskTimings
  readonly worker: SimWorker
}

/** The process that a thread is of: lives are named `process#starts`, their workers `process#starts/shardN`. */
export function processNameOf({ name }: { readonly name: string }): string {
  return name.slice(0, name.indexOf('#'))
}

/** A simulated process on a machine of its own. It is started by `world.process`. */
export class SimProcess {
  readonly name: string
  readonly dir: string
  readonly disk: SimDisk
  /** Log records of all lives, oldest first. */
  readonly logs: LogRecord[] = []
  readonly #world: Surroundings
  readonly #options: SimProcessOptions
  readonly #random: SimRandom
  #env: Env
  #threads!: SimThreads
  /** The main thread of the present life. */
  #loop!: SimLoop
  #starts = 0
  #alive = false
  #pauseNumber = 0

  constructor(world: Surroundings, name: string, options: SimProcessOptions) {
    this.#world = world
    this.name = name
    this.dir = options.dir ?? `/sim/${name}`
    this.disk = new SimDisk(world.timeline, world.diskTimings, name)
    this.#options = options
    this.#random = world.timeline.random.fork(`process/${name}`)
    this.#env = this.#start()
  }

  /** The ports of the present life. Code that holds an older one belongs to a dead process. */
  get env(): Env {
    return this.#env
  }

  /** Name of the present life, as in the event log: `name#starts`. */
  get life(): string {
    return this.#loop.name
  }

  get alive(): boolean {
    return this.#alive
  }

  get paused(): boolean {
    return this.#loop.paused
  }

  /** How often it was started, 1 for the first life. */
  get starts(): number {
    return this.#starts
  }

  /**
   * Dies at once, wherever it is: no timer fires, no promise settles, threads are gone. The default mode is drawn from
   * the seed: half the time only the process dies, else the power goes and with it some or all un-synced writes. Peers
   * are reset after a delay; after a power cut they hear nothing until they send to the restarted process.
   */
  kill(mode: CrashMode = this.#drawCrash()): void {
    if (!this.#alive) return
    this.#world.timeline.note(`kill ${this.name} (${mode})`)
    const scene = {
      mode,
      unsentBytes: this.#world.network.unsentBytes(this.name),
      writesInFlight: this.disk.jobsInFlight,
    }
    this.#alive = false
    this.#pauseNumber++
    this.#loop.kill()
    this.#world.network.kill(this.name, mode !== 'process')
    this.disk.crash(mode)
    this.#options.onCrashed?.(this, scene)
    this.#options.onEnded?.(this, this.life)
  }

  /** Runs what a client asks of it: within the world's own event that makes the call if it can, else in one of its own. */
  receive(call: () => void): void {
    if (this.#world.timeline.takeStep(this.#loop)) call()
    else this.#env.timers.setImmediate(call)
  }

  /** One of its threads dies. False when none runs. */
  killThread(random: SimRandom): boolean {
    return this.#alive && this.#threads.killOne(random)
  }

  /** A new life on the same disk; kills the present one first, as `kill` does. Calls `main` again. */
  restart(mode?: CrashMode): Env {
    this.kill(mode)
    this.#world.timeline.note(`start ${this.name}`)
    this.#env = this.#start()
    return this.#env
  }

  /** Nothing of it runs for `ms`, while clocks and the system go on: sockets take bytes, the disk ends its writes. */
  pause(ms: number): void {
    assert(this.#alive, 'a paused process is alive')
    this.#world.timeline.note(`pause ${this.name} for ${Math.round(ms)} ms`)
    this.#loop.paused = true
    const number = ++this.#pauseNumber
    this.#world.timeline.schedule(
      ms * 1000,
      null,
      'resume',
      0,
      () => {
        if (number === this.#pauseNumber) this.resume()
      },
      this.name,
    )
  }

  /** Ends a pause. As in Node, the timers that came due run first, then what the sockets and threads brought. */
  resume(): void {
    const loop = this.#loop
    if (!loop.paused || !loop.alive) return
    this.#pauseNumber++
    loop.paused = false
    const deferred = loop.deferred.splice(0)
    for (const event of deferred) if (event.kind === 'timer') this.#world.timeline.reschedule(event)
    for (const event of deferred) if (event.kind !== 'timer') this.#world.timeline.reschedule(event)
  }

  /** Empties the disk of a dead process. */
  wipe(): void {
    assert(!this.#alive, 'only a dead process is wiped')
    this.#world.timeline.note(`wipe ${this.name}`)
    this.disk.wipe()
  }

  /** Puts another content on the disk of a dead process: an older one of its own, or a copy of another's. */
  restore(image: DiskImage): void {
    assert(!this.#alive, 'only a dead process gets another disk')
    this.#world.timeline.note(`restore ${this.name}`)
    this.disk.restore(image)
  }

  /** The wall clock jumps by `ms`; the monotonic clock does not. */
  jumpWallClock(ms: number): void {
    this.#world.timeline.note(`the wall clock of ${this.name} jumps by ${Math.round(ms)} ms`)
    this.#loop.wallOffsetMs += ms
  }

  #drawCrash(): CrashMode {
    return this.#random.pick(['process', 'process', 'power', 'lose-unsynced'] as const)
  }

  #start(): Env {
    const { name } = this
    const { timeline, network, worker } = this.#world
    this.#starts++
    this.#alive = true
    const life = `${name}#${this.#starts}`
    const loop = new SimLoop(timeline, life, null, this.#options)
    this.#loop = loop
    network.start(name)
    const { inspect, limits, main } = this.#options
    this.#threads = new SimThreads(timeline, loop, this.disk, worker)
    const env: Env = {
      ...(inspect && { inspect: (host: object) => inspect(this, host) }),
      ...(limits && { limits }),
      clock: loop.clock,
      timers: loop.timers,
      random: timeline.random.fork(`env/${life}`),
      files: diskPort(this.disk, loop).files,
      sockets: network.sockets(loop, name),
      threads: this.#threads,
      logger: new SimLogger(this.logs, () => timeline.nowMs, { process: life }, this.#options.onLog),
    }
    if (main) loop.schedule(0, 'start', this.#starts, () => this.#runMain(loop))
    return env
  }

  #runMain(loop: SimLoop): void {
    const running = this.#options.main?.(this)
    running?.catch((error: unknown) => {
      if (loop.alive) this.#world.timeline.fail(error)
    })
  }
}
