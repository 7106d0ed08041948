import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { linesOf, MAX_LINE_BYTES, parseLine, rowLine } from '../../src/cli/kv-lines.ts'

async function* inChunks(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

async function collect(chunks: AsyncIterable<Buffer>): Promise<string[]> {
  const lines: string[] = []
  for await (const line of linesOf(chunks)) lines.push(line.toString())
  return lines
}

describe('a line', () => {
  test('gives back any key and value, byte for byte, and is one line', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc.string({ unit: 'binary' }).map((s) => Buffer.from(s)),
    )
    fc.assert(
      fc.property(bytes, bytes, (key, value) => {
        const line = Buffer.from(rowLine(Buffer.from(key), Buffer.from(value)))
        const parsed = parseLine(line.subarray(0, -1))
        const same = parsed.kind === 'row' && parsed.key.equals(key) && parsed.value.equals(value)
        return same && line.indexOf(0x0a) === line.length - 1
      }),
    )
  })

  test.each([
    ['{"key":"a"}', /one of "value" and "value64"/],
    ['{"key":"a","key64":"YQ==","value":""}', /one of "key" and "key64"/],
    ['{"key":1,"value":""}', /its key must be a string/],
    ['{"key":"a","value64":"a b"}', /its value64 is no base64/],
    ['{"key":"\\ud800","value":""}', /its key is no well-formed text/],
    ['{"key":"a","value":"","ttl":5}', /unknown field "ttl"/],
    ['["a","b"]', /a JSON object is wanted/],
    ['{"key":', /it is no JSON/],
    ['{"flotilla":"kv-export","version":2,"keyspace":"x"}', /not the first line of a kv-export of version 1/],
  ])('%s is refused with the reason', (line, says) => {
    expect(() => parseLine(Buffer.from(line))).toThrow(says)
  })

  test('of other bytes than UTF-8 is refused, a byte order mark is not', () => {
    expect(() => parseLine(Buffer.from([0x7b, 0xff, 0x7d]))).toThrow('no UTF-8')
    expect(parseLine(Buffer.from('\ufeff{"key":"a","value":"b"}')).kind).toBe('row')
  })
})

describe('lines of a stream', () => {
  test('are the same however it is cut, with or without an end of line at the end', async () => {
    const text = 'one\n\nthree\r\nfour'
    for (const end of ['', '\n']) {
      for (let size = 1; size <= text.length + 1; size++) {
        expect(await collect(inChunks(Buffer.from(text + end), size))).toEqual(['one', '', 'three\r', 'four'])
      }
    }
  })

  test('a line above the limit is refused before all of it is in memory', async () => {
    let given = 0
    async function* endless(): AsyncGenerator<Buffer> {
      for (;;) {
        given += 1_000_000
        yield Buffer.alloc(1_000_000, 'x')
      }
    }
    await expect(collect(endless())).rejects.toThrow('longer than')
    expect(given).toBeLessThan(MAX_LINE_BYTES + 2_000_000)
  })
})
