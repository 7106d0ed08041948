import type { NodeImpl } from '../raft/node-impl.ts'
import type { LogMirror } from './disk-mirror.ts'
import type { GroupRecord } from './ghost-state.ts'
import { InvariantViolation } from './invariants.ts'

/** The end of a log a step ago. */
export interface LogEnd {
  readonly lastIndex: number
  readonly lastTerm: number
}

/** The last entry that a log kept when its end was cut off in the step that is over; null when none was. The disk has the cut ahead. */
export function keptByCut({ log }: NodeImpl, before: LogEnd, disk: LogMirror): number | null {
  // What comes in place of a cut comes in the same step, and may be longer.
  const same =
    before.lastIndex < log.firstIndex ||
    log.termAt(Math.min(before.lastIndex, log.lastIndex)) === before.lastTerm
  if (log.lastIndex >= before.lastIndex && same) return null
  let kept = Math.min(log.lastIndex, before.lastIndex)
  while (kept >= log.firstIndex && kept > 0 && !disk.holds(kept, log.termAt(kept))) kept--
  return kept
}

/**
 * I-cut. A leader sends blocks only to a follower that has acknowledged a probe of the same term, and an ack leaves behind all
 * that was handed to the disk before it: so whatever an earlier leader sent is on disk when it is cut off. A term's leader
 * alone makes its blocks, and all others take them whole: so where logs part, a block ends.
 */
export function cutIsClean(group: GroupRecord, node: NodeImpl, before: LogEnd, disk: LogMirror): void {
  const kept = keptByCut(node, before, disk)
  if (kept === null) return
  const at = `${group.groupId}: ${node.self.storeId} cut its log from ${before.lastIndex} to ${kept}`
  if (disk.lastIndex < before.lastIndex)
    throw new InvariantViolation('I-cut', `${at}, its disk has ${disk.lastIndex}`)
  if (disk.sharesBlock(kept, kept + 1))
    throw new InvariantViolation('I-cut', `${at}, which is in the middle of a block`)
}
