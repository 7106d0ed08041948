/** The main file of a test's process: a store in the directory argv[2] that was started twice, left running. */
import { Store, type StoreOptions } from '../../src/index.ts'
import { Counter } from '../process/counter.ts'

const options: StoreOptions = {
  clusterId: 'shop',
  storeId: 's1',
  dataDir: process.argv[2]!,
  // Another store that is known and was never met.
  stores: { s1: '127.0.0.1:0', s2: '127.0.0.1:9' },
  kv: { splitKeys: ['m'], members: ['s1'] },
  shards: 2,
  electionTimeoutMs: 150,
  stateMachines: { counter: () => new Counter() },
}

async function write(store: Store, count: number): Promise<void> {
  const users = store.kv<string, string>('users')
  const writes: Promise<void>[] = []
  for (let i = 0; i < count; i++)
    writes.push(users.put(`user:${String(i).padStart(5, '0')}`, 'x'.repeat(100)))
  await Promise.all(writes)
  await store.kv<Buffer, Buffer>().put(Buffer.from([0xff, 0, 1]), Buffer.alloc(0), {
    keyEncoding: 'buffer',
    valueEncoding: 'buffer',
  })
}

/** A scan is of what is written: all that was applied is on disk then, and not in memory only. */
async function writeState(store: Store): Promise<void> {
  for (const keyspace of ['users', 'default']) await store.kv(keyspace).iterator().all()
}

const first = await Store.open(options)
await write(first, 3_000)
await first.createGroup({ groupId: 'hits', type: 'counter', members: ['s1'] })
await first.close()
// What the first life left in the write-ahead logs lies in tables now.
const store = await Store.open(options)
await write(store, 100)
await store.group('hits').apply(Buffer.from('one'))
await writeState(store)
process.on('message', (message) => {
  if (message !== 'write') return
  store
    .kv()
    .put('more', 'of it')
    .then(() => writeState(store))
    .then(
      () => process.send?.('written'),
      (error: Error) => process.send?.(error.message),
    )
})
process.send?.('up')
