import type { Disk, Files, OpenFile, TimerHandle } from '../env/ports.ts'
import { crc32 } from '../util/crc.ts'
import { FlotillaError } from '../util/errors.ts'
import { LEDGER_SYNC_MS } from '../util/limits.ts'

export const DATABASE_ID_BYTES = 16
export const LEDGER_SLOTS = 3
/** Slots lie in pages of their own. */
export const LEDGER_SLOT_STRIDE = 4_096

/** Magic u32 LE | version u32 LE | database id | highest flush number u48 LE | CRC-32 of all before u32 LE. */
const MAGIC = 0x4c46_4c31
const VERSION = 1
const ID_AT = 8
const NUMBER_AT = ID_AT + DATABASE_ID_BYTES
const CRC_AT = NUMBER_AT + 6
export const LEDGER_SLOT_BYTES = CRC_AT + 4

export interface LedgerContent {
  readonly databaseId: Buffer
  /** The highest flush number that was reported, or one a little below after a power cut. */
  readonly highest: number
}

export interface FoundLedger extends LedgerContent {
  /** A power cut leaves one at most; the others are rewritten in turn. */
  readonly badSlots: number
}

/**
 * The highest flush number that the log's worker has reported, beside the log and not in it: what RocksDB forgets without
 * a word, the ledger remembers. It is written before each report, with one small write in place, and synced every second,
 * off the path of the flushes.
 *
 * Three slots: one is on the disk for certain and is not touched, one may be on its way there, one is rewritten in place.
 * So after a power cut at any time a sound slot is there, and it is as new as the last sync.
 */
export class Ledger {
  readonly #file: OpenFile
  readonly #disk: Disk
  readonly #onError: (error: Error) => void
  readonly #slot: Buffer
  /** Is rewritten. */
  #writing: number
  /** Is on the disk for certain. */
  #durable: number
  #dirty = false
  #timer: TimerHandle | null = null
  #syncing: Promise<void> | null = null
  /** The first failed sync. The system forgets it, the ledger does not. */
  #failed: Error | null = null
  #closed = false

  private constructor(
    disk: Disk,
    file: OpenFile,
    databaseId: Buffer,
    durable: number,
    onError: (error: Error) => void,
  ) {
    this.#disk = disk
    this.#file = file
    this.#onError = onError
    this.#slot = encodeSlot({ databaseId, highest: 0 })
    this.#durable = durable
    this.#writing = (durable + 1) % LEDGER_SLOTS
  }

  /** What the ledger at `path` says; `damaged` when no slot of it can be read. Rejects with STORAGE_FAILED. */
  static async read(files: Files, path: string): Promise<FoundLedger | 'absent' | 'damaged'> {
    const bytes = await files.readFile(path)
    if (bytes === null) return 'absent'
    const newest = newestSlot(bytes)
    return newest === null ? 'damaged' : { ...newest.content, badSlots: newest.badSlots }
  }

  /** A new ledger that says 0, in place of any that is there. Durable when it resolves. */
  static async create(files: Files, path: string, databaseId: Buffer): Promise<void> {
    const bytes = Buffer.alloc(LEDGER_SLOTS * LEDGER_SLOT_STRIDE)
    const slot = encodeSlot({ databaseId, highest: 0 })
    for (let i = 0; i < LEDGER_SLOTS; i++) bytes.set(slot, i * LEDGER_SLOT_STRIDE)
    await files.writeFile(path, bytes)
  }

  /**
   * Opens a ledger that {@link read} could read. `onError` is told when a sync in the background failed: nothing may be
   * promised after that. Rejects with STORAGE_FAILED.
   */
  static async open(disk: Disk, path: string, onError: (error: Error) => void): Promise<Ledger> {
    const bytes = await disk.files.readFile(path)
    const newest = bytes && newestSlot(bytes)
    const file = newest && (await disk.files.openFile(path))
    if (!file) throw new FlotillaError('STORAGE_FAILED', `The ledger ${path} went away while it was opened.`)
    // After a mere crash of the process the newest slot may be in the system's memory only.
    await file.sync()
    return new Ledger(disk, file, newest.content.databaseId, newest.slot, onError)
  }

  /** Notes that flush `number` is on the disk. Throws STORAGE_FAILED, also for what failed in the background before. */
  raise(number: number): void {
    if (this.#failed !== null) throw this.#failed
    const slot = this.#slot
    slot.writeUIntLE(number, NUMBER_AT, 6)
    slot.writeUInt32LE(crc32(slot.subarray(0, CRC_AT)), CRC_AT)
    this.#file.write(slot, this.#writing * LEDGER_SLOT_STRIDE)
    this.#dirty = true
    this.#timer ??= this.#disk.timers.setTimeout(() => this.#onTimer(), LEDGER_SYNC_MS)
  }

  /** What was noted before the call is on the disk when it resolves. */
  async sync(): Promise<void> {
    await this.#syncing
    if (!this.#dirty) return
    this.#syncing = this.#syncSlot()
    try {
      await this.#syncing
    } finally {
      this.#syncing = null
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    if (this.#timer !== null) this.#disk.timers.clearTimeout(this.#timer)
    try {
      await this.sync()
    } finally {
      this.#file.close()
    }
  }

  #onTimer(): void {
    this.#timer = null
    if (this.#closed) return
    this.sync().catch((error: Error) => {
      this.#failed = error
      this.#onError(error)
    })
  }

  async #syncSlot(): Promise<void> {
    const synced = this.#writing
    // While one slot is on its way and another must stay as it is, the third takes what comes.
    this.#writing = LEDGER_SLOTS - synced - this.#durable
    this.#dirty = false
    await this.#file.sync()
    this.#durable = synced
  }
}

function encodeSlot({ databaseId, highest }: LedgerContent): Buffer {
  const slot = Buffer.alloc(LEDGER_SLOT_BYTES)
  slot.writeUInt32LE(MAGIC, 0)
  slot.writeUInt32LE(VERSION, 4)
  slot.set(databaseId, ID_AT)
  slot.writeUIntLE(highest, NUMBER_AT, 6)
  slot.writeUInt32LE(crc32(slot.subarray(0, CRC_AT)), CRC_AT)
  return slot
}

interface NewestSlot {
  readonly slot: number
  readonly content: LedgerContent
  readonly badSlots: number
}

function newestSlot(bytes: Buffer): NewestSlot | null {
  let slot = -1
  let newest: LedgerContent | null = null
  let badSlots = 0
  for (let i = 0; i < LEDGER_SLOTS; i++) {
    const content = decodeSlot(bytes.subarray(i * LEDGER_SLOT_STRIDE))
    if (content === null) badSlots++
    else if (newest === null || content.highest > newest.highest) {
      newest = content
      slot = i
    }
  }
  return newest && { slot, content: newest, badSlots }
}

function decodeSlot(bytes: Buffer): LedgerContent | null {
  if (
    bytes.length < LEDGER_SLOT_BYTES ||
    bytes.readUInt32LE(0) !== MAGIC ||
    bytes.readUInt32LE(4) !== VERSION
  )
    return null
  if (crc32(bytes.subarray(0, CRC_AT)) !== bytes.readUInt32LE(CRC_AT)) return null
  return {
    databaseId: Buffer.from(bytes.subarray(ID_AT, NUMBER_AT)),
    highest: bytes.readUIntLE(NUMBER_AT, 6),
  }
}
