import { KIND_DATA, LogBlock } from '../block/log-block.ts'
import type { MemoryOperation } from '../env/memory-disk.ts'
import { KEY_BLOCK, KEY_RECORD, LOG_KEY_BYTES, SHARD_SLOT } from '../storage/log-keys.ts'
import { decodeReplicaRecord } from '../storage/replica-record.ts'
import { assert } from '../util/assert.ts'
import { crc32 } from '../util/crc.ts'
import type { GroupGhost } from './ghost.ts'
import type { DurableLog, LogEntry } from './ghost-state.ts'
import type { DiskWatch, SimDisk } from './disk.ts'
import { StateMirror, type StateStep } from './state-mirror.ts'
import { logIsBroken, recordKeepsTerm } from './invariants.ts'

/** A block as it lies on a disk. */
interface MirrorBlock {
  readonly count: number
  readonly term: number
  readonly prevTerm: number
}

/** What the disk of one store holds durably of one replica. */
export class LogMirror implements DurableLog {
  readonly group: GroupGhost
  readonly replica: number
  term = 0
  votedFor = 0
  firstIndex = 1
  prevTerm = 0
  space = 0
  /** By index; an entry that a cut or a truncation removed is gone. */
  readonly #entries = new Map<number, { readonly block: number; readonly entry: LogEntry }>()
  /** By first index. */
  readonly #blocks = new Map<number, MirrorBlock>()
  lastIndex = 0
  /** What was found whole: up to this entry, of this term, in so many blocks. Whoever only appends is checked from there. */
  #whole = { lastIndex: 0, term: 0, blocks: -1 }

  constructor(group: GroupGhost, replica: number) {
    this.group = group
    this.replica = replica
  }

  entryAt(index: number): LogEntry | null {
    return this.#entries.get(index)?.entry ?? null
  }

  holds(index: number, term: number): boolean {
    return this.#entries.get(index)?.entry.term === term
  }

  /** Whether both entries lie in one block. */
  sharesBlock(one: number, other: number): boolean {
    const block = this.#entries.get(one)?.block
    return block !== undefined && block === this.#entries.get(other)?.block
  }

  /** Where the log begins, by its record. */
  begin(firstIndex: number, prevTerm: number): void {
    if (firstIndex === this.firstIndex && prevTerm === this.prevTerm) return
    this.firstIndex = firstIndex
    this.prevTerm = prevTerm
    this.#whole.blocks = -1
  }

  removeBlock(first: number): void {
    const block = this.#blocks.get(first)
    if (block === undefined) return
    const last = first + block.count - 1
    this.#blocks.delete(first)
    for (let index = first; index <= last; index++) {
      if (this.#entries.get(index)?.block === first) this.#entries.delete(index)
    }
    if (last === this.lastIndex) this.#findEnd()
    this.#whole.blocks = -1
  }

  putBlock(first: number, bytes: Buffer): void {
    this.removeBlock(first)
    // What is damaged is not there.
    if (crc32(bytes.subarray(4)) !== bytes.readUInt32LE(0)) return
    const block = new LogBlock(bytes)
    this.#blocks.set(first, block)
    for (let index = first; index <= block.lastIndex; index++) {
      const payload = block.entry(index)
      const prevTerm = index === first ? block.prevTerm : block.term
      const isData = block.kind === KIND_DATA
      const seen = { term: block.term, prevTerm, isData, hash: crc32(payload), payload }
      this.#entries.set(index, { block: first, entry: this.group.see(index, seen) })
    }
    // What lay behind it is cut by the same batch: each block that is dropped is named in it.
    this.lastIndex = Math.max(this.lastIndex, block.lastIndex)
  }

  /** I-log, after a batch that changed this log: a crash may come now, and the next start finds just this. */
  checkWhole(storeId: string): void {
    const anew = this.#whole.blocks < 0
    let { lastIndex, term, blocks } = this.#whole
    if (anew) {
      lastIndex = this.firstIndex - 1
      term = this.prevTerm
      blocks = 0
      // What lies below the beginning is removed by the next start, if not by the next flush.
      for (const [first, { count }] of this.#blocks) if (first + count <= this.firstIndex) blocks++
    }
    for (let next = this.#blocks.get(lastIndex + 1); next; next = this.#blocks.get(lastIndex + 1)) {
      if (next.prevTerm !== term)
        logIsBroken(this.group, storeId, lastIndex + 1, `continues term ${next.prevTerm}, not ${term}`)
      lastIndex += next.count
      term = next.term
      blocks++
    }
    if (blocks !== this.#blocks.size)
      logIsBroken(this.group, storeId, lastIndex, 'is not the end: blocks lie over others, or behind a gap')
    if (term > this.term)
      logIsBroken(this.group, storeId, lastIndex, `is of term ${term}, and its replica in ${this.term}`)
    this.#whole = { lastIndex, term, blocks }
  }

  #findEnd(): void {
    let last = 0
    for (const [first, { count }] of this.#blocks) last = Math.max(last, first + count - 1)
    this.lastIndex = last
  }
}

/** A region's state on a disk was taken further. */
export type OnState = (group: GroupGhost, storeId: string, step: StateStep) => void

/** What the checker knows of one store's disk: the logs of all its shards, and how far their states are. */
export class DiskMirror implements DiskWatch {
  readonly #disk: SimDisk
  readonly #groupOf: (groupId: string) => GroupGhost
  /** By slot, which is unique in a store. */
  readonly #bySlot = new Map<number, LogMirror>()
  readonly #byGroup = new Map<string, LogMirror>()
  readonly #bySpace = new Map<number, LogMirror>()
  readonly #states = new StateMirror()
  readonly #onState: OnState
  /** Rises with each content that replaced another. */
  generation = 0
  /** When it first refused a write to a database in this life. */
  refusedAtMs = Number.POSITIVE_INFINITY

  readonly #storeId: string

  constructor(
    storeId: string,
    disk: SimDisk,
    groupOf: (groupId: string) => GroupGhost,
    onState: OnState = () => {},
  ) {
    this.#storeId = storeId
    this.#onState = onState
    this.#disk = disk
    this.#groupOf = groupOf
    disk.watch = this
    this.onReplaced()
  }

  log(groupId: string): LogMirror | null {
    return this.#byGroup.get(groupId) ?? null
  }

  logs(): Iterable<LogMirror> {
    return this.#byGroup.values()
  }

  onWritten(path: string, operations: readonly MemoryOperation[], sync: boolean): void {
    try {
      if (path.endsWith('/log')) {
        assert(sync, 'the log is written with sync')
        this.#mirror(operations)
      } else if (path.endsWith('/data')) this.#mirrorState(path, operations)
    } catch (error) {
      // The caller is the disk itself: what it is told must not become what the store's write answers.
      this.#disk.timeline.fail(error)
    }
  }

  #mirror(operations: readonly MemoryOperation[]): void {
    const changed = new Set<LogMirror>()
    for (const [key, value] of operations) {
      const log = value === null ? this.#remove(key) : this.#put(key, value)
      if (log !== undefined) changed.add(log)
    }
    for (const log of changed) log.checkWhole(this.#storeId)
  }

  #mirrorState(path: string, operations: readonly MemoryOperation[]): void {
    for (const step of this.#states.onWritten(path, operations)) {
      const log = this.#bySpace.get(step.space)
      if (log !== undefined) this.#onState(log.group, this.#storeId, step)
    }
  }

  onOpened(path: string): void {
    if (path.endsWith('/data')) this.#states.onOpened(path, this.#disk.memory.directory(path).recover())
  }

  onRefused(): void {
    this.refusedAtMs = Math.min(this.refusedAtMs, this.#disk.timeline.nowMs)
  }

  onReplaced(): void {
    this.generation++
    this.refusedAtMs = Number.POSITIVE_INFINITY
    this.#bySlot.clear()
    this.#byGroup.clear()
    this.#bySpace.clear()
    for (const path of this.#disk.memory.paths()) {
      if (!path.endsWith('/log')) continue
      const rows = [...this.#disk.memory.directory(path).recover()]
      for (const [key, value] of rows) if (isRecord(key)) this.#put(key, value)
      for (const [key, value] of rows) if (!isRecord(key)) this.#put(key, value)
    }
  }

  /** The log that it changes, if it is of one. */
  #put(key: string, value: Buffer): LogMirror | undefined {
    const slot = slotOf(key)
    if (slot === SHARD_SLOT || key.length !== LOG_KEY_BYTES) return undefined
    const kind = key.charCodeAt(4)
    if (kind === KEY_RECORD) return this.#putRecord(slot, value)
    const log = this.#bySlot.get(slot)
    if (kind === KEY_BLOCK) log?.putBlock(indexOf(key), value)
    return log
  }

  #putRecord(slot: number, value: Buffer): LogMirror | undefined {
    const record = decodeReplicaRecord(value)
    if (record === null) return undefined
    let log = this.#bySlot.get(slot)
    if (log === undefined) {
      log = new LogMirror(this.#groupOf(record.groupId), record.replica)
      this.#bySlot.set(slot, log)
      this.#byGroup.set(record.groupId, log)
      if (record.space > 0) this.#bySpace.set(record.space, log)
    }
    // A disk whose content was replaced is read anew: what it held before does not bind it.
    recordKeepsTerm(log.group, this.#storeId, log.term, record.term)
    log.term = record.term
    log.votedFor = record.votedFor
    log.space = record.space
    log.begin(record.firstIndex, record.prevTerm)
    return log
  }

  #remove(key: string): LogMirror | undefined {
    if (key.length !== LOG_KEY_BYTES || key.charCodeAt(4) !== KEY_BLOCK) return undefined
    const log = this.#bySlot.get(slotOf(key))
    log?.removeBlock(indexOf(key))
    return log
  }
}

function isRecord(key: string): boolean {
  return key.length === LOG_KEY_BYTES && key.charCodeAt(4) === KEY_RECORD
}

function slotOf(key: string): number {
  return (
    ((key.charCodeAt(0) << 24) | (key.charCodeAt(1) << 16) | (key.charCodeAt(2) << 8) | key.charCodeAt(3)) >>>
    0
  )
}

function indexOf(key: string): number {
  let index = 0
  for (let i = 5; i < LOG_KEY_BYTES; i++) index = index * 256 + key.charCodeAt(i)
  return index
}
