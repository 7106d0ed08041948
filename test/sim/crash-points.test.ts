import { expect, test } from 'vitest'
import { CrashChecker, type CrashPoint, record, type Variant, variantsOf } from './crash-points.ts'

/** All stores at once lose their power at each of so many points. */
const WHOLE_EVERY = 60

/** The worst that may happen at a point, and one more, another at each: `npm run crash-points` takes all. */
function sampleOf(point: CrashPoint): Variant[] {
  const variants = variantsOf(point)
  const worst = variants.find(({ mode, early }) => mode === 'lose-unsynced' && early < 0)!
  return [worst, variants[point.number % variants.length]!]
}

test('at every change of every disk, a crash leaves all that was promised, no vote forgotten, and a state that is a prefix', async () => {
  const recording = await record(WHOLE_EVERY)
  const checker = new CrashChecker(recording)
  let clusters = 0
  for (const point of recording.points) {
    for (const variant of sampleOf(point)) await checker.check(point, variant)
    if (point.all === null) continue
    await checker.checkCluster(point)
    clusters++
  }
  const text = `${recording.points.length} crash points, ${checker.states} disks started, ${checker.repeated} like one before, ${clusters} whole clusters`
  process.stdout.write(`${text}\n`)
  expect(recording.points.length).toBeGreaterThan(500)
  expect(checker.states).toBeGreaterThan(600)
  // The run holds what it is about.
  const { script } = recording
  expect(script.acked.length).toBeGreaterThan(50)
  for (const storeId of ['s1', 's2', 's3']) {
    const groups = script.cluster.stores.get(storeId)!.describe().groups
    expect(groups.filter(({ firstIndex }) => firstIndex > 1).length, storeId).toBe(2)
    expect(Math.max(...groups.map(({ term }) => term))).toBeGreaterThan(1)
  }
})
