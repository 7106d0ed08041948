import type { LogBlock } from '../block/log-block.ts'
import type {
  AppendRequest,
  AppendResponse,
  ReadIndexRequest,
  ReadIndexResponse,
  TimeoutNow,
  TransferToken,
  VoteRequest,
  VoteResponse,
} from './messages.ts'
import type { WireReader } from './wire-reader.ts'
import type { WireWriter } from './wire-writer.ts'

/**
 * Hand-written codecs of the group messages (`proto/raft.proto`), equal to the generated ones byte for byte. Tags are
 * written out: field number * 8 + wire type. Decoders leave the alias in `reader.slot` and read up to `reader.end`.
 */

export function encodeVoteRequest(w: WireWriter, slot: number, m: VoteRequest): void {
  w.uintField(8, slot)
  w.boolField(16, m.preVote)
  w.uintField(24, m.round)
  w.uintField(32, m.term)
  w.uintField(40, m.lastLogIndex)
  w.uintField(48, m.lastLogTerm)
  w.uintField(56, m.firstConfigurationHash)
  if (m.token === null) return
  w.byte(66)
  const mark = w.beginLength()
  w.uintField(8, m.token.leaderReplica)
  w.uintField(16, m.token.term)
  w.uintField(24, m.token.targetReplica)
  w.endLength(mark)
}

export function decodeVoteRequest(r: WireReader): VoteRequest {
  let preVote = false
  let round = 0
  let term = 0
  let lastLogIndex = 0
  let lastLogTerm = 0
  let firstConfigurationHash = 0
  let token: TransferToken | null = null
  r.slot = 0
  while (r.pos < r.end) {
    const tag = r.uint()
    if (tag === 8) r.slot = r.uint32()
    else if (tag === 16) preVote = r.bool()
    else if (tag === 24) round = r.uint()
    else if (tag === 32) term = r.uint()
    else if (tag === 40) lastLogIndex = r.uint()
    else if (tag === 48) lastLogTerm = r.uint()
    else if (tag === 56) firstConfigurationHash = r.uint32()
    else if (tag === 66) token = decodeToken(r)
    else r.skip(tag)
  }
  return { preVote, round, term, lastLogIndex, lastLogTerm, firstConfigurationHash, token }
}

function decodeToken(r: WireReader): TransferToken {
  const end = r.limit()
  const outer = r.end
  r.end = end
  let leaderReplica = 0
  let term = 0
  let targetReplica = 0
  while (r.pos < end) {
    const tag = r.uint()
    if (tag === 8) leaderReplica = r.uint32()
    else if (tag === 16) term = r.uint()
    else if (tag === 24) targetReplica = r.uint32()
    else r.skip(tag)
  }
  r.end = outer
  return { leaderReplica, term, targetReplica }
}

export function encodeVoteResponse(w: WireWriter, slot: number, m: VoteResponse): void {
  w.uintField(8, slot)
  w.boolField(16, m.preVote)
  w.uintField(24, m.round)
  w.uintField(32, m.term)
  w.uintField(40, m.answer)
}

export function decodeVoteResponse(r: WireReader): VoteResponse {
  let preVote = false
  let round = 0
  let term = 0
  let answer = 0
  r.slot = 0
  while (r.pos < r.end) {
    const tag = r.uint()
    if (tag === 8) r.slot = r.uint32()
    else if (tag === 16) preVote = r.bool()
    else if (tag === 24) round = r.uint()
    else if (tag === 32) term = r.uint()
    else if (tag === 40) answer = r.uint32()
    else r.skip(tag)
  }
  return { preVote, round, term, answer }
}

/** The request without its blocks, which travel in the frame's blob section. */
export function encodeAppendRequest(w: WireWriter, slot: number, m: AppendRequest): void {
  w.uintField(8, slot)
  w.uintField(16, m.term)
  w.uintField(24, m.prevIndex)
  w.uintField(32, m.prevTerm)
  w.uintField(40, m.lastIndex)
  w.uintField(48, m.commit)
  const blocks = m.blocks
  if (blocks.length > 0) {
    w.byte(58)
    const mark = w.beginLength()
    for (let i = 0; i < blocks.length; i++) w.uint(blocks[i]!.byteLength)
    w.endLength(mark)
  }
  w.uintField(64, m.heldByAll)
}

/** The decoded request's `blocks` is empty; the caller fills it from the blob section by `lengths`. */
export function decodeAppendRequest(r: WireReader, lengths: number[], blocks: LogBlock[]): AppendRequest {
  let term = 0
  let prevIndex = 0
  let prevTerm = 0
  let lastIndex = 0
  let commit = 0
  let heldByAll = 0
  r.slot = 0
  lengths.length = 0
  while (r.pos < r.end) {
    const tag = r.uint()
    if (tag === 8) r.slot = r.uint32()
    else if (tag === 16) term = r.uint()
    else if (tag === 24) prevIndex = r.uint()
    else if (tag === 32) prevTerm = r.uint()
    else if (tag === 40) lastIndex = r.uint()
    else if (tag === 48) commit = r.uint()
    else if (tag === 58 || tag === 56) r.packed(tag, lengths)
    else if (tag === 64) heldByAll = r.uint()
    else r.skip(tag)
  }
  return { term, prevIndex, prevTerm, lastIndex, commit, heldByAll, blocks }
}

export function encodeAppendResponse(w: WireWriter, slot: number, m: AppendResponse): void {
  w.uintField(8, slot)
  w.uintField(16, m.term)
  w.uintField(24, m.answer)
  w.uintField(32, m.index)
  w.uintField(40, m.lastIndex)
  w.uintField(48, m.hintIndex)
  w.uintField(56, m.hintTerm)
  w.boolField(64, m.waitsForSnapshot)
}

export function decodeAppendResponse(r: WireReader): AppendResponse {
  let term = 0
  let answer = 0
  let index = 0
  let lastIndex = 0
  let hintIndex = 0
  let hintTerm = 0
  let waitsForSnapshot = false
  r.slot = 0
  while (r.pos < r.end) {
    const tag = r.uint()
    if (tag === 8) r.slot = r.uint32()
    else if (tag === 16) term = r.uint()
    else if (tag === 24) answer = r.uint32()
    else if (tag === 32) index = r.uint()
    else if (tag === 40) lastIndex = r.uint()
    else if (tag === 48) hintIndex = r.uint()
    else if (tag === 56) hintTerm = r.uint()
    else if (tag === 64) waitsForSnapshot = r.bool()
    else r.skip(tag)
  }
  return { term, answer, index, lastIndex, hintIndex, hintTerm, waitsForSnapshot }
}

export function encodeTimeoutNow(w: WireWriter, slot: number, m: TimeoutNow): void {
  w.uintField(8, slot)
  w.uintField(16, m.term)
}

export function decodeTimeoutNow(r: WireReader): TimeoutNow {
  let term = 0
  r.slot = 0
  while (r.pos < r.end) {
    const tag = r.uint()
    if (tag === 8) r.slot = r.uint32()
    else if (tag === 16) term = r.uint()
    else r.skip(tag)
  }
  return { term }
}

export function encodeReadIndexRequest(w: WireWriter, slot: number, m: ReadIndexRequest): void {
  w.uintField(8, slot)
  w.uintField(16, m.requestId)
}

export function decodeReadIndexRequest(r: WireReader): ReadIndexRequest {
  let requestId = 0
  r.slot = 0
  while (r.pos < r.end) {
    const tag = r.uint()
    if (tag === 8) r.slot = r.uint32()
    else if (tag === 16) requestId = r.uint()
    else r.skip(tag)
  }
  return { requestId }
}

export function encodeReadIndexResponse(w: WireWriter, slot: number, m: ReadIndexResponse): void {
  w.uintField(8, slot)
  w.uintField(16, m.requestId)
  w.uintField(24, m.answer)
  w.uintField(32, m.index)
}

export function decodeReadIndexResponse(r: WireReader): ReadIndexResponse {
  let requestId = 0
  let answer = 0
  let index = 0
  r.slot = 0
  while (r.pos < r.end) {
    const tag = r.uint()
    if (tag === 8) r.slot = r.uint32()
    else if (tag === 16) requestId = r.uint()
    else if (tag === 24) answer = r.uint32()
    else if (tag === 32) index = r.uint()
    else r.skip(tag)
  }
  return { requestId, answer, index }
}
