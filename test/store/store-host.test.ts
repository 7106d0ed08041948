import { expect, test } from 'vitest'
import { SimWorld } from '../../src/sim/world.ts'
import type { SimProcess } from '../../src/sim/process.ts'
import { firstMembers, type GroupSpec } from '../../src/store/group-spec.ts'
import type { UserStateMachine } from '../../src/store/state-machine-fsm.ts'
import { StoreHost } from '../../src/store/store-host.ts'
import type { FlotillaError } from '../../src/util/errors.ts'
import { MAX_SHARD_CLOSE_MS, MAX_STATE_MACHINE_CLOSE_MS } from '../../src/util/limits.ts'

/** Beginning and end of a store, and of its groups. */
function open(process: SimProcess, machine: UserStateMachine, listen = '127.0.0.1:7000'): Promise<StoreHost> {
  return StoreHost.open({
    env: process.env,
    clusterId: 'c',
    storeId: 's1',
    dataDir: process.dir,
    stores: { s1: '127.0.0.1:7000' },
    listen,
    shards: 1,
    nodeOptions: { electionTimeoutMs: 500, heartbeatIntervalMs: 50, stepDownWhenVoteTimedout: true },
    types: new Map([['mine', () => machine]]),
    handlers: {
      onLinkUp() {},
      onLinkDown() {},
      onForwardRequest() {},
      onForwardResponse() {},
      onStall() {},
      onMissingReplica() {},
      onCall: () => Promise.resolve(Buffer.alloc(0)),
      onLeaderChange() {},
      onGroupError() {},
    },
  })
}

function spec(groupId: string, args = ''): GroupSpec {
  return {
    groupId,
    type: 'mine',
    args: Buffer.from(args),
    members: firstMembers(['s1'], 's1'),
    nextReplica: 2,
  }
}

test('a group named twice in one call is made once', async () => {
  const world = new SimWorld({ seed: 1 })
  const process = world.process('s1')
  const host = await world.settle(open(process, { onApply() {} }))
  const answers = await world.settle(host.createGroups([spec('a'), spec('a'), spec('a', 'other'), spec('b')]))
  expect(answers.map((answer) => answer?.shortName ?? null)).toEqual([null, null, 'GROUP_EXISTS', null])
  await world.settle(host.close())
  const again = await world.settle(open(process, { onApply() {} }))
  expect([...again.groups()].map((group) => [group.groupId, group.slot])).toEqual([
    ['a', 1],
    ['b', 2],
  ])
  await world.settle(again.close())
})

test('a state machine that never settles keeps the store from closing for a bounded time', async () => {
  const world = new SimWorld({ seed: 2 })
  let applying = 0
  const stuck = {
    onApply() {
      applying++
      return new Promise<void>(() => {})
    },
  }
  const host = await world.settle(open(world.process('s1'), stuck))
  await world.settle(host.createGroups([spec('a')]))
  await world.waitFor(() => host.group('a')!.isLeader, 1_000)
  host.group('a')!.propose(Buffer.from('x'), 0, { onDone() {}, onRefused() {} }, 0)
  await world.waitFor(() => applying === 1, 1_000)
  const startedMs = world.nowMs
  await world.settle(host.close(), 2 * MAX_STATE_MACHINE_CLOSE_MS)
  expect(world.nowMs - startedMs).toBeLessThan(MAX_STATE_MACHINE_CLOSE_MS + 100)
  expect(await host.closed).toBe(null)
})

test('a start that fails closes what it had started, and a later one succeeds', async () => {
  const world = new SimWorld({ seed: 3 })
  const process = world.process('s1')
  let closed = 0
  const machine = { onApply() {}, close: () => void closed++ }
  const first = await world.settle(open(process, machine))
  await world.settle(first.createGroups([spec('a')]))
  await world.settle(first.close())
  expect(closed).toBe(1)
  const taken = await world.settle(process.env.sockets.listen('127.0.0.1', 7000, () => {}))
  await expect(world.settle(open(process, machine))).rejects.toMatchObject({
    code: 'FLOTILLA_ADDRESS_IN_USE',
  })
  expect(closed).toBe(2)
  await world.settle(taken.close())
  const second = await world.settle(open(process, machine))
  await world.settle(second.close())
})

test('a disk that fails while the store starts is the reason that open gives', async () => {
  for (let seed = 0; seed < 20; seed++) {
    const world = new SimWorld({ seed })
    const process = world.process('s1')
    const first = await world.settle(open(process, { onApply() {} }))
    await world.settle(first.createGroups([spec('a')]))
    await world.settle(first.close())
    process.disk.failNextSync(1)
    const outcome = await world.settle(
      open(process, { onApply() {} }).then(
        async (host) => {
          const reason = await host.closed
          return `open, then ${reason?.shortName}`
        },
        (error: { shortName: string }) => error.shortName,
      ),
      20_000,
    )
    expect(outcome).toMatch(/STORAGE_FAILED/)
  }
})

test('time in which the process stood still says nothing about its disk', async () => {
  const world = new SimWorld({ seed: 5 })
  const process = world.process('s1')
  const host = await world.settle(open(process, { onApply() {} }))
  await world.settle(host.createGroups([spec('a')]))
  await world.waitFor(() => host.group('a')!.isLeader, 1_000)
  process.disk.stall()
  host.group('a')!.propose(Buffer.from('x'), 0, { onDone() {}, onRefused() {} }, 0)
  await world.run({ forMs: 300 })
  process.pause(20_000)
  await world.run({ forMs: 20_100 })
  expect(host.group('a')!.isLeader).toBe(true)
  process.disk.unstall()
  await world.run({ forMs: 1_000 })
  expect([host.failure, host.group('a')!.isLeader]).toEqual([null, true])
  await world.settle(host.close())
})

test('a disk that never answers again keeps the store from closing for a bounded time', async () => {
  const world = new SimWorld({ seed: 6 })
  const process = world.process('s1')
  const host = await world.settle(open(process, { onApply() {} }))
  await world.settle(host.createGroups([spec('a')]))
  await world.waitFor(() => host.group('a')!.isLeader, 1_000)
  process.disk.stall()
  host.group('a')!.propose(Buffer.from('x'), 0, { onDone() {}, onRefused() {} }, 0)
  await world.run({ forMs: 10 })
  const startedMs = world.nowMs
  await world.settle(host.close(), 2 * MAX_SHARD_CLOSE_MS)
  expect(world.nowMs - startedMs).toBeLessThan(MAX_SHARD_CLOSE_MS + 1_000)
  expect((await host.closed)?.code).toBe('FLOTILLA_STORAGE_FAILED')
})

test('a write that fails while the store closes is the reason that closed gives, and nothing of it is acknowledged', async () => {
  const world = new SimWorld({ seed: 7 })
  const process = world.process('s1')
  const host = await world.settle(open(process, { onApply() {} }))
  await world.settle(host.createGroups([spec('a')]))
  await world.waitFor(() => host.group('a')!.isLeader, 1_000)
  const told: string[] = []
  const sink = {
    onDone: () => told.push('done'),
    onRefused: (_at: number, { outcome }: FlotillaError) => told.push(outcome),
  }
  host.group('a')!.propose(Buffer.from('x'), 0, sink, 0)
  // The end of the turn hands it to the disk, which has not answered yet.
  await world.run({ forMs: 0.02 })
  process.disk.failNextSync(1)
  await world.settle(host.close())
  expect((await host.closed)?.code).toBe('FLOTILLA_STORAGE_FAILED')
  expect(told).toEqual(['unknown'])
})
