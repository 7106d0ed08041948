import { batchesIn, type Rows, type WritePlan } from './batches.ts'
import { ModelViolation } from './model.ts'
import type { Written } from './writer.ts'

/** What is missing of `before` in `after`, in words: the classes of loss that RocksDB shows. */
export function describeLoss(before: ReadonlySet<number>, after: ReadonlySet<number>): string {
  const lost = [...before].filter((batch) => !after.has(batch))
  if (lost.length === 0) return 'nothing lost'
  if (after.size === 0) return 'all lost'
  const first = Math.min(...lost)
  const keptLater = [...after].some((batch) => batch > first)
  return keptLater ? 'a part lost, later ones kept' : 'the end lost'
}

/** Numbers of the batches of which something is there, whole or not: for databases that lost some. */
export function numbersIn(rows: Rows): Set<number> {
  return new Set([...rows.values()].map((value) => Number(value.slice(1, 8))))
}

/** After a mere kill: all that was acknowledged is there, each batch whole, and nothing that was never issued. */
export function checkKilled(plan: WritePlan, { acked, issued }: Written, rows: Rows): Set<number> {
  let present: Set<number>
  try {
    present = batchesIn(plan, rows, issued)
  } catch (error) {
    throw new ModelViolation((error as Error).message)
  }
  const missing = [...acked].filter((batch) => !present.has(batch))
  if (missing.length > 0) throw new ModelViolation(`acknowledged batches are gone: ${missing.join(', ')}`)
  return present
}
