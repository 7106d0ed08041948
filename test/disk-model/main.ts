import { parseArgs } from 'node:util'
import { CLASSES, compareOutcomes, newTallies, playRun } from './campaign.ts'

/**
 * Ends and damages databases of the real RocksDB, and holds what it makes of them against the model of the simulated
 * engine. Prints a line for each run, then a table. Exit code 1 when RocksDB showed something that the model does not
 * allow or does not draw.
 *
 *   --runs <count>   so many at least, shared out by the weights of the classes (default 500)
 *   --seed <number>  draws others
 *   --only <text>    only the classes with this in their names
 */
const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '500' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string', default: '' },
  },
})

const wanted = CLASSES.filter(({ name }) => name.includes(values.only))
const able = wanted.filter(({ needs }) => needs === undefined)
const weights = able.reduce((sum, { weight }) => sum + weight, 0)
const tallies = newTallies(able)
for (const tally of tallies) {
  const { name, weight } = tally.diskClass
  const runs = Math.ceil((Number(values.runs) * weight) / weights)
  for (let i = 0; i < runs; i++) {
    const outcome = await playRun(tally, `${values.seed}/${name}/${i}`)
    process.stdout.write(`${name} ${i + 1}/${runs}: ${outcome}\n`)
  }
}

let wrong = 0
process.stdout.write('\n| class | runs | seen | drawn by the model, not seen |\n| --- | --- | --- | --- |\n')
for (const tally of tallies) {
  const { undrawn, unseen } = compareOutcomes(tally)
  wrong += tally.violations.length + undrawn.length
  const seen = [...tally.outcomes]
    .sort(([, a], [, b]) => b - a)
    .map(([outcome, count]) => `${outcome} (${count})${undrawn.includes(outcome) ? ' NOT DRAWN' : ''}`)
  process.stdout.write(
    `| ${tally.diskClass.name} | ${tally.runs} | ${seen.join('; ')} | ${unseen.join('; ')} |\n`,
  )
}
for (const { violations } of tallies)
  for (const text of violations) process.stdout.write(`NOT ALLOWED: ${text}\n`)
for (const { name, needs } of wanted)
  if (needs !== undefined) process.stdout.write(`LEFT OUT: ${name}, for want of ${needs}\n`)
const runs = tallies.reduce((sum, tally) => sum + tally.runs, 0)
process.stdout.write(`${runs} runs, ${wrong} that the model does not have\n`)
process.exitCode = wrong > 0 ? 1 : 0
