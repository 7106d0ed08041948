/** A program as a user writes it: three stores, used and disposed of. It must end by itself, having said one word. */
import { strict as assert } from 'node:assert'
import { Counter } from './counter.ts'
import { openLocalStores } from './local-stores.ts'

async function main(): Promise<void> {
  await using local = await openLocalStores(3, { stateMachines: { counter: () => new Counter() } })
  const [one, two, three] = local.stores
  const users = one!.kv<string, { name: string }>('users', { valueEncoding: 'json' })
  await users.put('user:1', { name: 'Ada' })
  const elsewhere = three!.kv<string, { name: string }>('users', { valueEncoding: 'json' })
  assert.deepEqual(await elsewhere.get('user:1'), { name: 'Ada' })
  // Not read to its end: what it holds open ends with the store.
  const iterator = elsewhere.iterator()
  assert.deepEqual(await iterator.next(), ['user:1', { name: 'Ada' }])
  const counter = await two!.createGroup({ groupId: 'c', type: 'counter', members: ['s1', 's2', 's3'] })
  const { result } = await counter.apply(Buffer.from('+1'))
  assert.equal(result?.toString(), '1')
}

await main()
process.stdout.write('done')
