import { expect, test } from 'vitest'
import { KIND_DATA, packBlock } from '../../src/block/log-block.ts'
import type { CrashMode } from '../../src/sim/disk.ts'
import type { SimProcess } from '../../src/sim/process.ts'
import { SimWorld } from '../../src/sim/world.ts'
import { LogShard } from '../../src/storage/log-shard.ts'
import { hash32 } from '../../src/util/hash.ts'

/** What outlives the process: the highest index that its shard vouched for, and what each start recovered. */
interface Witness {
  vouched: number
  readonly recovered: number[]
}

const SPEC = {
  groupId: 'g',
  replica: 1,
  type: 'test',
  args: Buffer.alloc(0),
  firstConfiguration: Buffer.from('first'),
  needsSpace: false,
}

/** The engine's shard: it recovers, then appends a block every two milliseconds or so. */
async function shardMain(self: SimProcess, witness: Witness): Promise<void> {
  const { env } = self
  const shard: LogShard = await LogShard.open({
    threads: env.threads,
    dir: self.dir,
    shardIndex: 0,
    shardCount: 1,
    logger: env.logger,
    onApplied: () => {},
    onApplyFailed: () => {},
    onFailed: (error) => {
      throw error
    },
    scheduleFlush: () => env.timers.setImmediate(() => shard.flushTurn()),
    enterTurn: () => {},
  })
  const replica = shard.recovered[0] ?? (await shard.createReplicas([SPEC]))[0]!
  let last = replica.lastIndex
  witness.recovered.push(last)
  const append = (): void => {
    const place = { groupTag: hash32('g'), term: 1, firstIndex: last + 1, prevTerm: last > 0 ? 1 : 0 }
    const block = packBlock({ ...place, kind: KIND_DATA }, [env.random.bytes(20)], 0, 1)
    last = block.lastIndex
    const release = (): void => {
      witness.vouched = Math.max(witness.vouched, block.lastIndex)
    }
    const { slot } = replica.record
    shard.write({
      slot,
      hardState: { term: 1, votedFor: 0 },
      cutAfter: -1,
      blocks: [block],
      vouch: { release },
    })
    env.timers.setTimeout(append, 1 + 2 * env.random.float())
  }
  append()
}

async function crashOften(seed: number, mode: CrashMode): Promise<{ hash: string; witness: Witness }> {
  const world = new SimWorld({ seed })
  const witness: Witness = { vouched: 0, recovered: [] }
  const process = world.process('s1', { main: (self) => shardMain(self, witness) })
  for (let life = 1; life <= 8; life++) {
    await world.waitFor(() => witness.recovered.length === life)
    expect(witness.recovered.at(-1)).toBeGreaterThanOrEqual(witness.vouched)
    await world.run({ forMs: world.random.between(5, 60) })
    process.kill(mode)
    process.restart()
  }
  return { hash: world.traceHash, witness }
}

test('the engine’s own shard recovers all it vouched for after every crash, and each run replays exactly', async () => {
  for (const mode of ['process', 'power', 'lose-unsynced'] as const) {
    for (let seed = 1; seed <= 3; seed++) {
      const first = await crashOften(seed, mode)
      expect(first.witness.vouched).toBeGreaterThan(20)
      expect(await crashOften(seed, mode)).toEqual(first)
    }
  }
})
