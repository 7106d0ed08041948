import { SimRandom } from '../../src/sim/random.ts'
import { DAMAGE_CLASSES, type DiskClass } from './classes.ts'
import { FAILING_CLASSES } from './failing-classes.ts'
import { ModelViolation } from './model.ts'
import { Scene } from './scene.ts'
import { TABLE_CLASSES } from './table-classes.ts'

export const CLASSES: readonly DiskClass[] = [...DAMAGE_CLASSES, ...TABLE_CLASSES, ...FAILING_CLASSES]

/** What a campaign saw of one class. */
export interface ClassTally {
  readonly diskClass: DiskClass
  runs: number
  readonly outcomes: Map<string, number>
  readonly violations: string[]
}

/** Plays one run of a class; everything that can be drawn comes from `seed`. */
export async function playRun(tally: ClassTally, seed: string): Promise<string> {
  const scene = new Scene()
  tally.runs++
  try {
    const outcome = await tally.diskClass.run(scene, new SimRandom(seed))
    tally.outcomes.set(outcome, (tally.outcomes.get(outcome) ?? 0) + 1)
    return outcome
  } catch (error) {
    if (!(error instanceof ModelViolation)) throw error
    const text = `${tally.diskClass.name}, seed ${seed}: ${error.message}`
    tally.violations.push(text)
    return `NOT ALLOWED: ${text}`
  } finally {
    scene.remove()
  }
}

export function newTallies(classes: readonly DiskClass[] = CLASSES): ClassTally[] {
  return classes.map((diskClass) => ({ diskClass, runs: 0, outcomes: new Map(), violations: [] }))
}

/** Outcomes that the model does not draw; those that it draws and no run showed. */
export function compareOutcomes({ diskClass, outcomes }: ClassTally): {
  undrawn: string[]
  unseen: string[]
} {
  return {
    undrawn: [...outcomes.keys()].filter((outcome) => !diskClass.drawn.includes(outcome)),
    unseen: diskClass.drawn.filter((outcome) => !outcomes.has(outcome)),
  }
}
