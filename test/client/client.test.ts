import { once } from 'node:events'
import fs from 'node:fs'
import http from 'node:http'
import net from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Client, FlotillaError } from '../../src/client.ts'
import type { Cluster } from '../../src/index.ts'
import { TestCluster, until } from '../api/cluster.ts'

/** Real stores on real sockets. What the faults of a network do to a client is in client-sim.test.ts. */
let cluster: TestCluster

beforeAll(async () => {
  cluster = await TestCluster.open(['s1', 's2', 's3'], {
    kv: { splitKeys: ['h', 'q'].map((key) => ({ keyspace: 'both', key })) },
  })
})

afterAll(() => cluster.close())

function addressOf(storeId: string): string {
  return cluster.store(storeId).address
}

async function connect(...stores: string[]): Promise<Client> {
  return await Client.connect({ stores })
}

async function refusal(promise: Promise<unknown>): Promise<FlotillaError> {
  const error = await promise.then(
    () => null,
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(FlotillaError)
  return error as FlotillaError
}

/** A server that listens on a free port until disposed. */
async function listen<T extends net.Server>(server: T): Promise<{ address: string } & AsyncDisposable> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const sockets = new Set<net.Socket>()
  server.on('connection', (socket) => sockets.add(socket))
  return {
    address: `127.0.0.1:${(server.address() as net.AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** Nobody listens there. */
async function deadAddress(): Promise<string> {
  const { address, ...server } = await listen(net.createServer())
  await server[Symbol.asyncDispose]()
  return address
}

describe('connect', () => {
  test('one store of the list is enough: cluster, stores and addresses are learned from it', async () => {
    await using client = await connect(await deadAddress(), addressOf('s2'))
    expect(client.clusterId).toBe('test')
    const stores = await client.describeStores()
    expect(stores.map(({ storeId, address }) => [storeId, address])).toEqual([
      ['s1', addressOf('s1')],
      ['s2', addressOf('s2')],
      ['s3', addressOf('s3')],
    ])
    expect(stores.every(({ reachable, error }) => reachable && error === null)).toBe(true)
  })

  test('nobody there: UNREACHABLE names each address and why, within the time that was given', async () => {
    const stores = [await deadAddress(), await deadAddress()]
    const begun = performance.now()
    const error = await refusal(Client.connect({ stores, connectTimeoutMs: 400 }))
    expect(performance.now() - begun).toBeLessThan(20_000)
    expect(error).toMatchObject({ code: 'FLOTILLA_UNREACHABLE', outcome: 'not-applied', retryable: true })
    for (const address of stores) expect(error.message).toMatch(new RegExp(`${address}[^;]*ECONNREFUSED`))
  })

  test('a socket that takes everything and says nothing ends by the time-out', async () => {
    await using silent = await listen(net.createServer((socket) => socket.resume()))
    const error = await refusal(Client.connect({ stores: [silent.address], connectTimeoutMs: 300 }))
    expect(error.code).toBe('FLOTILLA_UNREACHABLE')
    expect(error.message).toContain(silent.address)
  })

  test('an HTTP server is told from a store at once, and does no harm beside one', async () => {
    await using web = await listen(http.createServer((_request, response) => response.end('hello')))
    const error = await refusal(Client.connect({ stores: [web.address], connectTimeoutMs: 600_000 }))
    expect(error.code).toBe('FLOTILLA_UNREACHABLE')
    expect(error.message).toContain(`what listens at ${web.address} is no Flotilla store`)
    await using client = await connect(web.address, addressOf('s1'))
    expect(client.clusterId).toBe('test')
  })

  test('a store of another cluster than the one named is refused, and so are stores of two clusters', async () => {
    const error = await refusal(
      Client.connect({ stores: [addressOf('s1')], clusterId: 'other', connectTimeoutMs: 600_000 }),
    )
    expect(error).toMatchObject({ code: 'FLOTILLA_IDENTITY_MISMATCH', outcome: 'not-applied' })
    expect(error.message).toContain(`at ${addressOf('s1')} is store s1 of cluster test, not of cluster other`)

    const other = await TestCluster.open(['x1'], { clusterId: 'other' })
    try {
      const mixed = await refusal(connect(addressOf('s1'), other.store('x1').address))
      expect(mixed.code).toBe('FLOTILLA_IDENTITY_MISMATCH')
      await using named = await Client.connect({ stores: [addressOf('s1')], clusterId: 'test' })
      expect(named.clusterId).toBe('test')
    } finally {
      await other.close()
    }
  })

  test.each([
    [undefined, /options must be an object/],
    [{}, /stores must be a list/],
    [{ stores: [] }, /stores must be a list/],
    [{ stores: ['nowhere'] }, /"nowhere" is not host:port/],
    [{ stores: ['a:1'], store: 'a:1' }, /unknown option store: known are stores/],
    [{ stores: ['a:1'], connectTimeoutMs: 0 }, /connectTimeoutMs must be/],
    [{ stores: ['a:1'], clusterId: '' }, /clusterId must be/],
    [{ stores: ['a:1'], logger: 1 }, /logger must be/],
  ])('refuses the options %j', async (options, message) => {
    const error = await refusal(Client.connect(options as never))
    expect(error.code).toBe('FLOTILLA_INVALID_ARGUMENT')
    expect(error.message).toMatch(message)
  })

  test('without key-value regions kv() says so', async () => {
    const bare = await TestCluster.open(['b1'], { kv: false })
    try {
      await using client = await connect(bare.store('b1').address)
      expect(() => client.kv()).toThrow(expect.objectContaining({ code: 'FLOTILLA_NO_KV' }))
    } finally {
      await bare.close()
    }
  })
})

describe('keys', () => {
  test('what a store has written a client reads at once, and the other way round, in every region', async () => {
    await using client = await connect(addressOf('s1'))
    const here = client.kv<string, { n: number }>('both', { valueEncoding: 'json' })
    const there = cluster.store('s3').kv<string, { n: number }>('both', { valueEncoding: 'json' })
    for (const key of ['a', 'k', 'z']) {
      await there.put(key, { n: 1 })
      expect(await here.get(key)).toEqual({ n: 1 })
      await here.put(key, { n: 2 })
      expect(await there.get(key)).toEqual({ n: 2 })
    }
    expect(await here.getMany(['z', 'none', 'a'])).toEqual([{ n: 2 }, undefined, { n: 2 }])
    await here.batch([
      { type: 'put', key: 'b', value: { n: 3 } },
      { type: 'del', key: 'a' },
    ])
    expect(await there.getMany(['a', 'b'])).toEqual([undefined, { n: 3 }])
    expect(
      await refusal(
        here.batch([
          { type: 'del', key: 'a' },
          { type: 'del', key: 'z' },
        ]),
      ),
    ).toMatchObject({
      code: 'FLOTILLA_CROSS_REGION',
    })
    expect(await here.keys({ gte: 'b', reverse: true }).all()).toEqual(['z', 'k', 'b'])
    const detailed = await here.getDetailed('b')
    expect(detailed).toMatchObject({ value: { n: 3 }, groupId: expect.stringMatching(/^kv\//) })
    expect(['s1', 's2', 's3']).toContain(detailed.storeId)
    expect(await refusal(here.getDetailed('b', { localOnly: true }))).toMatchObject({
      code: 'FLOTILLA_NO_SUCH_REPLICA',
    })
  })

  test('an iterator sees one state of each region, however much is written between its pages', async () => {
    await using client = await connect(addressOf('s1'))
    const kv = client.kv('scan')
    const keys = Array.from({ length: 3_000 }, (_, i) => `a${String(i).padStart(5, '0')}`)
    await kv.batch(keys.map((key) => ({ type: 'put' as const, key, value: 'old' })))
    const iterator = kv.iterator()
    const rows = await iterator.nextv(10)
    // From a store of its own: nothing of it passes through the client.
    const other = cluster.store('s2').kv('scan')
    await other.batch(keys.map((key) => ({ type: 'put' as const, key, value: 'new' })))
    await other.put('a99999', 'new')
    expect(await kv.get(keys[2_999]!)).toBe('new')
    for (let page = await iterator.nextv(700); page.length > 0; page = await iterator.nextv(700)) {
      rows.push(...page)
    }
    await iterator.close()
    expect(rows.map(([key]) => key)).toEqual(keys)
    expect(new Set(rows.map(([, value]) => value))).toEqual(new Set(['old']))
    const after = await kv.values({ reverse: true, limit: 2_500 }).all()
    expect(after).toHaveLength(2_500)
    expect(new Set(after)).toEqual(new Set(['new']))
    await kv.clear()
    expect(await kv.keys().all()).toEqual([])
  })

  test('more scans than a store keeps views for one client are refused, and a closed one makes room', async () => {
    await using client = await connect(addressOf('s1'))
    const kv = client.kv('views')
    await kv.batch(Array.from({ length: 10 }, (_, i) => ({ type: 'put' as const, key: `a${i}`, value: 'x' })))
    const open = Array.from({ length: 64 }, () => kv.iterator())
    await Promise.all(open.map((iterator) => iterator.nextv(1)))
    const extra = kv.iterator()
    expect(await refusal(extra.nextv(1))).toMatchObject({ code: 'FLOTILLA_BUSY' })
    await open.pop()!.close()
    await until(
      async () =>
        (
          await kv
            .iterator()
            .nextv(1)
            .catch(() => [])
        ).length === 1,
    )
    await Promise.all([...open, extra].map((iterator) => iterator.close()))
  })

  test('an aborted call rejects as such, and a deadline in the past of a silent cluster is a time-out', async () => {
    await using client = await connect(addressOf('s1'))
    const kv = client.kv('signals')
    const controller = new AbortController()
    controller.abort(new Error('no longer wanted'))
    const aborted = await refusal(kv.put('a', '1', { signal: controller.signal }))
    expect(aborted).toMatchObject({
      name: 'AbortError',
      outcome: 'not-applied',
      cause: controller.signal.reason,
    })
    const late = new AbortController()
    const pending = refusal(client.group('nobody-hosts-it').apply(Buffer.from('x'), { signal: late.signal }))
    late.abort()
    expect(await pending).toMatchObject({ name: 'AbortError', outcome: 'not-applied' })
    for (const timeoutMs of [0, -1, Number.NaN]) {
      expect(await refusal(kv.get('a', { timeoutMs }))).toMatchObject({ code: 'FLOTILLA_INVALID_ARGUMENT' })
    }
    const signal = { aborted: false } as AbortSignal
    for (const call of [kv.put('a', '1', { signal }), client.listGroups({ signal })]) {
      expect(await refusal(call)).toMatchObject({ code: 'FLOTILLA_INVALID_ARGUMENT', outcome: 'not-applied' })
    }
  })
})

describe('groups', () => {
  test('are made, written, queried and described from a client', async () => {
    await using client = await connect(addressOf('s2'))
    const request = { groupId: 'visits', type: 'counter', members: ['s1', 's2', 's3'], preferredLeader: 's3' }
    const visits = await client.createGroup(request)
    await client.createGroup(request)
    expect(await refusal(client.createGroup({ ...request, args: Buffer.from('x') }))).toMatchObject({
      code: 'FLOTILLA_GROUP_EXISTS',
    })
    expect(await refusal(client.createGroup({ ...request, members: ['s9'] }))).toMatchObject({
      code: 'FLOTILLA_INVALID_ARGUMENT',
    })
    const leaders: string[] = []
    client.on('leaderChange', ({ groupId, leader }) => leaders.push(`${groupId} ${leader}`))
    const answers = await Promise.all(Array.from({ length: 100 }, () => visits.apply(Buffer.from('1'))))
    expect(answers.map(({ result }) => Number(result)).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 100 }, (_, i) => i + 1),
    )
    expect((await visits.query(Buffer.alloc(0))).toString()).toBe('100')
    expect((await visits.query(Buffer.alloc(0), { consistency: 'stale' })).toString()).toMatch(/^\d+$/)
    const { index } = await visits.readIndex()
    expect(index).toBeGreaterThanOrEqual(100)
    expect(await visits.describe()).toMatchObject({ groupId: 'visits', type: 'counter' })
    expect(leaders).toEqual([expect.stringMatching(/^visits s[123]$/)])
    expect(await refusal(client.group('no-such-group').apply(Buffer.from('1')))).toMatchObject({
      code: 'FLOTILLA_UNKNOWN_GROUP',
      outcome: 'not-applied',
    })
    // A store does not ask its clients where a group is: they would never deny it.
    expect(await refusal(cluster.store('s1').group('no-such-group').apply(Buffer.from('1')))).toMatchObject({
      code: 'FLOTILLA_UNKNOWN_GROUP',
    })
    expect(await refusal(visits.apply(Buffer.alloc(6 * 1024 * 1024)))).toMatchObject({
      code: 'FLOTILLA_TOO_LARGE',
      outcome: 'not-applied',
    })
  })

  test('calls of one turn go to a store in one message per group', async () => {
    await using client = await connect(addressOf('s1'))
    const kv = client.kv('turn')
    await kv.put('a', '0')
    const framesIn = () => ['s1', 's2', 's3'].map((id) => cluster.store(id).stats().rpc.framesIn)
    const before = framesIn()
    await Promise.all(Array.from({ length: 1_000 }, (_, i) => kv.put(`a${i}`, `${i}`)))
    const frames = framesIn().reduce((sum, count, i) => sum + count - before[i]!, 0)
    // One by one it would be a thousand requests, and as many acks between the stores.
    expect(frames).toBeLessThan(500)
  })
})

describe('a shared interface', () => {
  const manifest = fs.readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')
  const { version } = JSON.parse(manifest) as { version: string }

  test('a store and a client give the same answers to the same questions', async () => {
    await using client = await connect(addressOf('s1'))
    const both: Cluster[] = [client, cluster.store('s2')]
    for (const one of both) {
      expect(one.clusterId).toBe('test')
      const stores = await one.describeStores()
      expect(stores).toHaveLength(3)
      for (const store of stores) {
        expect(store).toMatchObject({
          reachable: true,
          boot: 1,
          groupsFailed: 0,
          shards: 1,
          suspect: null,
          versions: { flotilla: version, protocolMin: 1, dataFormat: 1 },
        })
        expect(store.incarnation).toMatch(/^[0-9a-f]{16}$/)
        expect(store.groupsHosted).toBeGreaterThanOrEqual(3)
      }
      expect(stores.reduce((sum, store) => sum + store.groupsLed, 0)).toBeGreaterThanOrEqual(3)
      const groups = await one.listGroups()
      expect(groups.map(({ groupId }) => groupId)).toEqual(
        expect.arrayContaining(['kv/0000', 'kv/0001', 'kv/0002']),
      )
      for (const { leader, members, replicas, term } of groups) {
        expect(['s1', 's2', 's3']).toContain(leader)
        expect(term).toBeGreaterThan(0)
        expect(members.map(({ storeId }) => storeId)).toEqual(['s1', 's2', 's3'])
        expect(replicas.filter(({ state }) => state === 'leader').map(({ storeId }) => storeId)).toEqual([
          leader,
        ])
      }
      const report = await one.describeStore('s3')
      expect(report.groups).toHaveLength(report.groupsHosted)
      expect(report.peers.map(({ storeId }) => storeId).sort()).toEqual(['s1', 's2'])
      expect(await refusal(one.describeStore('s9'))).toMatchObject({ code: 'FLOTILLA_INVALID_ARGUMENT' })
      const replicas = await one.describeReplicas('kv/0001')
      expect(replicas.map(({ storeId, description }) => [storeId, description?.storeId])).toEqual([
        ['s1', 's1'],
        ['s2', 's2'],
        ['s3', 's3'],
      ])
      expect(await refusal(one.describeReplicas('nothing'))).toMatchObject({ code: 'FLOTILLA_UNKNOWN_GROUP' })
    }
    expect((await client.describeStores()).every(({ clients }) => clients === 1)).toBe(true)
  })

  test('after the end every question is answered with CLOSED, also one that was under way', async () => {
    const other = await TestCluster.open(['s1'])
    const client = await Client.connect({ stores: [other.store('s1').address] })
    for (const one of [client, other.store('s1')] as Cluster[]) {
      const questions: (() => Promise<unknown>)[] = [
        () => one.describeStores(),
        () => one.describeStore('s1'),
        () => one.listGroups(),
        () => one.describeReplicas('kv/0000'),
        () => one.verifyGroup('kv/0000'),
        () => one.createGroup({ groupId: 'late', type: 'counter', members: ['s1'] }),
        () => one.group('kv/0000').describe(),
        () => one.kv('late').get('a'),
      ]
      const underWay = one === client ? questions.slice(0, 5).map((ask) => refusal(ask())) : []
      await one.close()
      for (const error of [
        ...(await Promise.all(underWay)),
        ...(await Promise.all(questions.map((ask) => refusal(ask())))),
      ]) {
        expect(error).toMatchObject({ code: 'FLOTILLA_CLOSED', outcome: 'not-applied' })
      }
    }
    await other.close()
  })

  test('verifyGroup finds one digest at one index on all replicas, also right behind writes', async () => {
    await using client = await connect(addressOf('s1'))
    const kv = client.kv('digests')
    await Promise.all(Array.from({ length: 50 }, (_, i) => kv.put(`a${i}`, `${i}`)))
    for (const one of [client, cluster.store('s3')] as Cluster[]) {
      const verification = await one.verifyGroup('kv/0002')
      expect(verification).toMatchObject({ groupId: 'kv/0002', equal: true, complete: true })
      const digests = verification.replicas.map(({ digest }) => digest!)
      expect(new Set(digests.map(({ digest }) => digest)).size).toBe(1)
      expect(digests.every(({ appliedIndex }) => appliedIndex === verification.appliedIndex)).toBe(true)
      expect(digests[0]!.keys).toBeGreaterThanOrEqual(50)
    }
    await client.createGroup({ groupId: 'not-kv', type: 'counter', members: ['s1', 's2', 's3'] })
    expect(await refusal(client.verifyGroup('not-kv'))).toMatchObject({ code: 'FLOTILLA_NOT_A_KV_GROUP' })
    expect(await refusal(client.verifyGroup('nothing'))).toMatchObject({ code: 'FLOTILLA_UNKNOWN_GROUP' })
    const controller = new AbortController()
    controller.abort()
    expect(await refusal(client.verifyGroup('kv/0002', { signal: controller.signal }))).toMatchObject({
      name: 'AbortError',
      outcome: 'not-applied',
    })
  })
})
