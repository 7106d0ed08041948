import { describe, expect, test } from 'vitest'
import { Group } from '../../src/client/group.ts'
import { FlotillaError } from '../../src/util/errors.ts'
import { World } from './world.ts'

const bytes = (text: string) => Buffer.from(text)

/** Group g on s1 (leader), s2, s3; s4 hosts nothing. */
function cluster() {
  const world = new World(['s1', 's2', 's3', 's4'])
  const group = world.group('g', ['s1', 's2', 's3'])
  return { world, group, s1: world.store('s1'), s4: world.store('s4') }
}

describe('reads where the group is hosted', () => {
  test('a query waits for a read index of its own replica and is answered by it', async () => {
    const { world, group } = cluster()
    const s2 = world.store('s2')
    await world.settle(s2.router.apply('g', bytes('x')))
    const { value } = await world.settle(s2.router.query('g', bytes('q')))
    expect(value!.toString()).toBe('q on s2 at 1')
    expect(group.on('s2').asked.readIndex).toBe(1)
  })

  test('a stale query asks nobody', async () => {
    const { world, group } = cluster()
    group.lead('')
    const { value } = await world.settle(
      world.store('s2').router.query('g', bytes('q'), { consistency: 'stale' }),
    )
    expect(value!.toString()).toBe('q on s2 at 0')
    expect(group.on('s2').asked.readIndex).toBe(0)
  })

  test('reads of one turn share one read index', async () => {
    const { world, group, s1 } = cluster()
    const reads = Array.from({ length: 50 }, (_, i) =>
      i % 2 === 0 ? s1.router.readIndex('g') : s1.router.query('g', bytes('q')),
    )
    await world.settle(Promise.all<unknown>(reads))
    expect(group.on('s1').asked.readIndex).toBe(1)
    await world.settle(s1.router.readIndex('g'))
    expect(group.on('s1').asked.readIndex).toBe(2)
  })

  test('a read waits for a leader, and at its deadline it was not applied', async () => {
    const { world, group, s1 } = cluster()
    group.lead('')
    const late = await world.settle(s1.router.readIndex('g', { timeoutMs: 100 }))
    expect(late.error).toMatchObject({ code: 'FLOTILLA_TIMEOUT', outcome: 'not-applied' })
    const read = s1.router.readIndex('g')
    world.schedule(300, () => group.lead('s2'))
    expect((await world.settle(read)).value).toEqual({ index: 0 })
  })

  test('overload is the caller’s to know', async () => {
    const { world, group, s1 } = cluster()
    group.on('s1').refusal = new FlotillaError('BUSY', 'too many reads')
    expect((await world.settle(s1.router.readIndex('g'))).error).toMatchObject({ code: 'FLOTILLA_BUSY' })
  })

  test('an unknown consistency is refused', async () => {
    const { world, s1 } = cluster()
    const options = { consistency: 'lease' as 'stale' }
    const { error } = await world.settle(s1.router.query('g', bytes('q'), options))
    expect(error).toMatchObject({ code: 'FLOTILLA_INVALID_ARGUMENT' })
  })
})

describe('groups of other stores', () => {
  test('are located once, then written to and read from', async () => {
    const { world, s4, group } = cluster()
    expect((await world.settle(s4.router.apply('g', bytes('a')))).value).toMatchObject({ index: 1 })
    expect((await world.settle(s4.router.query('g', bytes('q')))).value!.toString()).toBe('q on s1 at 1')
    expect((await world.settle(s4.router.readIndex('g'))).value).toEqual({ index: 1 })
    const located = ['s1', 's2', 's3'].map(
      (storeId) => s4.linkTo(storeId).calls.filter((m) => m === 'locate').length,
    )
    expect(located).toEqual([1, 1, 1])
    expect(group.log).toHaveLength(1)
  })

  test('a thousand calls on unknown groups share one question per store', async () => {
    const { world, s4 } = cluster()
    for (let i = 0; i < 50; i++) world.group(`g${i}`, ['s2', 's3'])
    const calls = Array.from({ length: 1_000 }, (_, i) => s4.router.apply(`g${i % 50}`, bytes(`${i}`)))
    await world.settle(Promise.all(calls))
    expect(s4.linkTo('s1').calls).toEqual(['locate'])
  })

  test('a group that every store denies is unknown at once', async () => {
    const { world, s4 } = cluster()
    const before = world.nowMs
    const { error } = await world.settle(s4.router.apply('nobody', bytes('a')))
    expect(error).toMatchObject({ code: 'FLOTILLA_UNKNOWN_GROUP', outcome: 'not-applied' })
    expect(world.nowMs - before).toBeLessThan(10)
    expect((await world.settle(s4.router.query('nobody', bytes('q')))).error).toMatchObject({
      code: 'FLOTILLA_UNKNOWN_GROUP',
    })
  })

  test('a group is not unknown while a store that may host it is away', async () => {
    const { world, s4 } = cluster()
    world.group('h', ['s3'])
    world.cut('s3', 's4')
    const call = s4.router.apply('h', bytes('a'))
    world.schedule(500, () => world.mend('s3', 's4'))
    expect((await world.settle(call)).value).toMatchObject({ index: 1 })
  })

  test('a read goes on to another member when a connection breaks under it', async () => {
    const { world, s4, group } = cluster()
    await world.settle(s4.router.readIndex('g'))
    const query = s4.router.query('g', bytes('q'))
    await world.run(1)
    world.cut('s1', 's4')
    const { value } = await world.settle(query)
    expect(value!.toString()).toMatch(/^q on s[23] at 0$/)
    expect(group.leader).toBe('s1')
  })

  test('a member that lost its replica is passed over', async () => {
    const { world, s4, group } = cluster()
    await world.settle(s4.router.readIndex('g'))
    world.store('s1').replicas.delete('g')
    group.lead('s3')
    expect((await world.settle(s4.router.query('g', bytes('q')))).value!.toString()).toMatch(/on s[23] /)
    expect((await world.settle(s4.router.apply('g', bytes('a')))).value).toMatchObject({ index: 1 })
  })

  test('a replica that is down here does not keep this store from the group', async () => {
    const { world, s1, group } = cluster()
    group.on('s1').error = new FlotillaError('STATE_MACHINE_FAILED', 'it threw')
    group.lead('s2')
    expect((await world.settle(s1.router.apply('g', bytes('a')))).value).toMatchObject({ index: 1 })
    expect((await world.settle(s1.router.query('g', bytes('q')))).value!.toString()).toMatch(/on s[23] at 1/)
    const { value } = await world.settle(s1.router.describe('g'))
    expect(value).toMatchObject({ storeId: 's1', error: { code: 'FLOTILLA_STATE_MACHINE_FAILED' } })
  })

  test('a member that hangs leaves time for another', async () => {
    const { world, s4 } = cluster()
    await world.settle(s4.router.readIndex('g'))
    world.store('s1').callServer.onCall = () => new Promise(() => {})
    const { value } = await world.settle(s4.router.query('g', bytes('q'), { timeoutMs: 2_000 }))
    expect(value!.toString()).toMatch(/on s[23] /)
  })

  test('a description crosses the wire whole', async () => {
    const { world, s4, group } = cluster()
    const { value } = await world.settle(new Group(s4.router, 'g').describe())
    expect(value).toEqual(group.on(value!.storeId).describe())
  })

  test('a store answers for its own replicas only: one hop', async () => {
    const { world, s4 } = cluster()
    const body = Buffer.from([0x0a, 1, 'g'.charCodeAt(0)])
    for (const method of ['readIndex', 'query', 'kv.get', 'kv.scan', 'describeGroup']) {
      const { error } = await world.settle(s4.callServer.onCall('s1', method, body))
      expect([method, error?.code]).toEqual([method, 'FLOTILLA_NO_SUCH_REPLICA'])
    }
    expect(s4.linkTo('s1').calls).toEqual([])
    expect((await world.settle(s4.callServer.onCall('s1', 'reboot', body))).error).toMatchObject({
      code: 'FLOTILLA_INVALID_ARGUMENT',
    })
  })
})

describe('a group handle', () => {
  test('refuses what is no bytes, and writes that would bypass the key-value commands', async () => {
    const { world, s1 } = cluster()
    const text = 'text' as unknown as Buffer
    const group = new Group(s1.router, 'g')
    for (const call of [() => group.apply(text), () => group.query(text)]) {
      expect((await world.settle<unknown>(call())).error).toMatchObject({ code: 'FLOTILLA_INVALID_ARGUMENT' })
    }
    const { error } = await world.settle(new Group(s1.router, 'kv/0000').apply(bytes('junk')))
    expect(error).toMatchObject({ code: 'FLOTILLA_INVALID_ARGUMENT' })
  })

  test('takes a Uint8Array', async () => {
    const { world, s1, group } = cluster()
    await world.settle(new Group(s1.router, 'g').apply(new Uint8Array([1, 2])))
    expect(group.log[0]!.payload).toEqual(Buffer.from([1, 2]))
  })
})
