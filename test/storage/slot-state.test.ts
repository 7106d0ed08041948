import { describe, expect, test } from 'vitest'
import { KIND_DATA, packBlock } from '../../src/block/log-block.ts'
import type { LogBlock } from '../../src/block/log-block.ts'
import { newReplicaRecord } from '../../src/storage/replica-record.ts'
import type { ReplicaWrite } from '../../src/storage/replica-write.ts'
import { SlotState } from '../../src/storage/slot-state.ts'
import { hash32 } from '../../src/util/hash.ts'
import { specOf } from './shard-harness.ts'

function block(firstIndex: number, count: number): LogBlock {
  const payloads = Array.from({ length: count }, () => Buffer.from('x'))
  return packBlock(
    { groupTag: hash32('a'), kind: KIND_DATA, term: 1, firstIndex, prevTerm: 1 },
    payloads,
    0,
    count,
  )
}

function write(blocks: LogBlock[], cutAfter = -1): ReplicaWrite {
  return { slot: 1, hardState: null, cutAfter, blocks, vouch: null }
}

describe('what the worker has of a replica', () => {
  test('a posted gathering does not count for entries that a later, waiting one cuts', () => {
    const state = new SlotState({ ...newReplicaRecord(specOf('a'), 1, 1), term: 1 }, 10, 1, 0)
    state.take(write([block(11, 10)]), 1)
    state.take(write([block(16, 3)], 15), 2)
    state.take(write([block(13, 5)], 12), 3)
    state.take(write([block(17, 2)], 16), 4)
    expect(state.postedIndex).toBe(10)
    state.posted(1, 20)
    expect(state.postedIndex).toBe(12)
    state.posted(2, 18)
    expect(state.postedIndex).toBe(12)
    state.posted(3, 17)
    expect(state.postedIndex).toBe(12)
    state.posted(4, 18)
    expect(state.postedIndex).toBe(18)
    state.take(write([block(19, 1)], 18), 5)
    state.posted(5, 19)
    expect(state.postedIndex).toBe(19)
  })
})
