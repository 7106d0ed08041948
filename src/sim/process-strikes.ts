import { MAX_SIM_DISK_IMAGES } from '../util/limits.ts'
import type { CrashMode, DiskImage } from './disk.ts'
import { DAMAGES, damageDatabase } from './disk-damage.ts'
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
/** Share of the damaged stores that were started again and again before, and how long each of those lives was. */
const SHORT_LIVES = 0.5
const MAX_SHORT_LIVES = 3
const SHORT_LIFE_MS = 150
/** Share of the damaged stores that some others cannot reach, for so long after their start. */
const HIDDEN_WITNESSES = 0.5
const WITNESS_AWAY_MS = 1_000
/** Images for rollbacks are taken about this often; of those that are kept some are old and some are new. */
const IMAGE_EVERY_MS = 1_000
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
    damage: (forMs: number) => this.#damage(forMs),
    threadDeaths: () => this.#killThread(),
    gasps: (forMs: number) => this.#gasp(forMs),
  }
  readonly #context: StrikeContext
  readonly #elections: SimRandom
  /** Older contents of the disks, oldest first; only where directories may be damaged. */
  readonly #images = new Map<SimProcess, DiskImage[]>()

  constructor(context: StrikeContext) {
    this.#context = context
    this.#elections = context.random.fork('elections')
    if (context.hooks.mayDamage !== undefined) this.#takeImages()
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
    world.note(`${stalls ? 'stall' : 'slow'} the disk of ${process.name}`)
    this.#context.count(stalls ? 'slowDisk/stall' : 'slowDisk/slow')
    const { disk } = process
    if (stalls) {
      if (process.alive) hooks.onDiskTrouble?.(process)
      disk.stall()
    } else disk.slow(random.between(1, 50))
    this.#context.later(forMs, () => {
      disk.slow(0)
      disk.unstall()
    })
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

  #takeImages(): void {
    const { ownRandom, processes, hooks } = this.#context
    this.#context.later(ownRandom.exponential(IMAGE_EVERY_MS), () => {
      for (const process of processes) {
        if (hooks.mayDamage?.(process) !== true) continue
        const images = this.#images.get(process) ?? []
        if (images.length === MAX_SIM_DISK_IMAGES) images.splice(ownRandom.below(images.length), 1)
        images.push(process.disk.image())
        this.#images.set(process, images)
      }
      this.#takeImages()
    })
  }

  #damage(forMs: number): void {
    const { ownRandom, processes, hooks } = this.#context
    const able = processes.filter((process) => hooks.mayDamage?.(process))
    if (able.length === 0) return
    const process = ownRandom.pick(able)
    // Lives that are cut short leave a log of many files, and little in each of them.
    let left = ownRandom.chance(SHORT_LIVES) ? 1 + ownRandom.below(MAX_SHORT_LIVES) : 0
    const next = (): void => {
      if (left-- > 0 && process.alive) {
        process.restart('process')
        this.#context.later(ownRandom.exponential(SHORT_LIFE_MS), next)
      } else this.#damageNow(process, forMs)
    }
    next()
  }

  #damageNow(process: SimProcess, forMs: number): void {
    const { world, ownRandom, hooks } = this.#context
    if (hooks.mayDamage?.(process) !== true) return
    const images = this.#images.get(process) ?? []
    // After a power cut the ledger may be a second old: what is damaged below that, nobody need notice.
    const hasDatabases =
      process.alive && [...process.disk.memory.paths()].some((path) => path.endsWith('/log'))
    process.kill('process')
    let tells = true
    if (images.length > 0 && ownRandom.chance(0.15)) {
      tells = false
      this.#context.count('damage/rollback')
      process.restore(ownRandom.pick(images))
    } else if (hasDatabases && ownRandom.chance(0.3)) {
      this.#putBack(process)
    } else if (hasDatabases && ownRandom.chance(0.85)) {
      // In most cases nothing but this tells the store: the others have seen all that it still says of itself.
      const how = ownRandom.chance(0.3) ? 'manifest-cut' : ownRandom.pick(DAMAGES)
      const path = damageDatabase(process.disk, how, ownRandom)
      if (path === null) {
        this.#restartLater(process, forMs)
        return
      }
      world.note(`${how} of ${path}`)
      this.#context.count(`damage/${how}`)
    } else {
      tells = false
      this.#context.count('damage/wipe')
      process.wipe()
    }
    hooks.onDamaged?.(process)
    this.#hideWitness(process, forMs, tells)
    this.#restartLater(process, forMs)
  }

  /** Somebody puts databases back as they were, or takes that of another store for one; the rest of the store stays. */
  #putBack(process: SimProcess): void {
    const { world, ownRandom, processes } = this.#context
    const images = this.#images.get(process) ?? []
    const all = [...process.disk.memory.paths()]
    const logs = all.filter((at) => at.endsWith('/log'))
    const path = ownRandom.pick(ownRandom.chance(0.7) ? logs : all)
    if (images.length > 0 && ownRandom.chance(0.5)) {
      const image = ownRandom.pick(images)
      const shard = path.slice(0, path.lastIndexOf('/'))
      const both = all.filter((other) => other.startsWith(`${shard}/`))
      const paths = ownRandom.chance(0.6) ? both : [path]
      for (const at of paths) process.disk.putBack(at, image, at)
      world.note(`older: ${paths.join(' ')}`)
      this.#context.count(`damage/older-${paths.length > 1 ? 'shard' : 'database'}`)
    } else {
      const other = ownRandom.pick(processes.filter((one) => one !== process))
      process.disk.putBack(path, other.disk.image(), other.dir + path.slice(process.dir.length))
      world.note(`${path} is now that of ${other.name}`)
      this.#context.count('damage/database-of-another')
    }
  }

  /**
   * Who knows best what the damaged store had said may be out of its reach when it starts again. Not where nothing in the
   * directory tells: whoever is put back whole, or wiped, must be told by others.
   */
  #hideWitness(process: SimProcess, forMs: number, tells: boolean): void {
    const { world, ownRandom, processes } = this.#context
    if (!ownRandom.chance(HIDDEN_WITNESSES) || !tells) return
    for (const { name } of processes.filter((other) => other !== process && ownRandom.chance(0.5))) {
      for (const [from, to] of [
        [process.name, name],
        [name, process.name],
      ] as const) {
        world.network.block(from, to)
        this.#context.later(forMs + WITNESS_AWAY_MS, () => world.network.unblock(from, to))
      }
    }
  }
}
