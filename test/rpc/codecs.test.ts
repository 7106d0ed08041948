import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeCall, decodeReply, encodeCall, encodeReply } from '../../src/rpc/call-table.ts'
import { decodeFlushNumbers, encodeFlushNumbers } from '../../src/rpc/flush-claims.ts'
import {
  decodeAddress,
  decodeForwardRequest,
  decodeForwardResponse,
  decodeHeartbeat,
  decodeHeartbeatAck,
  encodeAddress,
  encodeForwardRequest,
  encodeForwardResponse,
  encodeHeartbeat,
  encodeHeartbeatAck,
  forwardRequestBytes,
  forwardResponseBytes,
  HeartbeatExceptions,
  HeartbeatRows,
} from '../../src/rpc/link-codecs.ts'
import type { LogBlock } from '../../src/block/log-block.ts'
import type { AppendRequest } from '../../src/rpc/messages.ts'
import * as raft from '../../src/rpc/raft-codecs.ts'
import { encodeWire, wire } from '../../src/rpc/wire.ts'
import { WireReader } from '../../src/rpc/wire-reader.ts'
import { varintBytes, WireWriter } from '../../src/rpc/wire-writer.ts'

const u32 = fc.oneof(fc.constantFrom(0, 1, 127, 128, 0xffffffff), fc.integer({ min: 0, max: 0xffffffff }))
const edges = fc.nat(53).map((bits) => Math.max(0, 2 ** bits - 1))
const u48 = fc.oneof(
  edges,
  edges.map((n) => Math.min(n + 1, 2 ** 48)),
  fc.integer({ min: 0, max: 2 ** 48 }),
)
const text = fc.oneof(
  fc.constant(''),
  fc.string({ maxLength: 300 }),
  fc.string({ unit: 'grapheme', maxLength: 80 }),
)
const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array))
const many = { maxLength: 20 }

/** Encodes by hand; checks the bytes against the generated code and that decoding gives the same object. */
function check<T>(
  generated: { encode(message: object): { finish(): Uint8Array }; decode(bytes: Uint8Array): unknown },
  message: T,
  wireMessage: object,
  encode: (writer: WireWriter) => void,
  decode: (reader: WireReader) => T,
): void {
  const writer = new WireWriter(16)
  encode(writer)
  const byHand = writer.take()
  expect(byHand.equals(encodeWire(generated as never, wireMessage as never))).toBe(true)
  const inFrame = Buffer.concat([Buffer.from([1, 2, 3]), byHand, Buffer.from([255, 255])])
  const reader = new WireReader().set(inFrame, 3, 3 + byHand.length)
  expect(decode(reader)).toEqual(message)
  expect(reader.pos).toBe(reader.end)
}

const RUNS = { numRuns: 300 }

describe('hand-written codecs equal protobuf byte for byte and decode what they encode', () => {
  test('votes', () => {
    const token = fc.option(fc.record({ leaderReplica: u32, term: u48, targetReplica: u32 }))
    const shape = {
      preVote: fc.boolean(),
      round: u48,
      term: u48,
      lastLogIndex: u48,
      lastLogTerm: u48,
      firstConfigurationHash: u32,
      token,
    }
    fc.assert(
      fc.property(u32, fc.record(shape), (slot, m) => {
        const encode = (w: WireWriter) => raft.encodeVoteRequest(w, slot, m)
        check(wire.raft.VoteRequest, m, { slot, ...m }, encode, raft.decodeVoteRequest)
      }),
      RUNS,
    )
    const answer = fc.record({ preVote: fc.boolean(), round: u48, term: u48, answer: u32 })
    fc.assert(
      fc.property(u32, answer, (slot, m) => {
        const encode = (w: WireWriter) => raft.encodeVoteResponse(w, slot, m)
        check(wire.raft.VoteResponse, m, { slot, ...m }, encode, raft.decodeVoteResponse)
      }),
      RUNS,
    )
  })

  test('appends', () => {
    const shape = { term: u48, prevIndex: u48, prevTerm: u48, lastIndex: u48, commit: u48, heldByAll: u48 }
    fc.assert(
      fc.property(u32, fc.record(shape), fc.array(u32, { maxLength: 60 }), (slot, m, blockLengths) => {
        // The codec looks at the lengths only.
        const blocks = blockLengths.map((byteLength) => ({ byteLength }) as LogBlock)
        const encode = (w: WireWriter) => raft.encodeAppendRequest(w, slot, { ...m, blocks })
        const lengths: number[] = []
        const decode = (r: WireReader): AppendRequest => raft.decodeAppendRequest(r, lengths, [])
        check(wire.raft.AppendRequest, { ...m, blocks: [] }, { slot, ...m, blockLengths }, encode, decode)
        expect(lengths).toEqual(blockLengths)
      }),
      RUNS,
    )
    const answer = {
      term: u48,
      answer: u32,
      index: u48,
      lastIndex: u48,
      hintIndex: u48,
      hintTerm: u48,
      waitsForSnapshot: fc.boolean(),
    }
    fc.assert(
      fc.property(u32, fc.record(answer), (slot, m) => {
        const encode = (w: WireWriter) => raft.encodeAppendResponse(w, slot, m)
        check(wire.raft.AppendResponse, m, { slot, ...m }, encode, raft.decodeAppendResponse)
      }),
      RUNS,
    )
  })

  test('the small group messages', () => {
    fc.assert(
      fc.property(u32, u48, u48, u32, (slot, a, b, c) => {
        const timeout = { term: a }
        check(
          wire.raft.TimeoutNow,
          timeout,
          { slot, ...timeout },
          (w) => raft.encodeTimeoutNow(w, slot, timeout),
          raft.decodeTimeoutNow,
        )
        const read = { requestId: a }
        const encode = (w: WireWriter) => raft.encodeReadIndexRequest(w, slot, read)
        check(wire.raft.ReadIndexRequest, read, { slot, ...read }, encode, raft.decodeReadIndexRequest)
        const answer = { requestId: a, answer: c, index: b }
        const encodeAnswer = (w: WireWriter) => raft.encodeReadIndexResponse(w, slot, answer)
        check(
          wire.raft.ReadIndexResponse,
          answer,
          { slot, ...answer },
          encodeAnswer,
          raft.decodeReadIndexResponse,
        )
      }),
      RUNS,
    )
  })

  test('aliases', () => {
    fc.assert(
      fc.property(fc.record({ slot: u32, groupId: text, fromReplica: u32, toReplica: u32 }), (m) => {
        check(wire.rpc.GroupAlias, m, m, (w) => encodeAddress(w, m), decodeAddress)
        check(wire.rpc.NoSuchReplica, m, m, (w) => encodeAddress(w, m), decodeAddress)
      }),
      RUNS,
    )
  })

  test('heartbeats and their answers', () => {
    const groups = fc.array(fc.tuple(u32, u48, u48), { maxLength: 100 })
    fc.assert(
      fc.property(u48, groups, (sequence, rows) => {
        const columns = { slots: new WireWriter(4), terms: new WireWriter(4), commits: new WireWriter(4) }
        for (const [slot, term, commit] of rows) {
          columns.slots.uint(slot)
          columns.terms.uint(term)
          columns.commits.uint(commit)
        }
        const m = {
          sequence,
          slots: rows.map((r) => r[0]),
          terms: rows.map((r) => r[1]),
          commits: rows.map((r) => r[2]),
        }
        const decode = (r: WireReader) => {
          const into = new HeartbeatRows()
          decodeHeartbeat(r, into)
          const column = (values: Float64Array) => Array.from(values.subarray(0, into.count))
          const { sequence, slots, terms, commits } = into
          return { sequence, slots: column(slots), terms: column(terms), commits: column(commits) }
        }
        check(wire.rpc.Heartbeat, m, m, (w) => encodeHeartbeat(w, sequence, columns), decode)
      }),
      RUNS,
    )
    fc.assert(
      fc.property(u48, fc.array(fc.tuple(u32, u32, u48, u48), many), (sequence, rows) => {
        const ack = new HeartbeatExceptions()
        ack.clear(sequence)
        for (const row of rows) ack.add(...row)
        const exceptions = rows.map(([position, answer, term, lastIndex]) => ({
          position,
          answer,
          term,
          lastIndex,
        }))
        const decode = (r: WireReader) => {
          const into = new HeartbeatExceptions()
          decodeHeartbeatAck(r, into)
          return into
        }
        check(wire.rpc.HeartbeatAck, ack, { sequence, exceptions }, (w) => encodeHeartbeatAck(w, ack), decode)
      }),
      RUNS,
    )
  })

  test('flush numbers', () => {
    fc.assert(
      fc.property(fc.array(u48, { maxLength: 64 }), (claimed) => {
        const decode = (r: WireReader) => {
          const into = [1, 2, 3]
          decodeFlushNumbers(r, into)
          return into
        }
        check(wire.rpc.FlushNumbers, claimed, { claimed }, (w) => encodeFlushNumbers(w, claimed), decode)
      }),
      RUNS,
    )
  })

  test('forwards, which are never longer than they are said to be', () => {
    const request = fc.record({
      requestId: u48,
      groupId: text,
      expectedTerm: u48,
      payloads: fc.array(bytes, many),
    })
    fc.assert(
      fc.property(request, (m) => {
        check(wire.rpc.ForwardRequest, m, m, (w) => encodeForwardRequest(w, m), decodeForwardRequest)
        expect(encodeWire(wire.rpc.ForwardRequest, m).length).toBeLessThanOrEqual(forwardRequestBytes(m))
      }),
      RUNS,
    )
    const response = fc.record({
      requestId: u48,
      from: u32,
      count: u32,
      error: text,
      message: text,
      unknownOutcome: fc.boolean(),
      leader: text,
      firstIndex: u48,
      term: u48,
      results: fc.array(bytes, many),
    })
    fc.assert(
      fc.property(response, (m) => {
        check(wire.rpc.ForwardResponse, m, m, (w) => encodeForwardResponse(w, m), decodeForwardResponse)
        expect(encodeWire(wire.rpc.ForwardResponse, m).length).toBeLessThanOrEqual(forwardResponseBytes(m))
      }),
      RUNS,
    )
  })

  test('calls', () => {
    fc.assert(
      fc.property(fc.record({ requestId: u48, method: text, body: bytes }), (m) => {
        check(wire.rpc.Call, m, m, (w) => encodeCall(w, m), decodeCall)
      }),
      RUNS,
    )
    const shape = {
      requestId: u48,
      error: text,
      message: text,
      unknownOutcome: fc.boolean(),
      leader: text,
      body: bytes,
    }
    fc.assert(
      fc.property(fc.record(shape), (m) =>
        check(wire.rpc.Reply, m, m, (w) => encodeReply(w, m), decodeReply),
      ),
      RUNS,
    )
  })
})

describe('the wire reader', () => {
  test('reads every number up to 2^53 - 1 that the writer wrote', () => {
    const number = fc.oneof(edges, fc.maxSafeNat())
    fc.assert(
      fc.property(fc.array(number, { maxLength: 50 }), (numbers) => {
        const writer = new WireWriter(1)
        for (const n of numbers) writer.uint(n)
        const reader = new WireReader().set(writer.buffer, 0, writer.length)
        for (const n of numbers) expect(reader.uint()).toBe(n)
        expect(writer.length).toBe(numbers.reduce((sum, n) => sum + varintBytes(n), 0))
      }),
    )
  })

  test('the writer refuses numbers that are none', () => {
    for (const bad of [-1, 0.5, 2 ** 53, Number.NaN, 128.5]) {
      expect(() => new WireWriter().uint(bad)).toThrow('safe integer')
    }
  })

  test('skips fields that a later version may add', () => {
    const later = Buffer.from([
      8, 5, 0x98, 6, 7, 0xa2, 6, 2, 1, 1, 0xa9, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0xad, 6, 0, 0, 0, 0, 16, 9,
    ])
    const reader = new WireReader().set(later, 0, later.length)
    expect(raft.decodeTimeoutNow(reader)).toEqual({ term: 9 })
    expect(reader.slot).toBe(5)
  })

  test('garbage is refused as PROTOCOL or decoded, and never read beyond its end', () => {
    const decoders = [
      raft.decodeVoteRequest,
      raft.decodeVoteResponse,
      raft.decodeAppendResponse,
      raft.decodeTimeoutNow,
      (r: WireReader) => raft.decodeAppendRequest(r, [], []),
      (r: WireReader) => decodeHeartbeat(r, new HeartbeatRows()),
      (r: WireReader) => decodeHeartbeatAck(r, new HeartbeatExceptions()),
      decodeAddress,
      decodeForwardRequest,
      decodeForwardResponse,
      decodeCall,
      decodeReply,
    ]
    fc.assert(
      fc.property(fc.nat(decoders.length - 1), fc.uint8Array({ maxLength: 60 }), (which, garbage) => {
        const buffer = Buffer.from(garbage)
        const end = Math.floor(buffer.length / 2)
        const reader = new WireReader().set(buffer, 0, end)
        try {
          decoders[which]!(reader)
        } catch (error) {
          expect(error).toMatchObject({ code: 'FLOTILLA_PROTOCOL' })
        }
        expect(reader.pos).toBeLessThanOrEqual(end)
      }),
      { numRuns: 2000 },
    )
  })
})
