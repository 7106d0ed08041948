import Table from 'cli-table3'
import { formatCount, formatMs } from '../../src/cli/format.ts'
import { ENDS, isBad } from './tally.ts'
import type { TortureReport } from './torture.ts'

const NO_STYLE = { head: [], border: [] }

/** What happened, for people: one line for each class of damage, then the totals and what is wrong. */
export function formatReport(report: TortureReport): string {
  const { tally, problems } = report
  // Bad ends have a column when there were any.
  const ends = ENDS.filter((end) => !isBad(end) || tally.rows.some(({ counts }) => counts.has(end)))
  const classes = new Table({ head: ['damage', 'done', ...ends], style: NO_STYLE })
  for (const { damage, counts, leftOut } of tally.rows) {
    let done = 0
    for (const count of counts.values()) done += count
    const label = leftOut === null ? damage : `${damage} (left out: ${leftOut})`
    classes.push([label, String(done), ...ends.map((end) => String(counts.get(end) ?? ''))])
  }
  const totals = new Table({ style: NO_STYLE })
  totals.push(
    ['seed', report.seed],
    ['time', formatMs(report.tookMs)],
    ['stores killed', formatCount(report.kills)],
    ['started on a damaged directory', formatCount(tally.total)],
    ['groups', formatCount(report.groups)],
    ['log entries truncated', formatCount(report.truncated)],
    ['replicas that wait for a snapshot', waitingText(report)],
    ['writes acknowledged', formatCount(report.acked)],
    ['writes of unknown outcome', formatCount(report.unknown)],
    ['writes refused', formatCount(report.refused)],
    ['reads checked', formatCount(report.reads)],
    ['longest time without an acknowledged write', formatMs(report.longestGapMs)],
  )
  const stores = report.unsound.length === 0 ? 'every store' : 'every store without such replicas'
  const verdict =
    problems.length === 0
      ? `Nothing acknowledged was lost, ${stores} has all of it, no answer was wrong.`
      : ['PROBLEMS', ...problems].join('\n  ')
  return `${classes.toString()}\n${totals.toString()}\n${verdict}\n`
}

function waitingText({ waiting, unsound }: TortureReport): string {
  return waiting === 0 ? '0' : `${formatCount(waiting)}, on ${unsound.join(', ')}`
}
