import { KIND_DATA, LogBlock } from '../block/log-block.ts'
import type { MemoryOperation } from '../env/memory-disk.ts'
import { KEY_BLOCK, KEY_RECORD, LOG_KEY_BYTES, SHARD_SLOT } from '../storage/log-keys.ts'
import { decodeReplicaRecord } from '../storage/replica-record.ts'
import { assert } from '../util/assert.ts'
import { crc32 } from '../util/crc.ts'
import type { GroupGhost } from './ghost.ts'
import type { DurableLog, LogEntry } from './ghost-state.ts'
import type { DiskWatch, SimDisk } from './disk.ts'

/** What the disk of one store holds durably of one replica. */
export class LogMirror implements DurableLog {
  readonly group: GroupGhost
  readonly replica: number
  term = 0
  votedFor = 0
  firstIndex = 1
  space = 0
  /** By index; an entry that a cut or a truncation removed is gone. */
  readonly #entries = new Map<number, { readonly block: number; readonly entry: LogEntry }>()
  /** Entries of each block, by its first index. */
  readonly #blocks = new Map<number, number>()
  lastIndex = 0

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

  removeBlock(first: number): void {
    const count = this.#blocks.get(first)
    if (count === undefined) return
    this.#blocks.delete(first)
    for (let index = first; index < first + count; index++) {
      if (this.#entries.get(index)?.block === first) this.#entries.delete(index)
    }
    if (first + count - 1 === this.lastIndex) this.#findEnd()
  }

  putBlock(first: number, bytes: Buffer): void {
    this.removeBlock(first)
    const block = new LogBlock(bytes)
    this.#blocks.set(first, block.count)
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

  #findEnd(): void {
    let last = 0
    for (const [first, count] of this.#blocks) last = Math.max(last, first + count - 1)
    this.lastIndex = last
  }
}

/** What the checker knows of one store's disk: the logs of all its shards. */
export class DiskMirror implements DiskWatch {
  readonly #disk: SimDisk
  readonly #groupOf: (groupId: string) => GroupGhost
  /** By slot, which is unique in a store. */
  readonly #bySlot = new Map<number, LogMirror>()
  readonly #byGroup = new Map<string, LogMirror>()
  /** Rises with each content that replaced another. */
  generation = 0

  constructor(disk: SimDisk, groupOf: (groupId: string) => GroupGhost) {
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
    if (!path.endsWith('/log')) return
    assert(sync, 'the log is written with sync')
    for (const [key, value] of operations) {
      if (value === null) this.#remove(key)
      else this.#put(key, value)
    }
  }

  onReplaced(): void {
    this.generation++
    this.#bySlot.clear()
    this.#byGroup.clear()
    for (const path of this.#disk.memory.paths()) {
      if (!path.endsWith('/log')) continue
      const rows = [...this.#disk.memory.directory(path).recover()]
      for (const [key, value] of rows) if (isRecord(key)) this.#put(key, value)
      for (const [key, value] of rows) if (!isRecord(key)) this.#put(key, value)
    }
  }

  #put(key: string, value: Buffer): void {
    const slot = slotOf(key)
    if (slot === SHARD_SLOT || key.length !== LOG_KEY_BYTES) return
    const kind = key.charCodeAt(4)
    if (kind === KEY_RECORD) this.#putRecord(slot, value)
    else if (kind === KEY_BLOCK) this.#bySlot.get(slot)?.putBlock(indexOf(key), value)
  }

  #putRecord(slot: number, value: Buffer): void {
    const record = decodeReplicaRecord(value)
    if (record === null) return
    let log = this.#bySlot.get(slot)
    if (log === undefined) {
      log = new LogMirror(this.#groupOf(record.groupId), record.replica)
      this.#bySlot.set(slot, log)
      this.#byGroup.set(record.groupId, log)
    }
    log.term = record.term
    log.votedFor = record.votedFor
    log.firstIndex = record.firstIndex
    log.space = record.space
  }

  #remove(key: string): void {
    if (key.length === LOG_KEY_BYTES && key.charCodeAt(4) === KEY_BLOCK)
      this.#bySlot.get(slotOf(key))?.removeBlock(indexOf(key))
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
