import { MARKS } from '../sim/mark-table.ts'
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

/** The totals of a campaign that goes on, in two lines: how far it is, and what it has done to its stores. */
export function formatProgress(totals: Totals, { realMs }: SpentTime): [pace: string, faults: string] {
  const { simulatedMs, faultsByClass } = totals
  const hours = (simulatedMs / 3_600_000).toFixed(2)
  const speed = (simulatedMs / Math.max(realMs, 1)).toFixed(1)
  const reached = Object.values(totals.marks).filter((count) => count > 0).length
  const marks = `${reached} of ${plural(Object.keys(MARKS).length, 'mark')}`
  const faults = new Map<string, number>()
  for (const [name, count] of Object.entries(faultsByClass)) {
    const kind = name.split('/', 1)[0]!
    faults.set(kind, (faults.get(kind) ?? 0) + count)
  }
  const most = [...faults]
    .sort(([, a], [, b]) => b - a)
    .map(([kind, count]) => `${kind} ${formatCount(count)}`)
  return [
    `${hours} simulated hours, ${speed} times real time, ${marks}`,
    `faults: ${most.join(', ') || 'none yet'}`,
  ]
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

/** '30.1 simulated seconds a second, 28.4 per second of CPU': other programs on the machine change only the first. */
export function formatSpeed(simulatedMs: number, { realMs, cpuMs }: SpentTime): string {
  const per = (ms: number): string => (simulatedMs / Math.max(ms, 1)).toFixed(1)
  return `${per(realMs)} simulated seconds a second, ${per(cpuMs)} per second of CPU`
}

/** What a campaign has cost: as a clock on the wall shows it, and of all threads of this process. */
export interface SpentTime {
  readonly realMs: number
  readonly cpuMs: number
}

/** Begins to measure; the answer tells what was spent since. */
export function measureTime(): () => SpentTime {
  const startedAtMs = performance.now()
  const before = process.cpuUsage()
  return () => {
    const { user, system } = process.cpuUsage(before)
    return { realMs: performance.now() - startedAtMs, cpuMs: (user + system) / 1_000 }
  }
}
