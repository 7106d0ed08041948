import type { DiskImage } from './disk.ts'
import type { SimProcess } from './process.ts'
import type { SimRandom } from './random.ts'
import type { SimWorld } from './world.ts'

/** What the faults must know of the cluster that the processes are. All absent: bare processes, undamaged for ever. */
export interface NemesisHooks {
  /** Closes a program in order and starts it again. */
  restartOrderly?(process: SimProcess): void
  /** Whether this process leads a group: it has most to lose. */
  leads?(process: SimProcess): boolean
  /** This process leads, and a partition has just taken the others from it. */
  onCutOff?(process: SimProcess): void
  /** Clients crowd to what this process leads, and to the same keys through others, for a time. */
  onRush?(process: SimProcess, forMs: number): void
  /** So that strikes may come while an election is held. */
  readonly electionTimeoutMs?: number
  /** The disk of this process is about to fail, or to stand still: its program may end by itself. */
  onDiskTrouble?(process: SimProcess): void
  /** Whether the directory of this process may be damaged for good. */
  mayDamage?(process: SimProcess): boolean
  /** It was: `before` is what had lain there. What was damaged only in part tells so itself. */
  onDamaged?(process: SimProcess, before: DiskImage, extent: 'part' | 'whole'): void
  /** It was, while the process runs: what there is to find is found when it is read. */
  onRotten?(process: SimProcess): void
}

/** What strikes do: they say what they did, and have things done later unless all is over by then. */
export interface StrikeContext {
  readonly world: SimWorld
  readonly processes: readonly SimProcess[]
  readonly random: SimRandom
  /** For kinds that came later, so that they do not disturb what the first ones draw. */
  readonly ownRandom: SimRandom
  readonly hooks: NemesisHooks
  readonly maxDown: number
  later(ms: number, run: () => void): void
  count(className: string): void
}
