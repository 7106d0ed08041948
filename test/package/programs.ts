/** Programs of a user who has installed the package: they are text here, for the compiler must not see them in this tree. */

/** CommonJS, one store on its own. */
export const REQUIRE_PROGRAM = `
const { Store, FlotillaError } = require('flotilla')

async function main() {
  const store = await Store.open({
    clusterId: 'cjs', storeId: 's1', dataDir: './data-cjs', stores: { s1: '127.0.0.1:0' },
  })
  const users = store.kv('users', { valueEncoding: 'json' })
  await users.put('user:1', { name: 'Ada' })
  const refusal = await users.put('user:2', 'x'.repeat(2 * 1024 * 1024)).catch((error) => error)
  console.log(await users.get('user:1'), refusal instanceof FlotillaError, refusal.code)
  await store.close()
  console.log(await import('flotilla') === require('flotilla'))
}

main()
`

/** Touches the types of all that the package exports; lines that must not compile say so. */
export const TYPED_PROGRAM = `
import {
  FlotillaError, Group, Kv, Store,
  type AppliedEntry, type ApplyOptions, type ApplyResult, type CallOptions, type Consistency, type DetailedValue,
  type ErrorCode, type ErrorName, type GroupDescription, type GroupRequest, type KvOptions, type MemberDescription,
  type Outcome, type QueryOptions, type ReadIndexResult, type ReplicatorDescription, type StateMachine,
  type StateMachineContext, type StateMachineFactory, type StoreDescription, type StoreEvents, type StoreOptions,
} from 'flotilla'

class Counter implements StateMachine {
  total = 0
  onApply(entries: Iterable<AppliedEntry>): void {
    for (const { index, term, data, reply } of entries) {
      const place: number = index + term
      this.total += data.length + place
      reply(Buffer.from(String(this.total)))
    }
  }
  async onQuery(data: Buffer): Promise<Uint8Array> { return data }
}

const factory: StateMachineFactory = ({ groupId, storeId, args, logger }: StateMachineContext) => {
  logger.info({ groupId, storeId, bytes: args.length }, 'a replica begins')
  return new Counter()
}
const options: StoreOptions = {
  clusterId: 'c', storeId: 's1', dataDir: 'd', stores: { s1: '127.0.0.1:0' }, stateMachines: { counter: factory },
  kv: { splitKeys: ['m', { keyspace: 'users', key: Buffer.from('m') }] },
}

export async function use(): Promise<void> {
  await using store: Store = await Store.open(options)
  // @ts-expect-error an option that there is not
  await Store.open({ ...options, nonsense: 1 })
  // @ts-expect-error no storeId
  await Store.open({ clusterId: 'c', dataDir: 'd', stores: {} })

  const kvOptions: KvOptions<string, { name: string }> = { valueEncoding: 'json', timeoutMs: 1_000 }
  const users: Kv<string, { name: string }> = store.kv<string, { name: string }>('users', kvOptions)
  const call: CallOptions = { signal: new AbortController().signal, timeoutMs: 1_000 }
  await users.put('user:1', { name: 'Ada' }, call)
  // @ts-expect-error a value of another type
  await users.put('user:1', 'Ada')
  const found: { name: string } | undefined = await users.get('user:1', call)
  // @ts-expect-error it may be absent
  const name: string = (await users.get('user:1')).name
  const many: ({ name: string } | undefined)[] = await users.getMany(['a', 'b'])
  const detailed: DetailedValue<{ name: string }> = await users.getDetailed('user:1', { localOnly: true })
  await users.batch([{ type: 'put', key: 'k', value: { name: 'n' } }, { type: 'del', key: 'l' }])
  await users.batch().put('k', { name: 'n' }).del('l').write()
  for await (const [key, value] of users.iterator({ gte: 'a', reverse: true, limit: 3 })) {
    const both: [string, { name: string }] = [key, value]
    void both
  }
  for await (const key of users.keys({ lt: 'b' })) key.toUpperCase()
  const sub = users.sublevel('inner', { valueEncoding: 'buffer' })
  void sub

  const request: GroupRequest = { groupId: 'g', type: 'counter', members: ['s1'], args: Buffer.from('x') }
  const group: Group = await store.createGroup(request)
  const apply: ApplyOptions = { ...call, expectedTerm: 1 }
  const { index, term, result }: ApplyResult = await group.apply(Buffer.from('+1'), apply)
  const consistency: Consistency = 'stale'
  const query: QueryOptions = { consistency }
  const answer: Buffer = await group.query(new Uint8Array(1), query)
  // @ts-expect-error bytes are asked for
  await group.apply('+1')
  const readIndex: ReadIndexResult = await group.readIndex()
  const view: GroupDescription = await group.describe()
  const members: readonly MemberDescription[] = view.members
  const replicators: readonly ReplicatorDescription[] = view.replicators
  const description: StoreDescription = store.describe()
  store.on('leaderChange', ({ groupId, leader, term }: StoreEvents['leaderChange'][0]) => [groupId, leader, term])
  store.once('stall', ({ lateMs }) => lateMs.toFixed(1))
  const end: FlotillaError | null = await store.closed
  try {
    await store.close()
  } catch (error) {
    if (!(error instanceof FlotillaError)) throw error
    const code: ErrorCode = error.code
    const shortName: ErrorName = error.shortName
    const outcome: Outcome = error.outcome
    if (code === 'FLOTILLA_BUSY' && outcome === 'not-applied' && error.retryable) void [shortName, error.leader]
    // @ts-expect-error no code of the table
    void (error.code === 'FLOTILLA_NONSENSE')
  }
  void [found, name, many, detailed, index, term, result, answer, readIndex, members, replicators, description, end]
}
`

/** A client, where neither the engine nor the thread pool is installed. STORES names the stores. */
export const CLIENT_PROGRAM = `
import { Client, FlotillaError } from 'flotilla/client'

const client = await Client.connect({ stores: process.env.STORES.split(','), clusterId: 'test' })
const users = client.kv('users', { valueEncoding: 'json' })
await users.put('user:1', { name: 'Ada' })
const rows = await users.iterator({ gte: 'user:' }).all()
const refusal = await users.put('user:2', 'x'.repeat(2 * 1024 * 1024)).catch((error) => error)
const engine = await import('rocksdb').then(() => 'there', () => 'absent')
const pool = await import('piscina').then(() => 'there', () => 'absent')
console.log(JSON.stringify([rows, refusal instanceof FlotillaError && refusal.code, engine, pool]))
await client.close()
`

/** Touches the types of what only 'flotilla/client' exports. */
export const TYPED_CLIENT_PROGRAM = `
import { Client, type ClientEvents, type ClientOptions, type Cluster, type GroupSummary, type GroupVerification } from 'flotilla/client'
import { Store, type Cluster as StoreCluster } from 'flotilla'

const options: ClientOptions = { stores: ['127.0.0.1:7101'], connectTimeoutMs: 1_000 }

export async function both(store: Store): Promise<void> {
  await using client: Client = await Client.connect(options)
  // @ts-expect-error an option that there is not
  await Client.connect({ ...options, dataDir: 'd' })
  const clusters: Cluster[] = [client, store]
  const same: StoreCluster = client
  for (const cluster of [...clusters, same]) {
    const kv = cluster.kv<string, { n: number }>('numbers', { valueEncoding: 'json' })
    await kv.put('a', { n: 1 }, { timeoutMs: 100 })
    const groups: GroupSummary[] = await cluster.listGroups({ signal: new AbortController().signal })
    const verification: GroupVerification = await cluster.verifyGroup(groups[0]!.groupId)
    cluster.on('leaderChange', ({ groupId, leader, term }) => [groupId, leader, term + verification.appliedIndex])
    for (const { storeId, error, versions } of await cluster.describeStores()) void [storeId, error?.code, versions?.flotilla]
  }
  client.on('leaderChange', (event: ClientEvents['leaderChange'][0]) => event.term)
}
`
