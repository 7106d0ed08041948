import { describe, expect, test } from 'vitest'
import type { Engine, EngineDb, EngineOptions, EngineRange } from '../../src/env/ports.ts'

export const OPTIONS: EngineOptions = { writeBufferBytes: 4 * 1024 * 1024, compression: false }

export interface EngineWorld {
  readonly engine: Engine
  /** A fresh path on the world's disk. */
  path(): string
}

export const b = (text: string) => Buffer.from(text)

export async function put(db: EngineDb, rows: Record<string, string | null>, sync = false): Promise<void> {
  const batch = db.createBatch()
  for (const [key, value] of Object.entries(rows)) {
    if (value === null) batch.del(b(key))
    else batch.put(b(key), b(value))
  }
  await db.write(batch, sync)
}

export async function scan(db: EngineDb, range: EngineRange = {}, pageRows = 3): Promise<string[]> {
  const iterator = db.iterator(range)
  const rows: string[] = []
  for (let page = await iterator.next(pageRows); page.length > 0; page = await iterator.next(pageRows)) {
    expect(page.length).toBeLessThanOrEqual(pageRows)
    for (const [key, value] of page) rows.push(`${key}=${value}`)
  }
  expect(await iterator.next(pageRows)).toEqual([])
  await iterator.close()
  return rows
}

/** The promises every engine keeps. `withWorld` gives a test an engine on a disk of its own and cleans up. */
export function engineSuite(
  name: string,
  withWorld: (body: (world: EngineWorld) => Promise<void>) => Promise<void>,
): void {
  const withDb = (body: (db: EngineDb) => Promise<void>) =>
    withWorld(async (world) => {
      const db = await world.engine.open(world.path(), OPTIONS)
      try {
        await body(db)
      } finally {
        await db.close()
      }
    })

  describe(`${name}: reads and writes`, () => {
    test('getMany answers in the order of the keys, with null where absent and duplicates twice', () =>
      withDb(async (db) => {
        await put(db, { a: '1', b: '2' })
        const values = await db.getMany([b('b'), b('x'), b('a'), b('b')])
        expect(values.map((value) => value?.toString() ?? null)).toEqual(['2', null, '1', '2'])
        expect(values.every((value) => value === null || Buffer.isBuffer(value))).toBe(true)
        expect(await db.getMany([])).toEqual([])
      }))

    test('keys and values are bytes: any byte, ordered as unsigned, prefixes first', () =>
      withDb(async (db) => {
        const keys = ['ff', '00', '0000', '7f', '80', 'c328', '00ff', 'ff00'].map((hex) =>
          Buffer.from(hex, 'hex'),
        )
        const batch = db.createBatch()
        for (const key of keys) batch.put(key, Buffer.concat([key, Buffer.from([0, 255])]))
        await db.write(batch, false)
        const iterator = db.iterator({})
        const rows = await iterator.next(100)
        await iterator.close()
        expect(rows.map(([key]) => key.toString('hex'))).toEqual(
          keys.map((key) => key.toString('hex')).sort(),
        )
        for (const [key, value] of rows) expect(value).toEqual(Buffer.concat([key, Buffer.from([0, 255])]))
        expect(await db.getMany(keys)).toEqual(keys.map((key) => Buffer.concat([key, Buffer.from([0, 255])])))
      }))

    test('an empty value is a value', () =>
      withDb(async (db) => {
        await put(db, { empty: '' })
        expect(await db.getMany([b('empty'), b('absent')])).toEqual([Buffer.alloc(0), null])
        expect(await scan(db)).toEqual(['empty='])
      }))

    test('a batch takes its operations in order, as one, and the last one on a key wins', () =>
      withDb(async (db) => {
        await put(db, { a: 'old', gone: 'x' })
        const batch = db.createBatch()
        batch.put(b('a'), b('1'))
        batch.del(b('a'))
        batch.put(b('a'), b('2'))
        batch.put(b('b'), b('3'))
        batch.del(b('b'))
        batch.del(b('gone'))
        expect([batch.count, batch.byteLength]).toEqual([6, 2 + 1 + 2 + 2 + 1 + 4])
        expect(await scan(db)).toEqual(['a=old', 'gone=x'])
        await db.write(batch, true)
        expect(await scan(db)).toEqual(['a=2'])
      }))

    test('a batch keeps the bytes it was given: buffers may be used again before the write', () =>
      withDb(async (db) => {
        const key = b('key')
        const value = b('value')
        const batch = db.createBatch()
        batch.put(key, value)
        key.fill(0)
        value.fill(0)
        await db.write(batch, false)
        expect(await scan(db)).toEqual(['key=value'])
        const [read] = await db.getMany([b('key')])
        read!.fill(0)
        expect(await scan(db)).toEqual(['key=value'])
      }))

    test('a large batch and a large value come back whole', () =>
      withDb(async (db) => {
        const batch = db.createBatch()
        for (let i = 0; i < 5_000; i++) batch.put(b(`k${String(i).padStart(5, '0')}`), b(`v${i}`))
        batch.put(b('large'), Buffer.alloc(3_000_000, 7))
        await db.write(batch, true)
        const rows = await scan(db, { lt: b('l') }, 1_000)
        expect(rows).toHaveLength(5_000)
        expect(rows[4_321]).toBe('k04321=v4321')
        const [large] = await db.getMany([b('large')])
        expect(large!.equals(Buffer.alloc(3_000_000, 7))).toBe(true)
      }))

    test('what is no non-empty Buffer is refused, never stored as text', () =>
      withDb(async (db) => {
        const batch = db.createBatch()
        const wrong = [new Uint8Array([1, 2]), 'text', undefined, null] as unknown as Buffer[]
        for (const bytes of wrong) {
          expect(() => batch.put(bytes, b('v'))).toThrow(/non-empty Buffer/)
          expect(() => batch.put(b('k'), bytes)).toThrow(/value is a Buffer/)
          expect(() => batch.del(bytes)).toThrow(/non-empty Buffer/)
          await expect(db.getMany([bytes])).rejects.toThrow(/non-empty Buffer/)
        }
        expect(() => batch.put(Buffer.alloc(0), b('v'))).toThrow(/non-empty Buffer/)
        expect(() => batch.del(Buffer.alloc(0))).toThrow(/non-empty Buffer/)
        expect(batch.count).toBe(0)
      }))

    test('a batch is written once, to its own database, and not empty when synced', () =>
      withDb(async (db) => {
        const batch = db.createBatch()
        await expect(db.write(batch, true)).rejects.toThrow(/not empty/)
        batch.put(b('k'), b('v'))
        await db.write(batch, false)
        await expect(db.write(batch, false)).rejects.toThrow(/written once/)
        expect(() => batch.put(b('k'), b('v'))).toThrow(/after its write/)
        await expect(db.write({ ...batch } as never, false)).rejects.toThrow(/that made it/)
      }))

    test('properties of a healthy database say so, and an unknown one is empty', () =>
      withDb(async (db) => {
        expect(db.property('rocksdb.background-errors')).toBe('0')
        expect(db.property('rocksdb.is-write-stopped')).toBe('0')
        expect(db.property('no.such.property')).toBe('')
      }))
  })

  describe(`${name}: iterators`, () => {
    const rows = { a: '1', b: '2', c: '3', d: '4', e: '5' }
    const cases: Array<[EngineRange, string]> = [
      [{}, 'abcde'],
      [{ reverse: true }, 'edcba'],
      [{ gte: b('b') }, 'bcde'],
      [{ gt: b('b') }, 'cde'],
      [{ lte: b('d') }, 'abcd'],
      [{ lt: b('d') }, 'abc'],
      [{ gte: b('b'), lt: b('d') }, 'bc'],
      [{ gt: b('b'), lte: b('d') }, 'cd'],
      [{ gte: b('b'), lt: b('d'), reverse: true }, 'cb'],
      [{ gt: b('b'), lte: b('d'), reverse: true }, 'dc'],
      [{ gte: b('bb'), lte: b('cc') }, 'c'],
      [{ gte: b('bb'), lte: b('cc'), reverse: true }, 'c'],
      [{ gte: b('x') }, ''],
      [{ lt: b('a'), reverse: true }, ''],
      [{ gt: b('d'), lt: b('b') }, ''],
      [{ lte: b('zz'), reverse: true }, 'edcba'],
    ]
    test('ranges hold their bounds in both directions, whatever the size of a page', () =>
      withDb(async (db) => {
        await put(db, rows)
        for (const [range, expected] of cases) {
          for (const pageRows of [1, 2, 100]) {
            const seen = await scan(db, range, pageRows)
            expect(seen.map((row) => row[0]).join(''), JSON.stringify(range)).toBe(expected)
          }
        }
      }))

    test('values: false gives the keys with empty values', () =>
      withDb(async (db) => {
        await put(db, rows)
        expect(await scan(db, { values: false })).toEqual(['a=', 'b=', 'c=', 'd=', 'e='])
      }))

    test('sees the state at its creation, whatever is written meanwhile', () =>
      withDb(async (db) => {
        await put(db, rows)
        const iterator = db.iterator({})
        await put(db, { a: 'new', b: null, bb: 'new', z: 'new' })
        const first = await iterator.next(2)
        await put(db, { c: null, d: 'new' })
        const rest = await iterator.next(100)
        expect([...first, ...rest].map(([key, value]) => `${key}${value}`)).toEqual([
          'a1',
          'b2',
          'c3',
          'd4',
          'e5',
        ])
        await iterator.close()
        expect(await scan(db)).toEqual(['a=new', 'bb=new', 'd=new', 'e=5', 'z=new'])
      }))

    test('a page of large values ends early, yet is never empty before the end', () =>
      withDb(async (db) => {
        const batch = db.createBatch()
        for (let i = 0; i < 12; i++) batch.put(b(`k${10 + i}`), Buffer.alloc(400_000, i))
        await db.write(batch, false)
        const iterator = db.iterator({})
        const sizes: number[] = []
        for (let page = await iterator.next(100); page.length > 0; page = await iterator.next(100))
          sizes.push(page.length)
        await iterator.close()
        expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(12)
        expect(Math.max(...sizes)).toBeLessThanOrEqual(6)
      }))

    test('closing twice is fine, reading after it is CLOSED, and pages are read one at a time', () =>
      withDb(async (db) => {
        await put(db, rows)
        const iterator = db.iterator({})
        const first = iterator.next(1)
        await expect(iterator.next(1)).rejects.toThrow(/one page/)
        expect(await first).toHaveLength(1)
        await Promise.all([iterator.close(), iterator.close()])
        await iterator.close()
        await expect(iterator.next(1)).rejects.toMatchObject({ code: 'FLOTILLA_CLOSED' })
      }))
  })

  describe(`${name}: life`, () => {
    test('a directory is open once, and the error names it', () =>
      withWorld(async (world) => {
        const path = world.path()
        const db = await world.engine.open(path, OPTIONS)
        const second = world.engine.open(path, OPTIONS)
        await expect(second).rejects.toMatchObject({
          code: 'FLOTILLA_DATA_DIR_LOCKED',
          outcome: 'not-applied',
        })
        await expect(world.engine.open(path, OPTIONS)).rejects.toThrow(path)
        await put(db, { k: 'v' }, true)
        expect(await world.engine.isLocked(path)).toBe(true)
        await db.close()
        expect(await world.engine.isLocked(path)).toBe(false)
        // To ask has changed nothing, neither while it was open nor after.
        const again = await world.engine.open(path, OPTIONS)
        expect(await again.getMany([Buffer.from('k')])).toEqual([Buffer.from('v')])
        await again.close()
        expect(await world.engine.isLocked(world.path())).toBe(false)
      }))

    test('a reopen finds what was written, synced or not', () =>
      withWorld(async (world) => {
        const path = world.path()
        let db = await world.engine.open(path, OPTIONS)
        await put(db, { synced: '1', deleted: 'x' }, true)
        await put(db, { unsynced: '2', deleted: null }, false)
        await db.close()
        db = await world.engine.open(path, { ...OPTIONS, compression: true })
        expect(await scan(db)).toEqual(['synced=1', 'unsynced=2'])
        await db.close()
      }))

    test('databases in two directories know nothing of each other', () =>
      withWorld(async (world) => {
        const one = await world.engine.open(world.path(), OPTIONS)
        const two = await world.engine.open(world.path(), OPTIONS)
        await put(one, { a: 'one' })
        await put(two, { a: 'two' })
        expect([await scan(one), await scan(two)]).toEqual([['a=one'], ['a=two']])
        const foreign = one.createBatch()
        foreign.put(b('k'), b('v'))
        await expect(two.write(foreign, false)).rejects.toThrow(/that made it/)
        await Promise.all([one.close(), two.close()])
      }))

    test('closes with an iterator open and work in flight: what began is done, what comes after is CLOSED', () =>
      withWorld(async (world) => {
        const path = world.path()
        const db = await world.engine.open(path, OPTIONS)
        await put(db, { a: '1', b: '2' })
        const iterator = db.iterator({})
        await iterator.next(1)
        const batch = db.createBatch()
        batch.put(b('c'), b('3'))
        const late = db.createBatch()
        late.put(b('d'), b('4'))
        const writing = db.write(batch, true)
        const reading = db.getMany([b('a')])
        const closing = db.close()
        expect(db.close()).toBe(closing)
        await Promise.all([writing, closing])
        expect((await reading)[0]!.toString()).toBe('1')
        const closed = { code: 'FLOTILLA_CLOSED', outcome: 'not-applied' }
        await expect(db.write(late, false)).rejects.toMatchObject(closed)
        await expect(db.getMany([b('a')])).rejects.toMatchObject(closed)
        await expect(iterator.next(1)).rejects.toMatchObject(closed)
        await iterator.close()
        expect(() => db.createBatch()).toThrow(/closed/)
        expect(() => db.iterator({})).toThrow(/closed/)
        expect(db.property('rocksdb.background-errors')).toBe('')
        const again = await world.engine.open(path, OPTIONS)
        expect(await scan(again)).toEqual(['a=1', 'b=2', 'c=3'])
        await again.close()
      }))
  })
}
