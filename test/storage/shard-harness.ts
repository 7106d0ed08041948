import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { KIND_CONFIGURATION, KIND_DATA, type LogBlock, packBlock } from '../../src/block/log-block.ts'
import type { BlockKind } from '../../src/block/log-block.ts'
import { MemoryDisk } from '../../src/env/memory-disk.ts'
import { MemoryEngine } from '../../src/env/memory-engine.ts'
import { NodeTimers } from '../../src/env/node-clock.ts'
import { sha256 } from '../../src/env/node-disk.ts'
import { NodeRandom } from '../../src/env/node-random.ts'
import type { Disk, Engine, EngineDb, EngineOptions, ShardThread, Threads } from '../../src/env/ports.ts'
import { loadRocksDb } from '../../src/env/rocks.ts'
import { ShardThreads } from '../../src/env/shard-threads.ts'
import { SILENT_LOGGER } from '../../src/env/user-logger.ts'
import { encodePut } from '../../src/kv/command.ts'
import { LogShard } from '../../src/storage/log-shard.ts'
import type { TruncationPlan } from '../../src/storage/log-shard.ts'
import type { ReplicaSpec } from '../../src/storage/replica-record.ts'
import type { ReplicaWrite, Vouch } from '../../src/storage/replica-write.ts'
import type { ShardInit } from '../../src/storage/shard-protocol.ts'
import type { FlotillaError } from '../../src/util/errors.ts'
import { hash32 } from '../../src/util/hash.ts'
import { runShard } from '../../src/worker/shard-worker.ts'
import { MemoryFiles } from './memory-files.ts'

/** Runs workers in this thread, their messages cloned as between threads and delivered in turns of the event loop. */
export class InlineThreads implements Threads {
  readonly #disk: Disk

  constructor(disk: Disk) {
    this.#disk = disk
  }

  startShard(init: unknown): ShardThread {
    const main = new InlineEnd()
    const worker = new InlineEnd()
    main.other = worker
    worker.other = main
    let end = (_error: Error | null): void => {}
    const ended = new Promise<Error | null>((resolve) => {
      end = (error) =>
        setImmediate(() => {
          main.dead = true
          resolve(error)
        })
    })
    runShard(worker, this.#disk, init as ShardInit).then(() => end(null), end)
    return {
      ended,
      post: (message, transfer) => main.post(message, transfer),
      setHandler: (handler) => main.setHandler(handler),
      terminate: async () => {
        main.dead = true
        worker.dead = true
        end(new Error('terminated'))
      },
    }
  }
}

class InlineEnd {
  other: InlineEnd | null = null
  dead = false
  #handler: ((message: unknown) => void) | null = null
  #early: unknown[] = []

  post(message: unknown, transfer: readonly ArrayBuffer[] = []): void {
    const copy = structuredClone(message, { transfer: transfer as ArrayBuffer[] })
    setImmediate(() => this.other!.deliver(copy))
  }

  setHandler(handler: (message: unknown) => void): void {
    this.#handler = handler
    const early = this.#early
    this.#early = []
    for (const message of early) handler(message)
  }

  deliver(message: unknown): void {
    if (this.dead) return
    if (this.#handler) this.#handler(message)
    else this.#early.push(message)
  }
}

/**
 * An engine whose writes below `log` take `turns` turns of the event loop: so a crash finds flushes under way. Below `data`
 * so many bytes of applied rows gather before they are written.
 */
class SlowLogEngine implements Engine {
  turns = 0
  gatherBytes = 0
  readonly #engine: Engine

  constructor(engine: Engine) {
    this.#engine = engine
  }

  async open(path: string, options: EngineOptions): Promise<EngineDb> {
    const db = await this.#engine.open(path, options)
    if (!path.endsWith('/log')) return Object.assign(db, { gatherBytes: this.gatherBytes })
    const write = db.write.bind(db)
    db.write = async (batch, sync) => {
      for (let i = 0; i < this.turns; i++) await new Promise<void>((resolve) => setImmediate(resolve))
      await write(batch, sync)
    }
    return db
  }

  isLocked(path: string): Promise<boolean> {
    return this.#engine.isLocked(path)
  }
}

export function memoryWorld(): World & {
  disk: MemoryDisk
  files: MemoryFiles
  slow: SlowLogEngine
  worker: Disk
} {
  const disk = new MemoryDisk()
  const slow = new SlowLogEngine(new MemoryEngine(disk))
  const files = new MemoryFiles(disk)
  const worker: Disk = {
    engine: slow,
    files,
    clock: { monotonicMs: () => 0, wallMs: () => 0 },
    timers: new NodeTimers(),
    random: new NodeRandom(),
    hash: sha256,
    setImmediate: (callback) => {
      setImmediate(callback)
    },
  }
  return { threads: new InlineThreads(worker), disk, files, slow, worker, dir: '/shard', remove: () => {} }
}

export interface World {
  readonly threads: Threads
  readonly dir: string
  /** What the worker of a memory world works on. */
  readonly worker?: Disk
  remove(): void
}

export function rocksWorld(): World {
  const dir = mkdtempSync(join(tmpdir(), 'flotilla-shard-'))
  return {
    threads: new ShardThreads({ prepare: () => void loadRocksDb() }),
    dir,
    remove: () => rmSync(dir, { recursive: true, force: true }),
  }
}

export const WORLDS: ReadonlyArray<readonly [string, () => World]> = [
  ['memory', memoryWorld],
  ['rocksdb', rocksWorld],
]

/** A shard and what it told its owner. */
export class TestShard {
  shard!: LogShard
  readonly applied = new Map<number, number>()
  readonly applyFailures: Array<{ slot: number; index: number; message: string }> = []
  readonly failures: FlotillaError[] = []
  readonly warnings: string[] = []
  turns = 0
  #waiters: Array<() => void> = []

  static async open(world: World, shardIndex = 0, shardCount = 1, mustExist = false): Promise<TestShard> {
    const test = new TestShard()
    test.shard = await LogShard.open({
      threads: world.threads,
      dir: world.dir,
      shardIndex,
      shardCount,
      mustExist,
      logger: { ...SILENT_LOGGER, warn: (_fields, message) => test.warnings.push(message) },
      onApplied: (slot, index) => {
        test.applied.set(slot, index)
        test.#wake()
      },
      onApplyFailed: (slot, index, message) => {
        test.applyFailures.push({ slot, index, message })
        test.#wake()
      },
      onFailed: (error) => {
        test.failures.push(error)
        test.#wake()
      },
      scheduleFlush: () => setImmediate(() => test.shard.flushTurn()),
      enterTurn: () => {
        test.turns++
      },
    })
    return test
  }

  /** Resolves when `condition` holds; it is looked at after each call back. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.#waiters.push(resolve))
  }

  async create(groupId: string, type = 'kv'): Promise<TestReplica> {
    const [made] = await this.shard.createReplicas([specOf(groupId, type)])
    return new TestReplica(this, groupId, made!.record.slot)
  }

  /** A replica that was recovered. */
  replica(groupId: string): TestReplica {
    const found = this.recovered(groupId)
    const replica = new TestReplica(this, groupId, found.record.slot)
    replica.lastIndex = found.lastIndex
    replica.lastTerm = found.termRuns.at(-1)?.term ?? found.record.prevTerm
    replica.term = found.record.term
    return replica
  }

  recovered(groupId: string) {
    return this.shard.recovered.find(({ record }) => record.groupId === groupId)!
  }

  get(slot: number, keys: string[]): Promise<{ values: Array<string | null>; appliedIndex: number }> {
    return new Promise((resolve, reject) => {
      this.shard.getMany(
        slot,
        keys.map((key) => Buffer.from(key)),
        (error, values, appliedIndex) => {
          if (error) reject(error)
          else resolve({ values: values.map((value) => value?.toString() ?? null), appliedIndex })
        },
      )
    })
  }

  read(slot: number, from: number, to: number, maxBytes = 1 << 20): Promise<LogBlock[]> {
    return new Promise((resolve, reject) => {
      this.shard.readBlocks(slot, from, to, maxBytes, (error, blocks) =>
        error ? reject(error) : resolve(blocks),
      )
    })
  }

  /** `soft`: slot and the index that every voter holds, in turn. */
  plan(soft: readonly number[], budgetBytes = Number.MAX_SAFE_INTEGER): Promise<TruncationPlan> {
    return new Promise((resolve, reject) => {
      this.shard.planTruncation(Float64Array.from(soft), budgetBytes, (error, plan) =>
        plan === null ? reject(error) : resolve(plan),
      )
    })
  }

  #wake(): void {
    const waiters = this.#waiters
    this.#waiters = []
    for (const wake of waiters) wake()
  }
}

export function specOf(groupId: string, type = 'kv'): ReplicaSpec {
  return {
    groupId,
    replica: 1,
    type,
    args: Buffer.from([0, 255]),
    firstConfiguration: Buffer.from('first'),
    needsSpace: type === 'kv',
  }
}

/** Keeps a replica's place in its log, so that a test says only what matters. */
export class TestReplica {
  readonly test: TestShard
  readonly groupId: string
  readonly slot: number
  lastIndex = 0
  lastTerm = 0
  term = 0

  constructor(test: TestShard, groupId: string, slot: number) {
    this.test = test
    this.groupId = groupId
    this.slot = slot
  }

  block(payloads: readonly Uint8Array[], kind: BlockKind = KIND_DATA): LogBlock {
    const place = {
      groupTag: hash32(this.groupId),
      kind,
      term: this.term,
      firstIndex: this.lastIndex + 1,
      prevTerm: this.lastTerm,
    }
    return packBlock(place, payloads, 0, payloads.length)
  }

  /** Hands `payloads` over as one block; resolves when the vouch was released. */
  append(payloads: readonly Uint8Array[], kind: BlockKind = KIND_DATA): Promise<void> {
    const block = this.block(payloads, kind)
    this.lastIndex = block.lastIndex
    this.lastTerm = this.term
    return this.#write(null, -1, [block])
  }

  put(pairs: Record<string, string>): Promise<void> {
    return this.append(
      Object.entries(pairs).map(([key, value]) => encodePut(Buffer.from(key), Buffer.from(value))),
    )
  }

  configure(bytes: string): Promise<void> {
    return this.append([Buffer.from(bytes)], KIND_CONFIGURATION)
  }

  setTerm(term: number, votedFor = 0): Promise<void> {
    this.term = term
    return this.#write({ term, votedFor }, -1, [])
  }

  /** `termThere` is the term of the entry that is last then. */
  cut(after: number, termThere: number): Promise<void> {
    this.lastIndex = after
    this.lastTerm = termThere
    return this.#write(null, after, [])
  }

  async apply(to: number): Promise<void> {
    this.test.shard.apply(this.slot, to)
    await this.test.until(() => (this.test.applied.get(this.slot) ?? 0) >= to)
  }

  #write(hardState: ReplicaWrite['hardState'], cutAfter: number, blocks: LogBlock[]): Promise<void> {
    return new Promise((resolve, reject) => {
      const vouch: Vouch = { release: resolve }
      const taken = this.test.shard.write({ slot: this.slot, hardState, cutAfter, blocks, vouch })
      if (!taken) reject(new Error('refused'))
    })
  }
}

/** Payloads of entries `from … to`, as text. */
export function payloadsOf(blocks: readonly LogBlock[]): string[] {
  const payloads: string[] = []
  for (const block of blocks) {
    for (let index = block.firstIndex; index <= block.lastIndex; index++)
      payloads.push(block.entry(index).toString())
  }
  return payloads
}

export function texts(...items: string[]): Buffer[] {
  return items.map((item) => Buffer.from(item))
}
