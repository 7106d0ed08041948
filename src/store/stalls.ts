import type { GroupReplica } from './group-replica.ts'

/** Share of the election timeout: a shorter stall changes nobody's mind. */
const STALL_SHARE = 0.25

/**
 * The event loop stood still for about `lateMs`, and what the sockets hold has not been read. The silence of that time is
 * held against nobody: what rests on it (elections, leaders' offices) is judged anew.
 */
export function judgeAnew(groups: Iterable<GroupReplica>, lateMs: number, electionTimeoutMs: number): void {
  if (lateMs < STALL_SHARE * electionTimeoutMs) return
  for (const { node } of groups) {
    if (node === null) continue
    node.election.onStall()
    node.replicators.onStall()
  }
}
