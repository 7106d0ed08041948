import { FlotillaError, toFlotillaError } from '../util/errors.ts'
import { RETRY_MAX_MS, RETRY_MIN_MS } from '../util/limits.ts'
import {
  decodeDigest,
  type GroupVerification,
  type ReplicaReport,
  type VerifiedReplica,
} from './admin-reports.ts'
import type { CallTime } from './call-time.ts'
import type { GroupDescription } from './group-description.ts'

/** What a verification asks. */
export interface VerificationQuestions {
  /** What every member's store says of its replica now. Rejects with UNKNOWN_GROUP. */
  reports(): Promise<ReplicaReport[]>
  /** The body of one replica's digest: it reads the whole state. */
  digest(storeId: string): Promise<Buffer>
}

/**
 * Digests are dear, so they are asked for only when the replicas that can be asked stand at one applied index, and count
 * only when they were all taken at one. Two that differ at one index prove a divergence, whatever the others do.
 */
export async function verifyGroup(
  groupId: string,
  time: CallTime,
  questions: VerificationQuestions,
): Promise<GroupVerification> {
  let pauseMs = RETRY_MIN_MS
  for (;;) {
    const reports = await questions.reports()
    const replicas = reports.filter(({ description }) => description !== null && works(description))
    if (replicas.length === 0) throw nothingWorks(groupId, reports)
    const seen = replicas.map(({ description }) => description!.appliedIndex)
    // Towards the end of its time one try is worth more than none.
    if (Math.min(...seen) === Math.max(...seen)) {
      const taken = await Promise.all(reports.map((report) => digestOf(report, questions)))
      const verdict = judge(groupId, taken)
      if (verdict !== null) return verdict
    }
    if (time.over)
      throw time.timeout(`the replicas stand at ${seen.join(', ')} and the group is being written to`)
    await time.pause(pauseMs)
    pauseMs = Math.min(RETRY_MAX_MS, pauseMs * 2)
  }
}

function works(description: GroupDescription): boolean {
  if (description.type !== 'kv') {
    const text = `group ${description.groupId} is of type ${description.type}`
    throw new FlotillaError('NOT_A_KV_GROUP', text)
  }
  return description.error === null && description.state !== 'shutdown'
}

function nothingWorks(groupId: string, reports: readonly ReplicaReport[]): FlotillaError {
  const cause = reports.find(({ description }) => description !== null)?.description?.error ?? undefined
  const text = `no replica of ${groupId} works: ${cause?.message ?? 'all have stopped'}`
  return new FlotillaError('GROUP_FAILED', text, { cause, outcome: 'not-applied' })
}

async function digestOf(
  { storeId, description, error }: ReplicaReport,
  questions: VerificationQuestions,
): Promise<VerifiedReplica> {
  if (description === null || !works(description)) {
    return { storeId, digest: null, error: error ?? description?.error ?? null }
  }
  try {
    return { storeId, digest: decodeDigest(await questions.digest(storeId)), error: null }
  } catch (failure) {
    return { storeId, digest: null, error: toFlotillaError(failure) }
  }
}

/** Null while the digests are of different indexes and none contradicts another. */
function judge(groupId: string, replicas: readonly VerifiedReplica[]): GroupVerification | null {
  const byIndex = new Map<number, Set<string>>()
  for (const { digest } of replicas) {
    if (digest === null) continue
    const { appliedIndex, appliedTerm } = digest
    const digests = byIndex.get(appliedIndex) ?? new Set()
    byIndex.set(appliedIndex, digests.add(`${appliedTerm} ${digest.digest}`))
  }
  const diverged = [...byIndex].find(([, digests]) => digests.size > 1)
  if (diverged === undefined && byIndex.size !== 1) return null
  const appliedIndex = (diverged ?? [...byIndex][0]!)[0]
  const complete = replicas.every(({ digest }) => digest !== null)
  return { groupId, equal: diverged === undefined, complete, appliedIndex, replicas }
}
