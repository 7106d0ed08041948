import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { FlotillaError, type Group, type Kv, Store, type StoreEvents } from '../../src/index.ts'
import { Counter, type CounterState } from './counter.ts'
import { HANG_MS, until, within } from './guard.ts'
import { createGroup, introduce, type LocalStores, openLocalStores } from './local-stores.ts'

vi.setConfig({ testTimeout: 2 * HANG_MS, hookTimeout: 2 * HANG_MS })

/** Deadline of calls that must succeed however slow the machine is. */
const PATIENCE = { timeoutMs: HANG_MS }
const MEMBERS = ['s1', 's2', 's3']
const KIB = 1024
const MIB = 1024 * KIB

let local: LocalStores
let stores: readonly Store[]

/** Three stores that host everything and a fourth that hosts nothing. */
beforeAll(async () => {
  local = await openLocalStores(4, {
    kv: { members: MEMBERS, splitKeys: ['b', 'm', { keyspace: 'numbers', key: '0500' }] },
    stateMachines: { counter: () => new Counter(), fragile: ({ storeId }) => new Fragile(storeId) },
  })
  stores = local.stores
})

afterAll(() => local?.[Symbol.asyncDispose]())

/** Breaks on s2 when told to. */
class Fragile extends Counter {
  readonly #storeId: string

  constructor(storeId: string) {
    super()
    this.#storeId = storeId
  }

  override onApply(entries: Parameters<Counter['onApply']>[0]): void {
    const all = [...entries]
    if (this.#storeId === 's2' && all.some(({ data }) => data.toString() === 'break'))
      throw new Error('broken')
    super.onApply(all)
  }
}

function kvOf<V = string>(store: Store, name?: string, valueEncoding = 'utf8'): Kv<string, V> {
  return store.kv<string, V>(name, { valueEncoding, ...PATIENCE })
}

async function stateOf(group: Group, ids: readonly string[] = []): Promise<CounterState> {
  const answer = await group.query(Buffer.from(JSON.stringify(ids)), PATIENCE)
  return JSON.parse(answer.toString()) as CounterState
}

function newCounter(groupId: string, type = 'counter', preferredLeader = 's1'): Promise<Group> {
  return createGroup(stores[0]!, { groupId, type, members: MEMBERS, preferredLeader })
}

interface LogEnd {
  readonly term: number
  readonly lastIndex: number
}

/** The end of each log, on the store that leads it and has all of it. */
function logEnds(): Map<string, LogEnd> {
  const led = stores.flatMap((store) => store.describe().groups.filter(({ state }) => state === 'leader'))
  return new Map(led.map(({ groupId, term, lastIndex }) => [groupId, { term, lastIndex }]))
}

/** Logs that have grown; a new term begins with an entry of its own, and says nothing here. */
function grown(before: ReadonlyMap<string, LogEnd>): string[] {
  return [...logEnds()].flatMap(([groupId, { term, lastIndex }]) => {
    const was = before.get(groupId)
    return was?.term === term && was.lastIndex !== lastIndex ? [groupId] : []
  })
}

async function failureOf(call: Promise<unknown>): Promise<FlotillaError> {
  const error = await call.then(
    () => null,
    (reason: unknown) => reason,
  )
  if (!(error instanceof FlotillaError)) throw new Error(`no FlotillaError: ${String(error)}`)
  return error
}

describe('keys', () => {
  test('put through any store are read from every store, also from one that hosts no region', async () => {
    const keys = ['a', 'c', 'x', 'z']
    await Promise.all(keys.map((key, i) => kvOf(stores[i]!, 'default').put(key, `by ${i}`)))
    for (const store of stores) {
      const kv = kvOf(store)
      for (const [i, key] of keys.entries()) expect(await kv.get(key)).toBe(`by ${i}`)
      expect(await kv.getMany(['z', 'absent', 'a'])).toEqual(['by 3', undefined, 'by 0'])
      expect(await kv.has('x')).toBe(true)
      expect(await kv.get('absent')).toBeUndefined()
    }
    expect(stores[3]!.describe().groups).toEqual([])
    expect(stores[3]!.describe().regions).toHaveLength(4)
  })

  test('a put or del that was acknowledged is seen by the very next read on every other store', async () => {
    for (let round = 0; round < 20; round++) {
      const writer = kvOf(stores[round % 4]!, 'fresh')
      await (round % 5 === 4 ? writer.del('key') : writer.put('key', String(round)))
      const reads = await Promise.all(stores.map((store) => kvOf(store, 'fresh').get('key')))
      expect(reads).toEqual(Array(4).fill(round % 5 === 4 ? undefined : String(round)))
    }
  })

  test('are walked in order and in reverse, over region borders, in part or whole, from every store', async () => {
    const all = Array.from({ length: 1_300 }, (_, i) => String(i).padStart(4, '0'))
    const writer = kvOf<{ n: number }>(stores[1]!, 'numbers', 'json')
    const halves = [all.slice(0, 500), all.slice(500)]
    for (const keys of halves) {
      await writer.batch(keys.map((key) => ({ type: 'put', key, value: { n: Number(key) } })))
    }
    for (const store of stores) {
      const kv = kvOf<{ n: number }>(store, 'numbers', 'json')
      expect(await kv.keys().all()).toEqual(all)
      expect(await kv.keys({ reverse: true }).all()).toEqual([...all].reverse())
      const range = { gt: '0497', lte: '0502' }
      expect(await kv.keys(range).all()).toEqual(all.slice(498, 503))
      expect(await kv.keys({ ...range, reverse: true, limit: 4 }).all()).toEqual(
        all.slice(499, 503).reverse(),
      )
      const seen: string[] = []
      for await (const [key, { n }] of kv.iterator({ gte: '1298' })) seen.push(`${key} ${n}`)
      expect(seen).toEqual(['1298 1298', '1299 1299'])
      expect(await kv.values({ lt: '0002' }).all()).toEqual([{ n: 0 }, { n: 1 }])
    }
  })

  test('of one keyspace are not in another', async () => {
    await kvOf(stores[0]!, 'red').put('k', 'red')
    await kvOf(stores[1]!, 'blue').put('k', 'blue')
    expect(await kvOf(stores[2]!, 'red').get('k')).toBe('red')
    expect(await kvOf(stores[3]!, 'blue').iterator().all()).toEqual([['k', 'blue']])
    await kvOf(stores[3]!, 'red').clear()
    expect(await kvOf(stores[0]!, 'red').keys().all()).toEqual([])
    expect(await kvOf(stores[0]!, 'blue').get('k')).toBe('blue')
  })

  test('of a batch come together', async () => {
    const writer = kvOf(stores[3]!, 'pairs')
    const rounds = 30
    const writing = (async () => {
      for (let n = 1; n <= rounds; n++) {
        const value = String(n)
        await writer.batch([
          { type: 'put', key: 'left', value },
          { type: 'put', key: 'right', value },
        ])
      }
    })()
    const reader = kvOf(stores[1]!, 'pairs')
    for (let seen = ''; seen !== String(rounds); ) {
      const [left, right] = await reader.getMany(['left', 'right'])
      expect(left).toBe(right)
      seen = left ?? ''
    }
    await writing
    await writer.batch().del('left').put('middle', 'm').write()
    expect(await reader.keys().all()).toEqual(['middle', 'right'])
  })

  test('name the store and the index at which they were read', async () => {
    await kvOf(stores[0]!, 'details').put('k', 'v')
    for (const store of stores.slice(0, 3)) {
      const detailed = await kvOf(store, 'details').getDetailed('k', { localOnly: true })
      expect(detailed).toMatchObject({ value: 'v', storeId: store.storeId })
      expect(detailed.appliedIndex).toBeGreaterThan(0)
    }
    const outside = kvOf(stores[3]!, 'details')
    expect(await outside.getDetailed('k')).toMatchObject({
      value: 'v',
      storeId: expect.stringMatching(/s[123]/),
    })
    expect((await failureOf(outside.getDetailed('k', { localOnly: true }))).code).toBe(
      'FLOTILLA_NO_SUCH_REPLICA',
    )
  })
})

describe('what is refused certainly', () => {
  test('is in no log: batches over regions, and keys, values, batches and entries over their limits', async () => {
    const group = await newCounter('limits')
    await group.apply(Buffer.from('first'), PATIENCE)
    await Promise.all(['a', 'c', 'x'].map((key) => kvOf(stores[0]!).put(key, 'before')))
    await until('every group is led', () => logEnds().size >= 5)
    const before = logEnds()
    for (const store of stores) {
      const kv = kvOf(store)
      const put = (key: string, value: string) => ({ type: 'put' as const, key, value })
      const half = 'v'.repeat(MIB)
      const refused: [string, () => Promise<unknown>][] = [
        ['CROSS_REGION', () => kv.batch([put('a', '1'), put('x', '2')])],
        ['TOO_LARGE', () => kv.put('a'.repeat(4 * KIB + 1), 'v')],
        ['TOO_LARGE', () => kv.get('a'.repeat(4 * KIB + 1))],
        ['TOO_LARGE', () => kv.put('a', `${half}v`)],
        ['TOO_LARGE', () => kv.batch([put('a', '1'), put('ab', `${half}v`)])],
        ['TOO_LARGE', () => kv.batch(['a1', 'a2', 'a3', 'a4', 'a5'].map((key) => put(key, half)))],
        ['TOO_LARGE', () => store.group('limits').apply(Buffer.alloc(5 * MIB + 1))],
        ['TOO_LARGE', () => store.group('limits').query(Buffer.alloc(5 * MIB + 1))],
        ['INVALID_ARGUMENT', () => store.group('limits').apply(Buffer.from('x'), { timeoutMs: 0 })],
        ['INVALID_ARGUMENT', () => store.group('kv/0000').apply(Buffer.from('x'))],
        ['UNKNOWN_GROUP', () => store.group('nowhere').apply(Buffer.from('x'), PATIENCE)],
        ['UNKNOWN_GROUP', () => store.group('nowhere').query(Buffer.from('x'), PATIENCE)],
      ]
      for (const [name, call] of refused) {
        const { code, outcome } = await failureOf(call())
        expect(`${store.storeId} ${code} ${outcome}`).toBe(`${store.storeId} FLOTILLA_${name} not-applied`)
      }
    }
    expect(grown(before)).toEqual([])
    for (const key of ['a', 'c', 'x']) expect(await kvOf(stores[2]!).get(key)).toBe('before')
  })

  test('does not hinder what is just within the limits', async () => {
    const value = 'v'.repeat(MIB)
    for (const store of [stores[0]!, stores[3]!]) {
      const kv = kvOf(store, 'limits')
      await kv.put('k'.repeat(4 * KIB), value)
      expect(await kvOf(stores[2]!, 'limits').get('k'.repeat(4 * KIB))).toBe(value)
      const group = store.group('large')
      await newCounter('large')
      await group.apply(Buffer.alloc(5 * MIB, store.storeId), PATIENCE)
    }
  })
})

describe('a group of a user', () => {
  test('made on one store answers apply and query on every store', async () => {
    await newCounter('counter')
    const results: string[] = []
    const indexes: number[] = []
    for (let n = 0; n < 12; n++) {
      const { result, index, term } = await stores[n % 4]!.group('counter').apply(
        Buffer.from(`n${n}`),
        PATIENCE,
      )
      results.push(result!.toString())
      indexes.push(index)
      expect(term).toBeGreaterThan(0)
      for (const store of stores) expect((await stateOf(store.group('counter'))).total).toBe(n + 1)
    }
    expect(results).toEqual(Array.from({ length: 12 }, (_, i) => String(i + 1)))
    expect(indexes).toEqual([...indexes].sort((a, b) => a - b))
    for (const store of stores) {
      const { index } = await store.group('counter').readIndex(PATIENCE)
      expect(index).toBeGreaterThanOrEqual(indexes.at(-1)!)
      const { groupId, type, members, leader } = await store.group('counter').describe(PATIENCE)
      expect({ groupId, type }).toEqual({ groupId: 'counter', type: 'counter' })
      expect(members.map(({ storeId }) => storeId)).toEqual(MEMBERS)
      expect(MEMBERS).toContain(leader)
    }
  })

  test('gets many calls of a turn, from all stores at once, each exactly once and with its own answer', async () => {
    await newCounter('crowd')
    const calls = stores.flatMap((store) =>
      Array.from({ length: 100 }, async (_, n) => {
        const id = `${store.storeId}-${n}`
        const { result } = await store.group('crowd').apply(Buffer.from(id), PATIENCE)
        return { id, answer: Number(result?.toString()) }
      }),
    )
    const answers = await Promise.all(calls)
    const sorted = answers.map(({ answer }) => answer).sort((a, b) => a - b)
    expect(sorted).toEqual(Array.from({ length: 400 }, (_, i) => i + 1))
    const state = await stateOf(
      stores[3]!.group('crowd'),
      answers.map(({ id }) => id),
    )
    expect(state.answers).toEqual(answers.map(({ answer }) => answer))
    expect(state.duplicates).toBe(0)
  })

  test('is made once however often and wherever it is asked for, and never as two things', async () => {
    const request = { groupId: 'once', type: 'counter', members: MEMBERS }
    const made = await Promise.all(stores.map((store) => createGroup(store, request)))
    await made[0]!.apply(Buffer.from('x'), PATIENCE)
    for (const group of made) expect((await stateOf(group)).total).toBe(1)
    for (const other of [{ type: 'fragile' }, { members: ['s1', 's2'] }, { args: Buffer.from('other') }]) {
      for (const store of [stores[0]!, stores[3]!]) {
        const { code } = await failureOf(store.createGroup({ ...request, ...other }))
        expect(code).toBe('FLOTILLA_GROUP_EXISTS')
      }
    }
  })

  test('takes an entry only in the expected term', async () => {
    const group = await newCounter('terms')
    for (const store of stores) {
      const apply = (id: string, expectedTerm?: number) =>
        store.group('terms').apply(Buffer.from(id), { ...PATIENCE, expectedTerm })
      // On a machine that stands still for long the term may change in between.
      await until('an entry is taken in its expected term', async () => {
        const { term } = await apply(`any ${store.storeId} ${Math.random()}`)
        const seen = await apply(`right ${store.storeId}`, term).catch((error: FlotillaError) => error)
        if (seen instanceof FlotillaError) {
          expect(seen).toMatchObject({ code: 'FLOTILLA_TERM_MISMATCH', outcome: 'not-applied' })
          return false
        }
        expect(seen.term).toBe(term)
        const wrong = await failureOf(apply('wrong', term + 1_000))
        expect(wrong).toMatchObject({ code: 'FLOTILLA_TERM_MISMATCH', outcome: 'not-applied' })
        return true
      })
    }
    const ids = ['wrong', ...stores.map(({ storeId }) => `right ${storeId}`)]
    const { answers, duplicates } = await stateOf(group, ids)
    expect(answers.map((answer) => answer !== null)).toEqual([false, true, true, true, true])
    expect(duplicates).toBe(0)
  })

  test('and a call that was aborted says so, with the reason, and whether it may have been done', async () => {
    await newCounter('aborts')
    const reason = new Error('changed my mind')
    for (const store of stores) {
      const group = store.group('aborts')
      await group.apply(Buffer.from(`warm ${store.storeId}`), PATIENCE)
      const before = await failureOf(group.apply(Buffer.from('never'), { signal: AbortSignal.abort(reason) }))
      expect(before).toMatchObject({ name: 'AbortError', code: 'FLOTILLA_ABORTED', outcome: 'not-applied' })
      expect(before.cause).toBe(reason)
      const controller = new AbortController()
      const call = failureOf(
        group.apply(Buffer.from(`perhaps ${store.storeId}`), { signal: controller.signal }),
      )
      controller.abort(reason)
      const during = await call
      expect(during).toMatchObject({ name: 'AbortError', code: 'FLOTILLA_ABORTED' })
      expect(during.cause).toBe(reason)
      const { answers } = await stateOf(group, ['never', `perhaps ${store.storeId}`])
      expect(answers[0]).toBeNull()
      if (during.outcome === 'not-applied') expect(answers[1]).toBeNull()
      const read = failureOf(kvOf(store).get('a', { signal: AbortSignal.abort(reason) }))
      expect(await read).toMatchObject({ name: 'AbortError', outcome: 'not-applied', cause: reason })
    }
  })

  test.each(['s1', 's2'])(
    'led by %s goes on without the replica on s2, whose machine threw',
    async (leader) => {
      const groupId = `fragile-${leader}`
      const broken: StoreEvents['groupError'][0][] = []
      stores[1]!.on('groupError', (event) => broken.push(event))
      await newCounter(groupId, 'fragile', leader)
      await stores[3]!.group(groupId).apply(Buffer.from('one'), PATIENCE)
      const end = await stores[0]!
        .group(groupId)
        .apply(Buffer.from('break'), PATIENCE)
        .then(
          () => 'done',
          (error: FlotillaError) => error.outcome,
        )
      // Committed it is: only a leader that broke on it cannot say what became of it.
      expect(leader === 's2' ? ['unknown', 'done'] : ['done']).toContain(end)
      await until('s2 tells of its error', () => broken.length > 0)
      expect(broken[0]).toMatchObject({ groupId, error: { message: expect.stringContaining('broken') } })
      for (const [n, store] of stores.entries()) {
        await store.group(groupId).apply(Buffer.from(`after ${n}`), PATIENCE)
      }
      for (const store of stores) expect((await stateOf(store.group(groupId))).total).toBe(6)
      const replica = stores[1]!.describe().groups.find((group) => group.groupId === groupId)
      expect(replica?.state).toBe('error')
      await kvOf(stores[1]!).put('isolated', 'yes')
    },
  )
})

describe('a store', () => {
  test('tells who leads, of every group that it hosts, and another when that one closes', async () => {
    await using cluster = await openLocalStores(3, {
      kv: false,
      stateMachines: { counter: () => new Counter() },
    })
    const told = new Map<string, string[]>()
    for (const store of cluster.stores) {
      told.set(store.storeId, [])
      store.on('leaderChange', ({ groupId, leader }) => {
        if (groupId === 'g' && leader !== '') told.get(store.storeId)!.push(leader)
      })
      // A listener's failure is its own.
      store.on('leaderChange', () => {
        throw new Error('listener')
      })
    }
    const request = { groupId: 'g', type: 'counter', members: MEMBERS, preferredLeader: 's2' }
    const group = await createGroup(cluster.stores[0]!, request)
    await group.apply(Buffer.from('x'), PATIENCE)
    await until('all know the leader', () => [...told.values()].every((leaders) => leaders.length > 0))
    const first = (await group.describe(PATIENCE)).leader
    for (const leaders of told.values()) expect(leaders.at(-1)).toBe(first)
    const rest = cluster.stores.filter(({ storeId }) => storeId !== first)
    await cluster.stores.find(({ storeId }) => storeId === first)!.close()
    await until('the others know a new leader', () =>
      rest.every(({ storeId }) => told.get(storeId)!.at(-1) !== first),
    )
    await rest[0]!.group('g').apply(Buffer.from('y'), PATIENCE)
    expect((await stateOf(rest[1]!.group('g'))).total).toBe(2)
    expect(() => rest[0]!.kv()).toThrow(expect.objectContaining({ code: 'FLOTILLA_NO_KV' }))
  })

  test('is opened once at a time, refuses calls once closed, and has its data when opened again', async () => {
    await using cluster = await openLocalStores(1)
    const [store] = cluster.stores
    const { code, message } = await failureOf(Store.open(cluster.optionsOf('s1')))
    expect(code).toBe('FLOTILLA_DATA_DIR_LOCKED')
    expect(message).toContain(cluster.dir)
    const kv = kvOf(store!)
    await kv.put('k', 'v')
    const closing = store!.close()
    expect(store!.close()).toBe(closing)
    const refused = { code: 'FLOTILLA_CLOSED', outcome: 'not-applied' }
    expect(await failureOf(kv.put('k', 'late'))).toMatchObject(refused)
    await closing
    expect(await store!.closed).toBeNull()
    expect(await failureOf(kv.get('k'))).toMatchObject(refused)
    expect(() => introduce([store!, stores[0]!])).toThrow(
      expect.objectContaining({ code: 'FLOTILLA_CLOSED' }),
    )
    await using again = await Store.open(cluster.optionsOf('s1'))
    expect(await kvOf(again).get('k')).toBe('v')
  })

  test('leaves nothing that keeps the process alive: three of them, closed, and the program ends', async () => {
    const main = fileURLToPath(new URL('./three-in-one-child.js', import.meta.url))
    const child = spawn(process.execPath, [main], { stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text
      })
    }
    try {
      const [code] = (await within(once(child, 'close'), 'the end of the program')) as [number]
      expect({ code, output }).toEqual({ code: 0, output: 'done' })
    } finally {
      child.kill('SIGKILL')
    }
  })
})
