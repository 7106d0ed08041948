import Table from 'cli-table3'
import type { BenchReport } from './bench.ts'
import type { RunResult } from './scenario.ts'
import { BASELINE_SCENARIO } from './scenarios.ts'

const COLUMNS = [
  'scenario',
  'groups × in flight',
  'payload B',
  'writes/s',
  'p50 ms',
  'p99 ms',
  'entries/fsync',
  'fsyncs/s',
  'CPU s/million',
  'peak RSS MiB',
]

/** The runs of one scenario at one point. */
interface Cell {
  readonly point: string
  readonly scenario: string
  readonly runs: RunResult[]
}

/** What `--json` prints. These keys are a contract. */
export function jsonReport({ machine, runs }: BenchReport): object {
  return { machine, runs: runs.map(({ fsyncsPerSecond: _, ...run }) => run) }
}

/** A table of medians, the ratios to the baseline, and the machine. Plain text: no colours, no control codes. */
export function formatReport(report: BenchReport): string {
  const cells = groupRuns(report.runs)
  const table = new Table({
    head: COLUMNS,
    colAligns: COLUMNS.map((_, i) => (i === 0 ? 'left' : 'right')),
    style: { head: [], border: [], compact: true },
  })
  for (const cell of cells) table.push(formatRow(cell))
  const { machine } = report
  const lines = [
    table.toString(),
    ...ratioLines(cells),
    `${machine.cores} × ${machine.cpu}, ${machine.memoryGiB} GiB, ${machine.os}, Node ${machine.node}, data under ` +
      machine.dataDir,
  ]
  if (machine.dataDirInMemory) {
    lines.push(`Warning: ${machine.dataDir} is memory, where fsync is free. Point TMPDIR at a disk.`)
  }
  return `${lines.join('\n')}\n`
}

function groupRuns(runs: readonly RunResult[]): Cell[] {
  const cells = new Map<string, Cell>()
  for (const run of runs) {
    const point = `${run.groups} × ${run.inFlight}`
    const key = `${run.scenario} ${point} ${run.payloadBytes}`
    const cell = cells.get(key)
    if (cell === undefined) cells.set(key, { point, scenario: run.scenario, runs: [run] })
    else cell.runs.push(run)
  }
  return [...cells.values()]
}

function formatRow(cell: Cell): string[] {
  const median = (pick: (run: RunResult) => number): number => medianOf(cell.runs.map(pick))
  const speeds = cell.runs.map((run) => run.opsPerSecond)
  const range = `${thousands(Math.min(...speeds))}–${thousands(Math.max(...speeds))}`
  const speed = thousands(median((run) => run.opsPerSecond))
  return [
    cell.scenario,
    cell.point,
    String(cell.runs[0]!.payloadBytes),
    cell.runs.length === 1 ? speed : `${speed} (${range})`,
    median((run) => run.p50Ms).toFixed(2),
    median((run) => run.p99Ms).toFixed(2),
    median((run) => run.entriesPerFsync).toFixed(0),
    thousands(median((run) => run.fsyncsPerSecond)),
    median((run) => run.cpuSecondsPerMillion).toFixed(1),
    String(Math.max(...cell.runs.map((run) => run.peakRssMiB))),
  ]
}

/** How much of the baseline each other scenario reaches, per point; nothing where the baseline did not run. */
function ratioLines(cells: readonly Cell[]): string[] {
  const lines: string[] = []
  for (const cell of cells) {
    if (cell.scenario === BASELINE_SCENARIO) continue
    const payload = cell.runs[0]!.payloadBytes
    const base = cells.find(
      (other) =>
        other.scenario === BASELINE_SCENARIO &&
        other.point === cell.point &&
        other.runs[0]!.payloadBytes === payload,
    )
    const speed = medianOf(cell.runs.map((run) => run.opsPerSecond))
    const baseSpeed = base === undefined ? 0 : medianOf(base.runs.map((run) => run.opsPerSecond))
    if (baseSpeed === 0) continue
    const what = `${cell.scenario} / ${BASELINE_SCENARIO} at ${cell.point}, ${payload} B`
    lines.push(`${what}: ${(speed / baseSpeed).toFixed(2)}`)
  }
  return lines
}

/** Of an even count, the mean of the middle two. */
export function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

function thousands(value: number): string {
  return Math.round(value).toLocaleString('en-US')
}
