import { describe, expect, test } from 'vitest'
import { copyBytes, Scratch } from '../../src/kv/scratch.ts'
import { crc32, crc32Range } from '../../src/util/crc.ts'
import { MAX_SCRATCH_BYTES } from '../../src/util/limits.ts'

const BYTES = Buffer.from(Array.from({ length: 1_000 }, (_, i) => (i * 37 + (i >> 3)) & 0xff))

describe('the bytes of a row', () => {
  test('the CRC of a range is zlib’s, short and long', () => {
    for (const length of [0, 1, 2, 3, 36, 127, 128, 129, 500]) {
      for (const from of [0, 1, 7]) {
        const to = from + length
        expect(crc32Range(BYTES, from, to), `${length} from ${from}`).toBe(crc32(BYTES.subarray(from, to)))
      }
    }
  })

  test('a copied range is the range, short and long, and touches nothing beside it', () => {
    for (const length of [0, 1, 63, 64, 65, 300]) {
      const target = Buffer.alloc(length + 4, 0xee)
      copyBytes(BYTES, 5, 5 + length, target, 2)
      expect(target.subarray(2, 2 + length)).toEqual(BYTES.subarray(5, 5 + length))
      expect([target[0], target[1], target[length + 2], target[length + 3]]).toEqual([0xee, 0xee, 0xee, 0xee])
    }
  })

  test('a scratch buffer has the length asked for; only short ones are kept', () => {
    const scratch = new Scratch()
    for (const length of [1, 4, 28, MAX_SCRATCH_BYTES, MAX_SCRATCH_BYTES + 1, 100_000]) {
      const first = scratch.take(length)
      expect(first).toHaveLength(length)
      const again = scratch.take(length)
      expect(again).toHaveLength(length)
      expect(again === first).toBe(length <= MAX_SCRATCH_BYTES)
    }
  })
})
