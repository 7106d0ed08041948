import { rocksWorld, TestShard } from './shard-harness.ts'

/** Opens, uses and closes a shard; the process must then end by itself. */
const world = rocksWorld()
const test = await TestShard.open(world)
const replica = await test.create('a')
await replica.setTerm(1)
await replica.put({ k: 'v' })
await replica.apply(1)
await test.shard.close()
world.remove()
