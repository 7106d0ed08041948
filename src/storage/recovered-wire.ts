import { assertPresent } from '../util/assert.ts'
import { unpack } from './packed.ts'
import { decodeReplicaRecord } from './replica-record.ts'
import type { RecoveredReplica, TermRun } from './replica-write.ts'
import { RECOVERED_STRIDE } from './shard-protocol.ts'
import type { RecoveredWire } from './shard-protocol.ts'

/** The replicas that a worker found when it opened. */
export function unpackRecovered(wire: RecoveredWire): RecoveredReplica[] {
  const replicas: RecoveredReplica[] = []
  const records = unpack(wire.records)
  for (let i = 0, run = 0; i < records.length; i++) {
    const at = i * RECOVERED_STRIDE
    const termRuns: TermRun[] = []
    for (const end = run + wire.numbers[at + 3]! * 2; run < end; run += 2) {
      termRuns.push({ firstIndex: wire.runs[run]!, term: wire.runs[run + 1]! })
    }
    const record = assertPresent(decodeReplicaRecord(records[i]!), 'a recovered record can be read')
    const appliedIndex = wire.numbers[at + 1]!
    replicas.push({
      record,
      lastIndex: wire.numbers[at]!,
      termRuns,
      appliedIndex,
      appliedTerm: wire.numbers[at + 2]!,
      stateLost: record.space > 0 && appliedIndex + 1 < record.firstIndex,
    })
  }
  return replicas
}
