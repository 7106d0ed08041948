import { randomBytes } from 'node:crypto'
import { assert } from '../util/assert.ts'
import type { RandomSource } from './ports.ts'

/**
 * `float` is for jitter; `uint32` and `bytes` name things that must never meet again, so they come from the
 * system.
 */
export class NodeRandom implements RandomSource {
  float(): number {
    return Math.random()
  }

  uint32(): number {
    return randomBytes(4).readUInt32LE(0)
  }

  bytes(length: number): Buffer {
    assert(Number.isSafeInteger(length) && length >= 0, 'a length is a whole number')
    return randomBytes(length)
  }
}
