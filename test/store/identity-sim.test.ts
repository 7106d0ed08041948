import { describe, expect, test } from 'vitest'
import { IdentityWorld, GROUP } from './identity-world.ts'

const REPLACED = 'FLOTILLA_STORE_REPLACED'

async function three(seed: number) {
  const cluster = new IdentityWorld(seed)
  const [s1, s2, s3] = await cluster.three()
  expect(cluster.leader()).toBe('s1')
  expect(await cluster.write(20, 500)).toBe(20)
  // What was heard lies on disk.
  await cluster.world.run({ forMs: 4_000 })
  return { cluster, world: cluster.world, s1: s1!, s2: s2!, s3: s3! }
}

/** With s2 gone nothing is acknowledged, whatever s3 does; with s2 back all goes on. */
async function countsForNothing({ cluster, world, s2 }: Awaited<ReturnType<typeof three>>): Promise<void> {
  s2.kill('process')
  await world.run({ forMs: 3_000 })
  expect(cluster.leader()).toBe(null)
  expect(await cluster.write(5)).toBe(0)
  s2.restart()
  await world.run({ forMs: 3_000 })
  expect(await cluster.write(5)).toBe(5)
}

describe('a directory that is not what it was', () => {
  test('wiped: refused by both ends with both incarnations named, logged once, and no part of any quorum', async () => {
    const parts = await three(1)
    const { cluster, world, s1, s3 } = parts
    const before = cluster.host('s3').identity.incarnation
    s3.kill('process')
    s3.wipe()
    s3.restart()
    await world.run({ forMs: 5_000 })
    const after = cluster.host('s3').identity.incarnation
    const error = cluster.error('s1', 's3')!
    expect(error.code).toBe(REPLACED)
    for (const text of [before, after, 'store s3', 'wiped or replaced', 'flotilla store readmit']) {
      expect(error.message).toContain(text)
    }
    expect(cluster.logged(s1, 's3')).toBe(1)
    const { suspicion } = cluster.host('s3').peerBook
    expect(suspicion).toMatchObject({ code: REPLACED, store: 's3' })
    expect(suspicion!.message).toContain(before)
    expect(cluster.seat('s3').suspicions).toHaveLength(1)
    const [refusal] = await world.settle(
      cluster.host('s3').createGroups([{ ...cluster.host('s1').group(GROUP)!.spec, groupId: 'new' }]),
    )
    expect(refusal).toMatchObject({ code: REPLACED })
    await countsForNothing(parts)
  })

  test('wiped, and given its groups again before it meets anybody: it does not vote in them', async () => {
    const parts = await three(2)
    const { cluster, world, s3 } = parts
    const { spec } = cluster.host('s1').group(GROUP)!
    s3.kill('process')
    s3.wipe()
    world.network.partition(['s1', 's2'], ['s3'])
    s3.restart()
    await world.run({ forMs: 500 })
    expect(await world.settle(cluster.host('s3').createGroups([spec]))).toEqual([null])
    world.network.heal()
    await world.run({ forMs: 5_000 })
    await countsForNothing(parts)
  })

  test('rolled back to a copy taken while it ran: its flush number tells', async () => {
    const parts = await three(3)
    const { cluster, world, s3 } = parts
    const image = s3.disk.image()
    expect(await cluster.write(20, 500)).toBe(20)
    await world.run({ forMs: 200 })
    s3.kill('process')
    s3.restore(image)
    s3.restart()
    await world.run({ forMs: 5_000 })
    const error = cluster.error('s1', 's3')!
    expect(error).toMatchObject({ code: REPLACED })
    expect(error.message).toMatch(
      /has told of write (\d+) of its shard [01] and now holds no more than \d+: .*rolled back/,
    )
    expect(cluster.host('s3').peerBook.suspicion!.message).toContain('rolled back')
    await countsForNothing(parts)
  })

  test('rolled back behind everybody’s back: the others, started anew, know it from their disks', async () => {
    const parts = await three(4)
    const { cluster, world, s1, s2, s3 } = parts
    const image = s3.disk.image()
    expect(await cluster.write(20, 500)).toBe(20)
    await world.run({ forMs: 4_000 })
    for (const machine of [s1, s2, s3]) machine.kill('power')
    s3.restore(image)
    for (const machine of [s1, s2, s3]) machine.restart()
    await world.run({ forMs: 6_000 })
    expect(cluster.error('s1', 's3')).toMatchObject({ code: REPLACED })
    await countsForNothing(parts)
  })

  test('rolled back, and started unheard until its boot number is above what the others know: their process of it tells', async () => {
    const parts = await three(12)
    const { cluster, world, s1, s2, s3 } = parts
    const image = s3.disk.image()
    for (let i = 0; i < 2; i++) {
      s3.restart('process')
      await world.run({ forMs: 1_000 })
    }
    // What they only remember, flush numbers among it, a power cut takes; which starts they met lies on their disks.
    for (const machine of [s1, s2]) machine.kill('power')
    s3.kill('process')
    s3.restore(image)
    for (let i = 0; i < 5; i++) {
      s3.restart('process')
      await world.run({ forMs: 200 })
    }
    for (const machine of [s1, s2]) machine.restart()
    await world.run({ forMs: 6_000 })
    expect(cluster.host('s3').peerBook.suspicion!.message).toContain('comes from two processes')
    await countsForNothing(parts)
  })

  test('put back from a copy of an earlier start: the same boot number comes from two processes', async () => {
    const parts = await three(5)
    const { cluster, world, s3 } = parts
    s3.kill('process')
    const image = s3.disk.image()
    s3.restart()
    await world.run({ forMs: 2_000 })
    s3.kill('process')
    s3.restore(image)
    s3.restart()
    await world.run({ forMs: 5_000 })
    expect(cluster.error('s1', 's3')!.message).toContain('comes from two processes')
    await countsForNothing(parts)
  })

  test('copied and run twice: the copy is refused, the first goes on and counts', async () => {
    const { cluster, world, s2, s3 } = await three(6)
    cluster.idle.add('copy')
    const copy = cluster.machine('s3', ['s1', 's2', 's3'], 'copy')
    s3.kill('process')
    const image = s3.disk.image()
    s3.restart()
    await world.run({ forMs: 2_000 })
    copy.kill('process')
    copy.restore(image)
    cluster.idle.delete('copy')
    copy.restart()
    await world.run({ forMs: 5_000 })
    expect(cluster.host('copy').identity.boot).toBe(cluster.host('s3').identity.boot)
    expect(cluster.host('copy').peerBook.suspicion!.message).toContain('comes from two processes')
    expect(cluster.host('s3').peerBook.suspicion).toBe(null)
    s2.kill('process')
    await world.run({ forMs: 2_000 })
    expect(await cluster.write(5)).toBe(5)
  })

  test('a copy that met one store first and the original that met another: both are out', async () => {
    const { cluster, world, s1, s3 } = await three(7)
    cluster.idle.add('copy')
    const copy = cluster.machine('s3', ['s1', 's2', 's3'], 'copy')
    s3.kill('process')
    const image = s3.disk.image()
    copy.kill('process')
    copy.restore(image)
    cluster.idle.delete('copy')
    world.network.partition(['s1', 's3'], ['s2', 'copy'])
    s3.restart()
    copy.restart()
    await world.run({ forMs: 6_000 })
    world.network.heal()
    await world.run({ forMs: 6_000 })
    expect(cluster.host('s3').peerBook.suspicion).not.toBe(null)
    expect(cluster.host('copy').peerBook.suspicion).not.toBe(null)
    expect(await cluster.write(5)).toBe(5)
    s1.kill('process')
    await world.run({ forMs: 3_000 })
    expect(await cluster.write(5)).toBe(0)
  })

  test('a suspect store keeps away after a restart, though the one who knows is gone', async () => {
    const { cluster, world, s1, s2, s3 } = await three(8)
    s3.kill('process')
    s3.wipe()
    s2.kill('process')
    s3.restart()
    await world.run({ forMs: 5_000 })
    expect(cluster.host('s3').peerBook.suspicion).not.toBe(null)
    s1.kill('process')
    s3.restart()
    await world.run({ forMs: 1_000 })
    expect(cluster.host('s3').peerBook.suspicion).toMatchObject({ code: REPLACED })
  })

  test('what needs no other store stops too: no read, no write in a group of its own', async () => {
    const { cluster, world, s3 } = await three(9)
    await cluster.create({ groupId: 'own', type: 'list', members: ['s3'] })
    await world.run({ forMs: 1_000 })
    expect(await cluster.write(5, 500, 'own')).toBe(5)
    const image = s3.disk.image()
    expect(await cluster.write(5, 500, 'own')).toBe(5)
    s3.kill('process')
    s3.restore(image)
    s3.restart()
    await world.run({ forMs: 5_000 })
    expect(cluster.leader('own')).toBe(null)
    let read = 'pending'
    cluster
      .host('s3')
      .group('own')!
      .readIndex({
        isWanted: true,
        onReadIndex: () => {
          read = 'served'
        },
        onReadRefused: (error) => {
          read = error.code
        },
      })
    await world.run({ forMs: 2_000 })
    expect(read).not.toBe('served')
  })

  test('a store that was rolled back stays suspect though those who know have forgotten it since', async () => {
    const { cluster, world, s1, s2, s3 } = await three(11)
    const image = s3.disk.image()
    expect(await cluster.write(5)).toBe(5)
    s3.kill('process')
    s3.restore(image)
    s3.restart()
    await world.run({ forMs: 5_000 })
    expect(cluster.host('s3').peerBook.suspicion!.message).toContain('was rolled back')
    for (const machine of [s1, s2]) {
      machine.kill('process')
      machine.disk.remove(`${machine.dir}/peers.json`)
      machine.restart()
    }
    await world.run({ forMs: 6_000 })
    expect(cluster.host('s3').peerBook.suspicion).toMatchObject({ code: REPLACED })
  })

  test('an accusation ends when the one who made it has lost its own directory: the others are sound again', async () => {
    const { cluster, world, s1, s2, s3 } = await three(10)
    // A new life of the cluster in which one old directory was forgotten.
    for (const machine of [s1, s2, s3]) machine.kill('process')
    for (const machine of [s1, s2]) machine.wipe()
    for (const machine of [s1, s2]) machine.restart()
    await world.run({ forMs: 500 })
    await cluster.create({ groupId: 'fresh', type: 'list', members: ['s1', 's2'] })
    await world.run({ forMs: 500 })
    expect(await cluster.write(5, 1_000, 'fresh')).toBe(5)
    s3.restart()
    await world.run({ forMs: 5_000 })
    for (const name of ['s1', 's2']) {
      expect(cluster.host(name).peerBook.suspicion!.message).toContain('suspect to store s3')
    }
    expect(await cluster.write(5, 1_000, 'fresh')).toBe(0)
    s3.kill('process')
    s3.wipe()
    s3.restart()
    await world.run({ forMs: 6_000 })
    for (const name of ['s1', 's2', 's3']) expect(cluster.host(name).peerBook.suspicion).toBe(null)
    expect(await cluster.write(5, 1_000, 'fresh')).toBe(5)
  })
})

describe('memory of others', () => {
  test('which life of a store is dealt with lies on disk when its link comes up', async () => {
    const cluster = new IdentityWorld(20)
    const names = ['s1', 's2']
    const found: boolean[] = []
    for (const name of names) {
      const machine = cluster.machine(name, names)
      cluster.seat(name).onLinkUp = (peer) => {
        const file = machine.disk.files.get(`/sim/${name}/peers.json`)!.toString()
        // The other store may be about to finish opening: its identity is on its own disk.
        const other = cluster.world.process(peer).disk.files.get(`/sim/${peer}/identity.json`)!.toString()
        const { incarnation, boot } = (
          JSON.parse(other) as { identity: { incarnation: string; boot: number } }
        ).identity
        const known = (JSON.parse(file) as { peers: { peers: Record<string, unknown>[] } }).peers.peers
        found.push(known.some((entry) => entry.incarnation === incarnation && entry.boot === boot))
      }
    }
    await cluster.world.run({ forMs: 3_000 })
    cluster.world.process('s2').restart()
    await cluster.world.run({ forMs: 4_000 })
    expect(found.length).toBeGreaterThanOrEqual(4)
    expect(found).not.toContain(false)
  })

  test('a memory that cannot be written ends the store', async () => {
    const cluster = new IdentityWorld(21)
    const names = ['s1', 's2']
    for (const name of names) cluster.machine(name, names)
    await cluster.world.run({ forMs: 500 })
    let reason: unknown = null
    void cluster.host('s1').closed.then((error) => {
      reason = error
    })
    cluster.world.process('s2').kill('process')
    cluster.world.process('s1').disk.failNextWrite(1)
    cluster.world.process('s2').restart()
    await cluster.world.run({ forMs: 4_000 })
    expect(reason).toMatchObject({ code: 'FLOTILLA_STORAGE_FAILED' })
  })
})

describe('addresses', () => {
  test('a store that comes back elsewhere with a stale book finds the others by its own, and they learn where it is', async () => {
    const { cluster, world, s3 } = await three(30)
    const seat = cluster.seat('s3')
    s3.kill('process')
    seat.listen = 's3:7001'
    // The book that it is given is the first one, of a time before all that it has heard.
    seat.stores = { s3: 's3:7001' }
    s3.restart()
    await world.run({ forMs: 6_000 })
    const peers = cluster.host('s3').peerBook.describe()
    expect(peers.map(({ storeId, connected, address }) => `${storeId} ${connected} ${address}`)).toEqual([
      's1 true s1:7000',
      's2 true s2:7000',
    ])
    for (const name of ['s1', 's2']) {
      const known = cluster
        .host(name)
        .peerBook.describe()
        .find(({ storeId }) => storeId === 's3')
      expect(known).toMatchObject({ connected: true, address: 's3:7001' })
    }
    // And dial it there themselves when they start anew, whatever their options say.
    const dials = cluster.host('s3').stats().rpc.dials
    cluster.world.process('s1').restart()
    await world.run({ forMs: 1_500 })
    expect(cluster.error('s1', 's3')).toBe(null)
    expect(cluster.host('s1').link('s3').connected).toBe(true)
    expect(cluster.host('s3').stats().rpc.dials).toBe(dials)
  })

  test('setAddress while the store runs: the new address is dialed at once, and survives a restart', async () => {
    const { cluster, world, s3 } = await three(31)
    const seat = cluster.seat('s3')
    s3.kill('process')
    seat.stores = { s3: 's3:7002' }
    seat.listen = 's3:7002'
    s3.wipe()
    cluster.idle.add('s3')
    // Nobody answers at the old address.
    await world.run({ forMs: 3_000 })
    for (const name of ['s1', 's2'])
      expect(cluster.error(name, 's3')).toMatchObject({ code: 'FLOTILLA_CONNECTION_LOST' })
    cluster.host('s1').peerBook.setAddress('s3', 's3:7002')
    expect(() => cluster.host('s1').peerBook.setAddress('s3', 'nowhere')).toThrow(/host:port/)
    const at = () =>
      cluster
        .host('s1')
        .peerBook.describe()
        .find(({ storeId }) => storeId === 's3')!.address
    expect(at()).toBe('s3:7002')
    await world.run({ forMs: 100 })
    world.process('s1').restart()
    await world.run({ forMs: 1_000 })
    expect(at()).toBe('s3:7002')
    // A restarted neighbour hears of it in its handshake.
    world.process('s2').restart()
    await world.run({ forMs: 3_000 })
    expect(
      cluster
        .host('s2')
        .peerBook.describe()
        .find(({ storeId }) => storeId === 's3')!.address,
    ).toBe('s3:7002')
  })
})
