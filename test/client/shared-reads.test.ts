import { describe, expect, test } from 'vitest'
import { FlotillaError } from '../../src/util/errors.ts'
import { World } from './world.ts'

type GetMany = NonNullable<ReturnType<ReturnType<World['group']>['on']>['kv']>['getMany']

/** A region on `stores`; s1's look-ups go through `getMany`. */
function region(world: World, stores: readonly string[], getMany: (ask: GetMany) => GetMany) {
  const group = world.group('kv', [...stores], 'kv')
  const replica = group.on('s1')
  const kv = replica.kv!
  const value = { openScan: kv.openScan.bind(kv), getMany: getMany(kv.getMany.bind(kv)) }
  Object.defineProperty(replica, 'kv', { value })
  return group
}

describe('reads that share a look-up or a message', () => {
  test('a damaged value fails the read that touches it, and no other', async () => {
    for (const name of ['s1', 's4']) {
      const world = new World(['s1', 's4'])
      region(world, ['s1'], (ask) => (keys, done) => {
        // As a shard's reader: its whole request fails.
        if (keys.some((key) => key.toString() === 'bad'))
          world.schedule(0, () => done(new FlotillaError('CORRUPT', 'bad'), [], 0))
        else ask(keys, done)
      })
      const { reads } = world.store(name)
      const all = ['good1', 'bad', 'good2'].map((key) =>
        reads.get('kv', [Buffer.from(key)]).then(
          () => 'ok',
          (error: FlotillaError) => error.shortName,
        ),
      )
      const { value } = await world.settle(Promise.all(all))
      expect([name, value]).toEqual([name, ['ok', 'CORRUPT', 'ok']])
    }
  })

  test('one large value among small ones costs them two rounds more, not one for every few of them', async () => {
    const world = new World(['s1', 's4'])
    let rounds = 0
    const group = region(world, ['s1'], (ask) => (keys, done) => {
      rounds++
      ask(keys, done)
    })
    const keys = Array.from({ length: 1_024 }, (_, i) => Buffer.from(`k${i}`))
    for (const [i, key] of keys.entries())
      group.state.set(key.toString('latin1'), Buffer.alloc(i === 0 ? 4 * 1024 * 1024 : 10))
    const { reads } = world.store('s4')
    const { error } = await world.settle(Promise.all(keys.map((key) => reads.get('kv', [key]))))
    expect(error).toBe(null)
    // 1, 2, 4, 8, …
    expect(rounds).toBeLessThanOrEqual(12)
  })

  test('what an answer has no room for is not looked up again and again', async () => {
    const world = new World(['s1', 's4'])
    let lookedUp = 0
    const group = region(world, ['s1'], (ask) => (keys, done) => {
      lookedUp += keys.length
      ask(keys, done)
    })
    const keys = Array.from({ length: 256 }, (_, i) => Buffer.from(`k${i}`))
    for (const key of keys) group.state.set(key.toString('latin1'), Buffer.alloc(1024 * 1024))
    const { reads } = world.store('s4')
    const { error, value } = await world.settle(Promise.all(keys.map((key) => reads.get('kv', [key]))))
    expect(error).toBe(null)
    expect(value!.every(({ values }) => values[0]!.length === 1024 * 1024)).toBe(true)
    // An answer has room for four: all of them once, and then eight at a time.
    expect(lookedUp).toBeLessThanOrEqual(256 + 2 * 256)
  })
})
