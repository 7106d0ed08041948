import { ERRORS, type ErrorName, FlotillaError, toFlotillaError } from '../util/errors.ts'
import { MAX_CALLS_IN_FLIGHT, MAX_FRAME_BYTES } from '../util/limits.ts'
import type { WireReader } from './wire-reader.ts'
import type { WireWriter } from './wire-writer.ts'

/** Bytes of a call or reply beside its body and texts: header, ids, tags, lengths. */
const CALL_OVERHEAD_BYTES = 128
/** A longer text of an error is cut. */
const MAX_ERROR_TEXT = 4096

export interface Call {
  readonly requestId: number
  readonly method: string
  readonly body: Buffer
}

export interface Reply {
  readonly requestId: number
  readonly error: string
  readonly message: string
  readonly unknownOutcome: boolean
  readonly leader: string
  readonly body: Buffer
}

/** Upper bound of the bytes of a call on the wire, for the queue's account. */
export function callBytes(method: string, body: Buffer): number {
  return CALL_OVERHEAD_BYTES + method.length * 3 + body.length
}

export function replyBytes(reply: Reply): number {
  return (
    CALL_OVERHEAD_BYTES +
    (reply.error.length + reply.message.length + reply.leader.length) * 3 +
    reply.body.length
  )
}

export function encodeCall(w: WireWriter, m: Call): void {
  w.uintField(8, m.requestId)
  w.stringField(18, m.method)
  w.bytesField(26, m.body)
}

export function decodeCall(r: WireReader): Call {
  let requestId = 0
  let method = ''
  let body: Buffer = Buffer.alloc(0)
  while (r.pos < r.end) {
    const tag = r.uint()
    if (tag === 8) requestId = r.uint()
    else if (tag === 18) method = r.string()
    else if (tag === 26) body = Buffer.from(r.bytes())
    else r.skip(tag)
  }
  return { requestId, method, body }
}

export function encodeReply(w: WireWriter, m: Reply): void {
  w.uintField(8, m.requestId)
  w.stringField(18, m.error)
  w.stringField(26, m.message)
  w.boolField(32, m.unknownOutcome)
  w.stringField(42, m.leader)
  w.bytesField(50, m.body)
}

export function decodeReply(r: WireReader): Reply {
  let requestId = 0
  let error = ''
  let message = ''
  let unknownOutcome = false
  let leader = ''
  let body: Buffer = Buffer.alloc(0)
  while (r.pos < r.end) {
    const tag = r.uint()
    if (tag === 8) requestId = r.uint()
    else if (tag === 18) error = r.string()
    else if (tag === 26) message = r.string()
    else if (tag === 32) unknownOutcome = r.bool()
    else if (tag === 42) leader = r.string()
    else if (tag === 50) body = Buffer.from(r.bytes())
    else r.skip(tag)
  }
  return { requestId, error, message, unknownOutcome, leader, body }
}

/** What a served call is answered with. An answer that no frame holds becomes TOO_LARGE. */
export function replyOf(requestId: number, body: Buffer): Reply {
  if (callBytes('', body) > MAX_FRAME_BYTES) {
    const message = `the answer of ${body.length} bytes is over the limit of one frame`
    return replyOfError(requestId, new FlotillaError('TOO_LARGE', message, { outcome: 'unknown' }))
  }
  return { requestId, error: '', message: '', unknownOutcome: false, leader: '', body }
}

export function replyOfError(requestId: number, cause: unknown): Reply {
  const error = toFlotillaError(cause)
  return {
    requestId,
    error: error.shortName,
    message: error.message.slice(0, MAX_ERROR_TEXT),
    unknownOutcome: error.outcome === 'unknown',
    leader: error.leader ?? '',
    body: Buffer.alloc(0),
  }
}

/** An error as it came over the wire; a name that this version does not know is INTERNAL. */
export function errorOfWire(
  name: string,
  message: string,
  unknownOutcome: boolean,
  leader: string,
): FlotillaError {
  const known = Object.hasOwn(ERRORS, name)
  return new FlotillaError(
    known ? (name as ErrorName) : 'INTERNAL',
    known ? message : `${name}: ${message}`,
    {
      outcome: unknownOutcome ? 'unknown' : 'not-applied',
      leader: leader === '' ? undefined : leader,
    },
  )
}

interface PendingCall {
  readonly deadlineMs: number
  readonly timeoutMs: number
  readonly method: string
  readonly resolve: (body: Buffer) => void
  readonly reject: (error: FlotillaError) => void
}

/** Cold calls to one store that wait for their answers. Each is settled exactly once. */
export class CallTable {
  private readonly storeId: string
  private readonly pending = new Map<number, PendingCall>()
  /** Ids are never used again by this link: a late answer finds nothing. */
  private nextId = 1

  constructor(storeId: string) {
    this.storeId = storeId
  }

  get size(): number {
    return this.pending.size
  }

  get full(): boolean {
    return this.pending.size >= MAX_CALLS_IN_FLIGHT
  }

  allocateId(): number {
    return this.nextId++
  }

  wait(requestId: number, method: string, nowMs: number, timeoutMs: number): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      this.pending.set(requestId, { deadlineMs: nowMs + timeoutMs, timeoutMs, method, resolve, reject })
    })
  }

  onReply(reply: Reply): void {
    const call = this.pending.get(reply.requestId)
    if (call === undefined) return
    this.pending.delete(reply.requestId)
    if (reply.error === '') call.resolve(reply.body)
    else call.reject(errorOfWire(reply.error, reply.message, reply.unknownOutcome, reply.leader))
  }

  sweep(nowMs: number): void {
    for (const [id, call] of this.pending) {
      if (call.deadlineMs > nowMs) continue
      this.pending.delete(id)
      const text = `${call.method} on store ${this.storeId} was not answered in ${call.timeoutMs} ms`
      call.reject(new FlotillaError('TIMEOUT', text))
    }
  }

  rejectAll(name: 'CONNECTION_LOST' | 'CLOSED'): void {
    const calls = [...this.pending.values()]
    this.pending.clear()
    const why = name === 'CLOSED' ? 'was closed' : 'lost its connection'
    for (const call of calls) {
      call.reject(new FlotillaError(name, `${call.method}: the link to store ${this.storeId} ${why}`))
    }
  }
}
