import { afterEach, describe, expect, test } from 'vitest'
import { MemoryDisk } from '../../src/env/memory-disk.ts'
import { MemoryEngine } from '../../src/env/memory-engine.ts'
import type { EngineDb } from '../../src/env/ports.ts'
import { dataKey } from '../../src/kv/data-keys.ts'
import { StateBuffer } from '../../src/kv/state-buffer.ts'
import { StateEngine } from '../../src/kv/state-engine.ts'
import type { SpaceState } from '../../src/kv/state-engine.ts'
import { StateScan } from '../../src/kv/state-scan.ts'
import {
  MAX_APPLY_BATCH_BYTES,
  MAX_GET_MANY_KEYS,
  MAX_UNWRITTEN_MS,
  MAX_UNWRITTEN_ROWS,
} from '../../src/util/limits.ts'

const LOG = { databaseId: Buffer.from('0123456789abcdef'), highestFlush: 7 }
const ALL = { reverse: false, values: true, gte: null, gt: null, lte: null, lt: null }

/** Timers that a test lets fire. */
class HandTimers {
  readonly set: Array<{ readonly callback: () => void; readonly delayMs: number }> = []
  setTimeout(callback: () => void, delayMs: number): object {
    const timer = { callback, delayMs }
    this.set.push(timer)
    return timer
  }
  clearTimeout(handle: object): void {
    const at = this.set.indexOf(handle as never)
    if (at >= 0) this.set.splice(at, 1)
  }
  setImmediate(callback: () => void): void {
    setImmediate(callback)
  }
  /** The newest, or the one set before others. */
  fire(at = -1): void {
    const [timer] = this.set.splice(at, 1)
    timer!.callback()
  }
}

class Bench {
  readonly timers = new HandTimers()
  readonly disk = new MemoryDisk()
  readonly errors: unknown[] = []
  readonly overdue: boolean[] = []
  db!: EngineDb
  state!: StateEngine
  buffer!: StateBuffer
  writes = 0
  #index = 0

  async open(gatherBytes: number): Promise<this> {
    const opened = await new MemoryEngine(this.disk).open('/data', {
      writeBufferBytes: 1,
      compression: false,
    })
    this.db = Object.assign(opened, { gatherBytes })
    this.state = await StateEngine.load(this.db, '/data', LOG, [1, 2])
    const write = this.db.write.bind(this.db)
    this.db.write = (batch, sync) => {
      this.writes++
      return write(batch, sync)
    }
    this.buffer = new StateBuffer(this.state, {
      timers: this.timers,
      nextTurn: () => new Promise((resolve) => setImmediate(resolve)),
      onError: (error) => this.errors.push(error),
      onOverdue: (overdue) => this.overdue.push(overdue),
    })
    return this
  }

  get space(): SpaceState {
    return this.state.space(1)
  }

  put(key: string, value: string, state = this.space): void {
    const bytes = Buffer.from(key + value)
    this.buffer.put(state.space, bytes, 0, Buffer.byteLength(key), bytes.length)
    this.buffer.advance(state, ++this.#index, 3)
  }

  del(key: string): void {
    this.buffer.del(1, Buffer.from(key), 0, key.length)
    this.buffer.advance(this.space, ++this.#index, 3)
  }

  async get(...keys: string[]): Promise<Array<string | null>> {
    const whole = keys.map((key) => dataKey(1, Buffer.from(key)))
    const stored = await this.buffer.getStored(whole)
    return stored.map((value, i) => this.state.open(whole[i]!, value)?.toString() ?? null)
  }

  /** What the engine holds of a space, and which index the view says. */
  async view(state = this.space): Promise<{ index: number; rows: Array<string | undefined> }> {
    const scan = new StateScan(this.state, state.space, ALL)
    const rows = await scan.next(1_000)
    await scan.close()
    return { index: scan.appliedIndex, rows: rows.map((bytes) => bytes?.toString()) }
  }
}

const opened: StateEngine[] = []
async function bench(gatherBytes = MAX_APPLY_BATCH_BYTES): Promise<Bench> {
  const made = await new Bench().open(gatherBytes)
  opened.push(made.state)
  return made
}
afterEach(async () => {
  for (const state of opened.splice(0)) await state.close()
})

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

describe('what is applied', () => {
  test('is read as it was when it was asked for, also by more keys than one look-up of the engine takes', async () => {
    const one = await bench()
    const keys = Array.from({ length: 2 * MAX_GET_MANY_KEYS + 1 }, (_, i) => `k${String(i).padStart(5, '0')}`)
    const write = async (value: string): Promise<void> => {
      for (const key of keys) one.put(key, value)
      await one.buffer.writeAll()
    }
    await write('old')
    for (const fresh of [false, true]) {
      // With rows in memory the look-up goes another way.
      if (fresh) one.put('other', 'row')
      const reading = one.get(...keys)
      await write('new')
      expect(new Set(await reading)).toEqual(new Set(['old']))
      await write('old')
    }
  })

  test('is read at once, and is not in the engine before its batch', async () => {
    const one = await bench()
    one.put('a', '1')
    one.put('b', '2')
    one.put('a', '3')
    one.buffer.settle()
    await turn()
    expect(one.writes).toBe(0)
    expect(one.space).toMatchObject({ appliedIndex: 3, writtenIndex: 0 })
    expect(await one.get('a', 'b', 'c')).toEqual(['3', '2', null])
    expect(await one.view()).toEqual({ index: 0, rows: [] })
    await one.buffer.writeAll()
    expect(one.writes).toBe(1)
    expect(one.space).toMatchObject({ appliedIndex: 3, writtenIndex: 3, writtenTerm: 3 })
    expect(await one.view()).toEqual({ index: 3, rows: ['a', '3', 'b', '2'] })
    expect(await one.get('a', 'b', 'c')).toEqual(['3', '2', null])
  })

  test('goes on while the part before it is written, and hides what that holds', async () => {
    const one = await bench()
    one.put('a', 'old')
    one.put('b', 'old')
    one.put('c', 'old')
    await one.buffer.writeAll()
    one.put('a', 'leaving')
    one.put('b', 'leaving')
    const goOn = one.disk.stallWrites()
    one.buffer.whenWritten(one.space, () => {})
    one.put('a', 'fresh')
    one.del('b')
    await turn()
    expect(await one.get('a', 'b', 'c')).toEqual(['fresh', null, 'old'])
    expect(one.space).toMatchObject({ appliedIndex: 7, writtenIndex: 3 })
    goOn()
    await one.buffer.writeAll()
    expect(await one.view()).toEqual({ index: 7, rows: ['a', 'fresh', 'c', 'old'] })
    expect(await one.get('a', 'b', 'c')).toEqual(['fresh', null, 'old'])
  })

  test('is written when it is enough, in time, and by itself only once', async () => {
    const one = await bench(100)
    one.put('a', 'x'.repeat(50))
    one.buffer.settle()
    expect(one.timers.set).toMatchObject([{ delayMs: MAX_UNWRITTEN_MS }])
    one.put('b', 'x'.repeat(50))
    one.buffer.settle()
    await one.buffer.writeAll()
    expect(one.timers.set).toEqual([])
    one.put('c', '1')
    one.put('d', '1')
    expect(one.timers.set).toHaveLength(1)
    one.timers.fire()
    await turn()
    expect(one.space.writtenIndex).toBe(4)
    expect([one.writes, one.timers.set.length]).toEqual([2, 0])
    one.put('e', '1')
    one.buffer.stop()
    expect(one.timers.set).toEqual([])
  })

  test('waits for room while the engine does not take the part before: when it is much, or old', async () => {
    const one = await bench()
    const goOn = one.disk.stallWrites()
    one.put('a', 'x'.repeat(MAX_APPLY_BATCH_BYTES))
    expect(one.buffer.full).toBe(true)
    await one.buffer.makeRoom()
    expect(one.buffer.full).toBe(false)
    one.put('b', '1')
    one.timers.fire()
    expect(one.buffer.full).toBe(true)
    let roomy = false
    const room = one.buffer.makeRoom().then(() => {
      roomy = true
    })
    await turn()
    expect(roomy).toBe(false)
    goOn()
    await room
    await one.buffer.writeAll()
    expect(one.space.writtenIndex).toBe(2)
    for (let i = 0; i < MAX_UNWRITTEN_ROWS; i++) one.put(`key ${i}`, 'v')
    expect(one.buffer.full).toBe(true)
    await one.buffer.makeRoom()
    await one.buffer.writeAll()
    expect((await one.get(`key ${MAX_UNWRITTEN_ROWS - 1}`))[0]).toBe('v')
  })

  test('is told of when the engine does not take it, though nothing more is applied, and when it has taken it', async () => {
    const one = await bench()
    one.put('a', '1')
    await one.buffer.writeAll()
    expect([one.overdue, one.timers.set]).toEqual([[], []])
    const goOn = one.disk.stallWrites()
    one.put('a', '2')
    one.timers.fire()
    expect(one.timers.set).toMatchObject([{ delayMs: MAX_UNWRITTEN_MS }])
    one.timers.fire()
    expect([one.overdue, one.timers.set]).toEqual([[true], []])
    goOn()
    await one.buffer.writeAll()
    expect([one.overdue, one.timers.set]).toEqual([[true, false], []])
  })

  test('is in a view that was asked for, with nothing that its index does not say', async () => {
    const one = await bench()
    const two = one.state.space(2)
    const views: Array<Promise<unknown>> = []
    const ask = (state = one.space): void =>
      one.buffer.whenWritten(state, () => void views.push(one.view(state)))
    one.put('a', '1')
    ask()
    one.put('b', '2')
    ask()
    one.put('c', '3')
    ask(two)
    // Nothing of the second space waits, so its view was made at once.
    expect(views).toHaveLength(1)
    await one.buffer.writeAll()
    expect(await Promise.all(views)).toEqual([
      { index: 0, rows: [] },
      { index: 1, rows: ['a', '1'] },
      { index: 3, rows: ['a', '1', 'b', '2', 'c', '3'] },
    ])
  })

  test('of which a write failed is nobody’s word any more', async () => {
    const one = await bench()
    one.disk.failNextWrites(1)
    one.put('a', '1')
    let seen = false
    one.buffer.whenWritten(one.space, () => {
      seen = true
    })
    await expect(one.buffer.writeAll()).rejects.toMatchObject({ code: 'FLOTILLA_STORAGE_FAILED' })
    await turn()
    one.put('b', '2')
    await expect(one.buffer.writeAll()).rejects.toMatchObject({ code: 'FLOTILLA_STORAGE_FAILED' })
    expect(one.errors).toMatchObject([{ code: 'FLOTILLA_STORAGE_FAILED' }])
    expect([seen, one.writes]).toEqual([false, 1])
    expect(one.space.writtenIndex).toBe(0)
    one.buffer.stop()
  })
})
