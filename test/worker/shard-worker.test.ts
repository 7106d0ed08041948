import { describe, expect, test } from 'vitest'
import type { ThreadPort } from '../../src/env/ports.ts'
import { encodeReplicaRecord, newReplicaRecord } from '../../src/storage/replica-record.ts'
import { OP_RECORD } from '../../src/storage/shard-protocol.ts'
import type { FromWorker, ToWorker } from '../../src/storage/shard-protocol.ts'
import { Lane } from '../../src/worker/lane.ts'
import { runShard } from '../../src/worker/shard-worker.ts'
import { InlineThreads, memoryWorld, specOf, TestShard } from '../storage/shard-harness.ts'

/** The main side of a port, driven by hand. */
class HandPort implements ThreadPort {
  readonly received: FromWorker[] = []
  send: (message: ToWorker) => void = () => {}

  post(message: unknown): void {
    this.received.push(message as FromWorker)
  }

  setHandler(onMessage: (message: unknown) => void): void {
    this.send = onMessage
  }
}

function recordFlush(id: number, groupId: string, slot: number): ToWorker {
  const bytes = encodeReplicaRecord(newReplicaRecord(specOf(groupId), slot, slot))
  const slab = new Uint8Array(bytes).buffer
  return { t: 'flush', id, ops: Float64Array.of(OP_RECORD, slot, 0, bytes.length), bytes: slab }
}

async function opened(port: HandPort): Promise<void> {
  while (!port.received.some((message) => message.t === 'opened'))
    await new Promise((resolve) => setImmediate(resolve))
  await new Promise((resolve) => setImmediate(resolve))
}

const INIT = { dir: '/shard', shardIndex: 0, shardCount: 1 }

describe("the shard's worker", () => {
  test('flushes what came in a turn before it answers what came earlier in it', async () => {
    const port = new HandPort()
    const ended = runShard(port, memoryWorld().worker!, INIT)
    await opened(port)
    port.send(recordFlush(1, 'a', 1))
    port.send({ t: 'digest', id: 7, slot: 1, at: 0 })
    port.send({ t: 'apply', pairs: Float64Array.of(1, 0) })
    port.send(recordFlush(2, 'b', 2))
    port.send({ t: 'close' })
    await ended
    expect(port.received.map(({ t }) => t)).toEqual(['opened', 'flushed', 'flushed', 'applied', 'answer'])
  })

  test('says why it cannot open, rejects, and leaves nothing open behind', async () => {
    const world = memoryWorld()
    const first = new HandPort()
    const ended = runShard(first, world.worker!, INIT)
    await opened(first)
    const second = new HandPort()
    await expect(runShard(second, world.worker!, INIT)).rejects.toMatchObject({
      code: 'FLOTILLA_DATA_DIR_LOCKED',
    })
    expect(second.received).toMatchObject([{ t: 'failed', error: { name: 'DATA_DIR_LOCKED' } }])
    first.send({ t: 'close' })
    await ended
    const third = new HandPort()
    await expect(runShard(third, world.worker!, { ...INIT, shardCount: 2 })).rejects.toMatchObject({
      code: 'FLOTILLA_IDENTITY_MISMATCH',
    })
    const fourth = new HandPort()
    const again = runShard(fourth, world.worker!, INIT)
    await opened(fourth)
    fourth.send({ t: 'close' })
    await again
  })

  test('is seen to apply while its state takes nothing, also when nothing more comes to be applied', async () => {
    const { worker, disk, dir, remove } = memoryWorld()
    const timers = {
      setTimeout: (callback: () => void) => setTimeout(callback, 0),
      clearTimeout: (handle: object) => clearTimeout(handle as NodeJS.Timeout),
      setImmediate: (callback: () => void) => void setImmediate(callback),
    }
    const threads = new InlineThreads({ ...worker!, timers })
    const shard = await TestShard.open({ threads, dir, remove })
    const a = await shard.create('a')
    await a.setTerm(1)
    await a.put({ key: 'value' })
    const goOn = disk.stallWrites()
    await a.apply(1)
    const applying = async (expected: boolean): Promise<void> => {
      while (shard.shard.applying !== expected) await new Promise((resolve) => setTimeout(resolve, 1))
    }
    await applying(true)
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(shard.shard.applying).toBe(true)
    goOn()
    await applying(false)
    await shard.shard.close()
  })

  test('says failed once and nothing after it', async () => {
    const world = memoryWorld()
    const port = new HandPort()
    const ended = runShard(port, world.worker!, INIT)
    await opened(port)
    world.disk.failNextWrites(1)
    port.send(recordFlush(1, 'a', 1))
    port.send(recordFlush(2, 'b', 2))
    port.send({ t: 'digest', id: 7, slot: 1, at: 0 })
    await expect(ended).rejects.toMatchObject({ code: 'FLOTILLA_STORAGE_FAILED' })
    port.send({ t: 'digest', id: 8, slot: 1, at: 0 })
    await new Promise((resolve) => setImmediate(resolve))
    expect(port.received.map(({ t }) => t)).toEqual(['opened', 'failed'])
  })
})

describe('a lane', () => {
  test('does one piece at a time, in order, and drops the rest after an error', async () => {
    const done: number[] = []
    const told: unknown[] = []
    let running = 0
    await new Promise<void>((resolve) => {
      const lane = new Lane<number>(
        async (item) => {
          expect(++running).toBe(1)
          await null
          running--
          if (item === 3) throw new Error('three')
          done.push(item)
        },
        resolve,
        (error) => {
          told.push(error)
          resolve()
        },
      )
      for (const item of [1, 2, 3, 4]) lane.push(item)
      lane.start()
      lane.start()
      expect(lane.idle).toBe(false)
    })
    expect(done).toEqual([1, 2])
    expect(told).toMatchObject([{ message: 'three' }])
  })
})
