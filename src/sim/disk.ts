import { MemoryDisk, type MemoryOperation } from '../env/memory-disk.ts'
import { MemoryEngine } from '../env/memory-engine.ts'
import { MemoryPages } from '../env/memory-pages.ts'
import { assert } from '../util/assert.ts'
import type { EventKind } from './event-queue.ts'
import type { CrashMode } from './crash-mode.ts'
import { DatabaseFiles, openLogs } from './database-files.ts'
import type { SimLoop } from './loop.ts'
import type { EngineDb, EngineOptions } from '../env/ports.ts'
import { FlotillaError } from '../util/errors.ts'
import type { SimRandom } from './random.ts'
import type { Timeline } from './timeline.ts'

export type { CrashMode } from './crash-mode.ts'

/** A write that the disk has been given and has not finished. */
export interface DiskJob {
  readonly path: string
  readonly kind: EventKind
  readonly detail: number
  /** Whoever asked for it waits for the device itself, and not just for the system's memory. */
  readonly sync: boolean
  /** The disk does it: at its completion, or at a crash that it has just survived. */
  readonly perform: (crashing: boolean) => void
  /** The same done to another disk that is like this one was: a crash may catch it after or before others. */
  readonly redo: (disk: SimDisk) => void
  over: boolean
}

/** Times of a simulated disk in milliseconds, each the mean; half of it is the least. */
export interface DiskTimings {
  readonly writeMs: number
  readonly syncMs: number
  readonly readMs: number
  readonly openMs: number
}

/** A database that a thread has open. */
export interface OpenDatabase {
  readonly loop: SimLoop
  /** The thread that had it open is gone. */
  abandon(): void
}

/** What a broken disk refuses: all writes, those that are synced, or all reads. */
export const DISK_BREAKS = ['full', 'syncs', 'reads'] as const
export type DiskBreak = (typeof DISK_BREAKS)[number]

export type DiskOperation = 'write' | 'sync' | 'read' | 'open'

/** What a checker hears of a disk. */
export interface DiskWatch {
  /** A database write was reported as done; with `sync` it, and all before it in the same database, is durable. */
  onWritten(path: string, operations: readonly MemoryOperation[], sync: boolean): void
  /** A database is about to be opened. */
  onOpened(path: string): void
  /** A database write was reported as failed. */
  onRefused(): void
  /** The content of the disk is another one: after a crash, a wipe, a restore. */
  onReplaced(): void
}

/** Hears of everything that may reach a disk, for whoever wants to know what a crash at any moment leaves. */
export interface DiskRecorder {
  /** It may reach the disk from now on. */
  onBegun(job: DiskJob): void
  /** The content is about to change; by `job`, if it is one that had begun. */
  beforeChange(what: string, job: DiskJob | null): void
}

/** Twice nothing: what a crash leaves of a state that is written often is worth the most runs. */
const GATHER_BYTES = [0, 0, 500, 20_000_000] as const

/** All that a crash needs to know of a disk at one moment: un-synced writes, and which databases are open. */
export interface DiskCheckpoint {
  readonly pages: MemoryPages
  readonly directories: ReadonlySet<string>
  readonly memory: MemoryDisk
  readonly open: readonly string[]
}

/** What lay on a disk at one moment. */
export interface DiskImage {
  readonly files: ReadonlyMap<string, Buffer>
  readonly directories: ReadonlySet<string>
  readonly memory: MemoryDisk
}

/** The disk of one process: it outlives the process's lives, keeps what was synced, and fails on demand. */
export class SimDisk {
  readonly timeline: Timeline
  readonly random: SimRandom
  /** Durable files by path. */
  readonly files = new Map<string, Buffer>()
  /** The same files, and what was written to them in place. */
  readonly pages = new MemoryPages(this.files)
  readonly databaseFiles: DatabaseFiles
  readonly directories = new Set<string>()
  readonly databases = new Set<OpenDatabase>()
  /** Stores differ in how long they keep applied rows in memory: from not at all to as long as they may. */
  readonly gatherBytes: number
  memory = new MemoryDisk()
  engine = new MemoryEngine(this.memory)
  watch: DiskWatch | null = null
  recorder: DiskRecorder | null = null
  readonly #timings: DiskTimings
  /** Of its own, so that files add nothing to what crashes draw for the databases. */
  readonly #sectors: SimRandom
  #slowMs = 0
  #stalled: 'no' | 'syncs' | 'all' = 'no'
  #stalledBelow = ''
  #syncsToFail = 0
  #writesToFail = 0
  #broken: DiskBreak | null = null
  readonly #jobs = new Set<DiskJob>()
  /** Jobs that came to their end while the disk was stalled. */
  #waiting: DiskJob[] = []

  constructor(timeline: Timeline, timings: DiskTimings, name: string) {
    this.timeline = timeline
    this.#timings = timings
    this.random = timeline.random.fork(`disk/${name}`)
    this.#sectors = timeline.random.fork(`disk/${name}/sectors`)
    this.databaseFiles = new DatabaseFiles(this.pages, timeline.random.fork(`disk/${name}/logs`))
    this.gatherBytes = timeline.random.fork(`disk/${name}/gathering`).pick(GATHER_BYTES)
  }

  /** The next `count` synced writes are refused with STORAGE_FAILED; whether a later start finds them is open. */
  failNextSync(count = 1): void {
    this.#syncsToFail = count
  }

  /** As `failNextSync`, for database writes and files of any kind. */
  failNextWrite(count = 1): void {
    this.#writesToFail = count
  }

  /** Refuses one thing or another until `mend`, whoever dies and starts again meanwhile. */
  break(what: DiskBreak): void {
    this.#broken = what
  }

  mend(): void {
    this.#broken = null
  }

  get isBroken(): boolean {
    return this.#broken !== null
  }

  /** For engine and files: throws STORAGE_FAILED while reads fail. */
  checkReadable(path: string): void {
    if (this.#broken !== 'reads') return
    throw new FlotillaError('STORAGE_FAILED', `Could not read ${path}: the disk failed (injected fault).`)
  }

  /** Background flushes fail, as the real engine shows it: a property rises, and writes never come back. */
  failFlushes(): void {
    this.memory.setProperty('rocksdb.background-errors', '1')
    this.memory.setProperty('rocksdb.is-write-stopped', '1')
    this.stall()
  }

  /**
   * No write ends until `unstall`, or none that is synced: the system's memory may take others yet. Reads go on, and so do
   * writes elsewhere than below the path `below`.
   */
  stall(what: 'syncs' | 'all' = 'all', below = ''): void {
    this.#stalled = what
    this.#stalledBelow = below
  }

  unstall(): void {
    this.#stalled = 'no'
    const waiting = this.#waiting
    this.#waiting = []
    for (const job of waiting) {
      this.timeline.schedule(
        this.latencyUs('write'),
        null,
        job.kind,
        job.detail,
        () => this.#end(job),
        job.path,
      )
    }
  }

  /** Adds `ms` to every operation that begins from now on; 0 ends it. */
  slow(ms: number): void {
    this.#slowMs = ms
  }

  /** Writes given to the disk and not finished. */
  get jobsInFlight(): number {
    return this.#jobs.size
  }

  /** For processes: the process, or the machine under it, has died. Its handles are dead too; faults of the disk end. */
  crash(mode: CrashMode): void {
    const open = openLogs(this.memory)
    this.#surviveInFlight(mode)
    this.#syncsToFail = 0
    this.#writesToFail = 0
    this.#waiting = []
    this.#stalled = 'no'
    this.#slowMs = 0
    this.memory.failNextWrites(0)
    this.memory.setProperty('rocksdb.background-errors', '0')
    this.memory.setProperty('rocksdb.is-write-stopped', '0')
    if (mode !== 'process') this.pages.crash(() => mode !== 'lose-unsynced' && this.#sectors.chance(0.5))
    for (const [path, reported] of open)
      this.databaseFiles.crash(path, this.memory.directory(path), mode, reported)
    this.memory.crash(() => true)
    this.#readLogs()
    this.databases.clear()
    this.watch?.onReplaced()
  }

  /** For engines. Rejects as the port says. */
  openDatabase(path: string, options: EngineOptions): Promise<EngineDb> {
    const directory = this.memory.directory(path)
    if (!directory.locked) {
      this.changing(`open ${path}`)
      this.databaseFiles.open(path, directory)
      this.watch?.onOpened(path)
    }
    return this.engine.open(path, options)
  }

  /** For engines: nobody has the database open any more. */
  databaseClosed(path: string): void {
    this.changing(`close ${path}`)
    this.databaseFiles.close(path, this.memory.directory(path))
  }

  /** For damage: the files of a disk that no process uses were changed by other hands. */
  contentChanged(): void {
    this.#readLogs()
    this.watch?.onReplaced()
  }

  /** What the files of databases that nobody has open say is what their next open will find. */
  #readLogs(): void {
    try {
      for (const path of this.memory.paths()) this.databaseFiles.read(path, this.memory.directory(path))
    } catch (error) {
      // Whoever let the process die may be waited for by nobody.
      this.timeline.fail(error)
    }
  }

  /** For processes: an empty disk in place of this one. Only a dead process's disk is wiped. */
  wipe(): void {
    assert(this.#jobs.size === 0, 'a disk is wiped while nobody uses it')
    this.memory = new MemoryDisk()
    this.engine = new MemoryEngine(this.memory)
    this.pages.clear()
    this.directories.clear()
    this.watch?.onReplaced()
  }

  /** For files: whatever is at or below `from`, databases too. */
  rename(from: string, to: string): void {
    this.changing(`rename ${from}`)
    this.pages.rename(from, to)
    this.memory.rename(from, to)
    for (const path of this.#directoriesBelow(from)) {
      this.directories.delete(path)
      this.directories.add(to + path.slice(from.length))
    }
  }

  /** For files: as `rename`. */
  remove(path: string): void {
    this.changing(`remove ${path}`)
    this.pages.remove(path)
    this.memory.remove(path)
    for (const at of this.#directoriesBelow(path)) this.directories.delete(at)
  }

  #directoriesBelow(path: string): string[] {
    return [...this.directories].filter((at) => at === path || at.startsWith(`${path}/`))
  }

  /** For engine and files: the content changes now, otherwise than by a job. */
  changing(what: string): void {
    this.recorder?.beforeChange(what, null)
  }

  checkpoint(): DiskCheckpoint {
    return {
      pages: this.pages.copy(),
      directories: new Set(this.directories),
      memory: this.memory.copy(),
      open: [...openLogs(this.memory).keys()],
    }
  }

  /** As if the process that had this disk were about to die: `crash` comes next. A checkpoint serves many times. */
  resume(checkpoint: DiskCheckpoint): void {
    this.wipe()
    this.memory = checkpoint.memory.copy()
    this.engine = new MemoryEngine(this.memory)
    this.pages.become(checkpoint.pages)
    for (const path of checkpoint.directories) this.directories.add(path)
    for (const path of checkpoint.open) this.memory.directory(path).locked = true
  }

  /** A copy of all that was written, as of a directory that somebody backs up or clones. */
  image(): DiskImage {
    const files = new Map<string, Buffer>()
    for (const path of this.files.keys()) files.set(path, this.pages.content(path)!)
    return { files, directories: new Set(this.directories), memory: this.memory.copy() }
  }

  /** For processes: what lay on the disk when the image was taken, in place of what lies there. An image serves many times. */
  restore(image: DiskImage): void {
    this.wipe()
    this.memory = image.memory.copy()
    this.engine = new MemoryEngine(this.memory)
    for (const [path, bytes] of image.files) this.files.set(path, bytes)
    for (const path of image.directories) this.directories.add(path)
    for (const path of this.memory.paths())
      if (this.databaseFiles.logFiles(path).length === 0) this.databaseClosed(path)
    this.watch?.onReplaced()
  }

  /** For processes: the database that the image has at `from` lies at `path`, in place of what lay there. */
  putBack(path: string, image: DiskImage, from: string): void {
    this.remove(path)
    const memory = image.memory.copy()
    memory.rename(from, path)
    this.memory.place(path, memory.directory(path))
    this.directories.add(path)
    for (const [at, bytes] of image.files)
      if (at.startsWith(`${from}/`)) this.pages.replace(path + at.slice(from.length), bytes)
    if (this.databaseFiles.logFiles(path).length === 0) this.databaseClosed(path)
    this.contentChanged()
  }

  /** For threads: `loop` is gone; what it had open is closed once its last write is on the disk. */
  abandon(loop: SimLoop): void {
    for (const database of [...this.databases]) if (database.loop === loop) database.abandon()
  }

  /** For engine and files: the job ends after `delayUs`, in the disk's own time: a pause of the process changes nothing. */
  begin(job: DiskJob, delayUs: number): void {
    this.#jobs.add(job)
    this.recorder?.onBegun(job)
    this.timeline.schedule(delayUs, null, job.kind, job.detail, () => this.#end(job), job.path)
  }

  /** For engine and files. */
  latencyUs(operation: DiskOperation): number {
    const { writeMs, syncMs, readMs, openMs } = this.#timings
    const mean = { write: writeMs, sync: syncMs, read: readMs, open: openMs }[operation]
    return (this.#slowMs + mean / 2 + this.random.exponential(mean / 2)) * 1000
  }

  /** For engine and files: true when this write is one that shall fail. */
  takeFault(sync: boolean): boolean {
    if (this.#broken === 'full' || (sync && this.#broken === 'syncs')) return true
    if (sync && this.#syncsToFail > 0) {
      this.#syncsToFail--
      return true
    }
    if (this.#writesToFail === 0) return false
    this.#writesToFail--
    return true
  }

  #end(job: DiskJob): void {
    if (job.over) return
    if (this.#isStalled(job)) {
      this.#waiting.push(job)
      return
    }
    job.over = true
    this.#jobs.delete(job)
    this.recorder?.beforeChange(`${job.kind} ${job.path}`, job)
    job.perform(false)
  }

  #isStalled({ path, sync }: DiskJob): boolean {
    return this.#stalled !== 'no' && (this.#stalled === 'all' || sync) && path.startsWith(this.#stalledBelow)
  }

  /** Of the writes in flight some have reached the disk, in whatever order; which, nobody knows before. */
  #surviveInFlight(mode: CrashMode): void {
    const jobs = this.random.shuffle([...this.#jobs])
    const survivors = mode === 'lose-unsynced' ? 0 : this.random.below(jobs.length + 1)
    this.memory.failNextWrites(0)
    for (let i = 0; i < jobs.length; i++) {
      jobs[i]!.over = true
      if (i < survivors) jobs[i]!.perform(true)
    }
    this.#jobs.clear()
  }
}
