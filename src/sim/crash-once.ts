import type { Nemesis } from './nemesis.ts'
import type { SimProcess } from './process.ts'
import type { SimWorld } from './world.ts'

/** Whatever is drawn: at least one crash and one restart, some time in the `forMs` of the faults. */
export function crashOnce(
  world: SimWorld,
  processes: readonly SimProcess[],
  nemesis: Nemesis,
  forMs: number,
): void {
  const random = world.random.fork('crash-once')
  const atMs = random.between(0.3, 0.7) * forMs
  world.schedule(atMs * 1_000, null, 'fault', 0, () => {
    if ([...nemesis.classes.keys()].some((name) => name.startsWith('kills/'))) return
    const process = random.pick(processes)
    nemesis.count('kills/once')
    process.restart(random.pick(['process', 'power'] as const))
  })
}
