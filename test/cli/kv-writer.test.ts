import { expect, test } from 'vitest'
import { KvWriter } from '../../src/cli/kv-writer.ts'
import { FlotillaError } from '../../src/util/errors.ts'

/** Puts that the test settles, in the order in which they were begun. */
class Puts {
  readonly begun: Array<{ key: string; value: string; done: () => void; fail: (error: Error) => void }> = []
  readonly #waiting: Array<() => void> = []

  readonly put = (key: Buffer, value: Buffer): Promise<void> =>
    new Promise((resolve, reject) => {
      this.begun.push({ key: key.toString(), value: value.toString(), done: resolve, fail: reject })
      for (const wake of this.#waiting.splice(0)) wake()
    })

  async count(wanted: number): Promise<void> {
    while (this.begun.length < wanted) await new Promise<void>((resolve) => this.#waiting.push(resolve))
  }
}

function row(number: number, key: string, value = '') {
  return { number, key: Buffer.from(key), value: Buffer.from(value), place: `file:${number}` }
}

/** Lets everything that can happen now happen. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('two rows of one key are written one after the other, also when the first must be tried again', async () => {
  const puts = new Puts()
  const writer = new KvWriter(puts.put, new AbortController().signal)
  await writer.add(row(1, 'a', 'old'))
  await writer.add(row(2, 'a', 'new'))
  await writer.add(row(3, 'b'))
  await puts.count(2)
  expect(puts.begun.map(({ value }) => value)).toEqual(['old', ''])
  puts.begun[0]!.fail(new FlotillaError('CONNECTION_LOST', 'gone'))
  await puts.count(3)
  expect(puts.begun[2]!.value).toBe('old')
  puts.begun[2]!.done()
  await puts.count(4)
  expect(puts.begun[3]!.value).toBe('new')
  puts.begun[1]!.done()
  puts.begun[3]!.done()
  await writer.drain()
  expect([writer.rows, writer.doneUpTo]).toEqual([3, 3])
})

test('what is written for certain ends before the first row that is not', async () => {
  const puts = new Puts()
  const writer = new KvWriter(puts.put, new AbortController().signal)
  for (let i = 1; i <= 4; i++) await writer.add(row(i, `k${i}`))
  for (const i of [0, 2, 3]) puts.begun[i]!.done()
  await turn()
  expect([writer.rows, writer.doneUpTo]).toEqual([3, 1])
  puts.begun[1]!.done()
  await turn()
  expect([writer.rows, writer.doneUpTo]).toEqual([4, 4])
})

test('rows in flight are bounded: a caller waits until there is room', async () => {
  const puts = new Puts()
  const writer = new KvWriter(puts.put, new AbortController().signal)
  let added = 0
  const adding = (async () => {
    for (let i = 1; i <= 2_000; i++) {
      await writer.add(row(i, `k${i}`))
      added = i
    }
  })()
  await turn()
  expect(added).toBe(256)
  for (let settled = 0; settled < 2_000; settled++) {
    await puts.count(settled + 1)
    expect(puts.begun.length - settled).toBeLessThanOrEqual(256)
    puts.begun[settled]!.done()
  }
  await adding
  await writer.drain()
  expect(writer.rows).toBe(2_000)
})

test('a refusal for good ends the work, with the place of the row', async () => {
  const puts = new Puts()
  const writer = new KvWriter(puts.put, new AbortController().signal)
  await writer.add(row(1, 'a'))
  await writer.add(row(2, 'b'))
  puts.begun[0]!.done()
  puts.begun[1]!.fail(new FlotillaError('TOO_LARGE', 'it is too large'))
  await expect(writer.drain()).rejects.toMatchObject({
    code: 'FLOTILLA_TOO_LARGE',
    message: 'file:2: it is too large',
  })
  await expect(writer.add(row(3, 'c'))).rejects.toThrow('file:2')
  expect(puts.begun.length).toBe(2)
  expect(writer.doneUpTo).toBe(1)
})
