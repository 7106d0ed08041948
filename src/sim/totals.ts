import type { RunReport } from './run-seed.ts'

/** What a campaign of seeds did, all together. */
export interface Totals {
  readonly seeds: number
  readonly simulatedMs: number
  readonly steps: number
  readonly elections: number
  readonly committed: number
  readonly calls: { readonly done: number; readonly refused: number; readonly unknown: number }
  /** Operations that went through the linearizability checker, and partitions that it did not decide. */
  readonly checkedOperations: number
  readonly undecided: number
  readonly digestsCompared: number
  readonly faultsByClass: Readonly<Record<string, number>>
  readonly endings: Readonly<Record<string, number>>
  readonly marks: Readonly<Record<string, number>>
}

export const NO_TOTALS: Readonly<Totals> = {
  seeds: 0,
  simulatedMs: 0,
  steps: 0,
  elections: 0,
  committed: 0,
  calls: { done: 0, refused: 0, unknown: 0 },
  checkedOperations: 0,
  undecided: 0,
  digestsCompared: 0,
  faultsByClass: {},
  endings: {},
  marks: {},
}

export function addReport(totals: Totals, report: RunReport): Totals {
  return {
    seeds: totals.seeds + 1,
    simulatedMs: totals.simulatedMs + report.simulatedMs,
    steps: totals.steps + report.steps,
    elections: totals.elections + report.elections,
    committed: totals.committed + report.committed,
    calls: {
      done: totals.calls.done + report.calls.done,
      refused: totals.calls.refused + report.calls.refused,
      unknown: totals.calls.unknown + report.calls.unknown,
    },
    checkedOperations: totals.checkedOperations + report.history.operations,
    undecided: totals.undecided + report.history.undecided,
    digestsCompared: totals.digestsCompared + report.digestsCompared,
    faultsByClass: sumOf(totals.faultsByClass, report.faultsByClass),
    endings: sumOf(totals.endings, report.endings),
    marks: sumOf(totals.marks, report.marks),
  }
}

function sumOf(
  a: Readonly<Record<string, number>>,
  b: Readonly<Record<string, number>>,
): Record<string, number> {
  const sum: Record<string, number> = { ...a }
  for (const [name, count] of Object.entries(b)) sum[name] = (sum[name] ?? 0) + count
  return sum
}
