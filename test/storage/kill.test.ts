import { fork } from 'node:child_process'
import { expect, test } from 'vitest'
import { payloadsOf, rocksWorld, TestShard } from './shard-harness.ts'

const PROMISES_BEFORE_KILL = 600

/** Runs the child until it has promised enough, kills it, and returns the highest promised index of each group. */
async function promisedBeforeKill(dir: string): Promise<Map<string, number>> {
  const child = fork(new URL('./kill-child.js', import.meta.url), [dir], {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  })
  const promised = new Map<string, number>()
  let lines = 0
  let rest = ''
  child.stdout!.on('data', (chunk: Buffer) => {
    const parts = (rest + chunk.toString()).split('\n')
    rest = parts.pop()!
    for (const line of parts) {
      const [groupId, index] = line.split(' ')
      promised.set(groupId!, Math.max(promised.get(groupId!) ?? 0, Number(index)))
      lines++
    }
    if (lines >= PROMISES_BEFORE_KILL) child.kill('SIGKILL')
  })
  await new Promise((resolve) => child.on('close', resolve))
  expect(child.signalCode).toBe('SIGKILL')
  return promised
}

test('after kill -9 under load every entry whose vouch was released is there', async () => {
  const world = rocksWorld()
  const promised = await promisedBeforeKill(world.dir)
  expect([...promised.keys()].sort()).toEqual(['a', 'b', 'c', 'd'])
  const shard = await TestShard.open(world)
  for (const [groupId, index] of promised) {
    const { record, lastIndex } = shard.recovered(groupId)
    expect(lastIndex).toBeGreaterThanOrEqual(index)
    let next = 1
    while (next <= index) {
      const blocks = await shard.read(record.slot, next, index)
      for (const payload of payloadsOf(blocks)) expect(payload).toBe(`${groupId}:${next++}`)
    }
  }
  await shard.shard.close()
  world.remove()
})
