import { writeSync } from 'node:fs'
import { loadRocksDb } from '../../src/env/rocks.ts'
import { ShardThreads } from '../../src/env/shard-threads.ts'
import { TestShard } from './shard-harness.ts'
import type { TestReplica } from './shard-harness.ts'

/**
 * Writes to four groups of a shard without end and says `group lastIndex` for each released vouch, until it is killed.
 * Entries say their own index; now and then a group cuts its end off and goes on in a new term.
 */
const world = {
  threads: new ShardThreads({ prepare: () => void loadRocksDb() }),
  dir: process.argv[2]!,
  remove: () => {},
}

async function load(replica: TestReplica): Promise<void> {
  await replica.setTerm(1)
  for (let round = 1; ; round++) {
    const count = 1 + (round % 7)
    const payloads = Array.from({ length: count }, (_, i) =>
      Buffer.from(`${replica.groupId}:${replica.lastIndex + 1 + i}`),
    )
    await replica.append(payloads)
    writeSync(1, `${replica.groupId} ${replica.lastIndex}\n`)
    if (round % 50 !== 0) continue
    // What is cut was promised to nobody: it is cut before its own flush is over.
    const kept = replica.lastIndex
    const keptTerm = replica.lastTerm
    void replica.append([Buffer.from('uncommitted'), Buffer.from('uncommitted')])
    void replica.setTerm(replica.term + 1)
    void replica.cut(kept, keptTerm)
  }
}

const test = await TestShard.open(world)
for (const groupId of ['a', 'b', 'c', 'd']) void load(await test.create(groupId))
