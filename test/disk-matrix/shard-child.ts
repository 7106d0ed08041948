import { cpSync, existsSync } from 'node:fs'
import { NodeFiles } from '../../src/env/node-files.ts'
import { NodeRandom } from '../../src/env/node-random.ts'
import { loadRocksDb } from '../../src/env/rocks.ts'
import { ShardThreads } from '../../src/env/shard-threads.ts'
import { openIdentity } from '../../src/store/identity.ts'
import { toFlotillaError } from '../../src/util/errors.ts'
import { payloadsOf, TestShard } from '../storage/shard-harness.ts'
import type { TestReplica, World } from '../storage/shard-harness.ts'

/** What the store of one life had promised when it was killed, and what a later life found. */
export interface Promised {
  readonly highestFlush: number
  readonly groups: ReadonlyArray<{
    readonly groupId: string
    readonly firstIndex: number
    readonly lastIndex: number
    readonly term: number
    readonly votedFor: number
    readonly digest: string
  }>
}

export interface Found {
  /** Null when the store opened. */
  readonly refused: { readonly code: string; readonly message: string } | null
  readonly warnings: readonly string[]
  readonly highestFlush: number
  /** Groups whose state is gone and whose log is not. */
  readonly gone: readonly string[]
  /** Errors of reads after the start. */
  readonly late: readonly string[]
  /** What is missing or wrong and nobody said so. */
  readonly wrong: readonly string[]
}

const GROUPS = ['a', 'b', 'c']
const ROUNDS = 12
const VOTE = 1
/** Entries that stay below the applied ones when a log is truncated. */
const KEPT = 6

export const IDENTITY = { clusterId: 'matrix', storeId: 's1', shards: 1 }

function worldOf(dir: string): World {
  return {
    threads: new ShardThreads({ prepare: () => void loadRocksDb() }),
    dir: `${dir}/shard-00`,
    remove: () => {},
  }
}

async function fill(replica: TestReplica, session: number): Promise<void> {
  await replica.setTerm(session, VOTE)
  for (let round = 0; round < ROUNDS; round++) await putRound(replica)
  await replica.apply(replica.lastIndex)
}

/** Entries say whose they are, so that a misplaced one shows. */
async function putRound(replica: TestReplica): Promise<void> {
  const pairs: Record<string, string> = {}
  for (let i = 0; i < 3; i++) {
    const index = replica.lastIndex + 1 + i
    pairs[`k${index % 90}`] = `${replica.groupId}:${index}:${'x'.repeat((index * 97) % 2_000)}`
  }
  await replica.put(pairs)
}

/** Truncates the log, and writes and applies on: so some of the state is behind the marker and some is not. */
async function truncate(test: TestShard, replica: TestReplica, session: number): Promise<void> {
  const { pairs } = await test.plan([replica.slot, replica.lastIndex - KEPT])
  test.shard.truncate(replica.slot, pairs[1]!, session)
  for (let round = 0; round < 3; round++) await putRound(replica)
  await replica.apply(replica.lastIndex)
}

/**
 * Three lives: each opening brings what the last one wrote into a table, so there are tables and a write-ahead log. After
 * the first the directory is copied to `earlier`. In the last one logs may be truncated; it ends by SIGKILL.
 */
export async function fillStore(dir: string, earlier: string, truncated: boolean): Promise<Promised> {
  await openIdentity(new NodeFiles(), new NodeRandom(), dir, IDENTITY)
  for (let session = 1; ; session++) {
    const test = await TestShard.open(worldOf(dir))
    const groups: Promised['groups'][number][] = []
    for (const groupId of GROUPS) {
      const replica = session === 1 ? await test.create(groupId) : test.replica(groupId)
      await fill(replica, session)
      if (truncated && session === 3) await truncate(test, replica, session)
      const { digest } = await test.shard.digest(replica.slot)
      const { firstIndex } = test.shard.recordOf(replica.slot)
      const { lastIndex } = replica
      groups.push({ groupId, firstIndex, lastIndex, term: session, votedFor: VOTE, digest })
    }
    if (session === 3) return { highestFlush: test.shard.highestFlush, groups }
    await test.shard.close()
    if (session === 1) cpSync(dir, earlier, { recursive: true })
  }
}

export async function checkStore(dir: string, promised: Promised): Promise<Found> {
  const gone: string[] = []
  const late: string[] = []
  const wrong: string[] = []
  let test: TestShard
  try {
    const known = existsSync(`${dir}/identity.json`)
    await openIdentity(new NodeFiles(), new NodeRandom(), dir, IDENTITY)
    test = await TestShard.open(worldOf(dir), 0, 1, known)
  } catch (error) {
    const { code, message } = toFlotillaError(error)
    return { refused: { code, message }, warnings: [], highestFlush: 0, gone, late, wrong }
  }
  const { highestFlush } = test.shard
  if (highestFlush < promised.highestFlush) wrong.push(`the newest flush is ${highestFlush}`)
  for (const group of promised.groups) await checkGroup(test, group, gone, late, wrong)
  for (const { code, message } of test.failures) late.push(`${code}: ${message}`)
  await test.shard.close()
  return { refused: null, warnings: test.warnings, highestFlush, gone, late, wrong }
}

async function checkGroup(
  test: TestShard,
  group: Promised['groups'][number],
  gone: string[],
  late: string[],
  wrong: string[],
): Promise<void> {
  const { groupId, firstIndex, lastIndex } = group
  const recovered = test.recovered(groupId)
  if (recovered === undefined) {
    wrong.push(`group ${groupId} is gone`)
    return
  }
  const { record, stateLost, appliedIndex } = recovered
  if (record.term < group.term) wrong.push(`group ${groupId} forgot term ${group.term}`)
  else if (record.term === group.term && record.votedFor !== group.votedFor)
    wrong.push(`group ${groupId} forgot its vote`)
  if (recovered.lastIndex < lastIndex) {
    wrong.push(`group ${groupId} ends at ${recovered.lastIndex} and not at ${lastIndex}`)
    return
  }
  try {
    if (record.firstIndex !== firstIndex)
      wrong.push(`the log of group ${groupId} begins at ${record.firstIndex}`)
    else await checkEntries(test, group, record.slot, wrong)
    if (stateLost) {
      gone.push(await goesOnWithoutState(test, groupId, lastIndex))
      return
    }
    if (appliedIndex < lastIndex) await test.replica(groupId).apply(lastIndex)
    const { digest } = await test.shard.digest(record.slot)
    if (digest !== group.digest) wrong.push(`the state of group ${groupId} is another`)
  } catch (error) {
    const { code, message } = toFlotillaError(error)
    late.push(`${code}: ${message}`)
  }
}

/** The log of a group whose state is gone: votes and entries are taken, nothing is applied. */
async function goesOnWithoutState(test: TestShard, groupId: string, lastIndex: number): Promise<string> {
  const replica = test.replica(groupId)
  await replica.setTerm(replica.term + 1, VOTE)
  await replica.put({ k: 'later' })
  test.shard.apply(replica.slot, lastIndex)
  await test.until(() => test.applyFailures.some(({ slot }) => slot === replica.slot))
  return `group ${groupId}: ${test.applyFailures.find(({ slot }) => slot === replica.slot)!.message}`
}

async function checkEntries(
  test: TestShard,
  { groupId, firstIndex, lastIndex }: Promised['groups'][number],
  slot: number,
  wrong: string[],
): Promise<void> {
  let next = firstIndex
  while (next <= lastIndex) {
    for (const payload of payloadsOf(await test.read(slot, next, lastIndex))) {
      if (!payload.includes(`${groupId}:${next}:`)) wrong.push(`entry ${next} of group ${groupId} is another`)
      next++
    }
  }
}

if (process.argv[2] === 'fill') {
  process.send!(await fillStore(process.argv[3]!, process.argv[4]!, process.argv[5] === 'truncated'), () =>
    process.kill(process.pid, 'SIGKILL'),
  )
} else if (process.argv[2] === 'check') {
  process.send!(await checkStore(process.argv[3]!, JSON.parse(process.argv[4]!) as Promised))
  process.disconnect()
}
