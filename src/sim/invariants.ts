import type { NodeImpl } from '../raft/node-impl.ts'
import type { DurableLog, GroupRecord, LogEntry, ReplicaGhost } from './ghost-state.ts'

/**
 * What must hold, by the numbers of the project's catalogue. Each is a check of its own below, over the ghost state and
 * what can be seen of a replica from outside; `ghost` is what the checker alone remembers.
 */
export const INVARIANTS = {
  'I-1': 'a term of a group has at most one leader, ever',
  'I-2': 'a voter grants at most one vote in a term, restarts included',
  'I-3': 'a term never falls, restarts included, and no message carries a term above its sender’s',
  'I-4': 'a leader only appends to its log, and whoever follows it keeps what it acknowledged to it',
  'I-5': 'two logs with an entry of the same index and term are equal up to it',
  'I-6': 'a new leader holds every entry that was committed in an earlier term',
  'I-7': 'every replica applies the committed entries, each once, in order, without a gap',
  'I-8': 'a leader commits by an entry of its own term that a majority holds durably',
  'I-9': 'a commit index never falls, and what was committed at an index stays there for ever',
  'I-10': 'a log begins no later than behind what its state machine has applied',
  'I-13':
    'a voter that has followed a live leader votes for nobody within an election timeout, restarts included',
  'I-13b':
    'a read index is no older than what was committed anywhere when the read was asked for, and applied before it is answered',
  'I-15': 'the answers that clients got have an order in which each makes sense',
  'I-16': 'a recovered state is that of the committed entries up to its applied index',
  'I-17': 'what was acknowledged is committed, for ever',
  'I-17b': 'what was refused, as certainly not done, is never committed',
  'I-18': 'what is committed was proposed by a client, and is committed once, or is a configuration',
  'I-19':
    'a promise leaves a store only when its disk holds what it promises, and none leaves a failed store',
  'I-20': 'a replica whose disk is behind its promises makes no further ones',
  'I-21':
    'a store notices by itself that a part of its directory was damaged, before it goes by what is left',
  'I-23': 'replicas that applied equally far are equal',
  'I-24': 'queues and caches keep their bounds',
  'I-25': 'a group that hangs does not stop the others',
  'I-L':
    'a healed core with a quorum of every group comes to rest: one leader each, all applied, terms at rest',
  'I-log':
    'after every write the log on a disk is whole, as its next start must find it: block behind block, each in its term',
  'I-cut': 'a log is cut where a block ends, and only of what its disk holds',
  'I-open': 'a store opens, and its replicas work, on a disk that nobody damaged',
  'I-accused': 'no store is called suspect while no disk was damaged',
  'I-call': 'every call to a store that lives ends within its time',
  'I-check': 'the check of the simulation’s author holds',
} as const

export type InvariantId = keyof typeof INVARIANTS

/** Something that must hold does not. */
export class InvariantViolation extends Error {
  override readonly name = 'InvariantViolation'
  readonly invariant: InvariantId

  constructor(invariant: InvariantId, detail: string, cause?: unknown) {
    super(`${invariant}: ${INVARIANTS[invariant]}. ${detail}`, { cause })
    this.invariant = invariant
  }
}

function broken(invariant: InvariantId, detail: string): never {
  throw new InvariantViolation(invariant, detail)
}

function named(entry: LogEntry): string {
  return `(term ${entry.term}, ${entry.hash.toString(16)})`
}

/** I-1. */
export function electionSafety(group: GroupRecord, storeId: string, term: number): void {
  const known = group.leaders.get(term)
  if (known === undefined) group.leaders.set(term, storeId)
  else if (known !== storeId) broken('I-1', `${group.groupId}, term ${term}: ${known} and ${storeId} led`)
}

/** I-2, over all lives of a replica. */
export function voteUniqueness(
  group: GroupRecord,
  replica: ReplicaGhost,
  term: number,
  candidate: number,
): void {
  const known = replica.votes.get(term)
  if (known === undefined) replica.votes.set(term, candidate)
  else if (known !== candidate)
    broken('I-2', `${group.groupId}: ${replica.name} voted in term ${term} for ${known} and for ${candidate}`)
}

/** Clocks may run so much faster or slower than simulated time, and so may the two that a promise is timed by. */
const CLOCK_TOLERANCE = 0.1

/** I-13, of the life before: what a leader's lease rests on. */
export function leasePromiseKept(
  group: GroupRecord,
  replica: ReplicaGhost,
  nowMs: number,
  electionTimeoutMs: number,
): void {
  const sinceMs = nowMs - replica.followedAtMs
  if (sinceMs >= electionTimeoutMs * (1 - CLOCK_TOLERANCE)) return
  const text = `${replica.name} votes ${sinceMs.toFixed(1)} ms after its life before heard from a leader`
  broken('I-13', `${group.groupId}: ${text}, the election timeout is ${electionTimeoutMs} ms`)
}

/**
 * I-13b. The round that confirms a read begins after the question: a leader whose quorum answers it is the newest, and an
 * entry of its own term is committed, so nobody knows of a later one that was committed before.
 */
export function readIsCurrent(group: GroupRecord, node: NodeImpl, committed: number, index: number): void {
  const { lastAppliedIndex } = node.fsmCaller
  if (index >= committed && index <= lastAppliedIndex) return
  const text = `${group.groupId}: ${node.self.storeId} in term ${node.currTerm} reads at ${index}`
  broken(
    'I-13b',
    `${text}, has applied ${lastAppliedIndex}, and ${committed} was committed when it was asked`,
  )
}

/** I-3: of one life. */
export function termMonotonic(group: GroupRecord, replica: ReplicaGhost, before: number, term: number): void {
  if (term < before)
    broken('I-3', `${group.groupId}: the term of ${replica.name} fell from ${before} to ${term}`)
}

/** I-3, of a message: `sent` is its term. */
export function termIsOwn(group: GroupRecord, replica: ReplicaGhost, sent: number, own: number): void {
  if (sent > own)
    broken('I-3', `${group.groupId}: ${replica.name} sends a message of term ${sent}, and is in term ${own}`)
}

/** I-3, of what lies on a disk: `term` is about to replace `before`. */
export function recordKeepsTerm(group: GroupRecord, storeId: string, before: number, term: number): void {
  if (term < before)
    broken('I-3', `${group.groupId}: the term on the disk of ${storeId} fell from ${before} to ${term}`)
}

/** I-4. `lastIndex` is where the log of the leader of `term` ended when it was looked at before. */
export function leaderAppendOnly(
  group: GroupRecord,
  node: NodeImpl,
  lastIndex: number,
  lastTerm: number,
): void {
  const { log } = node
  if (log.lastIndex < lastIndex || (lastIndex >= log.firstIndex && log.termAt(lastIndex) !== lastTerm)) {
    const text = `${group.groupId}: the log of leader ${node.self.storeId} went from ${lastIndex} to ${log.lastIndex}`
    broken('I-4', text)
  }
}

/** I-4, for whoever follows: only a leader of a later term may take back what was acknowledged. */
export function keepsAcknowledged(group: GroupRecord, node: NodeImpl, replica: ReplicaGhost): void {
  const { ackedIndex, ackedTerm, ackedIn, amnesia } = replica
  const { log } = node
  if (amnesia !== null || ackedIn !== node.currTerm || ackedIndex < log.firstIndex) return
  if (ackedIndex <= log.lastIndex && log.termAt(ackedIndex) === ackedTerm) return
  const text = `${group.groupId}: ${replica.name} acknowledged ${ackedIndex} in term ${ackedIn}`
  broken('I-4', `${text}, and its log ends at ${log.lastIndex} in the same term`)
}

/** I-4, for whoever follows: entries of a term come from its leader alone, which never takes one back. */
export function keepsOwnTerm(group: GroupRecord, node: NodeImpl, lastIndex: number, lastTerm: number): void {
  const { log } = node
  if (lastTerm !== node.currTerm || lastIndex <= log.lastIndex) return
  const text = `${group.groupId}: the log of ${node.self.storeId} held ${lastIndex} of term ${lastTerm}`
  broken('I-4', `${text}, and ends at ${log.lastIndex} in the same term`)
}

/** I-5, by induction: equal entries of an index and term have equal predecessors. */
export function logMatching(group: GroupRecord, index: number, one: LogEntry, other: LogEntry): void {
  if (one.hash !== other.hash || one.prevTerm !== other.prevTerm) {
    const text = `${group.groupId}/${index}: ${named(one)} behind ${one.prevTerm}, and ${named(other)} behind ${other.prevTerm}`
    broken('I-5', text)
  }
}

/** I-6. Entries below the log's beginning are in the state, whose applied index says so. */
export function leaderCompleteness(group: GroupRecord, node: NodeImpl): void {
  const { log } = node
  for (let index = group.lastCommitted; index > 0; index--) {
    const committed = group.committed[index]!
    if (committed.committedIn >= node.currTerm) continue
    if (index < log.firstIndex) break
    if (index > log.lastIndex || log.termAt(index) !== committed.entry.term) {
      const text = `${group.groupId}: ${node.self.storeId} leads term ${node.currTerm} without entry ${index}`
      broken('I-6', `${text} ${named(committed.entry)}, committed in term ${committed.committedIn}`)
    }
  }
}

/** I-7, for a state machine: what it is given next. */
export function applyOrder(
  group: GroupRecord,
  storeId: string,
  last: number,
  index: number,
  hash: number,
): void {
  const at = `${group.groupId}: ${storeId}`
  if (index <= last) broken('I-7', `${at} applied ${index} after ${last}`)
  for (let skipped = last + 1; skipped < index; skipped++) {
    if (group.committed[skipped]?.entry.isData !== false)
      broken('I-7', `${at} applied ${index} after ${last}`)
  }
  const committed = group.committed[index]
  if (committed === undefined) broken('I-7', `${at} applied ${index}, which is not committed`)
  else if (committed.entry.hash !== hash)
    broken('I-7', `${at} applied ${hash.toString(16)} at ${index}, committed is ${named(committed.entry)}`)
}

/** I-8. `holds` says whether a voter's disk has the entry of that index and term. */
export function commitIsDurable(
  group: GroupRecord,
  node: NodeImpl,
  index: number,
  holds: (storeId: string, index: number, term: number) => boolean,
): void {
  const term = node.log.termAt(index)
  const at = `${group.groupId}: ${node.self.storeId} in term ${node.currTerm} committed ${index} of term ${term}`
  if (term !== node.currTerm) broken('I-8', at)
  const { conf, oldConf } = node.configuration
  for (const half of [conf, oldConf]) {
    const voters = half?.voters ?? []
    const holders = voters.filter((voter) => holds(voter.storeId, index, term))
    if (voters.length > 0 && holders.length * 2 <= voters.length) {
      const names = holders.map(({ storeId }) => storeId).join(', ')
      broken('I-8', `${at}, which is on the disks of ${names || 'none'} of ${voters.length} voters`)
    }
  }
}

/** I-8, for one's own vote: what counts as durable is on the disk, as the entry that it is now. */
export function durableIsOnDisk(group: GroupRecord, node: NodeImpl, disk: DurableLog | null): void {
  const { durableIndex, firstIndex, lastIndex } = node.log
  if (durableIndex < firstIndex) return
  const at = `${group.groupId}: ${node.self.storeId} counts ${durableIndex} as durable`
  if (durableIndex > lastIndex) broken('I-8', `${at}, its log ends at ${lastIndex}`)
  const term = node.log.termAt(durableIndex)
  if (disk?.holds(durableIndex, term) !== true)
    broken(
      'I-8',
      `${at} in term ${term}, its disk has ${disk?.entryAt(durableIndex)?.term ?? 'nothing'} there`,
    )
}

/** I-9: within a life. */
export function commitMonotonic(group: GroupRecord, node: NodeImpl, before: number): void {
  const commit = node.ballotBox.lastCommittedIndex
  const at = `${group.groupId}: ${node.self.storeId}`
  if (commit < before) broken('I-9', `${at} had committed ${before} and then ${commit}`)
  if (commit > node.log.lastIndex)
    broken('I-9', `${at} committed ${commit}, its log ends at ${node.log.lastIndex}`)
  const { lastAppliedIndex } = node.fsmCaller
  if (lastAppliedIndex > commit) broken('I-9', `${at} applied ${lastAppliedIndex}, committed is ${commit}`)
}

/** I-9: for all replicas and times. */
export function commitIsFinal(group: GroupRecord, storeId: string, index: number, term: number): void {
  const { entry } = group.committed[index]!
  if (entry.term !== term) {
    broken(
      'I-9',
      `${group.groupId}/${index} was committed as ${named(entry)}, and on ${storeId} as of term ${term}`,
    )
  }
}

/** I-10. */
export function noGap(group: GroupRecord, node: NodeImpl): void {
  const { firstIndex } = node.log
  const applied = node.fsmCaller.lastAppliedIndex
  if (firstIndex > applied + 1)
    broken(
      'I-10',
      `${group.groupId}: the log of ${node.self.storeId} begins at ${firstIndex}, applied is ${applied}`,
    )
}

/** I-log: what is wrong at `index`. */
export function logIsBroken(group: GroupRecord, storeId: string, index: number, what: string): never {
  broken('I-log', `${group.groupId}: on the disk of ${storeId}, ${index} ${what}`)
}

/** I-9, of a replica that has come to life: what its state was made of, and its log still holds, is what was committed. */
export function recoveredIsCommitted(group: GroupRecord, storeId: string, node: NodeImpl): void {
  const { log, ballotBox } = node
  for (let index = Math.max(log.firstIndex - 1, 1); index <= ballotBox.lastCommittedIndex; index++)
    commitIsFinal(group, storeId, index, log.termAt(index))
}

/** I-19, of a vote. */
export function voteIsDurable(
  group: GroupRecord,
  storeId: string,
  disk: DurableLog | null,
  term: number,
  candidate: number,
): void {
  if (disk?.term === term && disk.votedFor === candidate) return
  const found = disk === null ? 'nothing' : `term ${disk.term}, vote ${disk.votedFor}`
  broken(
    'I-19',
    `${group.groupId}: ${storeId} votes for ${candidate} in term ${term}, on its disk is ${found}`,
  )
}

/** I-19, of an ack. `entry` is what the store's log in memory has there. */
export function ackIsDurable(
  group: GroupRecord,
  storeId: string,
  disk: DurableLog | null,
  term: number,
  index: number,
  entryTerm: number,
): void {
  const at = `${group.groupId}: ${storeId} acknowledges ${index} in term ${term}, on its disk is`
  if (disk === null) broken('I-19', `${at} nothing`)
  else if (index > 0 && !disk.holds(index, entryTerm))
    broken(
      'I-19',
      `${at} ${disk.entryAt(index)?.term ?? 'no entry'} there, in the log an entry of term ${entryTerm}`,
    )
  else if (disk.term < term) broken('I-19', `${at} term ${disk.term}`)
}

/** I-19: after the first storage error. */
export function failedStoreIsSilent(
  group: GroupRecord,
  storeId: string,
  failed: boolean,
  promise: string,
): void {
  if (failed) broken('I-19', `${group.groupId}: ${storeId} has failed and sends ${promise}`)
}

/** I-20. */
export function amnesiacIsSilent(group: GroupRecord, replica: ReplicaGhost, promise: string): void {
  if (replica.amnesia !== null)
    broken(
      'I-20',
      `${group.groupId}: ${replica.name} sends ${promise}, though its disk forgot ${replica.amnesia}`,
    )
}
