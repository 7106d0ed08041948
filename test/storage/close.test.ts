import { fork } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { InvariantError } from '../../src/util/assert.ts'
import { FlotillaError } from '../../src/util/errors.ts'
import { MAX_SHARD_QUEUE_BYTES } from '../../src/util/limits.ts'
import { memoryWorld, payloadsOf, TestShard, texts } from './shard-harness.ts'

describe('closing and bounds of a LogShard', () => {
  test('a process ends by itself once its shard is closed', async () => {
    const child = fork(new URL('./close-child.js', import.meta.url), {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    expect(await new Promise((resolve) => child.on('exit', resolve))).toBe(0)
  })

  test('what was handed over is flushed and vouched for, and who waits is told CLOSED', async () => {
    const world = memoryWorld()
    const first = await TestShard.open(world)
    const a = await first.create('a')
    await a.setTerm(1)
    const written = [a.append(texts('1')), a.append(texts('2'))]
    const read = first.get(a.slot, ['k'])
    const closing = first.shard.close()
    await expect(a.append(texts('late'))).rejects.toThrow('refused')
    await expect(first.get(a.slot, ['k'])).rejects.toMatchObject({ code: 'FLOTILLA_CLOSED' })
    await expect(read).rejects.toMatchObject({ code: 'FLOTILLA_CLOSED' })
    await Promise.all([closing, ...written])
    expect(first.failures).toEqual([])
    const second = await TestShard.open(world)
    expect(payloadsOf(await second.read(a.slot, 1, 2))).toEqual(['1', '2'])
    await second.shard.close()
  })

  test('a close that the disk holds up ends when the owner gives the shard up', async () => {
    const world = memoryWorld()
    const test = await TestShard.open(world)
    const a = await test.create('a')
    world.disk.stallWrites()
    void a.setTerm(1)
    const closing = test.shard.close()
    await new Promise<void>((resolve) => setImmediate(resolve))
    test.shard.abandon(new FlotillaError('STORAGE_FAILED', 'The disk does not answer.'))
    await closing
    expect(test.failures).toHaveLength(1)
  })

  test('a full queue says so, and has room again once flushes came back', async () => {
    const world = memoryWorld()
    const test = await TestShard.open(world)
    const a = await test.create('a')
    await a.setTerm(1)
    const release = world.disk.stallWrites()
    const payload = Buffer.alloc(4 << 20)
    const written: Array<Promise<void>> = []
    while (test.shard.queueRoomBytes() > payload.length + 1024) written.push(a.append([payload]))
    expect(written.length).toBe(Math.floor(MAX_SHARD_QUEUE_BYTES / payload.length) - 1)
    // Votes and acks of what is stored already find room at any time: they have no blocks.
    let vouched = false
    const vouch = {
      release: () => {
        vouched = true
      },
    }
    expect(test.shard.write({ slot: a.slot, hardState: null, cutAfter: -1, blocks: [], vouch })).toBe(true)
    release()
    await Promise.all(written)
    expect(vouched).toBe(true)
    await a.append(texts('again'))
    expect(test.shard.queueRoomBytes()).toBe(MAX_SHARD_QUEUE_BYTES)
    await test.shard.close()
  })

  test('a write that does not continue its log is a bug of its owner, and changes nothing', async () => {
    const test = await TestShard.open(memoryWorld())
    const a = await test.create('a')
    await a.setTerm(2)
    await a.append(texts('1'))
    const write = (block: ReturnType<typeof a.block>): void => {
      test.shard.write({ slot: a.slot, hardState: null, cutAfter: -1, blocks: [block], vouch: null })
    }
    a.lastIndex = 5
    const beyond = a.block(texts('x'))
    a.lastIndex = 1
    a.lastTerm = 1
    const otherTerm = a.block(texts('x'))
    a.lastTerm = 2
    a.term = 3
    const aboveTerm = a.block(texts('x'))
    a.term = 2
    for (const wrong of [beyond, otherTerm, aboveTerm]) expect(() => write(wrong)).toThrow(InvariantError)
    await a.append(texts('2'))
    expect(payloadsOf(await test.read(a.slot, 1, 9))).toEqual(['1', '2'])
    await test.shard.close()
  })
})
