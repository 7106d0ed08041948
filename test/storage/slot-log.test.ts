import fc from 'fast-check'
import { expect, test } from 'vitest'
import { KIND_DATA, packBlock } from '../../src/block/log-block.ts'
import type { LogBlock } from '../../src/block/log-block.ts'
import { SlotLog } from '../../src/storage/slot-log.ts'
import { hash32 } from '../../src/util/hash.ts'
import { texts } from './shard-harness.ts'

/** One number says what to do, the other how much of it. */
const step = fc.tuple(
  fc.constantFrom('append', 'append', 'cut', 'truncate', 'evict', 'reset'),
  fc.nat({ max: 40 }),
)

interface Block {
  readonly body: LogBlock
  last: number
  cached: boolean
}

function blockAt(firstIndex: number, count: number): LogBlock {
  const payloads = texts(...Array.from({ length: count }, (_, i) => `${firstIndex + i}`))
  return packBlock(
    { groupTag: hash32('g'), kind: KIND_DATA, term: 1, firstIndex, prevTerm: 1 },
    payloads,
    0,
    count,
  )
}

function compare(log: SlotLog, blocks: readonly Block[], begin: number): void {
  const end = blocks.at(-1)?.last ?? begin - 1
  expect([log.firstIndex, log.lastIndex, log.blockCount]).toEqual([begin, end, blocks.length])
  expect(blocks.map((_, i) => [log.firstAt(i), log.lastAt(i), log.bodyAt(i)])).toEqual(
    blocks.map(({ body, last, cached }) => [body.firstIndex, last, cached ? body : null]),
  )
  const sizes = blocks.map(({ body }) => body.byteLength)
  for (let i = 0; i <= blocks.length; i++) {
    expect(log.bytesFrom(i)).toBe(sizes.slice(i).reduce((sum, size) => sum + size, 0))
    expect(log.firstIndexBehind(i)).toBe(blocks[i]?.body.firstIndex ?? end + 1)
  }
  for (let index = begin - 2; index <= end + 2; index++) {
    expect(log.find(index)).toBe(
      blocks.findIndex(({ body, last }) => body.firstIndex <= index && index <= last),
    )
    expect(log.blocksUpTo(index)).toBe(blocks.filter(({ last }) => last <= index).length)
  }
}

test('the index of blocks is that of a plain list, whatever is appended, cut off at either end, evicted and reset', () => {
  const run = (steps: ReadonlyArray<readonly [string, number]>): void => {
    const log = new SlotLog(1, 'g', 1, 1)
    let blocks: Block[] = []
    let begin = 1
    for (const [what, much] of steps) {
      const end = blocks.at(-1)?.last ?? begin - 1
      if (what === 'append') {
        const body = blockAt(end + 1, 1 + (much % 4))
        log.append(body.firstIndex, body.count, body.byteLength, body)
        blocks.push({ body, last: body.lastIndex, cached: true })
      } else if (what === 'cut') {
        const after = Math.max(begin - 1, end - (much % 10))
        const deleted = blocks
          .filter(({ body }) => body.firstIndex > after)
          .map(({ body }) => body.firstIndex)
        expect(log.cut(after)?.deleted.toReversed() ?? []).toEqual(deleted)
        blocks = blocks.filter(({ body }) => body.firstIndex <= after)
        if (blocks.length > 0) blocks.at(-1)!.last = Math.min(blocks.at(-1)!.last, after)
      } else if (what === 'truncate') {
        const gone = blocks.splice(0, much % (blocks.length + 1))
        begin = blocks[0]?.body.firstIndex ?? end + 1
        expect(log.truncate(begin)).toEqual(gone.map(({ body }) => body.firstIndex))
        expect(log.truncate(begin - 1)).toEqual([])
      } else if (what === 'evict') {
        const block = blocks[much % Math.max(1, blocks.length)]
        if (block) log.evict(block.body)
        if (block) block.cached = false
        // What is no longer there is no one's business.
        log.evict(blockAt(begin + 1_000, 1))
      } else if (much === 0) {
        expect(log.reset(end + 5)).toEqual(blocks.map(({ body }) => body.firstIndex))
        blocks = []
        begin = end + 6
      }
      compare(log, blocks, begin)
    }
  }
  fc.assert(fc.property(fc.array(step, { maxLength: 60, size: 'max' }), run), { numRuns: 100, seed: 4_711 })
})

test('a log is truncated by whole blocks, and not beyond its end', () => {
  const log = new SlotLog(1, 'g', 1, 1)
  const body = blockAt(1, 4)
  log.append(1, 4, body.byteLength, body)
  expect(() => log.truncate(3)).toThrow('a log is truncated by whole blocks')
  expect(() => log.truncate(6)).toThrow('a log is truncated up to its end at most')
  expect(log.truncate(5)).toEqual([1])
})
