import { expect, test } from 'vitest'
import { World } from './world.ts'

test('a group whose members have all been replaced is found again when the old stores are gone', async () => {
  const world = new World(['s1', 's2', 's3', 's4', 's5'])
  world.group('g', ['s1', 's2'])
  const { router } = world.store('s5')
  await world.settle(router.apply('g', Buffer.from('x')))
  // The old members were taken out one by one; then their machines were switched off.
  for (const storeId of ['s1', 's2']) {
    world.store(storeId).replicas.delete('g')
    for (const other of ['s3', 's4', 's5']) world.cut(storeId, other)
  }
  world.group('g', ['s3', 's4'])
  const written = await world.settle(router.apply('g', Buffer.from('y')))
  expect(written.error).toBeNull()
  const read = await world.settle(router.query('g', Buffer.from('q')))
  expect(read.error).toBeNull()
})

test('while a group is down, and nobody knows of newer members, its callers wait as before', async () => {
  const world = new World(['s1', 's2', 's3', 's5'])
  world.group('g', ['s1', 's2'])
  const { router } = world.store('s5')
  await world.settle(router.apply('g', Buffer.from('x')))
  for (const storeId of ['s1', 's2']) world.cut(storeId, 's5')
  const waiting = router.apply('g', Buffer.from('y'), { timeoutMs: 60_000 })
  await world.run(10_000)
  expect(router.pendingCalls).toBeGreaterThan(0)
  // Asked for with the pauses of a waiting call, not in a circle.
  const asked = world
    .store('s5')
    .linkTo('s3')
    .calls.filter((method) => method === 'locate').length
  expect(asked).toBeLessThan(150)
  world.mend('s1', 's5')
  expect((await world.settle(waiting)).error).toBeNull()
})
