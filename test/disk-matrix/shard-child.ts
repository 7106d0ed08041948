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
  /** Errors of reads after the start. */
  readonly late: readonly string[]
  /** What is missing or wrong and nobody said so. */
  readonly wrong: readonly string[]
}

const GROUPS = ['a', 'b', 'c']
const ROUNDS = 12
const VOTE = 1

export const IDENTITY = { clusterId: 'matrix', storeId: 's1', shards: 1 }

function worldOf(dir: string): World {
  return {
    threads: new ShardThreads({ prepare: () => void loadRocksDb() }),
    dir: `${dir}/shard-00`,
    remove: () => {},
  }
}

/** Entries say whose they are, so that a misplaced one shows. */
async function fill(replica: TestReplica, session: number): Promise<void> {
  await replica.setTerm(session, VOTE)
  for (let round = 0; round < ROUNDS; round++) {
    const pairs: Record<string, string> = {}
    for (let i = 0; i < 3; i++) {
      const index = replica.lastIndex + 1 + i
      pairs[`k${index % 90}`] = `${replica.groupId}:${index}:${'x'.repeat((index * 97) % 2_000)}`
    }
    await replica.put(pairs)
  }
  await replica.apply(replica.lastIndex)
}

/**
 * Three lives: each opening brings what the last one wrote into a table, so there are tables and a write-ahead log. After
 * the first the directory is copied to `earlier`. The last ends by SIGKILL.
 */
export async function fillStore(dir: string, earlier: string): Promise<Promised> {
  await openIdentity(new NodeFiles(), new NodeRandom(), dir, IDENTITY)
  for (let session = 1; ; session++) {
    const test = await TestShard.open(worldOf(dir))
    const groups: Promised['groups'][number][] = []
    for (const groupId of GROUPS) {
      const replica = session === 1 ? await test.create(groupId) : test.replica(groupId)
      await fill(replica, session)
      const { digest } = await test.shard.digest(replica.slot)
      groups.push({ groupId, lastIndex: replica.lastIndex, term: session, votedFor: VOTE, digest })
    }
    if (session === 3) return { highestFlush: test.shard.highestFlush, groups }
    await test.shard.close()
    if (session === 1) cpSync(dir, earlier, { recursive: true })
  }
}

export async function checkStore(dir: string, promised: Promised): Promise<Found> {
  const late: string[] = []
  const wrong: string[] = []
  let test: TestShard
  try {
    const known = existsSync(`${dir}/identity.json`)
    await openIdentity(new NodeFiles(), new NodeRandom(), dir, IDENTITY)
    test = await TestShard.open(worldOf(dir), 0, 1, known)
  } catch (error) {
    const { code, message } = toFlotillaError(error)
    return { refused: { code, message }, warnings: [], highestFlush: 0, late, wrong }
  }
  const { highestFlush } = test.shard
  if (highestFlush < promised.highestFlush) wrong.push(`the newest flush is ${highestFlush}`)
  for (const group of promised.groups) await checkGroup(test, group, late, wrong)
  for (const { code, message } of test.failures) late.push(`${code}: ${message}`)
  await test.shard.close()
  return { refused: null, warnings: test.warnings, highestFlush, late, wrong }
}

async function checkGroup(
  test: TestShard,
  group: Promised['groups'][number],
  late: string[],
  wrong: string[],
): Promise<void> {
  const { groupId, lastIndex } = group
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
  if (stateLost) {
    late.push(`group ${groupId} has lost its state and says so`)
    return
  }
  try {
    if (record.firstIndex !== 1) wrong.push(`the log of group ${groupId} begins at ${record.firstIndex}`)
    else await checkEntries(test, record.slot, groupId, lastIndex, wrong)
    if (appliedIndex < lastIndex) await test.replica(groupId).apply(lastIndex)
    const { digest } = await test.shard.digest(record.slot)
    if (digest !== group.digest) wrong.push(`the state of group ${groupId} is another`)
  } catch (error) {
    const { code, message } = toFlotillaError(error)
    late.push(`${code}: ${message}`)
  }
}

async function checkEntries(
  test: TestShard,
  slot: number,
  groupId: string,
  lastIndex: number,
  wrong: string[],
): Promise<void> {
  let next = 1
  while (next <= lastIndex) {
    for (const payload of payloadsOf(await test.read(slot, next, lastIndex))) {
      if (!payload.includes(`${groupId}:${next}:`)) wrong.push(`entry ${next} of group ${groupId} is another`)
      next++
    }
  }
}

if (process.argv[2] === 'fill') {
  process.send!(await fillStore(process.argv[3]!, process.argv[4]!), () =>
    process.kill(process.pid, 'SIGKILL'),
  )
} else if (process.argv[2] === 'check') {
  process.send!(await checkStore(process.argv[3]!, JSON.parse(process.argv[4]!) as Promised))
  process.disconnect()
}
