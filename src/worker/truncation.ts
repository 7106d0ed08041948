import type { StateBuffer } from '../kv/state-buffer.ts'
import type { SpaceState, StateEngine } from '../kv/state-engine.ts'
import type { LogEngine } from '../storage/log-engine.ts'
import type { SlotLog } from '../storage/slot-log.ts'
import { MAX_TRUNCATED_BLOCKS_PER_PASS, TRUNCATED_LOG_COST_BLOCKS } from '../util/limits.ts'

export interface PlannedTruncation {
  /** Pairs `slot, newFirstIndex`. */
  readonly pairs: readonly number[]
  /** What the logs asked about hold once that is done. */
  readonly retainedBytes: number
  readonly more: boolean
}

/** A log that may be cut at its beginning. */
interface Candidate {
  readonly log: SlotLog
  readonly state: SpaceState
  /** As it was before all that is applied was written, and the marker put behind it. */
  readonly appliedIndex: number
  /** Count of the blocks that the state holds and every voter has. */
  readonly wanted: number
  /** Count of the blocks that the state holds: no more may ever go. */
  readonly covered: number
}

/**
 * Finds what logs may lose, and makes sure that their states hold it: what is applied is read first, then all of it is
 * written, and the marker that is put after it makes just that durable. Must not run while something is applied, for two
 * batches are not ordered. `soft` are pairs `slot, index`. Rejects with STORAGE_FAILED.
 */
export async function planTruncation(
  log: LogEngine,
  state: StateEngine,
  buffer: StateBuffer,
  soft: Float64Array,
  budgetBytes: number,
): Promise<PlannedTruncation> {
  const candidates: Candidate[] = []
  for (let i = 0; i < soft.length; i += 2) {
    const slot = log.slotOf(soft[i]!)
    if (slot.space === 0) continue
    const space = state.space(slot.space)
    const { appliedIndex } = space
    const wanted = slot.blocksUpTo(Math.min(soft[i + 1]!, appliedIndex))
    candidates.push({ log: slot, state: space, appliedIndex, wanted, covered: slot.blocksUpTo(appliedIndex) })
  }
  const plan = choose(candidates, budgetBytes)
  if (plan.needsMarker) {
    await buffer.writeAll()
    await state.sync()
    for (const { state: space, appliedIndex } of candidates) space.durableIndex = appliedIndex
  }
  return plan
}

interface Choice extends PlannedTruncation {
  /** A log shall lose what its state is not known to hold durably. */
  readonly needsMarker: boolean
}

function choose(candidates: readonly Candidate[], budgetBytes: number): Choice {
  const size = sharedSize(candidates, budgetBytes)
  const pairs: number[] = []
  let room = MAX_TRUNCATED_BLOCKS_PER_PASS
  let retainedBytes = 0
  let more = false
  let needsMarker = false
  for (const { log, state, wanted, covered } of candidates) {
    const target = Math.min(covered, Math.max(wanted, blocksAbove(log, size)))
    const blocks = Math.min(target, Math.max(0, room))
    retainedBytes += log.bytesFrom(blocks)
    if (blocks < target) more = true
    if (blocks === 0) continue
    room -= blocks + TRUNCATED_LOG_COST_BLOCKS
    const firstIndex = log.firstIndexBehind(blocks)
    if (firstIndex - 1 > state.durableIndex) needsMarker = true
    pairs.push(log.slot, firstIndex)
  }
  return { pairs, retainedBytes, more, needsMarker }
}

/**
 * The size down to which logs are cut, so that all together fit the budget: those that are below it stay whole, and leave
 * what they do not use to the others.
 */
function sharedSize(candidates: readonly Candidate[], budgetBytes: number): number {
  const sizes = Float64Array.from(candidates, ({ log, wanted }) => log.bytesFrom(wanted)).sort()
  let left = budgetBytes
  for (let i = 0; i < sizes.length; i++) {
    const share = left / (sizes.length - i)
    if (sizes[i]! > share) return share
    left -= sizes[i]!
  }
  return Number.POSITIVE_INFINITY
}

/** How many blocks must go from the beginning of `log` so that no more than `size` bytes are left. */
function blocksAbove(log: SlotLog, size: number): number {
  let low = 0
  let high = log.blockCount
  while (low < high) {
    const middle = (low + high) >>> 1
    if (log.bytesFrom(middle) <= size) high = middle
    else low = middle + 1
  }
  return low
}
