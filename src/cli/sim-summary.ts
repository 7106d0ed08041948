import type { Totals } from '../sim/totals.ts'
import { formatCount, plural } from './format.ts'

/** The totals of a campaign, for people. */
export function formatTotals(totals: Totals): string {
  const { calls } = totals
  const hours = totals.simulatedMs / 3_600_000
  const undecided = totals.undecided === 0 ? '' : `, ${formatCount(totals.undecided)} not decided`
  const lines = [
    `${plural(totals.seeds, 'seed')}, ${hours.toFixed(2)} simulated hours, ${plural(totals.steps, 'event')}`,
    `${plural(totals.elections, 'election')}, ${formatCount(totals.committed)} entries committed`,
    `calls: ${formatCount(calls.done)} done, ${formatCount(calls.refused)} refused, ${formatCount(calls.unknown)} unknown`,
    `linearizability: ${plural(totals.checkedOperations, 'operation')}${undecided}; ${plural(totals.digestsCompared, 'digest')} compared`,
    `faults: ${namedCounts(totals.faultsByClass)}`,
  ]
  if (Object.keys(totals.endings).length > 0)
    lines.push(`stores that ended by themselves: ${namedCounts(totals.endings)}`)
  lines.push(...formatMarks(totals.marks))
  return lines.join('\n')
}

/** Every named state and how often it was reached; last those that were not. */
function formatMarks(marks: Readonly<Record<string, number>>): string[] {
  const names = Object.keys(marks)
  const missed = names.filter((name) => marks[name] === 0)
  const reached = Object.fromEntries(Object.entries(marks).filter(([, count]) => count > 0))
  const lines = [`marks: ${names.length - missed.length} of ${names.length} reached: ${namedCounts(reached)}`]
  if (missed.length > 0) lines.push(`marks not reached: ${missed.join(', ')}`)
  return lines
}

function namedCounts(counts: Readonly<Record<string, number>>): string {
  const named = Object.entries(counts).sort(([a], [b]) => (a < b ? -1 : 1))
  return named.map(([name, count]) => `${name} ${formatCount(count)}`).join(', ') || 'none'
}

/** '12.3 simulated s per real s'. */
export function formatSpeed(simulatedMs: number, realMs: number): string {
  return `${(simulatedMs / Math.max(realMs, 1)).toFixed(1)} simulated seconds a second`
}
