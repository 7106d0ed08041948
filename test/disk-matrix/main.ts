import { parseArgs } from 'node:util'
import { allCases, randomCase } from './damages.ts'
import type { DamageCase } from './damages.ts'
import { DiskMatrix } from './matrix.ts'
import type { Outcome } from './matrix.ts'

/**
 * Prints one line for each damage of a stopped store's files, and how many had which end. Exit code 1 when one of them is
 * silent.
 *
 *   --only <text>     only the cases with this in their names
 *   --random <count>  random damages instead of the table; --seed <number> draws others
 *   --details         what the store said
 */
const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    random: { type: 'string', default: '0' },
    seed: { type: 'string', default: '1' },
    details: { type: 'boolean', default: false },
  },
})

function drawFrom(seed: number): (below: number) => number {
  let state = seed >>> 0
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

function wantedCases(): Array<DamageCase | null> {
  const count = Number(values.random)
  if (count > 0) {
    const draw = drawFrom(Number(values.seed) * 2_654_435_761)
    return Array.from({ length: count }, () => randomCase(draw))
  }
  return [null, ...allCases().filter(({ target, damage }) => `${target}, ${damage}`.includes(values.only))]
}

const matrix = new DiskMatrix()
const outcomes: Outcome[] = []
try {
  await matrix.prepare()
  for (const one of wantedCases()) {
    const outcome = await matrix.run(one)
    outcomes.push(outcome)
    const loud = outcome.verdict === 'SILENT' || outcome.verdict === 'crashed'
    const line = `${outcome.target.padEnd(26)} ${outcome.damage.padEnd(20)} ${outcome.verdict}`
    const detail = (values.details || loud) && outcome.detail ? `    ${outcome.detail}\n` : ''
    process.stdout.write(`${line}\n${detail}`)
  }
} finally {
  matrix.remove()
}
const counts = new Map<string, number>()
for (const { verdict } of outcomes) counts.set(verdict, (counts.get(verdict) ?? 0) + 1)
const silent = counts.get('SILENT') ?? 0
counts.delete('SILENT')
const summary = [...counts].map(([verdict, count]) => `${count} ${verdict}`)
process.stdout.write(`${outcomes.length} cases: ${[...summary, `${silent} silent`].join(', ')}\n`)
process.exitCode = silent > 0 ? 1 : 0
