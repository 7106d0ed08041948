import { allCases } from './damages.ts'
import { DiskMatrix } from './matrix.ts'
import type { Outcome } from './matrix.ts'

/** Prints one line for each damage of a stopped store's files. Exit code 1 when one of them is silent. */
const matrix = new DiskMatrix()
const outcomes: Outcome[] = []
const wanted = process.argv[2] ?? ''
const details = process.argv.includes('--details')
try {
  await matrix.prepare()
  for (const one of [null, ...allCases()]) {
    if (one !== null && !`${one.target}, ${one.damage}`.includes(wanted)) continue
    const outcome = await matrix.run(one)
    outcomes.push(outcome)
    const line = `${outcome.target.padEnd(14)} ${outcome.damage.padEnd(20)} ${outcome.verdict}`
    process.stdout.write(details && outcome.detail ? `${line}\n    ${outcome.detail}\n` : `${line}\n`)
  }
} finally {
  matrix.remove()
}
const counts = new Map<string, number>()
for (const { verdict } of outcomes) counts.set(verdict, (counts.get(verdict) ?? 0) + 1)
const silent = counts.get('SILENT') ?? 0
const summary = [...counts]
  .filter(([verdict]) => verdict !== 'SILENT')
  .map(([verdict, count]) => `${count} ${verdict}`)
process.stdout.write(`${outcomes.length} cases: ${[...summary, `${silent} silent`].join(', ')}\n`)
process.exitCode = silent > 0 ? 1 : 0
