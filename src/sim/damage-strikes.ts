import { MAX_SIM_DISK_IMAGES } from '../util/limits.ts'
import type { DiskImage } from './disk.ts'
import {
  DAMAGES,
  damageDatabase,
  damageState,
  flipLedger,
  ROT_SHOWN,
  rotBlock,
  type RotShown,
} from './disk-damage.ts'
import { bootOf, knownBoot } from './peer-knowledge.ts'
import type { SimProcess } from './process.ts'
import type { StrikeContext } from './strike-context.ts'

/** Share of the damaged stores that were started again and again before, and how long each of those lives was. */
const SHORT_LIVES = 0.5
const MAX_SHORT_LIVES = 3
const SHORT_LIFE_MS = 150
/** Share of the damaged stores whose last word only some of the others hear; those are away when it starts again. */
const HIDDEN_WITNESSES = 0.6
const LAST_WORDS_MS = 150
const WITNESS_AWAY_MS = 1_000
/** How often a directory goes as a whole, ledger and all: such a store is out for the rest of the run. */
const LOST_WHOLE = 0.12
const LOST_WHOLE_WHILE_DOWN = 0.4
/** Images for rollbacks are taken about this often; of those that are kept some are old and some are new. */
const IMAGE_EVERY_MS = 400
/** Of what rots. */
const LEDGERS = 0.5

/** Directories that other hands, or time, have changed: what a store finds there is not what it left. */
export class DamageStrikes {
  readonly #context: StrikeContext
  /** Older contents of the disks, oldest first; only where directories may be damaged. */
  readonly #images = new Map<SimProcess, DiskImage[]>()

  constructor(context: StrikeContext) {
    this.#context = context
    if (context.hooks.mayDamage !== undefined) this.#takeImages()
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

  strike(forMs: number): void {
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
      } else this.#strikeAmongWitnesses(process, forMs)
    }
    next()
  }

  /** What is not the log: the store opens again, knows what it has promised, and says which states are gone. */
  rot(forMs: number): void {
    const { world, ownRandom, processes, hooks } = this.#context
    const able = processes.filter((process) => process.alive && hooks.mayDamage?.(process))
    if (able.length === 0) return
    const process = ownRandom.pick(able)
    process.kill('process')
    this.#context.later(forMs, () => {
      if (!process.alive) process.restart()
    })
    const before = process.disk.image()
    const flip = ownRandom.chance(LEDGERS) ? flipLedger(process.disk, ownRandom) : null
    const damage = flip === null || ownRandom.chance(0.5) ? damageState(process.disk, ownRandom) : null
    const found = [flip, damage].filter((what) => what !== null)
    if (found.length === 0) return
    world.note(`${found.join(', ')} of ${process.name}`)
    for (const what of found) this.#context.count(`rot/${what}`)
    hooks.onDamaged?.(process, before, 'part')
  }

  /** While the store runs, and for good. Nothing tells before somebody reads there. */
  rotBlock(): void {
    const { world, ownRandom, processes, hooks } = this.#context
    const able = processes.filter((process) => process.alive && hooks.mayDamage?.(process))
    if (able.length === 0) return
    const process = ownRandom.pick(able)
    const { memory } = process.disk
    const paths = ownRandom.shuffle([...memory.paths()])
    const path = paths.find((at) => rotBlock(memory.directory(at), ownRandom, shownOf(at)))
    if (path === undefined) return
    world.note(`a block of ${path} has a flipped bit`)
    this.#context.count(path.endsWith('/log') ? 'bitRot/log' : 'bitRot/state')
    hooks.onRotten?.(process)
  }

  /**
   * What the store says last only some of the others hear; and just they are out of its reach when it starts again. Not
   * where nothing in the directory tells: whoever is put back whole, or wiped, must be told by others.
   */
  #strikeAmongWitnesses(process: SimProcess, forMs: number): void {
    const { ownRandom, processes } = this.#context
    if (!ownRandom.chance(HIDDEN_WITNESSES)) {
      this.#strikeNow(process, forMs)
      return
    }
    const others = ownRandom.shuffle(processes.filter((other) => other !== process))
    const ignorant = others.slice(0, others.length >> 1)
    this.#part(process, ignorant)
    this.#context.later(ownRandom.exponential(LAST_WORDS_MS), () => {
      this.#join(process, ignorant)
      if (!this.#strikeNow(process, forMs)) return
      const witnesses = others.slice(ignorant.length)
      this.#part(process, witnesses)
      this.#context.later(forMs + WITNESS_AWAY_MS, () => this.#join(process, witnesses))
    })
  }

  #part({ name }: SimProcess, others: readonly SimProcess[]): void {
    const { network } = this.#context.world
    for (const other of others) network.partition([name], [other.name])
  }

  #join({ name }: SimProcess, others: readonly SimProcess[]): void {
    const { network } = this.#context.world
    for (const other of others) {
      network.unblock(name, other.name)
      network.unblock(other.name, name)
    }
  }

  /** Answers whether what lies there now tells that it is not what it was. */
  #strikeNow(process: SimProcess, forMs: number): boolean {
    const { ownRandom, hooks } = this.#context
    if (hooks.mayDamage?.(process) !== true) return false
    // After a power cut the ledger may be a second old: what is damaged below that, nobody need notice.
    const hasDatabases =
      process.alive && [...process.disk.memory.paths()].some((path) => path.endsWith('/log'))
    process.kill('process')
    this.#context.later(forMs, () => {
      if (!process.alive) process.restart()
    })
    const before = process.disk.image()
    if (ownRandom.chance(hasDatabases ? LOST_WHOLE : LOST_WHOLE_WHILE_DOWN)) {
      if (this.#loseAll(process)) hooks.onDamaged?.(process, before, 'whole')
      return false
    }
    if (!hasDatabases) return false
    if (ownRandom.chance(0.3)) this.#putBack(process)
    else if (!this.#damageFiles(process)) return false
    hooks.onDamaged?.(process, before, 'part')
    return true
  }

  /**
   * The directory is emptied, or put back as it was: nothing in it tells, and the others can accuse it only of what they
   * heard. So each of them must have met a later life: which one that was they have on disk, and nothing else for certain.
   */
  #loseAll(process: SimProcess): boolean {
    const { ownRandom, processes } = this.#context
    const others = processes.filter((other) => other !== process)
    const known = Math.min(...others.map((other) => knownBoot(other, process)))
    if (known === 0) return false
    const older = (this.#images.get(process) ?? []).filter((image) => bootOf(process, image) < known)
    if (older.length > 0 && ownRandom.chance(0.75)) {
      this.#context.count('damage/rollback')
      process.restore(ownRandom.pick(older))
    } else {
      this.#context.count('damage/wipe')
      process.wipe()
    }
    return true
  }

  /** In most cases nothing but this tells the store: the others have seen all that it still says of itself. */
  #damageFiles(process: SimProcess): boolean {
    const { world, ownRandom } = this.#context
    const how = ownRandom.chance(0.3) ? 'manifest-cut' : ownRandom.pick(DAMAGES)
    const path = damageDatabase(process.disk, how, ownRandom)
    if (path === null) return false
    world.note(`${how} of ${path}`)
    this.#context.count(`damage/${how}`)
    return true
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
}

/**
 * What iterators show of a rotten block. A row of a state that they skip, or show as another key's outside of their range, no
 * store can miss: only the engine could tell, and its iterators verify nothing.
 */
function shownOf(path: string): readonly RotShown[] {
  return path.endsWith('/log') ? ROT_SHOWN : ['value', 'error', 'checksum']
}
