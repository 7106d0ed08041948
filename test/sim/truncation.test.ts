import { expect, test } from 'vitest'
import { KIND_DATA, packBlock } from '../../src/block/log-block.ts'
import { encodePut } from '../../src/kv/command.ts'
import type { CrashMode } from '../../src/sim/disk.ts'
import type { SimProcess } from '../../src/sim/process.ts'
import { SimWorld } from '../../src/sim/world.ts'
import { LogShard } from '../../src/storage/log-shard.ts'
import { hash32 } from '../../src/util/hash.ts'

/** What outlives the process. */
interface Witness {
  lives: number
  /** The highest index that was vouched for, and the highest beginning that the log was given. */
  vouched: number
  truncatedTo: number
  /** Of each start: first index and applied index. */
  readonly found: Array<{ readonly firstIndex: number; readonly appliedIndex: number }>
}

const SPEC = {
  groupId: 'g',
  replica: 1,
  type: 'kv',
  args: Buffer.alloc(0),
  firstConfiguration: Buffer.from('first'),
  needsSpace: true,
}

/** Appends without end, applies what is on disk, and truncates as far as plans allow. */
async function shardMain(self: SimProcess, witness: Witness): Promise<void> {
  const { env } = self
  const shard: LogShard = await LogShard.open({
    threads: env.threads,
    dir: self.dir,
    shardIndex: 0,
    shardCount: 1,
    logger: env.logger,
    onApplied: () => {},
    onApplyFailed: (_slot, index, message) => {
      throw new Error(`${index}: ${message}`)
    },
    onFailed: (error) => {
      throw error
    },
    scheduleFlush: () => env.timers.setImmediate(() => shard.flushTurn()),
    enterTurn: () => {},
  })
  const replica = shard.recovered[0] ?? (await shard.createReplicas([SPEC]))[0]!
  const { slot, firstIndex } = replica.record
  let last = replica.lastIndex
  expect(replica.stateLost).toBe(false)
  expect(last).toBeGreaterThanOrEqual(witness.vouched)
  witness.found.push({ firstIndex, appliedIndex: replica.appliedIndex })
  witness.lives++

  const append = (): void => {
    const place = { groupTag: hash32('g'), term: 1, firstIndex: last + 1, prevTerm: last > 0 ? 1 : 0 }
    const entry = encodePut(Buffer.from(`k${last % 10}`), env.random.bytes(20))
    const block = packBlock({ ...place, kind: KIND_DATA }, [entry], 0, 1)
    last = block.lastIndex
    const release = (): void => {
      witness.vouched = Math.max(witness.vouched, block.lastIndex)
      shard.apply(slot, block.lastIndex)
    }
    const hardState = { term: 1, votedFor: 0 }
    shard.write({ slot, hardState, cutAfter: -1, blocks: [block], vouch: { release } })
    env.timers.setTimeout(append, 1 + 2 * env.random.float())
  }
  const truncate = (): void => {
    shard.planTruncation(Float64Array.of(slot, last), Number.MAX_SAFE_INTEGER, (error, plan) => {
      if (error !== null) throw error
      if (plan!.pairs.length > 0) {
        witness.truncatedTo = Math.max(witness.truncatedTo, plan!.pairs[1]!)
        shard.truncate(slot, plan!.pairs[1]!, 1)
      }
      env.timers.setTimeout(truncate, 12 * env.random.float())
    })
  }
  append()
  truncate()
}

async function crashOften(seed: number, mode: CrashMode): Promise<{ hash: string; witness: Witness }> {
  const world = new SimWorld({ seed })
  const witness: Witness = { lives: 0, vouched: 0, truncatedTo: 0, found: [] }
  const process = world.process('s1', { main: (self) => shardMain(self, witness) })
  for (let life = 1; life <= 10; life++) {
    await world.waitFor(() => witness.lives === life)
    const { firstIndex, appliedIndex } = witness.found.at(-1)!
    expect(appliedIndex + 1, 'what a log has lost, its state holds').toBeGreaterThanOrEqual(firstIndex)
    expect(firstIndex).toBeLessThanOrEqual(Math.max(1, witness.truncatedTo))
    await world.run({ forMs: world.random.between(5, 90) })
    process.kill(mode)
    process.restart()
  }
  return { hash: world.traceHash, witness }
}

test('after any power cut the state reaches the beginning of its truncated log, and each run replays exactly', async () => {
  let behind = 0
  for (const mode of ['process', 'power', 'lose-unsynced'] as const) {
    for (let seed = 1; seed <= 5; seed++) {
      const first = await crashOften(seed, mode)
      expect(first.witness.truncatedTo).toBeGreaterThan(20)
      if (seed === 1) expect(await crashOften(seed, mode)).toEqual(first)
      behind += first.witness.found.filter(
        ({ firstIndex, appliedIndex }) => appliedIndex + 1 === firstIndex,
      ).length
    }
  }
  // Else no cut took all that was not synced: then nothing was proved.
  expect(behind).toBeGreaterThan(10)
})
