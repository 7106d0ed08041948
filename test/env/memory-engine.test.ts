import { describe, expect, test } from 'vitest'
import { MemoryDisk } from '../../src/env/memory-disk.ts'
import { MemoryEngine } from '../../src/env/memory-engine.ts'
import { MAX_MEMORY_DISK_UNSYNCED } from '../../src/util/limits.ts'
import { b, engineSuite, OPTIONS, put, scan } from './engine-suite.ts'

engineSuite('MemoryEngine', async (body) => {
  let paths = 0
  await body({ engine: new MemoryEngine(), path: () => `/memory/${paths++}` })
})

async function world() {
  const disk = new MemoryDisk()
  const engine = new MemoryEngine(disk)
  return { disk, engine, db: await engine.open('/d', OPTIONS) }
}

describe('MemoryDisk', () => {
  test('a crash keeps what was synced, and all that was written before it', async () => {
    const { disk, engine, db } = await world()
    await put(db, { a: '1' }, false)
    await put(db, { b: '2' }, true)
    await put(db, { c: '3' }, false)
    disk.crash(() => false)
    expect(await scan(await engine.open('/d', OPTIONS))).toEqual(['a=1', 'b=2'])
  })

  test('a crash may tear holes into what was not synced, and nothing is un-synced afterwards', async () => {
    const { disk, engine, db } = await world()
    await put(db, { k: 'synced' }, true)
    for (const value of ['0', '1', '2']) await put(db, { k: value, [`k${value}`]: 'x' })
    disk.crash((batch) => batch !== 1)
    disk.crash(() => false)
    expect(await scan(await engine.open('/d', OPTIONS))).toEqual(['k=2', 'k0=x', 'k2=x'])
  })

  test('after a crash the directory is free and the handles of the dead process never answer', async () => {
    const { disk, engine, db } = await world()
    await put(db, { a: '1' }, true)
    const iterator = db.iterator({})
    const release = disk.stallWrites()
    const batch = db.createBatch()
    batch.put(b('late'), b('x'))
    const answers: string[] = []
    const note = (name: string) => () => void answers.push(name)
    db.write(batch, true).then(note('write'), note('write failed'))
    disk.crash(() => false)
    release()
    const again = await engine.open('/d', OPTIONS)
    db.getMany([b('a')]).then(note('read'), note('read failed'))
    iterator.next(1).then(note('next'), note('next failed'))
    db.close().then(note('close'), note('close failed'))
    expect(await scan(again)).toEqual(['a=1'])
    await new Promise((resolve) => setImmediate(resolve))
    expect(answers).toEqual([])
    await expect(engine.open('/d', OPTIONS)).rejects.toMatchObject({ code: 'FLOTILLA_DATA_DIR_LOCKED' })
  })

  test('a crash below one path leaves the other processes alone', async () => {
    const { disk, engine } = await world()
    const one = await engine.open('/s1/log', OPTIONS)
    const two = await engine.open('/s10/log', OPTIONS)
    await put(one, { a: '1' })
    await put(two, { a: '2' })
    disk.crashUnder('/s1', () => false)
    expect(await scan(two)).toEqual(['a=2'])
    expect(await scan(await engine.open('/s1/log', OPTIONS))).toEqual([])
  })

  test('a failed write is refused and unseen, later ones succeed, and the next start may find it', async () => {
    const { disk, engine, db } = await world()
    disk.failNextWrites(1)
    await expect(put(db, { failed: 'x' }, true)).rejects.toMatchObject({
      code: 'FLOTILLA_STORAGE_FAILED',
      outcome: 'unknown',
    })
    await put(db, { later: 'y' })
    expect(await scan(db)).toEqual(['later=y'])
    disk.crash((batch) => batch === 0)
    expect(await scan(await engine.open('/d', OPTIONS))).toEqual(['failed=x'])
  })

  test('stalled writes wait, reads go on, and the order of the writes holds', async () => {
    const { disk, db } = await world()
    await put(db, { k: '0' })
    const release = disk.stallWrites()
    const order: number[] = []
    const writing = [1, 2, 3].map((n) => put(db, { k: String(n) }).then(() => order.push(n)))
    await new Promise((resolve) => setImmediate(resolve))
    expect([await scan(db), order]).toEqual([['k=0'], []])
    release()
    await Promise.all(writing)
    expect([await scan(db), order]).toEqual([['k=3'], [1, 2, 3]])
  })

  test('keeps a bounded number of un-synced batches', async () => {
    const { disk, engine, db } = await world()
    for (let i = 0; i < MAX_MEMORY_DISK_UNSYNCED + 2; i++) await put(db, { [`k${i}`]: 'x' })
    expect(disk.directory('/d').unsynced).toHaveLength(MAX_MEMORY_DISK_UNSYNCED)
    disk.crash(() => false)
    expect(await scan(await engine.open('/d', OPTIONS))).toEqual(['k0=x', 'k1=x'])
  })

  test('a property is what the test says', async () => {
    const { disk, db } = await world()
    disk.setProperty('rocksdb.background-errors', '2')
    expect(db.property('rocksdb.background-errors')).toBe('2')
  })
})
