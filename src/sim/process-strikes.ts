import { DamageStrikes } from './damage-strikes.ts'
import { type CrashMode, DISK_BREAKS, type SimDisk } from './disk.ts'
import type { StrikeContext } from './strike-context.ts'
import type { SimProcess } from './process.ts'
import type { SimRandom } from './random.ts'

/** Share of the kills of leaders whose heirs have trouble with their disks. */
const STALLED_ELECTIONS = 0.2
/** Share of the pauses of leaders in which clients crowd to them. */
const RUSHED_PAUSES = 0.5
const CRASH_LOOP_MS = 200
const MAX_CRASH_LOOP = 5
/** Mean time from a disk’s last write to the end of its process: less than what a store takes for a stuck disk. */
const GASP_MS = 60
const DAY_MS = 86_400_000
/** Each crash mode that a whole disk may show. */
export const CRASH_MODES: readonly CrashMode[] = ['process', 'power', 'lose-unsynced', 'holes']

/** Faults of processes and their disks. */
export class ProcessStrikes {
  readonly strikes = {
    kills: (forMs: number) => this.#kill(forMs),
    crashLoops: () => this.#crashLoop(),
    restarts: () => this.#restart(),
    pauses: (forMs: number) => this.#pause(forMs),
    slowDisk: (forMs: number) => this.#slowDisk(forMs),
    diskErrors: () => this.#diskError(),
    wallJumps: () => this.#jump(),
    damage: (forMs: number) => this.#damage.strike(forMs),
    threadDeaths: () => this.#killThread(),
    gasps: (forMs: number) => this.#gasp(forMs),
    rot: (forMs: number) => this.#damage.rot(forMs),
    brokenDisks: (forMs: number) => this.#breakDisk(forMs),
    bitRot: () => this.#damage.rotBlock(),
  }
  readonly #context: StrikeContext
  readonly #elections: SimRandom
  readonly #shards: SimRandom
  readonly #damage: DamageStrikes

  constructor(context: StrikeContext) {
    this.#context = context
    this.#elections = context.random.fork('elections')
    this.#shards = context.random.fork('shards')
    this.#damage = new DamageStrikes(context)
  }

  /** A process that may go down now, or null. */
  #victim(): SimProcess | null {
    const { processes, maxDown, random } = this.#context
    const well = processes.filter((process) => process.alive && !process.paused)
    if (well.length === 0 || processes.length - well.length >= maxDown) return null
    return random.pick(well)
  }

  #kill(forMs: number): void {
    const victim = this.#victim()
    if (victim === null) return
    if (this.#context.hooks.leads?.(victim) && this.#elections.chance(STALLED_ELECTIONS))
      this.#stallHeirs(victim)
    const mode = this.#crash(victim)
    this.#context.count(`kills/${mode}`)
    this.#restartLater(victim, forMs)
  }

  /** A leader dies, and the disks of others stand still about when they stand for election, for less than its time. */
  #stallHeirs(victim: SimProcess): void {
    const { processes, hooks } = this.#context
    const { electionTimeoutMs } = hooks
    if (electionTimeoutMs === undefined) return
    const random = this.#elections
    for (const { disk, name } of processes.filter((process) => process !== victim)) {
      if (random.chance(0.4)) continue
      const fromMs = electionTimeoutMs * random.between(0.6, 1.8)
      this.#context.later(fromMs, () => {
        this.#context.world.note(`stall the disk of ${name} for a part of an election`)
        this.#context.count('slowDisk/election')
        disk.stall()
      })
      this.#context.later(fromMs + electionTimeoutMs * random.between(0.2, 0.9), () => disk.unstall())
    }
  }

  #crash(victim: SimProcess): CrashMode {
    const mode = this.#context.ownRandom.pick(CRASH_MODES)
    victim.kill(mode)
    return mode
  }

  #restartLater(victim: SimProcess, ms: number): void {
    this.#context.later(ms, () => {
      if (!victim.alive) victim.restart()
    })
  }

  #crashLoop(): void {
    const victim = this.#victim()
    if (victim === null) return
    const { ownRandom } = this.#context
    this.#context.count('crashLoops')
    let left = 1 + ownRandom.below(MAX_CRASH_LOOP)
    const again = (): void => {
      if (victim.alive) this.#crash(victim)
      victim.restart()
      if (left-- > 0) this.#context.later(ownRandom.between(0, CRASH_LOOP_MS), again)
    }
    again()
  }

  #restart(): void {
    const { hooks } = this.#context
    const victim = this.#victim()
    if (victim === null || hooks.restartOrderly === undefined) return
    this.#context.count('restarts')
    hooks.restartOrderly(victim)
  }

  #pause(forMs: number): void {
    const victim = this.#victim()
    if (victim === null) return
    this.#context.count('pauses')
    // When it goes on it may think that it leads still, and has callers who know better.
    const { hooks } = this.#context
    if (hooks.leads?.(victim) && this.#elections.chance(RUSHED_PAUSES)) hooks.onRush?.(victim, forMs)
    victim.pause(forMs)
  }

  #slowDisk(forMs: number): void {
    const { world, random, processes, hooks } = this.#context
    const process = random.pick(processes)
    const stalls = random.chance(0.25)
    const { disk } = process
    const below = stalls ? this.#oneShardOf(disk) : ''
    world.note(`${stalls ? 'stall' : 'slow'} the disk of ${process.name} ${below}`)
    this.#context.count(stalls ? (below === '' ? 'slowDisk/stall' : 'slowDisk/stall-shard') : 'slowDisk/slow')
    if (stalls) {
      if (process.alive) hooks.onDiskTrouble?.(process)
      disk.stall('all', below)
    } else disk.slow(random.between(1, 50))
    this.#context.later(forMs, () => {
      disk.slow(0)
      disk.unstall()
    })
  }

  /** A path below which one of its shards lies, and no other; '' for all, and where there is one only. */
  #oneShardOf({ memory }: SimDisk): string {
    const logs = [...memory.paths()].filter((path) => path.endsWith('/log'))
    if (logs.length < 2 || this.#shards.chance(0.5)) return ''
    const log = this.#shards.pick(logs)
    return log.slice(0, log.lastIndexOf('/') + 1)
  }

  #diskError(): void {
    const { world, ownRandom, processes, hooks } = this.#context
    const process = ownRandom.pick(processes)
    if (!process.alive) return
    const what = ownRandom.pick(['sync', 'sync', 'write', 'flushes'] as const)
    world.note(`the disk of ${process.name} fails (${what})`)
    this.#context.count(`diskErrors/${what}`)
    hooks.onDiskTrouble?.(process)
    if (what === 'sync') process.disk.failNextSync()
    else if (what === 'write') process.disk.failNextWrite()
    else process.disk.failFlushes()
  }

  /** Whoever starts before the disk is mended is in trouble too. */
  #breakDisk(forMs: number): void {
    const { world, ownRandom, processes, hooks } = this.#context
    const process = ownRandom.pick(processes)
    const what = ownRandom.pick(DISK_BREAKS)
    world.note(`the disk of ${process.name} is broken (${what})`)
    this.#context.count(`brokenDisks/${what}`)
    if (process.alive) hooks.onDiskTrouble?.(process)
    process.disk.break(what)
    this.#context.later(forMs, () => {
      world.note(`the disk of ${process.name} is mended`)
      process.disk.mend()
    })
  }

  /** Of two that may go down the one that leads, if one does. */
  #leadingVictim(): SimProcess | null {
    const { ownRandom, hooks } = this.#context
    const leads = (process: SimProcess): boolean => hooks.leads?.(process) ?? false
    const victim = this.#victim()
    return victim === null || leads(victim) || ownRandom.chance(0.3) ? victim : this.#victim()
  }

  /** Writes pile up in front of the disk, so that the kill finds many that depend on each other. */
  #gasp(forMs: number): void {
    const victim = this.#leadingVictim()
    if (victim === null) return
    const { world, ownRandom } = this.#context
    const { life, disk } = victim
    world.note(`the disk of ${victim.name} stands still before its end`)
    this.#context.count('gasps')
    disk.stall(ownRandom.chance(0.7) ? 'syncs' : 'all')
    this.#context.later(ownRandom.exponential(GASP_MS), () => {
      if (!victim.alive || victim.life !== life) return
      this.#crash(victim)
      this.#restartLater(victim, forMs)
    })
  }

  #killThread(): void {
    const { world, ownRandom, processes, hooks } = this.#context
    const process = ownRandom.pick(processes)
    if (!process.killThread(ownRandom)) return
    world.note(`a thread of ${process.name} dies`)
    this.#context.count('threadDeaths')
    hooks.onDiskTrouble?.(process)
  }

  #jump(): void {
    const { ownRandom, processes } = this.#context
    const process = ownRandom.pick(processes)
    const ms = ownRandom.between(-1, 1) * 10 ** ownRandom.between(0, Math.log10(DAY_MS))
    this.#context.count('wallJumps')
    process.jumpWallClock(ms)
  }
}
