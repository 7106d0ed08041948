import fc from 'fast-check'
import { expect, test } from 'vitest'
import { KIND_CONFIGURATION, KIND_DATA } from '../../src/block/log-block.ts'
import { encodePut } from '../../src/kv/command.ts'
import type { RecoveredReplica } from '../../src/storage/replica-write.ts'
import { toFlotillaError } from '../../src/util/errors.ts'
import { memoryWorld, payloadsOf, rocksWorld, TestShard } from './shard-harness.ts'
import type { TestReplica, World } from './shard-harness.ts'

/** Random writes, cuts, truncations, applies, reads, closings and crashes of a shard against arrays. */
type Step =
  | { readonly kind: 'append'; readonly group: number; readonly count: number }
  | { readonly kind: 'configure'; readonly group: number; readonly which: number }
  | { readonly kind: 'term'; readonly group: number }
  | { readonly kind: 'cut'; readonly group: number; readonly back: number }
  | { readonly kind: 'apply'; readonly group: number; readonly back: number }
  | { readonly kind: 'read'; readonly group: number; readonly back: number; readonly maxBytes: number }
  | { readonly kind: 'plan'; readonly back: number; readonly budget: number }
  | { readonly kind: 'truncate' }
  | { readonly kind: 'wait'; readonly turns: number }
  | { readonly kind: 'slow'; readonly turns: number }
  | { readonly kind: 'close' }
  | { readonly kind: 'crash'; readonly keepLog: boolean; readonly keepData: boolean }

const GROUPS = ['a', 'b']
const group = fc.nat({ max: GROUPS.length - 1 })
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('append' as const),
      group,
      count: fc.integer({ min: 1, max: 5 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('configure' as const), group, which: fc.nat({ max: 2 }) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('term' as const), group }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('cut' as const), group, back: fc.nat({ max: 7 }) }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('apply' as const), group, back: fc.nat({ max: 4 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('read' as const),
      group,
      back: fc.nat({ max: 12 }),
      maxBytes: fc.constantFrom(1, 200, 1 << 20),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('plan' as const),
      back: fc.nat({ max: 6 }),
      budget: fc.constantFrom(0, 400, Number.MAX_SAFE_INTEGER),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('truncate' as const) }) },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('wait' as const), turns: fc.integer({ min: 1, max: 12 }) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('slow' as const), turns: fc.nat({ max: 30 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('close' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('crash' as const),
      keepLog: fc.boolean(),
      keepData: fc.boolean(),
    }),
  },
)

interface Entry {
  readonly term: number
  readonly configuration: boolean
  readonly payload: Buffer
}

interface Snapshot {
  readonly entries: readonly Entry[]
  readonly term: number
  readonly firstIndex: number
}

class ModelGroup {
  readonly groupId: string
  replica!: TestReplica
  entries: readonly Entry[] = []
  term = 1
  applyTo = 0
  /** Applied when the shard was opened. */
  recoveredTo = 0
  /** The first index of the log: above 1 once it was truncated, or the state was ahead of it. Entries stay in the model. */
  firstIndex = 1
  /** After each hand-over; the last hand-over that asked for a vouch; the last one that was vouched for. */
  snapshots: Snapshot[] = [{ entries: [], term: 0, firstIndex: 1 }]
  asked = 0
  durable = 0

  constructor(groupId: string) {
    this.groupId = groupId
  }

  handOver(writing: Promise<void>): void {
    const number = this.#snapshot()
    const before = this.asked
    this.asked = number
    void writing.then(() => {
      expect(this.durable).toBe(before)
      this.durable = number
    })
  }

  #snapshot(): number {
    return this.snapshots.push({ entries: this.entries, term: this.term, firstIndex: this.firstIndex }) - 1
  }

  append(payloads: Buffer[], configuration: boolean): void {
    this.entries = [
      ...this.entries,
      ...payloads.map((payload) => ({ term: this.term, configuration, payload })),
    ]
    this.handOver(this.replica.append(payloads, configuration ? KIND_CONFIGURATION : KIND_DATA))
  }

  raiseTerm(): void {
    this.term++
    this.handOver(this.replica.setTerm(this.term))
  }

  cut(back: number): void {
    const after = Math.max(this.entries.length - back, this.applyTo, this.firstIndex - 1)
    const cuts = after < this.entries.length
    this.entries = this.entries.slice(0, after)
    this.handOver(this.replica.cut(after, this.termAt(after)))
    // No term has two entries at one index.
    if (cuts) this.raiseTerm()
  }

  /** As a plan said, which may be overtaken. */
  truncate(shard: TestShard, firstIndex: number): void {
    expect(firstIndex - 1).toBeLessThanOrEqual(this.applyTo)
    expect(shard.shard.truncate(this.replica.slot, firstIndex, this.termAt(firstIndex - 1))).toBe(true)
    this.firstIndex = Math.max(this.firstIndex, firstIndex)
    expect(shard.shard.recordOf(this.replica.slot)).toMatchObject({
      firstIndex: this.firstIndex,
      prevTerm: this.termAt(this.firstIndex - 1),
    })
    this.#snapshot()
  }

  /** Applied entries never change, so whatever else goes on an answer has just these, or the log begins above them. */
  async read(shard: TestShard, back: number, maxBytes: number, crashed: () => boolean): Promise<void> {
    const to = Math.max(this.recoveredTo, shard.applied.get(this.replica.slot) ?? 0)
    const from = Math.max(1, to - back)
    if (from > to) return
    const expected = this.entries.slice(from - 1, to).map(({ payload }) => payload.toString())
    try {
      const found = payloadsOf(await shard.read(this.replica.slot, from, to, maxBytes))
      expect(found.length).toBeGreaterThan(0)
      expect(found).toEqual(expected.slice(0, found.length))
    } catch (error) {
      const { shortName } = toFlotillaError(error)
      if (shortName === 'CLOSED' || crashed()) return
      if (shortName !== 'INVALID_ARGUMENT') throw error
      expect(from).toBeLessThan(this.firstIndex)
    }
  }

  termAt(index: number): number {
    return index === 0 ? 0 : this.entries[index - 1]!.term
  }

  /** The values of all keys once the first `index` entries are applied. */
  stateAt(index: number): Map<string, string> {
    const state = new Map<string, string>()
    for (const [i, { configuration }] of this.entries.slice(0, index).entries()) {
      if (!configuration) state.set(`k${(i + 1) % KEYS}`, `${this.groupId}${i + 1}t${this.entries[i]!.term}`)
    }
    return state
  }

  dataEntries(count: number): Buffer[] {
    return Array.from({ length: count }, (_, i) => {
      const index = this.entries.length + 1 + i
      return encodePut(Buffer.from(`k${index % KEYS}`), Buffer.from(`${this.groupId}${index}t${this.term}`))
    })
  }
}

const KEYS = 7

function runsOf(entries: readonly Entry[], firstIndex: number): Array<{ firstIndex: number; term: number }> {
  const runs: Array<{ firstIndex: number; term: number }> = []
  for (let i = firstIndex - 1; i < entries.length; i++) {
    if (runs.at(-1)?.term !== entries[i]!.term) runs.push({ firstIndex: i + 1, term: entries[i]!.term })
  }
  return runs
}

function configurationOf(entries: readonly Entry[]): string {
  return entries.findLast((entry) => entry.configuration)?.payload.toString() ?? 'first'
}

function fits(snapshot: Snapshot, found: RecoveredReplica): boolean {
  return (
    snapshot.entries.length === found.lastIndex &&
    snapshot.term === found.record.term &&
    snapshot.firstIndex === found.record.firstIndex &&
    JSON.stringify(runsOf(snapshot.entries, found.record.firstIndex)) === JSON.stringify(found.termRuns)
  )
}

/** Compares what a start found with all that may be there: nothing vouched for is missing, nothing is half there. */
async function checkGroup(model: ModelGroup, shard: TestShard, orderly: boolean): Promise<void> {
  const found = shard.recovered(model.groupId)
  const possible = model.snapshots.slice(orderly ? -1 : model.durable)
  const snapshot = possible.find((one) => fits(one, found))
  if (snapshot !== undefined) {
    model.entries = snapshot.entries
    model.firstIndex = snapshot.firstIndex
  } else {
    const { appliedIndex, appliedTerm } = found
    expect(orderly, 'the log is one that was handed over, no older than what was vouched for').toBe(false)
    expect(found).toMatchObject({
      lastIndex: appliedIndex,
      record: { firstIndex: appliedIndex + 1, prevTerm: appliedTerm },
    })
    const behind = possible.some(({ entries }) => entries[appliedIndex - 1]?.term !== appliedTerm)
    expect(behind, 'a log that holds what is applied does not begin anew').toBe(true)
    expect(appliedIndex).toBeLessThanOrEqual(model.applyTo)
    model.entries = model.entries.slice(0, appliedIndex)
    model.firstIndex = appliedIndex + 1
  }
  const { record, lastIndex, appliedIndex } = found
  expect(lastIndex).toBe(model.entries.length)
  expect(appliedIndex, 'a log loses only what its state holds').toBeGreaterThanOrEqual(record.firstIndex - 1)
  expect(found.stateLost).toBe(false)
  expect(record.configurations.at(-1)?.bytes.toString() ?? 'first').toBe(configurationOf(model.entries))
  const blocks =
    lastIndex < record.firstIndex ? [] : await shard.read(record.slot, record.firstIndex, lastIndex)
  const expected = model.entries.slice(record.firstIndex - 1).map((entry) => entry.payload.toString())
  expect(payloadsOf(blocks)).toEqual(expected)
  model.term = Math.max(record.term, 1)
  model.applyTo = appliedIndex
  model.recoveredTo = appliedIndex
  model.snapshots = [{ entries: model.entries, term: record.term, firstIndex: record.firstIndex }]
  model.asked = 0
  model.durable = 0
  model.replica = shard.replica(model.groupId)
  await checkState(model, shard, appliedIndex)
}

async function checkState(model: ModelGroup, shard: TestShard, index: number): Promise<void> {
  const keys = Array.from({ length: KEYS }, (_, i) => `k${i}`)
  const { values } = await shard.get(model.replica.slot, keys)
  const state = model.stateAt(index)
  expect(values).toEqual(keys.map((key) => state.get(key) ?? null))
}

/** `crash` ends the life of the shard's disk, if the world can do that; else the shard is closed. */
async function run(world: World, steps: readonly Step[], crash: Crash | null, slow: Slow): Promise<void> {
  let shard = await TestShard.open(world)
  const models = GROUPS.map((groupId) => new ModelGroup(groupId))
  for (const model of models) {
    model.replica = await shard.create(model.groupId)
    model.replica.term = 1
    model.handOver(model.replica.setTerm(1))
  }
  const wrong: unknown[] = []
  let plans: Array<{ readonly shard: TestShard; readonly pairs: Float64Array }> = []
  for (const one of steps) {
    const model = 'group' in one ? models[one.group]! : models[0]!
    if (one.kind === 'append') model.append(model.dataEntries(one.count), false)
    else if (one.kind === 'configure') model.append([Buffer.from(`c${one.which}`)], true)
    else if (one.kind === 'term') model.raiseTerm()
    else if (one.kind === 'cut') model.cut(one.back)
    else if (one.kind === 'apply') {
      model.applyTo = Math.max(model.applyTo, model.entries.length - one.back)
      shard.shard.apply(model.replica.slot, model.applyTo)
    } else if (one.kind === 'read') {
      const asked = shard
      const crashed = (): boolean => asked !== shard
      model.read(shard, one.back, one.maxBytes, crashed).catch((error) => wrong.push(error))
    } else if (one.kind === 'plan') {
      const asked = shard
      // Members may hold what this state has not applied yet, and more than this log.
      const soft = models.flatMap(({ replica, applyTo, entries }, i) => [
        replica.slot,
        i % 2 === 0 ? Math.max(0, applyTo - one.back) : entries.length + 3 - one.back,
      ])
      asked.plan(soft, one.budget).then(
        ({ pairs }) => plans.push({ shard: asked, pairs }),
        (error) => toFlotillaError(error).shortName === 'CLOSED' || wrong.push(error),
      )
    } else if (one.kind === 'truncate') {
      for (const { shard: asked, pairs } of plans) {
        if (asked !== shard) continue
        for (let i = 0; i < pairs.length; i += 2) {
          models.find(({ replica }) => replica.slot === pairs[i])!.truncate(shard, pairs[i + 1]!)
        }
      }
      plans = []
    } else if (one.kind === 'wait') {
      for (let i = 0; i < one.turns; i++) await new Promise<void>((resolve) => setImmediate(resolve))
    } else if (one.kind === 'slow') slow.turns = one.turns
    else {
      const orderly = one.kind === 'close' || crash === null
      if (one.kind === 'close' || crash === null) await shard.shard.close()
      else crash((path) => (path.endsWith('/log') ? one.keepLog : one.keepData))
      const before = shard.failures
      shard = await TestShard.open(world)
      expect(before).toEqual([])
      for (const each of models) await checkGroup(each, shard, orderly)
      for (const each of models) if (each.replica.term === 0) each.replica.term = each.term
      for (const each of models)
        if (shard.recovered(each.groupId).record.term === 0) each.handOver(each.replica.setTerm(1))
    }
  }
  for (const model of models) {
    shard.shard.apply(model.replica.slot, model.entries.length)
    await shard.until(
      () => (shard.applied.get(model.replica.slot) ?? model.recoveredTo) >= model.entries.length,
    )
    await checkState(model, shard, model.entries.length)
  }
  expect(shard.failures).toEqual([])
  await shard.shard.close()
  const last = await TestShard.open(world)
  await checkGroup(models[0]!, last, true)
  await last.shard.close()
  expect(wrong).toEqual([])
}

type Crash = (keep: (path: string) => boolean) => void
interface Slow {
  turns: number
}

test('any mix of writes, cuts, truncations, applies, reads, closings and crashes leaves what was handed over, at least what was vouched for', async () => {
  const inMemory = (steps: readonly Step[]): Promise<void> => {
    const world = memoryWorld()
    // The state is written with every apply, now and then, or only when somebody must have it.
    world.slow.gatherBytes = [0, 100, 1_000_000][steps.length % 3]!
    return run(world, steps, (keep) => world.disk.crash((_batch, path) => keep(path)), world.slow)
  }
  await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 80, size: 'max' }), inMemory), {
    numRuns: 600,
    seed: 20_251_123,
  })
})

test('the same without crashes on real files', async () => {
  const onFiles = async (steps: readonly Step[]): Promise<void> => {
    const world = rocksWorld()
    try {
      await run(world, steps, null, { turns: 0 })
    } finally {
      world.remove()
    }
  }
  await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 60, size: 'max' }), onFiles), {
    numRuns: 4,
    seed: 20_251_124,
  })
})
