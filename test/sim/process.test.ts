import { describe, expect, test } from 'vitest'
import type { Disk, EngineDb, ThreadPort } from '../../src/env/ports.ts'
import type { SimProcess } from '../../src/sim/process.ts'
import { startNemesis } from '../../src/sim/nemesis.ts'
import { SimWorld } from '../../src/sim/world.ts'
import { connectPair, startToy, toyWorker } from './toy.ts'

describe('kill', () => {
  test('a killed process fires no timer and settles no promise', async () => {
    const world = new SimWorld({ seed: 1 })
    const process = world.process('a')
    const happened: string[] = []
    process.env.timers.setTimeout(() => happened.push('timer'), 10)
    process.env.timers.setImmediate(() => happened.push('immediate'))
    process.env.files.writeFile('/x', Buffer.from('1')).then(() => happened.push('file'))
    process.env.sockets.listen('a', 1, () => {}).then(() => happened.push('listen'))
    process.kill('process')
    await world.run({ forMs: 1_000 })
    expect(happened).toEqual([])
  })

  test('what dead code still asks for does not happen', async () => {
    const world = new SimWorld({ seed: 1 })
    const { env } = world.process('a')
    world.process('a').kill()
    const steps = world.steps
    let happened = 0
    env.timers.setTimeout(() => happened++, 1)
    env.sockets.connect('a', 1).setHandlers({ onData: () => {}, onClose: () => happened++ })
    env.files.writeFile('/x', Buffer.from('1')).then(() => happened++)
    await world.run({ forMs: 1_000 })
    expect([happened, world.steps - steps]).toEqual([0, 0])
  })

  test('its peers are reset after a delay', async () => {
    const world = new SimWorld({ seed: 1 })
    const b = world.process('b')
    const { atClient } = await connectPair(world, world.process('a'), b)
    b.kill('process')
    expect(atClient.closed).toBe(undefined)
    await world.run({ forMs: 100 })
    expect(atClient.closed).toMatchObject({ code: 'ECONNRESET' })
  })

  test('after a power cut its peers hear nothing until they send to the restarted process', async () => {
    const world = new SimWorld({ seed: 1 })
    const b = world.process('b')
    const { client, atClient } = await connectPair(world, world.process('a'), b)
    b.kill('power')
    client.write([Buffer.from('x')])
    await world.run({ forMs: 5_000 })
    expect(atClient.closed).toBe(undefined)
    b.restart()
    await world.run({ forMs: 100 })
    expect(atClient.closed).toMatchObject({ code: 'ECONNRESET' })
  })

  test('main runs again after a restart, in a life with its own clock', async () => {
    const world = new SimWorld({ seed: 1 })
    const lives: number[] = []
    const process = world.process('a', { main: (self) => void lives.push(self.starts) })
    await world.run({ forMs: 10 })
    const clock = process.env.clock
    process.kill()
    process.restart()
    await world.run({ forMs: 10 })
    expect(lives).toEqual([1, 2])
    expect(process.env.clock.monotonicMs()).toBeLessThan(150)
    expect(process.env.clock).not.toBe(clock)
  })
})

describe('pause', () => {
  test('events wait while the clock runs; timers come first, then the bytes, in order', async () => {
    const world = new SimWorld({ seed: 1 })
    const b = world.process('b')
    const { client, server } = await connectPair(world, world.process('a'), b)
    const seen: string[] = []
    server().setHandlers({ onData: (bytes) => seen.push(bytes.toString()), onClose: () => {} })
    const before = b.env.clock.monotonicMs()
    b.env.timers.setTimeout(() => seen.push(`timer ${Math.round(b.env.clock.monotonicMs() - before)}`), 50)
    b.pause(1_000)
    for (const text of ['1', '2', '3']) {
      client.write([Buffer.from(text)])
      await world.run({ forMs: 10 })
    }
    await world.run({ forMs: 960 })
    expect(seen).toEqual([])
    await world.run({ forMs: 100 })
    expect(seen).toEqual(['timer 1000', '1', '2', '3'])
  })

  test('the disk of a paused process goes on, and a kill in the pause ends it', async () => {
    const world = new SimWorld({ seed: 1 })
    const process = world.process('a')
    let written = false
    process.env.files.writeFile('/x', Buffer.from('1')).then(() => {
      written = true
    })
    await world.run({ forMs: 0 })
    process.pause(1_000)
    await world.run({ forMs: 100 })
    expect([written, process.disk.files.has('/x')]).toEqual([false, true])
    process.kill()
    await world.run({ forMs: 2_000 })
    expect([written, process.paused]).toEqual([false, true])
    process.restart()
    expect(process.paused).toBe(false)
  })
})

describe('threads', () => {
  test('messages are cloned, transfers detach, order holds', async () => {
    const got: unknown[] = []
    const worker = (port: ThreadPort): Promise<void> =>
      new Promise((resolve) => {
        port.setHandler((message) => {
          port.post(message)
          if ((message as { last?: boolean }).last) resolve()
        })
      })
    const world = new SimWorld({ seed: 1, worker })
    const thread = world.process('a').env.threads.startShard({})
    const object = { n: 1 }
    const buffer = new ArrayBuffer(8)
    thread.post(object)
    thread.post({ buffer }, [buffer])
    object.n = 2
    await world.run({ forMs: 10 })
    // What came before the handler waits for it.
    thread.setHandler((message) => got.push(message))
    for (let i = 0; i < 50; i++) thread.post(i)
    thread.post({ last: true })
    expect(await world.settle(thread.ended)).toBe(null)
    expect(got.slice(0, 1)).toEqual([{ n: 1 }])
    expect(buffer.byteLength).toBe(0)
    expect((got[1] as { buffer: ArrayBuffer }).buffer.byteLength).toBe(8)
    expect(got.slice(2)).toEqual([...Array(50).keys(), { last: true }])
  })

  test('a worker that throws ends with its reason; a terminated one says so; a killed process hears nothing', async () => {
    const worker = (port: ThreadPort): Promise<void> =>
      new Promise(() => {
        port.setHandler(() => {
          throw new Error('worker broke')
        })
      })
    const world = new SimWorld({ seed: 1, worker })
    const process = world.process('a')
    const [throwing, terminated, orphan] = [1, 2, 3].map(() => process.env.threads.startShard({}))
    throwing!.post('x')
    expect(await world.settle(throwing!.ended)).toMatchObject({ message: 'worker broke' })
    await world.settle(terminated!.terminate())
    expect(await world.settle(terminated!.ended)).toMatchObject({
      message: 'The worker thread was terminated.',
    })
    let ended = false
    orphan!.ended.then(() => {
      ended = true
    })
    process.kill()
    await world.run({ forMs: 1_000 })
    expect(ended).toBe(false)
  })

  test('a terminated worker frees its database for the next one', async () => {
    const world = new SimWorld({ seed: 1, worker: toyWorker })
    const process = world.process('a')
    for (let i = 0; i < 3; i++) {
      const thread = process.env.threads.startShard({ dir: process.dir })
      let opened = false
      thread.setHandler(() => {
        opened = true
      })
      await world.waitFor(() => opened)
      thread.post({ number: i })
      await world.settle(thread.terminate())
      await world.run({ forMs: 10 })
    }
  })
})

const OPTIONS = { writeBufferBytes: 1 << 20, compression: false }

/** A world whose workers hand their disk to the test and live on. */
class DiskWorld extends SimWorld {
  readonly #disks: Disk[]

  constructor(seed: number) {
    const disks: Disk[] = []
    super({
      seed,
      worker: (_port, disk) => {
        disks.push(disk)
        return new Promise(() => {})
      },
    })
    this.#disks = disks
  }

  /** A database on the disk of `process`, opened in a thread of it. */
  async open(process: SimProcess): Promise<EngineDb> {
    const known = this.#disks.length
    process.env.threads.startShard(null)
    await this.waitFor(() => this.#disks.length > known)
    return this.settle(this.#disks[known]!.engine.open('/db', OPTIONS))
  }
}

/** Most of a block of the write-ahead log, the rest of which a hole takes along. */
const LARGE_BYTES = 20_000

function put(db: EngineDb, key: string, sync: boolean, bytes = 1): Promise<void> {
  const batch = db.createBatch()
  batch.put(Buffer.from(key), Buffer.alloc(bytes, key))
  return db.write(batch, sync)
}

async function keysOf(db: EngineDb): Promise<string[]> {
  const iterator = db.iterator({})
  const rows = await iterator.next(1_000)
  await iterator.close()
  return rows.map(([key]) => key.toString())
}

describe('disk', () => {
  test('synced writes survive every crash; un-synced ones as its mode says', async () => {
    const left = new Map<string, Set<string>>()
    for (const mode of ['process', 'power', 'lose-unsynced', 'holes'] as const) {
      left.set(mode, new Set())
      for (let seed = 1; seed <= 20; seed++) {
        const world = new DiskWorld(seed)
        const process = world.process('a')
        const db = await world.open(process)
        for (const key of 'abcde') await world.settle(put(db, key, key === 'b', LARGE_BYTES))
        process.kill(mode)
        process.restart()
        left.get(mode)!.add((await world.settle(keysOf(await world.open(process)))).join(''))
      }
    }
    expect(left.get('process')).toEqual(new Set(['abcde']))
    expect(left.get('lose-unsynced')).toEqual(new Set(['ab']))
    for (const keys of left.get('power')!) expect(['ab', 'abc', 'abcd', 'abcde']).toContain(keys)
    expect(left.get('power')!.size).toBeGreaterThan(2)
    for (const keys of left.get('holes')!) expect(keys.startsWith('ab')).toBe(true)
    expect([...left.get('holes')!].some((keys) => !'abcde'.startsWith(keys))).toBe(true)
  })

  test('a synced write in flight at the crash may or may not have survived', async () => {
    const outcomes = new Set<string>()
    for (let seed = 1; seed <= 20; seed++) {
      const world = new DiskWorld(seed)
      const process = world.process('a')
      const db = await world.open(process)
      await world.settle(put(db, 'a', true))
      void put(db, 'b', true)
      expect(process.disk.jobsInFlight).toBe(1)
      process.kill('power')
      process.restart()
      outcomes.add((await world.settle(keysOf(await world.open(process)))).join(''))
    }
    expect(outcomes).toEqual(new Set(['a', 'ab']))
  })

  test('a failed sync is refused once, with an unknown outcome, and the disk goes on as the real engine does', async () => {
    const world = new DiskWorld(1)
    const process = world.process('a')
    const db = await world.open(process)
    process.disk.failNextSync()
    await world.settle(put(db, 'a', false))
    await expect(world.settle(put(db, 'b', true))).rejects.toMatchObject({
      code: 'FLOTILLA_STORAGE_FAILED',
      outcome: 'unknown',
    })
    await world.settle(put(db, 'c', true))
    expect(await world.settle(keysOf(db))).toEqual(['a', 'c'])
  })

  test('a stalled disk ends no write until it is well; reads go on', async () => {
    const world = new DiskWorld(1)
    const process = world.process('a')
    let written = false
    const db = await world.open(process)
    process.disk.stall()
    put(db, 'a', true).then(() => {
      written = true
    })
    await world.run({ forMs: 10_000 })
    expect(written).toBe(false)
    expect(await world.settle(db.getMany([Buffer.from('a')]))).toEqual([null])
    process.disk.unstall()
    await world.run({ forMs: 10 })
    expect(written).toBe(true)
  })

  test('a slow disk adds its time; failed flushes show in the properties and hold writes', async () => {
    const world = new DiskWorld(1)
    const process = world.process('a')
    const db = await world.open(process)
    process.disk.slow(100)
    const started = world.nowMs
    await world.settle(put(db, 'a', true))
    expect(world.nowMs - started).toBeGreaterThan(100)
    expect(db.property('rocksdb.background-errors')).toBe('0')
    process.disk.failFlushes()
    expect(db.property('rocksdb.background-errors')).toBe('1')
    await expect(world.settle(put(db, 'b', true), 1_000)).rejects.toThrow('in vain')
  })

  test('files are atomic and durable, listed by name, gone after a wipe', async () => {
    const world = new SimWorld({ seed: 1 })
    const process = world.process('a')
    const { files } = process.env
    expect(await world.settle(files.readFile('/d/x'))).toBe(null)
    await world.settle(Promise.all([files.makeDir('/d/sub'), files.writeFile('/d/x', Buffer.from('one'))]))
    process.kill('lose-unsynced')
    const again = process.restart().files
    expect(await world.settle(again.list('/d'))).toEqual(['sub', 'x'])
    expect((await world.settle(again.readFile('/d/x')))?.toString()).toBe('one')
    const outcomes = new Set<string>()
    for (let seed = 1; seed <= 12; seed++) {
      const other = new SimWorld({ seed })
      const victim = other.process('a')
      await other.settle(victim.env.files.writeFile('/x', Buffer.from('old')))
      void victim.env.files.writeFile('/x', Buffer.from('new'))
      await other.run({ forMs: 0 })
      victim.kill('power')
      outcomes.add((await other.settle(victim.restart().files.readFile('/x')))!.toString())
    }
    expect(outcomes).toEqual(new Set(['old', 'new']))
    process.kill()
    process.wipe()
    expect(await world.settle(process.restart().files.list('/d'))).toEqual([])
  })

  test('a directory is open once; a crash frees it', async () => {
    const world = new DiskWorld(1)
    const process = world.process('a')
    await world.open(process)
    await expect(world.open(process)).rejects.toMatchObject({
      code: 'FLOTILLA_DATA_DIR_LOCKED',
    })
    process.kill()
    process.restart()
    await world.open(process)
  })
})

describe('nemesis', () => {
  test('strikes with every fault, keeps a majority, and heals all at its end', async () => {
    const { world, processes, received } = startToy({ seed: 4 })
    const often = { everyMs: 200, forMs: 200 }
    const nemesis = startNemesis(world, processes, {
      kills: often,
      pauses: often,
      partitions: often,
      clogs: often,
      resets: often,
      slowDisk: often,
      corrupt: true,
    })
    let mostDown = 0
    await world.run({
      forMs: 10_000,
      until: () => {
        mostDown = Math.max(mostDown, processes.filter((process) => !process.alive || process.paused).length)
        return false
      },
    })
    expect(mostDown).toBe(1)
    const { kills, pauses, partitions, clogs, resets, slowDisk } = nemesis.counts
    expect(Math.min(kills, pauses, partitions, clogs, resets, slowDisk)).toBeGreaterThan(20)
    nemesis.stop()
    await world.run({ forMs: 1_000 })
    for (const lines of received.values()) lines.length = 0
    await world.run({ forMs: 200 })
    for (const lines of received.values()) expect(new Set(lines.map((line) => line[0])).size).toBe(2)
    const strikes = { ...nemesis.counts }
    await world.run({ forMs: 5_000 })
    expect(nemesis.counts).toEqual(strikes)
  })
})
