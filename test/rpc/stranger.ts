import type { Socket } from '../../src/env/ports.ts'
import { FRAME_HEADER_BYTES, FrameParser, sealFrame } from '../../src/rpc/frame.ts'
import { readGoodbye } from '../../src/rpc/handshake-messages.ts'
import {
  KIND_BULK,
  KIND_CONTROL,
  MSG_GOODBYE,
  MSG_HELLO,
  MSG_HELLO_ANSWER,
  MSG_READY,
} from '../../src/rpc/message-types.ts'
import { encodeWire, wire } from '../../src/rpc/wire.ts'
import { WireReader } from '../../src/rpc/wire-reader.ts'
import type { FlotillaError } from '../../src/util/errors.ts'

const HELLO = {
  clusterId: 'c',
  storeId: 's1',
  expectedStoreId: 's2',
  incarnation: 'i',
  boot: 1,
  process: 7,
  protocolMin: 1,
  protocolMax: 1,
}

/** A message with its frame, sealed as it ought to be; the caller may spoil it. */
export function frameOf(type: number, body: Buffer, sequence: number, connection: number, boot = 1): Buffer {
  const length: number[] = []
  for (let rest = body.length; ; rest = Math.floor(rest / 128)) {
    length.push(rest < 128 ? rest : (rest % 128) | 0x80)
    if (rest < 128) break
  }
  const meta = Buffer.concat([Buffer.from([type, ...length]), body])
  const bytes = Buffer.concat([Buffer.alloc(FRAME_HEADER_BYTES), meta])
  sealFrame(bytes, 0, meta.length, 0, connection, boot, sequence)
  return bytes
}

/** One raw connection that speaks by hand. */
export class RawConnection {
  readonly socket: Socket
  readonly id: number
  closed = false
  /** Types of the messages that came. */
  readonly types: number[] = []
  goodbye: FlotillaError | null = null
  sequence = 0

  constructor(socket: Socket, id: number) {
    this.socket = socket
    this.id = id
    const parser = new FrameParser(1 << 24, {
      onFrame: ({ buffer, metaStart, metaEnd }) => {
        let at = metaStart
        while (at < metaEnd) {
          const reader = new WireReader().set(buffer, at, metaEnd)
          const type = reader.byte()
          reader.end = reader.limit()
          at = reader.end
          this.types.push(type)
          if (type === MSG_GOODBYE) this.goodbye = readGoodbye(reader.rest())
        }
        return true
      },
    })
    socket.setHandlers({
      onData: (bytes) => parser.push(bytes),
      onClose: () => {
        this.closed = true
      },
    })
  }

  send(type: number, body: Buffer, boot = 1): void {
    this.raw(frameOf(type, body, ++this.sequence, this.id, boot))
  }

  raw(bytes: Buffer): void {
    if (!this.closed) this.socket.write([bytes])
  }

  hello(kind: number, over: object = {}): void {
    const hello = { ...HELLO, kind, connection: this.id, pair: 6, ...over }
    this.send(MSG_HELLO, encodeWire(wire.rpc.Hello, hello), hello.boot)
  }
}

/** Somebody who shakes hands like store s1 (or a client) and may then say anything. */
export class Stranger {
  readonly control: RawConnection
  readonly bulk: RawConnection

  constructor(connect: () => Socket) {
    this.control = new RawConnection(connect(), 11)
    this.bulk = new RawConnection(connect(), 12)
  }

  /** `passTime` lets what is on its way arrive. */
  async shakeHands(passTime: () => Promise<void>, over: object = {}): Promise<void> {
    await passTime()
    this.control.hello(KIND_CONTROL, over)
    this.bulk.hello(KIND_BULK, over)
    await passTime()
    for (const each of [this.control, this.bulk]) {
      if (!each.types.includes(MSG_HELLO_ANSWER)) throw new Error(`no answer: ${each.goodbye?.message}`)
      each.send(MSG_READY, Buffer.alloc(0))
    }
    await passTime()
  }
}
