import type { Client } from '../api/client.ts'
import type { GroupVerification } from '../client/admin-reports.ts'
import type { CallOptions } from '../client/pending-call.ts'
import { type FlotillaError, toFlotillaError } from '../util/errors.ts'
import { withCluster } from './cluster-client.ts'
import { type ClusterFlags, clusterOptions } from './cluster-options.ts'
import { errorView } from './error-view.ts'
import { EXIT_DONE, EXIT_FAILED } from './exit-codes.ts'
import { formatBytes, formatCount, plural, printable } from './format.ts'
import { formatTable } from './table.ts'
import { defineVerb, type VerbContext } from './verb.ts'

/** Verifications under way at once: each reads the whole state of a group on every store. */
const AT_ONCE = 4
const KV_TYPE = 'kv'

/** What became of one group. */
interface Verified {
  readonly groupId: string
  /** `incomplete`: those that answered are equal, not all did. */
  readonly result: 'equal' | 'different' | 'incomplete' | 'failed'
  /** What is wrong, with the stores' names; '' when nothing is. */
  readonly problem: string
  readonly verification: GroupVerification | null
  readonly error: FlotillaError | null
}

export const GROUP_VERIFY = defineVerb<ClusterFlags>({
  usage: 'verify [id...]',
  summary: 'compare all replicas of key-value groups, byte by byte',
  description: [
    'Compare the replicas of key-value groups (default: all of them): each store reads the whole state of its replica, ' +
      'checks every value, and makes a digest of all keys and values at one applied index. Exit 0 only when all replicas of ' +
      'all groups were compared and are equal; else it is said which store differs, or why one could not be asked.',
    'Writes may go on meanwhile: an index a little ahead is chosen, and each replica is looked at as it gets there. A group ' +
      'with a replica that does not get there fails after its time (30 s unless --timeout-ms says otherwise).',
  ],
  options: clusterOptions,
  jsonHelp: 'print one JSON value: whether all are equal, and a verdict for each group',
  examples: ['flotilla group verify', 'flotilla group verify kv/0000 --json'],
  run: verify,
})

async function verify(context: VerbContext<ClusterFlags>): Promise<number> {
  const { args, flags, output, signal } = context
  const { verified, skipped } = await withCluster(context, async (client, call) => {
    output.progress.begin('verify', () => ({ text: 'asking the stores' }))
    const { ids, skipped } = args.length > 0 ? { ids: args, skipped: 0 } : await kvGroups(client, call)
    const timed = flags.timeoutMs === undefined ? { signal } : call
    let done = 0
    const text = (): string => `${done} of ${plural(ids.length, 'group')}`
    output.progress.begin('verify', () => ({ fraction: done / Math.max(1, ids.length), text: text() }))
    const verified = await inPortions(ids, async (groupId) => {
      const one = await verifyOne(client, groupId, timed)
      done++
      return one
    })
    signal.throwIfAborted()
    return { verified, skipped }
  })
  const equal = verified.every(({ result }) => result === 'equal')
  await output.answer(
    { equal, skipped, groups: verified.map(verifiedJson) },
    formatVerified(verified, skipped),
  )
  return equal ? EXIT_DONE : EXIT_FAILED
}

/** The key-value groups, and how many others there are. */
async function kvGroups(client: Client, call: CallOptions): Promise<{ ids: string[]; skipped: number }> {
  const groups = await client.listGroups(call)
  const ids = groups.filter(({ type }) => type === KV_TYPE).map(({ groupId }) => groupId)
  return { ids, skipped: groups.length - ids.length }
}

async function inPortions<T>(ids: readonly string[], work: (id: string) => Promise<T>): Promise<T[]> {
  const results: T[] = []
  let next = 0
  const worker = async (): Promise<void> => {
    for (let i = next++; i < ids.length; i = next++) results[i] = await work(ids[i]!)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
  return results
}

async function verifyOne(client: Client, groupId: string, call: CallOptions): Promise<Verified> {
  try {
    const verification = await client.verifyGroup(groupId, call)
    const { equal, complete } = verification
    const result = !equal ? 'different' : complete ? 'equal' : 'incomplete'
    return { groupId, result, problem: problemOf(verification), verification, error: null }
  } catch (raw) {
    const error = toFlotillaError(raw)
    return { groupId, result: 'failed', problem: error.message, verification: null, error }
  }
}

/** Which stores hold what the most do not, and which could not be asked. */
function problemOf({ replicas }: GroupVerification): string {
  const byDigest = new Map<string, string[]>()
  const problems: string[] = []
  for (const { storeId, digest, error } of replicas) {
    if (digest === null) {
      problems.push(`${storeId} was not compared: ${error?.message ?? 'it gave no digest'}`)
      continue
    }
    const name = `${digest.digest} at index ${digest.appliedIndex}`
    byDigest.set(name, [...(byDigest.get(name) ?? []), storeId])
  }
  const [most, ...others] = [...byDigest.values()].sort((a, b) => b.length - a.length)
  for (const stores of others) problems.unshift(`${stores.join(', ')} differs from ${most!.join(', ')}`)
  return problems.join('; ')
}

function verifiedJson({ verification, error, ...same }: Verified): object {
  const replicas = verification?.replicas.map((replica) => ({
    ...replica,
    error: replica.error && errorView(replica.error),
  }))
  const { appliedIndex = null } = verification ?? {}
  return { ...same, appliedIndex, replicas: replicas ?? [], error: error && errorView(error) }
}

function formatVerified(verified: readonly Verified[], skipped: number): string {
  const rows = verified.map(({ groupId, result, problem, verification }) => {
    const digest = verification?.replicas.find((replica) => replica.digest !== null)?.digest
    const size =
      digest == null
        ? ['', '', '']
        : [String(digest.appliedIndex), formatCount(digest.keys), formatBytes(digest.bytes)]
    return [printable(groupId), result, ...size, printable(problem)]
  })
  const count = (result: Verified['result']): number => verified.filter((one) => one.result === result).length
  const parts = [`${plural(count('equal'), 'group')} of ${verified.length} equal on every store`]
  for (const result of ['different', 'incomplete', 'failed'] as const) {
    if (count(result) > 0) parts.push(`${count(result)} ${result}`)
  }
  if (skipped > 0) parts.push(`${skipped} of other types not compared`)
  return `${formatTable(['group', 'result', 'index', 'keys', 'bytes', 'problem'], rows)}\n${parts.join(', ')}`
}
