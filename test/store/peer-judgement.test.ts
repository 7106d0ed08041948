import { expect, test } from 'vitest'
import { KIND_CONTROL, PROTOCOL_MAX, PROTOCOL_MIN, ROLE_STORE } from '../../src/rpc/message-types.ts'
import type { PeerHello } from '../../src/rpc/handshake.ts'
import { judgePeer, type KnownPast, readDoubleStart } from '../../src/store/peer-judgement.ts'

const KNOWN: KnownPast = { storeId: 's1', incarnation: 'abc', boot: 7, process: 77, flushSeen: [] }

/** Start 12 of s1; `pastProcesses` are those of its starts 11, 10, … */
function hello(pastProcesses: readonly number[]): PeerHello {
  return {
    clusterId: 'c',
    storeId: 's1',
    incarnation: 'abc',
    boot: 12,
    process: 122,
    expectedStoreId: 's2',
    protocolMin: PROTOCOL_MIN,
    protocolMax: PROTOCOL_MAX,
    kind: KIND_CONTROL,
    role: ROLE_STORE,
    connection: 1,
    pair: 1,
    address: '',
    addressVersion: 0,
    seen: { incarnation: '', boot: 0, process: 0 },
    flushSeen: [],
    flushClaimed: [],
    pastProcesses,
    addresses: [],
  }
}

test('a store that was put back, and started unheard past what is known of it, is found out by its own past', () => {
  const charge = judgePeer(KNOWN, hello([111, 101, 91, 81, 71, 61]))
  expect(charge).toMatchObject({ code: 'FLOTILLA_STORE_REPLACED', store: 's1' })
  // Its start 7 was by another process than the one that was met: as the accused reads it, too.
  expect(readDoubleStart(charge!.message)).toBe(7)
})

test('a store whose past is the one that is known is what it was, and so is one that knows too little of it', () => {
  expect(judgePeer(KNOWN, hello([111, 101, 91, 81, 77, 61]))).toBe(null)
  expect(judgePeer(KNOWN, hello([111, 101]))).toBe(null)
  expect(judgePeer(KNOWN, hello([]))).toBe(null)
})
