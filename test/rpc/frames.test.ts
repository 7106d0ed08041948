import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Frame, FRAME_HEADER_BYTES, FrameParser, sealFrame } from '../../src/rpc/frame.ts'
import { FrameQueue } from '../../src/rpc/frame-queue.ts'
import { crc32 } from '../../src/util/crc.ts'
import { MAX_BULK_FRAME_BYTES, MAX_FRAME_BYTES } from '../../src/util/limits.ts'
import { block } from './rpc-node.ts'

interface Copy {
  connection: number
  boot: number
  sequence: number
  meta: Buffer
  blob: Buffer
}

function copyOf(frame: Frame): Copy {
  const { connection, boot, sequence, buffer, metaStart, metaEnd, end } = frame
  const meta = Buffer.from(buffer.subarray(metaStart, metaEnd))
  return { connection, boot, sequence, meta, blob: Buffer.from(buffer.subarray(metaEnd, end)) }
}

function collect(max = MAX_FRAME_BYTES): { parser: FrameParser; frames: Copy[] } {
  const frames: Copy[] = []
  const parser = new FrameParser(max, { onFrame: (frame) => frames.push(copyOf(frame)) > 0 })
  return { parser, frames }
}

function encode(frame: Copy): Buffer {
  const bytes = Buffer.concat([Buffer.alloc(FRAME_HEADER_BYTES), frame.meta, frame.blob])
  sealFrame(bytes, 0, frame.meta.length, frame.blob.length, frame.connection, frame.boot, frame.sequence)
  return bytes
}

/** Cuts `bytes` at random places. */
function chunksOf(bytes: Buffer, cuts: number[]): Buffer[] {
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort((a, b) => a - b)
  return places.slice(1).map((end, i) => bytes.subarray(places[i], end))
}

const u32 = fc.integer({ min: 0, max: 0xffffffff })
const part = fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array))
const frame = fc.record({ connection: u32, boot: u32, sequence: u32, meta: part, blob: part })
const cuts = fc.array(fc.nat(), { maxLength: 40 })

describe('the frame parser', () => {
  test('gives the same frames however the stream is cut', () => {
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 6 }), cuts, (sent, places) => {
        const { parser, frames } = collect()
        for (const chunk of chunksOf(Buffer.concat(sent.map(encode)), places)) parser.push(chunk)
        expect(frames).toEqual(sent)
      }),
      { numRuns: 500 },
    )
  })

  test('never gives an altered header or meta section when a bit is flipped', () => {
    fc.assert(
      fc.property(fc.array(frame, { minLength: 1, maxLength: 4 }), cuts, fc.nat(), (sent, places, at) => {
        const bytes = Buffer.concat(sent.map(encode))
        const bit = at % (bytes.length * 8)
        bytes[bit >> 3]! ^= 1 << (bit & 7)
        const { parser, frames } = collect()
        try {
          for (const chunk of chunksOf(bytes, places)) parser.push(chunk)
        } catch (error) {
          expect(error).toMatchObject({ code: 'FLOTILLA_PROTOCOL' })
        }
        frames.forEach((got, i) => {
          // Blocks have a CRC of their own.
          expect({ ...got, blob: null }).toEqual({ ...sent[i], blob: null })
        })
      }),
      { numRuns: 1000 },
    )
  })

  /** A header alone, sealed with whatever it says. */
  function header(length: number, meta: number): Buffer {
    const bytes = Buffer.alloc(FRAME_HEADER_BYTES)
    sealFrame(bytes, 0, 0, length - FRAME_HEADER_BYTES, 1, 1, 1)
    bytes.writeUInt32LE(meta, 20)
    bytes.writeUInt32LE(crc32(bytes.subarray(4, 24)), 24)
    return bytes
  }

  test('refuses a frame that is too long or too short with its header, before it allocates', () => {
    for (const length of [FRAME_HEADER_BYTES - 1, MAX_FRAME_BYTES + 1, 0x7fffffff]) {
      for (const cut of [0, 1, 9, FRAME_HEADER_BYTES - 1]) {
        const { parser } = collect()
        const bytes = header(length, 0)
        parser.push(bytes.subarray(0, cut))
        const rest = () => parser.push(bytes.subarray(cut))
        expect(rest).toThrow(expect.objectContaining({ code: 'FLOTILLA_PROTOCOL' }))
      }
    }
  })

  test('does not wait for the bytes of a length that a flipped bit made', () => {
    for (let bit = 0; bit < FRAME_HEADER_BYTES * 8; bit++) {
      const bytes = header(1000, 500)
      bytes[bit >> 3]! ^= 1 << (bit & 7)
      const { parser } = collect()
      if (bit < 32) parser.push(bytes)
      else expect(() => parser.push(bytes)).toThrow('header fails its CRC')
    }
  })

  test('refuses a meta section that is longer than its frame', () => {
    const bytes = Buffer.concat([header(FRAME_HEADER_BYTES + 4, 5), Buffer.alloc(4)])
    expect(() => collect().parser.push(bytes)).toThrow('meta section')
  })

  test('copies a large frame once, however small its pieces are', () => {
    const sent = {
      connection: 1,
      boot: 1,
      sequence: 1,
      meta: Buffer.alloc(10),
      blob: Buffer.alloc(4_000_000, 7),
    }
    const bytes = encode(sent)
    const buffers = new Set<ArrayBufferLike>()
    const parser = new FrameParser(MAX_FRAME_BYTES, {
      onFrame(got) {
        buffers.add(got.buffer.buffer)
        expect(got.owned).toBe(true)
        expect(got.buffer.length).toBe(bytes.length)
        return true
      },
    })
    for (let at = 0; at < bytes.length; at += 1000) parser.push(bytes.subarray(at, at + 1000))
    expect(buffers.size).toBe(1)
  })

  test('stops when it is told to', () => {
    let count = 0
    const parser = new FrameParser(MAX_FRAME_BYTES, { onFrame: () => ++count < 2 })
    const one = encode({ connection: 1, boot: 1, sequence: 1, meta: Buffer.alloc(0), blob: Buffer.alloc(0) })
    parser.push(Buffer.concat([one, one, one, one]))
    expect(count).toBe(2)
  })
})

/** Puts a message of `bytes` bytes (and blocks) into the queue. */
function put(queue: FrameQueue, bytes: number, blocks: ReturnType<typeof block>[] = []): void {
  const writer = queue.begin()
  const mark = queue.open(200)
  writer.raw(Buffer.alloc(bytes, 1), 0, bytes)
  queue.close(mark)
  queue.finish(
    blocks,
    blocks.reduce((sum, each) => sum + each.byteLength, 0),
  )
}

describe('the frame queue', () => {
  const names = { connection: 3, boot: 4 }

  test('puts what fits into one frame and starts another where it would grow too long', () => {
    const queue = new FrameQueue(1000)
    for (let i = 0; i < 10; i++) put(queue, 300)
    const { parser, frames } = collect()
    for (const chunk of queue.take(names, 7, 1e6)) parser.push(chunk)
    expect(frames.map((each) => each.sequence)).toEqual([7, 8, 9, 10])
    for (const each of frames) expect(each.meta.length).toBeLessThanOrEqual(1000 - FRAME_HEADER_BYTES)
    expect(queue.empty).toBe(true)
    expect(queue.waitingBytes).toBe(0)
  })

  test('a message over the limit is alone in its frame', () => {
    const queue = new FrameQueue(1000)
    put(queue, 10)
    put(queue, 5000)
    put(queue, 10)
    const { parser, frames } = collect()
    for (const chunk of queue.take(names, 1, 1e6)) parser.push(chunk)
    expect(frames.map((each) => each.meta.length)).toEqual([12, 5003, 12])
  })

  test('passes large blocks on without a copy and small ones in one chunk with the meta section', () => {
    const queue = new FrameQueue(MAX_BULK_FRAME_BYTES)
    const small = block('g', 1, 100)
    const large = block('g', 2, 20_000)
    put(queue, 10, [small, large, small])
    const chunks = queue.take(names, 1, 1e7)
    expect(chunks).toHaveLength(3)
    expect(chunks[1]).toBe(large.bytes)
    const { parser, frames } = collect()
    for (const chunk of chunks) parser.push(chunk)
    expect(frames[0]!.blob.equals(Buffer.concat([small.bytes, large.bytes, small.bytes]))).toBe(true)
  })

  test('taken in parts it gives the same frames as taken at once', () => {
    const sizes = fc.array(fc.tuple(fc.nat(900), fc.array(fc.nat(40_000), { maxLength: 2 })), {
      minLength: 1,
      maxLength: 30,
    })
    fc.assert(
      fc.property(sizes, fc.integer({ min: 1, max: 100_000 }), (messages, step) => {
        const whole = new FrameQueue(2000)
        const parts = new FrameQueue(2000)
        messages.forEach(([bytes, blocks], i) => {
          for (const queue of [whole, parts])
            put(
              queue,
              bytes,
              blocks.map((size) => block('g', i + 1, size)),
            )
        })
        const taken: Buffer[] = []
        while (!parts.empty) taken.push(...parts.take(names, parts.framesTaken + 1, step))
        const atOnce = whole.take(names, 1, Number.POSITIVE_INFINITY)
        expect(Buffer.concat(taken).equals(Buffer.concat(atOnce))).toBe(true)
        expect(parts.waitingBytes).toBe(0)
        expect(parts.bytesTaken).toBe(whole.bytesTaken)
      }),
    )
  })

  test('forgets a message whose encoder threw, and defines its aliases again', () => {
    const queue = new FrameQueue(1000)
    const to = { slot: 1, groupId: 'g', fromReplica: 1, toReplica: 2 }
    put(queue, 5)
    queue.begin()
    queue.alias(to)
    queue.open(200)
    put(queue, 6)
    queue.begin()
    queue.alias(to)
    queue.finish(null, 0)
    const { parser, frames } = collect()
    for (const chunk of queue.take(names, 1, 1e6)) parser.push(chunk)
    const alias = Buffer.from([5, 9, 8, 1, 18, 1, 103, 24, 1, 32, 2])
    const expected = Buffer.concat([
      Buffer.from([200, 5]),
      Buffer.alloc(5, 1),
      Buffer.from([200, 6]),
      Buffer.alloc(6, 1),
      alias,
    ])
    expect(frames.map((each) => each.meta.toString('hex'))).toEqual([expected.toString('hex')])
  })
})
