import { FlotillaError } from '../util/errors.ts'
import { errorOfWire } from './call-table.ts'
import type { Frame } from './frame.ts'
import { type PeerHello, readHello } from './handshake.ts'
import { MSG_GOODBYE, MSG_HELLO, MSG_HELLO_ANSWER, MSG_READY } from './message-types.ts'
import { wire } from './wire.ts'
import { protocolError, WireReader } from './wire-reader.ts'

/** The one message of a handshake frame; one of the fields is set. */
export interface HandshakeMessage {
  readonly hello: PeerHello | null
  readonly answer: PeerHello | null
  readonly ready: boolean
  readonly goodbye: FlotillaError | null
}

const NONE: HandshakeMessage = { hello: null, answer: null, ready: false, goodbye: null }

/** Throws PROTOCOL for anything but one handshake message. */
export function readHandshake(frame: Frame): HandshakeMessage {
  const reader = new WireReader().set(frame.buffer, frame.metaStart, frame.metaEnd)
  const type = reader.byte()
  const body = reader.bytes()
  if (reader.pos !== frame.end) throw protocolError('more than a handshake in its frame')
  return asProtocol(() => decode(type, body))
}

/** What the generated decoders throw is the other side's fault. */
function asProtocol<T>(decode: () => T): T {
  try {
    return decode()
  } catch (error) {
    throw error instanceof FlotillaError ? error : protocolError(`a handshake: ${(error as Error).message}`)
  }
}

function decode(type: number, body: Buffer): HandshakeMessage {
  switch (type) {
    case MSG_HELLO:
      return { ...NONE, hello: readHello(wire.rpc.Hello.decode(body)) }
    case MSG_HELLO_ANSWER:
      return { ...NONE, answer: readHello(wire.rpc.HelloAnswer.decode(body).hello ?? {}) }
    case MSG_READY:
      return { ...NONE, ready: true }
    case MSG_GOODBYE:
      return { ...NONE, goodbye: readGoodbye(body) }
    default:
      throw protocolError(`a message of type ${type} in a handshake`)
  }
}

/** Why the other side closes. Nothing was agreed on yet, or everything may have happened: the outcome is unknown. */
export function readGoodbye(body: Buffer): FlotillaError {
  const goodbye = asProtocol(() => wire.rpc.Goodbye.decode(body))
  const message = `the other store says: ${goodbye.message}`
  if (goodbye.error === 'STORE_REPLACED') {
    const store = goodbye.suspect === '' ? undefined : goodbye.suspect
    return new FlotillaError('STORE_REPLACED', message, { outcome: 'unknown', store })
  }
  return errorOfWire(goodbye.error, message, true, '')
}
