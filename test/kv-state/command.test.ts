import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  CommandReader,
  commandProblem,
  encodeBatch,
  encodeDel,
  encodePut,
  OP_PUT,
} from '../../src/kv/command.ts'
import type { KvOperation } from '../../src/kv/command.ts'

function decode(
  bytes: Buffer,
  from = 0,
  to = bytes.length,
): Array<{ type: string; key: string; value: string }> {
  const reader = new CommandReader()
  const operations = []
  reader.start(bytes, from, to)
  while (reader.next()) {
    operations.push({
      type: reader.op === OP_PUT ? 'put' : 'del',
      key: bytes.toString('hex', reader.keyStart, reader.valueStart),
      value: bytes.toString('hex', reader.valueStart, reader.valueEnd),
    })
  }
  return operations
}

const bytes = (minLength: number) => fc.uint8Array({ minLength, maxLength: 40 })
const operation: fc.Arbitrary<KvOperation> = fc.oneof(
  fc.record({ type: fc.constant('put' as const), key: bytes(1), value: bytes(0) }),
  fc.record({ type: fc.constant('del' as const), key: bytes(1) }),
)

describe('KV commands', () => {
  test('any batch is read as it was written, wherever it lies in a buffer', () => {
    fc.assert(
      fc.property(fc.array(operation), bytes(0), bytes(0), (operations, before, after) => {
        const encoded = encodeBatch(operations)
        const around = Buffer.concat([before, encoded, after])
        const to = before.length + encoded.length
        expect(commandProblem(around, before.length, to)).toBeNull()
        expect(decode(around, before.length, to)).toEqual(
          operations.map((one) => ({
            type: one.type,
            key: Buffer.from(one.key).toString('hex'),
            value: one.type === 'put' ? Buffer.from(one.value).toString('hex') : '',
          })),
        )
      }),
    )
  })

  test('single operations are batches of one', () => {
    const key = Buffer.from('k')
    expect(encodePut(key, Buffer.from('v'))).toEqual(
      encodeBatch([{ type: 'put', key, value: Buffer.from('v') }]),
    )
    expect(encodeDel(key)).toEqual(encodeBatch([{ type: 'del', key }]))
  })

  test('a command cut short anywhere inside an operation is refused', () => {
    const encoded = encodeBatch([{ type: 'put', key: Buffer.from('key'), value: Buffer.from('value') }])
    for (let to = 1; to < encoded.length; to++) expect(commandProblem(encoded, 0, to)).toMatch(/ends within/)
  })

  test('random bytes never make the check fail with an exception', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (noise) => {
        const problem = commandProblem(Buffer.from(noise))
        if (problem === null) decode(Buffer.from(noise))
      }),
    )
  })

  test('unknown operations, empty keys and deletes with a value are refused', () => {
    const put = encodePut(Buffer.from('k'), Buffer.from('v'))
    expect(commandProblem(Buffer.concat([Buffer.from([3]), put.subarray(1)]))).toMatch(/unknown operation 3/)
    expect(commandProblem(Buffer.concat([Buffer.from([2]), put.subarray(1)]))).toMatch(/delete with a value/)
    expect(commandProblem(Buffer.from([1, 0, 0, 0, 0, 0, 0, 0, 0]))).toMatch(/empty key/)
  })
})
