import type { StateEngine } from '../kv/state-engine.ts'
import { corruptLog } from '../storage/log-damage.ts'
import type { LogEngine } from '../storage/log-engine.ts'
import type { RecoveredLog } from '../storage/log-recovery.ts'
import type { ReplicaRecord } from '../storage/replica-write.ts'

/** How many groups a warning names. */
const NAMED_GROUPS = 5

/**
 * Brings log and state together at start. The leader's own disk is not on the commit path, so after a crash the state may
 * be ahead of the log, or the log may hold entries that a newer leader had replaced where the state is already. Both are
 * legal: the state is made durable, then the log begins anew behind it.
 *
 * A state behind the log is replayed when the group's commits come. A state that ends below the log's beginning is gone;
 * that is for the group to mend. Returns what is worth a warning.
 */
export async function reconcile(
  log: LogEngine,
  state: StateEngine,
  found: readonly RecoveredLog[],
): Promise<string[]> {
  const ahead = found.filter((replica) => stateIsAhead(log.dir, state, replica))
  if (ahead.length > 0) await state.sync()
  for (const replica of ahead) {
    const { appliedIndex, appliedTerm } = state.space(replica.record.space)
    const configuration = await state.configuration(replica.record.space)
    const raised = appliedTerm > replica.record.term
    const record: ReplicaRecord = {
      ...replica.record,
      term: raised ? appliedTerm : replica.record.term,
      votedFor: raised ? 0 : replica.record.votedFor,
      firstIndex: appliedIndex + 1,
      prevTerm: appliedTerm,
      // The log no longer tells; the state does. None applied means that the first one is in force.
      configurations: configuration === null ? [] : [configuration],
    }
    await log.reset(replica.log, record, appliedIndex)
    replica.record = record
    replica.termRuns = []
  }
  return lostStates(state, found)
}

function lostStates(state: StateEngine, found: readonly RecoveredLog[]): string[] {
  const lost = found.filter(
    ({ record: { space, firstIndex } }) => space > 0 && state.space(space).appliedIndex + 1 < firstIndex,
  )
  if (lost.length === 0) return []
  const some = lost.slice(0, NAMED_GROUPS).map(({ record }) => JSON.stringify(record.groupId))
  const names = some.join(', ') + (lost.length > some.length ? ` and ${lost.length - some.length} more` : '')
  return [
    `The state in ${state.dir} ends below the beginning of the log of ${names}: it cannot be replayed. These groups vote ` +
      'on here but serve nothing until they have a snapshot, or until the store is stopped and a newer state put back.',
  ]
}

function stateIsAhead(dir: string, state: StateEngine, { log, record, termRuns }: RecoveredLog): boolean {
  if (record.space === 0) return false
  const { appliedIndex, appliedTerm } = state.space(record.space)
  if (appliedIndex === 0 || appliedIndex < log.firstIndex - 1) return false
  if (appliedIndex > log.lastIndex) return true
  const term = appliedIndex === log.firstIndex - 1 ? record.prevTerm : termAt(termRuns, appliedIndex)
  if (term > appliedTerm) {
    // What is applied is committed, and no later term can have another entry there.
    const what = `it is of term ${term} but the state was built from an entry of term ${appliedTerm}`
    throw corruptLog(dir, record.groupId, appliedIndex, what)
  }
  return term < appliedTerm
}

function termAt(termRuns: readonly number[], index: number): number {
  let term = 0
  for (let i = 0; i < termRuns.length && termRuns[i]! <= index; i += 2) term = termRuns[i + 1]!
  return term
}
