import { MAX_HEARTBEAT_SUBJECTS } from '../util/limits.ts'
import type { ForwardRequest, ForwardResponse, GroupAddress } from './messages.ts'
import { protocolError, type WireReader } from './wire-reader.ts'
import { varintBytes, type WireWriter } from './wire-writer.ts'

/** Hand-written codecs of the hot messages in `proto/rpc.proto`, equal to the generated ones byte for byte. */

/** GroupAlias and NoSuchReplica have the same fields. */
export function encodeAddress(w: WireWriter, m: GroupAddress): void {
  w.uintField(8, m.slot)
  w.stringField(18, m.groupId)
  w.uintField(24, m.fromReplica)
  w.uintField(32, m.toReplica)
}

export function decodeAddress(r: WireReader): GroupAddress {
  let slot = 0
  let groupId = ''
  let fromReplica = 0
  let toReplica = 0
  while (r.pos < r.end) {
    const tag = r.uint()
    if (tag === 8) slot = r.uint32()
    else if (tag === 18) groupId = r.string()
    else if (tag === 24) fromReplica = r.uint32()
    else if (tag === 32) toReplica = r.uint32()
    else r.skip(tag)
  }
  return { slot, groupId, fromReplica, toReplica }
}

/** The groups of one heartbeat message: three packed arrays, written side by side and joined by {@link encodeHeartbeat}. */
export interface HeartbeatColumns {
  readonly slots: WireWriter
  readonly terms: WireWriter
  readonly commits: WireWriter
}

export function encodeHeartbeat(w: WireWriter, sequence: number, columns: HeartbeatColumns): void {
  w.uintField(8, sequence)
  packedColumn(w, 18, columns.slots)
  packedColumn(w, 26, columns.terms)
  packedColumn(w, 34, columns.commits)
}

function packedColumn(w: WireWriter, tag: number, column: WireWriter): void {
  if (column.length === 0) return
  w.byte(tag)
  w.uint(column.length)
  w.raw(column.buffer, 0, column.length)
}

/** A decoded heartbeat; used again for the next one, so that a beat makes no garbage. */
export class HeartbeatRows {
  sequence = 0
  count = 0
  readonly slots = new Float64Array(MAX_HEARTBEAT_SUBJECTS)
  readonly terms = new Float64Array(MAX_HEARTBEAT_SUBJECTS)
  readonly commits = new Float64Array(MAX_HEARTBEAT_SUBJECTS)
}

/** Throws PROTOCOL when the columns are of unequal length or too long. */
export function decodeHeartbeat(r: WireReader, into: HeartbeatRows): void {
  let slots = 0
  let terms = 0
  let commits = 0
  into.sequence = 0
  while (r.pos < r.end) {
    const tag = r.uint()
    if (tag === 8) into.sequence = r.uint()
    else if (tag === 18 || tag === 16) slots = r.column(tag, into.slots, slots)
    else if (tag === 26 || tag === 24) terms = r.column(tag, into.terms, terms)
    else if (tag === 34 || tag === 32) commits = r.column(tag, into.commits, commits)
    else r.skip(tag)
  }
  if (slots !== terms || slots !== commits) throw protocolError('a heartbeat of unequal columns')
  into.count = slots
}

/** Exceptions of one heartbeat, as parallel arrays; used again for the next one. */
export class HeartbeatExceptions {
  sequence = 0
  readonly positions: number[] = []
  readonly answers: number[] = []
  readonly terms: number[] = []
  readonly lastIndexes: number[] = []

  clear(sequence: number): void {
    this.sequence = sequence
    // Most have none, and setting a length is a call into the engine each time.
    if (this.positions.length === 0) return
    this.positions.length = 0
    this.answers.length = 0
    this.terms.length = 0
    this.lastIndexes.length = 0
  }

  add(position: number, answer: number, term: number, lastIndex: number): void {
    this.positions.push(position)
    this.answers.push(answer)
    this.terms.push(term)
    this.lastIndexes.push(lastIndex)
  }
}

export function encodeHeartbeatAck(w: WireWriter, exceptions: HeartbeatExceptions): void {
  w.uintField(8, exceptions.sequence)
  for (let i = 0; i < exceptions.positions.length; i++) {
    w.byte(18)
    const mark = w.beginLength()
    w.uintField(8, exceptions.positions[i]!)
    w.uintField(16, exceptions.answers[i]!)
    w.uintField(24, exceptions.terms[i]!)
    w.uintField(32, exceptions.lastIndexes[i]!)
    w.endLength(mark)
  }
}

export function decodeHeartbeatAck(r: WireReader, into: HeartbeatExceptions): void {
  into.clear(0)
  while (r.pos < r.end) {
    const tag = r.uint()
    if (tag === 8) into.sequence = r.uint()
    else if (tag === 18) decodeException(r, into)
    else r.skip(tag)
  }
}

function decodeException(r: WireReader, into: HeartbeatExceptions): void {
  const end = r.limit()
  const outer = r.end
  r.end = end
  let position = 0
  let answer = 0
  let term = 0
  let lastIndex = 0
  while (r.pos < end) {
    const tag = r.uint()
    if (tag === 8) position = r.uint32()
    else if (tag === 16) answer = r.uint32()
    else if (tag === 24) term = r.uint()
    else if (tag === 32) lastIndex = r.uint()
    else r.skip(tag)
  }
  r.end = outer
  into.add(position, answer, term, lastIndex)
}

/** At least as many bytes as the encoded request has; it is over by no more than a few dozen and the text's slack. */
export function forwardRequestBytes(m: ForwardRequest): number {
  return 32 + m.groupId.length * 3 + elementBytes(m.payloads)
}

export function forwardResponseBytes(m: ForwardResponse): number {
  return 64 + (m.error.length + m.message.length + m.leader.length) * 3 + elementBytes(m.results)
}

function elementBytes(elements: readonly Buffer[]): number {
  let bytes = 0
  for (let i = 0; i < elements.length; i++)
    bytes += elements[i]!.length + 1 + varintBytes(elements[i]!.length)
  return bytes
}

export function encodeForwardRequest(w: WireWriter, m: ForwardRequest): void {
  w.uintField(8, m.requestId)
  w.stringField(18, m.groupId)
  w.uintField(24, m.expectedTerm)
  for (let i = 0; i < m.payloads.length; i++) w.bytesElement(34, m.payloads[i]!)
}

/** The payloads share one copy of the message: they pin nothing else. */
export function decodeForwardRequest(r: WireReader): ForwardRequest {
  let requestId = 0
  let groupId = ''
  let expectedTerm = 0
  const payloads: Buffer[] = []
  r.set(Buffer.from(r.buffer.subarray(r.pos, r.end)), 0, r.end - r.pos)
  while (r.pos < r.end) {
    const tag = r.uint()
    if (tag === 8) requestId = r.uint()
    else if (tag === 18) groupId = r.string()
    else if (tag === 24) expectedTerm = r.uint()
    else if (tag === 34) payloads.push(r.bytes())
    else r.skip(tag)
  }
  return { requestId, groupId, expectedTerm, payloads }
}

export function encodeForwardResponse(w: WireWriter, m: ForwardResponse): void {
  w.uintField(8, m.requestId)
  w.uintField(16, m.from)
  w.uintField(24, m.count)
  w.stringField(34, m.error)
  w.stringField(42, m.message)
  w.boolField(48, m.unknownOutcome)
  w.stringField(58, m.leader)
  w.uintField(64, m.firstIndex)
  w.uintField(72, m.term)
  for (let i = 0; i < m.results.length; i++) w.bytesElement(82, m.results[i]!)
}

/** Each result is a copy of its own: callers keep them for as long as they like. */
export function decodeForwardResponse(r: WireReader): ForwardResponse {
  let requestId = 0
  let from = 0
  let count = 0
  let error = ''
  let message = ''
  let unknownOutcome = false
  let leader = ''
  let firstIndex = 0
  let term = 0
  const results: Buffer[] = []
  while (r.pos < r.end) {
    const tag = r.uint()
    if (tag === 8) requestId = r.uint()
    else if (tag === 16) from = r.uint32()
    else if (tag === 24) count = r.uint32()
    else if (tag === 34) error = r.string()
    else if (tag === 42) message = r.string()
    else if (tag === 48) unknownOutcome = r.bool()
    else if (tag === 58) leader = r.string()
    else if (tag === 64) firstIndex = r.uint()
    else if (tag === 72) term = r.uint()
    else if (tag === 82) results.push(Buffer.from(r.bytes()))
    else r.skip(tag)
  }
  return { requestId, from, count, error, message, unknownOutcome, leader, firstIndex, term, results }
}
