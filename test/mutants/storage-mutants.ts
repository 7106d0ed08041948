import type { Mutant } from './mutant.ts'

const ENGINE = 'src/storage/log-engine.ts'
const GUARD = 'src/storage/log-guard.ts'
const RECONCILE = 'src/worker/reconcile.ts'
const BUFFER = 'src/kv/state-buffer.ts'

/** Bugs of what lies on disk. */
export const STORAGE_MUTANTS: readonly Mutant[] = [
  {
    name: 'suffix-cut-not-atomic',
    what: 'The blocks that a cut removes go in a batch of their own, after the one that brings the new ones.',
    edits: [
      {
        file: ENGINE,
        find: `          for (const first of effect.deleted) batch.del(this.#keyOf(slot, KEY_BLOCK, first))
          if`,
        replace: `          for (const first of effect.deleted)
            if (!job.blocks.some((one, j) => one.firstIndex === first && job.slots[j]!.slot === slot))
              this.#late.push(logKey(slot, KEY_BLOCK, first))
          if`,
      },
      {
        file: ENGINE,
        find: `    await this.#sync(batch)
    job.written = true`,
        replace: `    await this.#sync(batch)
    const late = this.#db.createBatch()
    for (const key of this.#late.splice(0)) late.del(key)
    if (late.count > 0) await this.#sync(late)
    job.written = true`,
      },
      {
        file: ENGINE,
        find: `  #cachedBytes = 0
`,
        replace: `  #cachedBytes = 0
  readonly #late: Buffer[] = []
`,
      },
    ],
  },
  {
    name: 'reads-before-waiting-cut',
    what: 'A log is read up to the commit index, though what cuts it there still waits for its flush.',
    edits: [
      {
        file: 'src/storage/log-shard.ts',
        find: `    const { record, postedIndex } = this.#slotOf(slot)
    this.#questions.readBlocks(record.slot, from, Math.min(to, postedIndex), maxBytes, done)`,
        replace: `    const { record } = this.#slotOf(slot)
    this.#questions.readBlocks(record.slot, from, to, maxBytes, done)`,
      },
    ],
  },
  {
    name: 'position-before-data',
    what: 'The first write of a start puts the applied positions first, and what was applied in a batch of its own behind them.',
    edits: [
      {
        file: BUFFER,
        find: `    this.#fresh = this.#spare ?? newPart()`,
        replace: `    const isFirst = this.#spare === null
    this.#fresh = this.#spare ?? newPart()`,
      },
      {
        file: BUFFER,
        find: `    for (const { state, index, term, configuration } of positions) {
      this.#state.putApplied(batch, state`,
        replace: `    const apart = isFirst && positions.some(({ state }) => state.writtenIndex > 0)
    const first = apart ? this.#state.db.createBatch() : batch
    for (const { state, index, term, configuration } of positions) {
      this.#state.putApplied(first, state`,
      },
      {
        file: BUFFER,
        find: `    await this.#state.write(batch)`,
        replace: `    if (first !== batch) await this.#state.write(first)
    await this.#state.write(batch)`,
      },
    ],
  },
  {
    name: 'cut-leaves-blocks',
    what: 'A cut leaves its last block on disk, for whatever comes there to write over.',
    edits: [
      {
        file: ENGINE,
        find: `          for (const first of effect.deleted) batch.del(this.#keyOf(slot, KEY_BLOCK, first))
          if`,
        replace: `          for (const first of effect.deleted.slice(1)) batch.del(this.#keyOf(slot, KEY_BLOCK, first))
          if`,
      },
    ],
  },
  {
    name: 'storage-error-ignored',
    what: 'A flush whose write failed is reported as done.',
    edits: [
      {
        file: ENGINE,
        find: `    await this.#db.write(batch, true)
    this.#health`,
        replace: `    await this.#db.write(batch, true).catch(() => {})
    this.#health`,
      },
    ],
  },
  {
    name: 'flush-retried',
    what: 'A flush whose write failed is written once more, as if the first had never been.',
    edits: [
      {
        file: ENGINE,
        find: `    await this.#sync(batch)
    job`,
        replace: `    await this.#sync(batch).catch(() => {
      const again = this.#db.createBatch()
      this.#fill(again, job, bodies)
      return this.#sync(again)
    })
    job`,
      },
    ],
  },
  {
    name: 'speaks-after-failure',
    what: 'A store that has failed goes on for half a second, so that its callers may hear their answers.',
    edits: [
      {
        file: 'src/store/store-host.ts',
        find: `    for (const group of this.#groups.values()) group.node?.enterError(error)
    this.#closing = this.#end()`,
        replace: `    this.timers.setTimeout(() => {
      this.#closing ??= this.#end()
    }, 500)`,
      },
    ],
  },
  {
    name: 'two-flushes-in-flight',
    what: 'The worker begins a flush while the one before it is being written.',
    edits: [
      {
        file: 'src/worker/shard-worker.ts',
        find: `    this.#flushes = this.#lane((job) => this.#flush(job))`,
        replace: `    this.#flushes = this.#lane(async (job) => {
      this.#flush(job).catch((error: unknown) => this.#fail(error))
    })`,
      },
      {
        file: 'src/storage/flush-queue.ts',
        find: `    const flush = this.#posted.shift()
    assert(flush?.id === id, 'flushes come back in the order they were posted')
    return flush`,
        replace: `    const at = this.#posted.findIndex((flush) => flush.id === id)
    return this.#posted.splice(at, 1)[0]!`,
      },
    ],
  },
  {
    name: 'block-crc-ignored',
    what: 'Blocks are taken without a look at their CRC.',
    edits: [
      {
        file: 'src/block/log-block.ts',
        find: `  if (crc32Range(bytes, 4, bytes.length) !== bytes.readUInt32LE(0)) return false
`,
        replace: ``,
      },
    ],
  },
  {
    name: 'ledger-ignored',
    what: 'A log that ends below its ledger is opened.',
    edits: [
      {
        file: GUARD,
        find: `    if (numbers.highest < said.highest) throw belowLedger(dir, numbers.highest, said, '')
`,
        replace: ``,
      },
      {
        file: GUARD,
        find: `  if (ledger !== 'absent' && lastFlush >= 0 && lastFlush < highest) {`,
        replace: `  if (ledger !== 'absent' && lastFlush >= 0 && lastFlush < 0) {`,
      },
    ],
  },
  {
    name: 'ledger-by-number-only',
    what: 'A ledger is believed by its number, whatever database it was of.',
    edits: [
      {
        file: GUARD,
        find: `    if (!said.databaseId.equals(state.databaseId)) {`,
        replace: `    if (said.databaseId.length !== state.databaseId.length) {`,
      },
    ],
  },
  {
    name: 'holes-ignored',
    what: 'Batch numbers that are missing among others are no damage.',
    edits: [
      {
        file: 'src/storage/flush-numbers.ts',
        find: `        if (missingFrom > 0 && (value || number > highest)) {`,
        replace: `        if (missingFrom < 0 && (value || number > highest)) {`,
      },
      {
        file: 'src/storage/flush-numbers.ts',
        find: `      if (missingFrom > 0)
        throw`,
        replace: `      if (missingFrom < 0)
        throw`,
      },
    ],
  },
  {
    name: 'data-wal-not-cut',
    what: 'The write-ahead log of the state is opened as a power cut left it, holes and all.',
    edits: [
      {
        file: 'src/kv/data-recovery.ts',
        find: `  for (const done of await cutWals(disk.files, data)) notes.push(\`\${done}; the log replays what is gone.\`)
`,
        replace: ``,
      },
    ],
  },
  {
    name: 'state-holes-believed',
    what: 'The state is opened as a power cut left it, and a hole in its batch numbers is no damage.',
    edits: [
      {
        file: 'src/kv/data-recovery.ts',
        find: `  for (const done of await cutWals(disk.files, data)) notes.push(\`\${done}; the log replays what is gone.\`)
`,
        replace: ``,
      },
      {
        file: 'src/storage/flush-numbers.ts',
        find: `        if (missingFrom > 0 && (value || number > highest)) {`,
        replace: `        if (missingFrom < 0 && (value || number > highest)) {`,
      },
      {
        file: 'src/storage/flush-numbers.ts',
        find: `      if (missingFrom > 0)
        throw`,
        replace: `      if (missingFrom < 0)
        throw`,
      },
    ],
  },
  {
    name: 'applied-beyond-last',
    what: 'A state that is ahead of its log after a crash is left so.',
    edits: [
      {
        file: RECONCILE,
        find: `  if (appliedIndex > log.lastIndex) return true
`,
        replace: `  if (appliedIndex > log.lastIndex) return false
`,
      },
    ],
  },
  {
    name: 'reset-forgets-vote',
    what: 'A log that begins anew behind its state begins without a vote.',
    edits: [
      {
        file: RECONCILE,
        find: `      votedFor: raised ? 0 : replica.record.votedFor,
`,
        replace: `      votedFor: 0,
`,
      },
    ],
  },
  {
    name: 'older-entry-believed',
    what: 'An entry of the log that a newer leader had replaced, and the state holds in its newer form, stays in the log.',
    edits: [
      {
        file: RECONCILE,
        find: `  return term < appliedTerm
`,
        replace: `  return term < 0
`,
      },
    ],
  },
  {
    name: 'truncated-by-unsynced-state',
    what: 'A log is truncated up to what its state has applied, synced or not.',
    edits: [
      {
        file: 'src/worker/truncation.ts',
        find: `    await state.sync()
`,
        replace: ``,
      },
    ],
  },
  {
    name: 'truncated-by-unwritten-state',
    what: 'A log is truncated up to what its state has applied, written or not.',
    edits: [
      {
        file: 'src/worker/truncation.ts',
        find: `    await buffer.writeAll()
`,
        replace: ``,
      },
    ],
  },
  {
    name: 'double-apply',
    what: 'A stretch of committed entries that was read back from disk is given to its state machine from one entry before.',
    edits: [
      {
        file: 'src/raft/fsm-caller.ts',
        find: `    const from = this.#handedIndex + 1
    const cached`,
        replace: `    const last = this.#handedIndex
    const from = last > 0 && this.#node.log.blockAt(last + 1) === null ? last : last + 1
    const cached`,
      },
    ],
  },
  {
    name: 'applies-not-committed',
    what: 'A store that starts applies what its log holds, committed or not.',
    edits: [
      {
        file: 'src/raft/node-impl.ts',
        find: `    this.ballotBox = new BallotBox(Math.max(parts.appliedIndex, this.log.firstIndex - 1))`,
        replace: `    this.ballotBox = new BallotBox(Math.max(parts.appliedIndex, parts.appliedIndex > 0 ? this.log.lastIndex : 0))`,
      },
    ],
  },
  {
    name: 'dead-worker-replaced',
    what: 'A shard’s worker that died is started anew, and nobody is told.',
    edits: [
      {
        file: 'src/storage/log-shard.ts',
        find: `    if (this.#closing && error === null) return
    this.#fail(workerDied(this.#init.shardIndex, error))`,
        replace: `    if (this.#closing && error === null) return
    const thread = this.#o.threads.startShard(this.#init)
    Object.assign(this.#thread, { post: thread.post.bind(thread) })
    thread.setHandler((message) => {
      if ((message as FromWorker).t !== 'opened') this.#receive(message as FromWorker)
    })`,
      },
    ],
  },
  {
    name: 'value-crc-ignored',
    what: 'Values of the state are taken without a look at their CRC.',
    edits: [
      {
        file: 'src/kv/data-keys.ts',
        find: `  if (crc32(value, crc32(key.subarray(SPACE_BYTES))) !== stored.readUInt32LE(0)) return null
`,
        replace: ``,
      },
    ],
  },
  {
    name: 'lost-state-begins-empty',
    what: 'A state that is gone, and that its truncated log cannot replay, begins empty where the log does.',
    edits: [
      {
        file: 'src/storage/recovered-wire.ts',
        find: `      appliedIndex,
      appliedTerm: wire.numbers[at + 2]!,
      stateLost: record.space > 0 && appliedIndex + 1 < record.firstIndex,`,
        replace: `      appliedIndex: record.space > 0 ? Math.max(appliedIndex, record.firstIndex - 1) : appliedIndex,
      appliedTerm: wire.numbers[at + 2]!,
      stateLost: false,`,
      },
    ],
  },
]
