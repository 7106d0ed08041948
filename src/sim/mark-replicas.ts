import type { NodeImpl } from '../raft/node-impl.ts'
import { MAX_APPENDS_IN_FLIGHT } from '../util/limits.ts'
import type { LogMirror } from './disk-mirror.ts'
import type { GroupRecord, ReplicaGhost } from './ghost-state.ts'
import { keptByCut } from './log-cuts.ts'
import type { Marks } from './marks.ts'

/** A replica as it was a step ago. */
export interface ReplicaBefore {
  readonly term: number
  readonly lastIndex: number
  readonly lastTerm: number
  readonly commit: number
  readonly firstIndex: number
}

const MANY_COMMITS = 100
const MANY_CUT = 20

/** A replica has come to life. */
export function markStart(marks: Marks, node: NodeImpl, group: GroupRecord): void {
  const { log, fsmCaller, votedFor, self } = node
  const applied = fsmCaller.lastAppliedIndex
  if (log.lastIndex === 0) marks.reach('start/empty')
  if (applied > 0 && applied < log.lastIndex) marks.reach('start/state-behind')
  if (applied > 0 && applied === log.lastIndex && log.firstIndex === applied + 1)
    marks.reach('start/state-ahead')
  if (log.lastIndex > group.lastCommitted) marks.reach('start/uncommitted-tail')
  if (votedFor === self.replica) marks.reach('start/own-vote')
  else if (votedFor !== 0) marks.reach('start/vote')
  if (node.waitsForSnapshot) marks.reach('start/state-lost')
}

/** A replica has changed in the step that is over. `isElected`: it leads since then. */
export function markChange(
  marks: Marks,
  node: NodeImpl,
  before: ReplicaBefore,
  replica: ReplicaGhost,
  disk: LogMirror | null,
): void {
  const { log, ballotBox } = node
  if (node.currTerm > before.term + 1) marks.reach('term/jump')
  if (log.firstIndex > before.firstIndex) marks.reach('truncation')
  const commit = ballotBox.lastCommittedIndex
  if (commit > before.commit + MANY_COMMITS) marks.reach('commit/many')
  if (node.state === 'leader' && commit > before.commit && commit > log.durableIndex)
    marks.reach('commit/ahead-of-own-disk')
  const kept = disk === null ? null : keptByCut(node, before, disk)
  if (kept !== null) markCut(marks, before.lastIndex, kept, replica)
}

function markCut(marks: Marks, cutFrom: number, kept: number, { ackedIndex }: ReplicaGhost): void {
  marks.reach('cut/suffix')
  if (cutFrom - kept > MANY_CUT) marks.reach('cut/many')
  if (ackedIndex > kept) marks.reach('cut/acknowledged')
}

/** A replica leads from now on; `others` are the group's replicas on other stores. */
export function markElection(
  marks: Marks,
  node: NodeImpl,
  group: GroupRecord,
  others: readonly NodeImpl[],
): void {
  const { currTerm, log, ballotBox, self } = node
  const terms = [...group.leaders.keys()].filter((term) => term < currTerm)
  if (terms.length === 0) marks.reach('election/first')
  else if (group.leaders.get(Math.max(...terms)) === self.storeId) marks.reach('election/again')
  const older = log.lastIndex - (log.termAt(log.lastIndex) === currTerm ? 1 : 0)
  if (older > ballotBox.lastCommittedIndex) marks.reach('election/older-entries')
  if (others.some((other) => other.state === 'leader')) marks.reach('election/two-at-once')
  if (node.waitsForSnapshot) marks.reach('election/after-state-lost')
}

/** Now and then. */
export function markBounds(marks: Marks, node: NodeImpl): void {
  for (const { inFlight } of node.replicators.list())
    if (inFlight >= MAX_APPENDS_IN_FLIGHT) marks.reach('window/full')
}
