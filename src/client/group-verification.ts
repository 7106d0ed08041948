import { FlotillaError, toFlotillaError } from '../util/errors.ts'
import { MAX_VERIFY_AHEAD, RETRY_MAX_MS, RETRY_MIN_MS, VERIFY_LOOK_MS, VERIFY_LOOKS } from '../util/limits.ts'
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
  /**
   * The body of one replica's digest at an applied index: it waits until the replica is there, then reads the whole state.
   * The digest is empty where the index was passed.
   */
  digest(storeId: string, at: number): Promise<Buffer>
}

/**
 * Replicas are compared at one applied index. Where they stand together it is that one; where the group is written to, one
 * so far ahead that the question reaches all of them before they reach it. Each makes its view there and goes on. Two digests
 * that differ at one index prove a divergence, whatever the others do.
 */
export async function verifyGroup(
  groupId: string,
  time: CallTime,
  questions: VerificationQuestions,
): Promise<GroupVerification> {
  let pauseMs = RETRY_MIN_MS
  /** So many times what is committed from one look to the next the index lies ahead. */
  let ahead = 1
  let before: Standing | null = null
  for (;;) {
    const now = await look(groupId, questions)
    const at = indexFor(before, now, ahead)
    if (at > 0) {
      const taken = await digestsAt(groupId, at, now, time, questions)
      const verdict = taken === null ? null : judge(groupId, taken)
      if (verdict !== null) return verdict
      // Some had passed it before they were asked.
      if (taken !== null) ahead = Math.min(MAX_VERIFY_AHEAD, ahead * 2)
    }
    if (time.over) throw time.timeout(`the replicas stand at ${now.applied.join(', ')} and did not meet`)
    before = now
    await time.pause(pauseMs)
    pauseMs = Math.min(RETRY_MAX_MS, pauseMs * 2)
  }
}

interface Standing {
  readonly reports: readonly ReplicaReport[]
  /** Of the replicas that work, in the order of the reports. */
  readonly applied: readonly number[]
  readonly committed: number
}

async function look(groupId: string, questions: VerificationQuestions): Promise<Standing> {
  const reports = await questions.reports()
  const working = reports.flatMap(({ description }) =>
    description !== null && works(description) ? [description] : [],
  )
  if (working.length === 0) throw nothingWorks(groupId, reports)
  const applied = working.map(({ appliedIndex }) => appliedIndex)
  const committed = Math.max(...applied, ...working.map(({ commitIndex }) => commitIndex))
  return { reports, applied, committed }
}

/** Where to compare; 0: look again, for it is not known yet how fast the group moves. */
function indexFor(before: Standing | null, now: Standing, ahead: number): number {
  const [lowest, highest] = [Math.min(...now.applied), Math.max(...now.applied)]
  const moves = before !== null && now.committed > before.committed
  if (lowest === highest && (before === null || !moves)) return highest
  // A group that rests has replicas that catch up: they will meet where the furthest is.
  if (before !== null) return now.committed + (now.committed - before.committed) * ahead
  return 0
}

/**
 * The digests at `at`. Null when the group came to rest, or nearly, before any replica got there: then nobody waits for it.
 */
async function digestsAt(
  groupId: string,
  at: number,
  from: Standing,
  time: CallTime,
  questions: VerificationQuestions,
): Promise<readonly Taken[] | null> {
  let taken: readonly Taken[] | null = null
  let failure: unknown = null
  const taking = Promise.all(from.reports.map((report) => digestOf(report, at, questions))).then(
    (digests) => {
      taken = digests
    },
    (error: unknown) => {
      failure = error
    },
  )
  for (let before = from; ; ) {
    await Promise.race([taking, time.pause(VERIFY_LOOK_MS)])
    if (failure !== null) throw failure
    if (taken !== null || time.over) return taken
    const now = await look(groupId, questions)
    const left = at - Math.max(...now.applied)
    if (left > (now.committed - before.committed) * VERIFY_LOOKS) return taken
    before = now
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

/** What came of one replica. */
interface Taken {
  readonly replica: VerifiedReplica
  /** It had applied more before it was asked. */
  readonly passed: boolean
}

async function digestOf(
  { storeId, description, error }: ReplicaReport,
  at: number,
  questions: VerificationQuestions,
): Promise<Taken> {
  const without = (reason: FlotillaError | null, passed: boolean): Taken => {
    return { replica: { storeId, digest: null, error: reason }, passed }
  }
  if (description === null || !works(description)) return without(error ?? description?.error ?? null, false)
  try {
    const digest = decodeDigest(await questions.digest(storeId, at))
    if (digest.digest !== '') return { replica: { storeId, digest, error: null }, passed: false }
    return without(new FlotillaError('BUSY', `its replica was past index ${at} when it was asked`), true)
  } catch (failure) {
    return without(toFlotillaError(failure), false)
  }
}

/** Null while the digests are of different indexes and none contradicts another, or one was not taken for that reason. */
function judge(groupId: string, taken: readonly Taken[]): GroupVerification | null {
  const replicas = taken.map(({ replica }) => replica)
  const byIndex = new Map<number, Set<string>>()
  for (const { digest } of replicas) {
    if (digest === null) continue
    const { appliedIndex, appliedTerm } = digest
    const digests = byIndex.get(appliedIndex) ?? new Set()
    byIndex.set(appliedIndex, digests.add(`${appliedTerm} ${digest.digest}`))
  }
  const diverged = [...byIndex].find(([, digests]) => digests.size > 1)
  const passed = taken.some((one) => one.passed)
  if (diverged === undefined && (passed || byIndex.size !== 1)) return null
  const appliedIndex = (diverged ?? [...byIndex][0]!)[0]
  const complete = replicas.every(({ digest }) => digest !== null)
  return { groupId, equal: diverged === undefined, complete, appliedIndex, replicas }
}
