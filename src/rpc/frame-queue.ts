import type { LogBlock } from '../block/log-block.ts'
import { FRAME_HEADER_BYTES, sealFrame } from './frame.ts'
import { encodeAddress } from './link-codecs.ts'
import { MSG_GROUP_ALIAS } from './message-types.ts'
import type { GroupAddress } from './messages.ts'
import { WireWriter } from './wire-writer.ts'

/** Blocks from this size on go to the socket by reference; smaller ones are copied beside the meta section. */
const BY_REFERENCE_BYTES = 16 * 1024
/** A meta buffer that has grown beyond this is given up once it is empty. */
const KEEP_META_BYTES = 1024 * 1024

interface SentAlias {
  groupId: string
  fromReplica: number
  toReplica: number
}

/** What names a connection in its frames. */
export interface FrameNames {
  readonly connection: number
  readonly boot: number
}

/**
 * What waits to be written to one connection: messages, encoded when they are sent, cut into frames as they come.
 * A message is written between {@link begin} and {@link finish}; one that was begun and not finished (its encoder
 * threw) is forgotten.
 */
export class FrameQueue {
  readonly writer = new WireWriter()
  /** Messages finished since the start. */
  messages = 0
  /** Frames and bytes taken since the start. */
  framesTaken = 0
  bytesTaken = 0
  /** Raised when a defined alias is changed or forgotten: who remembers an alias as defined must ask again. */
  aliasVersion = 0
  private readonly maxFrameBytes: number
  private readonly aliases = new Map<number, SentAlias>()
  /** Frames that wait: used places of the next two. They do not shrink: to empty an array would give up its memory. */
  private frames = 0
  /** Where the meta section of each waiting frame starts in the writer, and its first block in `blocks`. */
  private frameMeta: number[] = []
  private frameBlocks: number[] = []
  private blocks: LogBlock[] = []
  private openBlobBytes = 0
  private blobBytes = 0
  /** Start of the first waiting frame, end of the last finished message. */
  private head = 0
  private tail = 0

  constructor(maxFrameBytes: number) {
    this.maxFrameBytes = maxFrameBytes
  }

  get empty(): boolean {
    return this.frames === 0
  }

  /** Meta bytes that wait. */
  get metaBytes(): number {
    return this.tail - this.head
  }

  /** All bytes that wait, frame headers left out. */
  get waitingBytes(): number {
    return this.tail - this.head + this.blobBytes
  }

  get aliasCount(): number {
    return this.aliases.size
  }

  /** Starts a message (with the alias definitions it needs) and returns the writer. */
  begin(): WireWriter {
    const writer = this.writer
    if (writer.length !== this.tail) {
      // An encoder threw in the middle; it may have taken alias definitions with it.
      writer.length = this.tail
      this.aliases.clear()
      this.aliasVersion++
    }
    return writer
  }

  /** Defines the alias of `to`, unless the other side knows it. Between begin and the message itself. */
  alias(to: GroupAddress): void {
    const known = this.aliases.get(to.slot)
    if (known === undefined) {
      const { groupId, fromReplica, toReplica } = to
      this.aliases.set(to.slot, { groupId, fromReplica, toReplica })
    } else {
      const same = known.toReplica === to.toReplica && known.fromReplica === to.fromReplica
      if (same && known.groupId === to.groupId) return
      this.aliasVersion++
      known.groupId = to.groupId
      known.fromReplica = to.fromReplica
      known.toReplica = to.toReplica
    }
    const mark = this.open(MSG_GROUP_ALIAS)
    encodeAddress(this.writer, to)
    this.close(mark)
  }

  /** Its next use defines the alias again, so that the other side looks for the replica once more. */
  forgetAlias(slot: number): void {
    if (this.aliases.delete(slot)) this.aliasVersion++
  }

  open(type: number): number {
    this.writer.byte(type)
    return this.writer.beginLength()
  }

  close(mark: number): void {
    this.writer.endLength(mark)
    this.messages++
  }

  /** Ends the message; its blocks follow in the blob section. Starts a new frame where the last would grow too long. */
  finish(blocks: readonly LogBlock[] | null, blobBytes: number): void {
    const end = this.writer.length
    if (this.frames === 0 || this.openFrameBytes(end) + blobBytes > this.maxFrameBytes) {
      this.frameMeta[this.frames] = this.tail
      this.frameBlocks[this.frames++] = this.blocks.length
      this.openBlobBytes = 0
    }
    if (blocks !== null) {
      for (let i = 0; i < blocks.length; i++) this.blocks.push(blocks[i]!)
      this.openBlobBytes += blobBytes
      this.blobBytes += blobBytes
    }
    this.tail = end
  }

  /** Of the newest frame, when its meta section ends at `end`. */
  private openFrameBytes(end: number): number {
    return end - this.frameMeta[this.frames - 1]! + this.openBlobBytes + FRAME_HEADER_BYTES
  }

  /** Takes whole frames off the queue, at least one, up to about `maxBytes`: the chunks of one socket write. */
  take(names: FrameNames, firstSequence: number, maxBytes: number): Buffer[] {
    const count = this.countFrames(maxBytes)
    const out = Buffer.allocUnsafe(this.copiedBytes(count))
    const chunks: Buffer[] = []
    let from = 0
    let at = 0
    for (let i = 0; i < count; i++) {
      const meta = this.frameMeta[i]!
      const metaBytes = this.metaEnd(i) - meta
      const blocksEnd = this.blocksEnd(i)
      let blob = 0
      for (let b = this.frameBlocks[i]!; b < blocksEnd; b++) blob += this.blocks[b]!.byteLength
      this.writer.buffer.copy(out, at + FRAME_HEADER_BYTES, meta, meta + metaBytes)
      const sequence = (firstSequence + i) >>> 0
      sealFrame(out, at, metaBytes, blob, names.connection, names.boot, sequence)
      at += FRAME_HEADER_BYTES + metaBytes
      for (let b = this.frameBlocks[i]!; b < blocksEnd; b++) {
        const bytes = this.blocks[b]!.bytes
        if (bytes.length < BY_REFERENCE_BYTES) {
          bytes.copy(out, at)
          at += bytes.length
          continue
        }
        if (at > from) chunks.push(out.subarray(from, at))
        chunks.push(bytes)
        from = at
        this.bytesTaken += bytes.length
      }
      this.blobBytes -= blob
    }
    if (at > from) chunks.push(out.subarray(from, at))
    this.framesTaken += count
    this.bytesTaken += out.length
    this.drop(count)
    return chunks
  }

  private metaEnd(frame: number): number {
    return frame + 1 < this.frames ? this.frameMeta[frame + 1]! : this.tail
  }

  private blocksEnd(frame: number): number {
    return frame + 1 < this.frames ? this.frameBlocks[frame + 1]! : this.blocks.length
  }

  private countFrames(maxBytes: number): number {
    let bytes = 0
    let count = 0
    while (count < this.frames) {
      bytes += this.metaEnd(count) - this.frameMeta[count]!
      for (let b = this.frameBlocks[count]!; b < this.blocksEnd(count); b++)
        bytes += this.blocks[b]!.byteLength
      if (count > 0 && bytes > maxBytes) break
      count++
    }
    return count
  }

  private copiedBytes(frames: number): number {
    let bytes = frames * FRAME_HEADER_BYTES + this.metaEnd(frames - 1) - this.frameMeta[0]!
    const blocks = this.blocksEnd(frames - 1)
    for (let b = 0; b < blocks; b++) {
      const length = this.blocks[b]!.byteLength
      if (length < BY_REFERENCE_BYTES) bytes += length
    }
    return bytes
  }

  private drop(frames: number): void {
    if (frames === this.frames) {
      this.frames = 0
      if (this.blocks.length > 0) this.blocks = []
      this.openBlobBytes = 0
      this.head = 0
      this.tail = 0
      this.writer.reset(KEEP_META_BYTES)
      return
    }
    this.head = this.metaEnd(frames - 1)
    const blocks = this.blocksEnd(frames - 1)
    this.blocks = this.blocks.slice(blocks)
    this.frameMeta = this.frameMeta.slice(frames, this.frames)
    this.frameBlocks = this.frameBlocks.slice(frames, this.frames).map((block) => block - blocks)
    this.frames -= frames
    if (this.head * 2 > this.tail) this.compact()
  }

  /** Moves what waits to the writer's start, once less than half of it is left: each byte moves a few times at most. */
  private compact(): void {
    const head = this.head
    this.writer.buffer.copyWithin(0, head, this.tail)
    this.frameMeta = this.frameMeta.map((meta) => meta - head)
    this.tail -= head
    this.head = 0
    this.writer.length = this.tail
  }
}
