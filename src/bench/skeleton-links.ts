import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import { assert, assertPresent } from '../util/assert.ts'
import { STORE_COUNT } from './scenario.ts'

/**
 * ```
 * hello  u8 storeIndex                     once, by the side that connects
 * frame  u32 length                        of the whole frame
 *        u32 ackCount
 *        ackCount × (u32 group, u48 index)
 *        blocks: (u32 group, LogBlock)     each names its own length
 * ```
 */
const HELLO_BYTES = 1
const FRAME_HEADER_BYTES = 8
const ACK_BYTES = 10
const BLOCK_PREFIX_BYTES = 4
/** Where a LogBlock says how long it is. */
const BLOCK_LENGTH_AT = 4

export interface LinkHandlers {
  /** `bytes` is the receiver's to keep. */
  onBlock(group: number, bytes: Buffer): void
  onAck(from: number, group: number, index: number): void
}

/** One TCP connection between every pair of stores, on loopback; one frame per turn and direction. */
export class SkeletonLinks {
  readonly #self: number
  readonly #handlers: LinkHandlers
  readonly #server: Server
  readonly #links = new Array<Link | null>(STORE_COUNT).fill(null)
  readonly #waiting: Array<() => void> = []
  /** Blocks of this turn, for every peer alike: group numbers and bytes side by side. */
  #blockGroups: number[] = []
  #blocks: Buffer[] = []
  #blockBytes = 0

  constructor(self: number, handlers: LinkHandlers) {
    this.#self = self
    this.#handlers = handlers
    this.#server = createServer({ noDelay: true }, (socket) => this.#accept(socket))
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async listen(): Promise<void> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
  }

  /** Connects to every store of a lower index, and waits until those of a higher index have come. */
  async connectAll(addresses: readonly string[]): Promise<void> {
    for (let peer = 0; peer < this.#self; peer++) {
      const port = Number(addresses[peer]!.split(':')[1])
      const socket = connect({ host: '127.0.0.1', port, noDelay: true })
      await once(socket, 'connect')
      socket.write(Buffer.from([this.#self]))
      this.#adopt(peer, socket)
    }
    while (!this.#complete()) await new Promise<void>((resolve) => this.#waiting.push(resolve))
  }

  sendBlockToAll(group: number, bytes: Buffer): void {
    this.#blockGroups.push(group)
    this.#blocks.push(bytes)
    this.#blockBytes += BLOCK_PREFIX_BYTES + bytes.length
  }

  sendAck(peer: number, group: number, index: number): void {
    assertPresent(this.#links[peer], 'acks go to a connected peer').addAck(group, index)
  }

  /** Writes this turn's frame to every peer that has one. */
  flush(): void {
    const blocks = this.#packBlocks()
    for (const link of this.#links) link?.writeFrame(blocks)
  }

  close(): void {
    this.#server.close()
    for (const link of this.#links) link?.socket.destroy()
  }

  #packBlocks(): Buffer | null {
    if (this.#blocks.length === 0) return null
    const packed = Buffer.allocUnsafe(this.#blockBytes)
    let at = 0
    for (let i = 0; i < this.#blocks.length; i++) {
      const bytes = this.#blocks[i]!
      packed.writeUInt32LE(this.#blockGroups[i]!, at)
      packed.set(bytes, at + BLOCK_PREFIX_BYTES)
      at += BLOCK_PREFIX_BYTES + bytes.length
    }
    this.#blockGroups = []
    this.#blocks = []
    this.#blockBytes = 0
    return packed
  }

  #accept(socket: Socket): void {
    socket.once('data', (chunk: Buffer) => {
      this.#adopt(chunk[0]!, socket)
      if (chunk.length > HELLO_BYTES) socket.emit('data', chunk.subarray(HELLO_BYTES))
    })
  }

  #adopt(peer: number, socket: Socket): void {
    assert(peer < STORE_COUNT && this.#links[peer] === null, 'one connection per pair')
    this.#links[peer] = new Link(peer, socket, this.#handlers)
    // A link breaks only when its other store ends, and the runner sees that by itself.
    socket.on('error', () => undefined)
    for (const resolve of this.#waiting.splice(0)) resolve()
  }

  #complete(): boolean {
    return this.#links.every((link, peer) => link !== null || peer === this.#self)
  }
}

class Link {
  readonly socket: Socket
  readonly #peer: number
  readonly #handlers: LinkHandlers
  /** Groups and indexes, alternating. */
  #acks: number[] = []
  /** Received and not yet a whole frame. */
  #chunks: Buffer[] = []
  #chunkBytes = 0
  #wantedBytes = FRAME_HEADER_BYTES

  constructor(peer: number, socket: Socket, handlers: LinkHandlers) {
    this.socket = socket
    this.#peer = peer
    this.#handlers = handlers
    socket.on('data', (chunk: Buffer) => this.#onData(chunk))
  }

  addAck(group: number, index: number): void {
    this.#acks.push(group, index)
  }

  writeFrame(blocks: Buffer | null): void {
    const acks = this.#acks
    if (acks.length === 0 && blocks === null) return
    const head = Buffer.allocUnsafe(FRAME_HEADER_BYTES + (acks.length / 2) * ACK_BYTES)
    head.writeUInt32LE(head.length + (blocks === null ? 0 : blocks.length), 0)
    head.writeUInt32LE(acks.length / 2, 4)
    for (let i = 0, at = FRAME_HEADER_BYTES; i < acks.length; i += 2, at += ACK_BYTES) {
      head.writeUInt32LE(acks[i]!, at)
      head.writeUIntLE(acks[i + 1]!, at + 4, 6)
    }
    if (acks.length > 0) this.#acks = []
    if (blocks === null) {
      this.socket.write(head)
      return
    }
    this.socket.cork()
    this.socket.write(head)
    this.socket.write(blocks)
    this.socket.uncork()
  }

  #onData(chunk: Buffer): void {
    this.#chunks.push(chunk)
    this.#chunkBytes += chunk.length
    if (this.#chunkBytes < this.#wantedBytes) return
    const bytes = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks, this.#chunkBytes)
    let at = 0
    this.#wantedBytes = FRAME_HEADER_BYTES
    while (bytes.length - at >= FRAME_HEADER_BYTES) {
      const length = bytes.readUInt32LE(at)
      if (bytes.length - at < length) {
        this.#wantedBytes = length
        break
      }
      this.#onFrame(bytes, at, at + length)
      at += length
    }
    this.#chunks = at === bytes.length ? [] : [bytes.subarray(at)]
    this.#chunkBytes = bytes.length - at
  }

  #onFrame(bytes: Buffer, start: number, end: number): void {
    let at = start + FRAME_HEADER_BYTES
    for (let acks = bytes.readUInt32LE(start + 4); acks > 0; acks--, at += ACK_BYTES) {
      this.#handlers.onAck(this.#peer, bytes.readUInt32LE(at), bytes.readUIntLE(at + 4, 6))
    }
    while (at < end) {
      const group = bytes.readUInt32LE(at)
      const from = at + BLOCK_PREFIX_BYTES
      at = from + bytes.readUInt32LE(from + BLOCK_LENGTH_AT)
      this.#handlers.onBlock(group, bytes.subarray(from, at))
    }
  }
}
