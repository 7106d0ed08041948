import type { MemoryOperation } from '../env/memory-disk.ts'
import { appliedKey } from '../kv/data-keys.ts'
import { decodePosition } from '../kv/state-engine.ts'
import { SPACE_BYTES } from '../storage/space-key.ts'
import { assert } from '../util/assert.ts'

const OWN_SPACE = '\0'.repeat(SPACE_BYTES)
const APPLIED = appliedKey(0).toString('latin1', 0, SPACE_BYTES + 1)

/** What one batch makes of one space: it was applied up to `from`, and is from now on up to `to`. */
export interface StateStep {
  readonly space: number
  readonly from: number
  to: number
  readonly rows: MemoryOperation[]
}

/** How far the state of each space on one store's disk is applied, as its batches say. */
export class StateMirror {
  /** By database: one that was damaged may begin anew in its place. */
  readonly #applied = new Map<string, Map<number, number>>()

  /** A start goes on from what it finds. */
  onOpened(path: string, rows: ReadonlyMap<string, Buffer>): void {
    const applied = new Map<number, number>()
    for (const [key, value] of rows) if (isApplied(key)) applied.set(spaceOf(key), indexIn(value))
    this.#applied.set(path, applied)
  }

  /** The steps of a batch. One of a space that it takes nowhere has `to` = `from`. */
  onWritten(path: string, operations: readonly MemoryOperation[]): Iterable<StateStep> {
    const applied = this.#applied.get(path)
    assert(applied !== undefined, 'a database is opened before it is written')
    const steps = new Map<number, StateStep>()
    for (const operation of operations) {
      const [key, value] = operation
      const isRow = isUserRow(key)
      if (!isRow && !isApplied(key)) continue
      const space = spaceOf(key)
      let step = steps.get(space)
      if (step === undefined) {
        const from = applied.get(space) ?? 0
        step = { space, from, to: from, rows: [] }
        steps.set(space, step)
      }
      if (isRow) step.rows.push(operation)
      else step.to = indexIn(value!)
    }
    for (const { space, to } of steps.values()) applied.set(space, to)
    return steps.values()
  }
}

/** Of a user; space 0 is the shard’s own. */
export function isUserRow(key: string): boolean {
  return key.length > SPACE_BYTES && !key.startsWith(OWN_SPACE)
}

function isApplied(key: string): boolean {
  return key.length === APPLIED.length + SPACE_BYTES && key.startsWith(APPLIED)
}

/** A row begins with its space; the key of an applied index ends with it. */
function spaceOf(key: string): number {
  const at = isApplied(key) ? APPLIED.length : 0
  return (
    ((key.charCodeAt(at) << 24) |
      (key.charCodeAt(at + 1) << 16) |
      (key.charCodeAt(at + 2) << 8) |
      key.charCodeAt(at + 3)) >>>
    0
  )
}

/** -1 where it cannot be read: no store goes on from there. */
function indexIn(value: Buffer): number {
  return decodePosition(value)?.index ?? -1
}
