import { CrashChecker, CrashPointFailure, record, variantsOf } from './crash-points.ts'

/**
 * Crashes each store of a scripted cluster before every change of its disk, in every way that is drawn, and all of them at
 * once, and starts them again. Prints the totals; exit code 1 when a store forgot something or did not open, or an
 * acknowledged write is gone.
 */
const WHOLE_EVERY = 1
const SHOWN_FAILURES = 5
const PROGRESS_EVERY = 100

const recording = await record(WHOLE_EVERY)
const { points } = recording
const checker = new CrashChecker(recording)
const failures: string[] = []
let crashes = 0
let clusters = 0

async function attempt(check: Promise<void>): Promise<void> {
  try {
    await check
  } catch (error) {
    if (!(error instanceof CrashPointFailure)) throw error
    failures.push(error.message)
  }
}

for (const point of points) {
  for (const variant of variantsOf(point)) {
    crashes++
    await attempt(checker.check(point, variant))
  }
  if (point.all !== null) {
    clusters++
    await attempt(checker.checkCluster(point))
  }
  if (point.number % PROGRESS_EVERY === 0)
    process.stdout.write(`point ${point.number} of ${points.length}, ${checker.states} disks started\n`)
}
for (const text of failures.slice(0, SHOWN_FAILURES)) process.stdout.write(`${text}\n`)
process.stdout.write(
  `${points.length} crash points, ${crashes} crashes, ${checker.states} disks started (${checker.repeated} like one before), ` +
    `${clusters} whole clusters, ${failures.length} failures\n`,
)
process.exitCode = failures.length > 0 ? 1 : 0
