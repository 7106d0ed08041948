import { crc32Range } from '../util/crc.ts'
import { protocolError } from './wire-reader.ts'

/** The layout is in `proto/rpc.proto`. */
export const FRAME_HEADER_BYTES = 28

const AT_CRC = 0
const AT_LENGTH = 4
const AT_CONNECTION = 8
const AT_BOOT = 12
const AT_SEQUENCE = 16
const AT_META = 20
/** CRC of the header's other fields: a length is believed only after it, or a flipped bit would be waited for. */
const AT_HEADER_CRC = 24

/** One frame as it lies in a buffer. The parser uses one object for all of its frames: read it before the next. */
export interface Frame {
  connection: number
  boot: number
  sequence: number
  buffer: Buffer
  metaStart: number
  metaEnd: number
  /** End of the frame and of its blob section. */
  end: number
  /** The buffer holds this frame only: a large part of it may be kept without pinning much else. */
  owned: boolean
}

export interface FrameSink {
  /** Returns false to stop: what follows is dropped. May throw; the parser is dead then. */
  onFrame(frame: Frame): boolean
}

/**
 * Cuts a byte stream into frames, whatever the chunks: each byte is looked at once, and copied at most once (when its
 * frame spans chunks). Throws FLOTILLA_PROTOCOL at the first byte that cannot be right; then it must not be used again.
 */
export class FrameParser {
  /** Longest frame that is accepted; checked before anything is allocated. */
  maxFrameBytes: number
  private readonly sink: FrameSink
  private readonly header = Buffer.alloc(FRAME_HEADER_BYTES)
  private headerBytes = 0
  /** The frame being put together, when it spans chunks. */
  private partial: Buffer | null = null
  private partialBytes = 0
  private readonly frame: Frame

  constructor(maxFrameBytes: number, sink: FrameSink) {
    this.maxFrameBytes = maxFrameBytes
    this.sink = sink
    const frame = { connection: 0, boot: 0, sequence: 0, metaStart: 0, metaEnd: 0, end: 0, owned: false }
    this.frame = { ...frame, buffer: this.header }
  }

  push(chunk: Buffer): void {
    let at = 0
    while (at < chunk.length) {
      if (this.partial !== null) at = this.fillPartial(chunk, at)
      else if (this.headerBytes > 0 || chunk.length - at < FRAME_HEADER_BYTES) at = this.fillHeader(chunk, at)
      else {
        const length = this.checkHeader(chunk, at)
        if (chunk.length - at < length) {
          this.partial = Buffer.allocUnsafe(length)
          this.partialBytes = 0
        } else {
          if (!this.emit(chunk, at, length, false)) return
          at += length
        }
      }
      if (at < 0) return
    }
  }

  /** The frame's length, once its header is known to be whole. */
  private checkHeader(buffer: Buffer, start: number): number {
    const sum = headerCrc(buffer, start)
    if (sum !== buffer.readUInt32LE(start + AT_HEADER_CRC))
      throw protocolError('a frame header fails its CRC')
    const length = buffer.readUInt32LE(start + AT_LENGTH)
    if (length < FRAME_HEADER_BYTES) throw protocolError(`a frame of ${length} bytes`)
    if (length > this.maxFrameBytes) throw protocolError(`a frame of ${length} bytes is over the limit`)
    return length
  }

  /** Gathers the header of a frame that spans chunks. */
  private fillHeader(chunk: Buffer, at: number): number {
    const count = Math.min(FRAME_HEADER_BYTES - this.headerBytes, chunk.length - at)
    chunk.copy(this.header, this.headerBytes, at, at + count)
    this.headerBytes += count
    if (this.headerBytes < FRAME_HEADER_BYTES) return at + count
    this.headerBytes = 0
    const partial = Buffer.allocUnsafe(this.checkHeader(this.header, 0))
    this.header.copy(partial, 0, 0, FRAME_HEADER_BYTES)
    if (partial.length === FRAME_HEADER_BYTES)
      return this.emit(partial, 0, partial.length, true) ? at + count : -1
    this.partial = partial
    this.partialBytes = FRAME_HEADER_BYTES
    return at + count
  }

  /** Returns where the chunk goes on, -1 when the sink has stopped. */
  private fillPartial(chunk: Buffer, at: number): number {
    const partial = this.partial!
    const count = Math.min(partial.length - this.partialBytes, chunk.length - at)
    chunk.copy(partial, this.partialBytes, at, at + count)
    this.partialBytes += count
    if (this.partialBytes < partial.length) return at + count
    this.partial = null
    return this.emit(partial, 0, partial.length, true) ? at + count : -1
  }

  private emit(buffer: Buffer, start: number, length: number, owned: boolean): boolean {
    const meta = buffer.readUInt32LE(start + AT_META)
    if (meta > length - FRAME_HEADER_BYTES) throw protocolError('a meta section is longer than its frame')
    const metaStart = start + FRAME_HEADER_BYTES
    const sum = crc32Range(buffer, start + AT_LENGTH, metaStart + meta)
    if (sum !== buffer.readUInt32LE(start + AT_CRC)) throw protocolError('a frame fails its CRC')
    const frame = this.frame
    frame.connection = buffer.readUInt32LE(start + AT_CONNECTION)
    frame.boot = buffer.readUInt32LE(start + AT_BOOT)
    frame.sequence = buffer.readUInt32LE(start + AT_SEQUENCE)
    frame.buffer = buffer
    frame.metaStart = metaStart
    frame.metaEnd = metaStart + meta
    frame.end = start + length
    frame.owned = owned
    return this.sink.onFrame(frame)
  }
}

/**
 * Writes the header of a frame whose meta section already lies behind it in `buffer`. `blobBytes` may lie elsewhere:
 * they are written to the socket after the meta section.
 */
export function sealFrame(
  buffer: Buffer,
  start: number,
  metaBytes: number,
  blobBytes: number,
  connection: number,
  boot: number,
  sequence: number,
): void {
  buffer.writeUInt32LE(FRAME_HEADER_BYTES + metaBytes + blobBytes, start + AT_LENGTH)
  buffer.writeUInt32LE(connection, start + AT_CONNECTION)
  buffer.writeUInt32LE(boot, start + AT_BOOT)
  buffer.writeUInt32LE(sequence, start + AT_SEQUENCE)
  buffer.writeUInt32LE(metaBytes, start + AT_META)
  buffer.writeUInt32LE(headerCrc(buffer, start), start + AT_HEADER_CRC)
  const end = start + FRAME_HEADER_BYTES + metaBytes
  buffer.writeUInt32LE(crc32Range(buffer, start + AT_LENGTH, end), start + AT_CRC)
}

function headerCrc(buffer: Buffer, start: number): number {
  return crc32Range(buffer, start + AT_LENGTH, start + AT_HEADER_CRC)
}
