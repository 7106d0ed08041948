import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, test } from 'vitest'
import { loadRocksDb } from '../../src/env/rocks.ts'
import { ShardThreads } from '../../src/env/shard-threads.ts'
import type { ShardThread } from '../../src/env/ports.ts'

const entry = new URL('./fixtures/shard-task.js', import.meta.url)
const started: ShardThread[] = []

function start(
  init: unknown = null,
  at: URL = entry,
): { shard: ShardThread; received: unknown[]; next(): Promise<unknown> } {
  const shard = new ShardThreads({ entry: at, prepare: loadRocksDb }).startShard(init)
  started.push(shard)
  const received: unknown[] = []
  let wake: () => void = () => {}
  shard.setHandler((message) => {
    received.push(message)
    wake()
  })
  const next = async () => {
    const count = received.length
    while (received.length === count) {
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
    return received.at(-1)
  }
  return { shard, received, next }
}

afterAll(async () => {
  for (const shard of started) await shard.terminate()
})

describe('ShardThreads', () => {
  test('the task gets its init and answers over its port; transferred buffers move, shared ones are shared', async () => {
    const { shard, next } = start({ shard: 3 })
    const moved = new ArrayBuffer(8)
    const shared = new SharedArrayBuffer(8)
    shard.post({ do: 'echo', value: moved }, [moved])
    expect(await next()).toEqual({ init: { shard: 3 }, value: new ArrayBuffer(8) })
    expect(moved.byteLength).toBe(0)
    new Uint8Array(shared)[0] = 7
    shard.post({ do: 'echo', value: shared })
    const answer = (await next()) as { value: SharedArrayBuffer }
    new Uint8Array(shared)[0] = 8
    expect(new Uint8Array(answer.value)[0]).toBe(8)
    await shard.terminate()
  })

  test('an orderly end is null, and every message posted before it has been delivered', async () => {
    const { shard, received } = start()
    shard.post({ do: 'end', last: 5_000 })
    expect(await shard.ended).toBeNull()
    expect(received).toHaveLength(5_000)
    expect(received.at(-1)).toBe(5_000)
    shard.post({ do: 'echo', value: 1 })
    await shard.terminate()
    expect(await shard.ended).toBeNull()
  })

  test.each([
    ['throws in a handler', 'throw', /thrown in the worker/],
    ['rejects its task', 'fail', /the task failed/],
    ['exits its thread', 'exit', /exited|gone/],
  ])('a worker that %s is seen in `ended`, and nothing works on in its place', async (_, order, reason) => {
    const { shard, received, next } = start()
    shard.post({ do: 'echo', value: 'alive' })
    await next()
    shard.post({ do: order })
    const error = await shard.ended
    expect(error).toBeInstanceOf(Error)
    expect(error!.message).toMatch(reason)
    shard.post({ do: 'echo', value: 'anyone there?' })
    await shard.terminate()
    expect(received).toHaveLength(1)
  })

  test('a task that fails at once, an absent entry and an entry without the task all end with the reason', async () => {
    expect((await start('fail at once').shard.ended)!.message).toBe('no start')
    const absent = start(null, new URL('./fixtures/absent.js', import.meta.url))
    expect((await absent.shard.ended)!.message).toMatch(/absent/)
    const wrong = start(null, new URL('./engine-suite.js', import.meta.url))
    expect(await wrong.shard.ended).toBeInstanceOf(Error)
    const uncloneable = start({ callback: () => {} })
    expect((await uncloneable.shard.ended)!.message).toMatch(/clone/)
  })

  test('terminate ends a worker that never comes back to its loop; calling it twice is fine', async () => {
    const { shard, next } = start()
    shard.post({ do: 'echo', value: 1 })
    await next()
    shard.post({ do: 'hang' })
    await Promise.all([shard.terminate(), shard.terminate()])
    expect((await shard.ended)!.message).toMatch(/terminated/)
  })

  test('a handler that throws on the main side ends the shard with its error', async () => {
    const { shard } = start()
    shard.setHandler(() => {
      throw new Error('lost count')
    })
    shard.post({ do: 'echo', value: 1 })
    expect((await shard.ended)!.message).toBe('lost count')
  })

  test('workers open databases one after the other, each in a thread of its own', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'flotilla-threads-'))
    try {
      for (let i = 0; i < 3; i++) {
        const { shard, next } = start()
        shard.post({ do: 'rocks', path: join(dir, 'db') })
        expect(await next()).toBe('from the worker')
        shard.post({ do: 'end', last: 0 })
        expect(await shard.ended).toBeNull()
      }
    } finally {
      await rm(dir, { recursive: true, force: true })
    }
  })

  test.each([
    ['end', 'orderly'],
    ['fail', 'error'],
    ['throw', 'error'],
    ['exit', 'error'],
    ['terminate', 'error'],
  ])('a program whose shard ends by %s ends by itself', async (order, outcome) => {
    const host = fileURLToPath(new URL('./fixtures/thread-host.js', import.meta.url))
    const child = spawn(process.execPath, [host, order], { stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    child.stdout.on('data', (chunk) => (output += chunk))
    child.stderr.on('data', (chunk) => (output += chunk))
    const [code] = await once(child, 'exit')
    expect([output, code]).toEqual([`ended: ${outcome}\n`, 0])
  })
})
