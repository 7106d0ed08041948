import { createNodeDisk } from '../../src/env/node-disk.ts'
import type { Disk, Engine } from '../../src/env/ports.ts'
import { checkTables } from '../../src/storage/table-check.ts'
import { InlineThreads, TestShard } from './shard-harness.ts'

/**
 * Writes to a shard whose engines flush and compact all the time, and kills itself with SIGKILL in the moment when one of
 * them has a table that its MANIFEST does not name (yet, or any more): while it flushes or compacts.
 */
const dir = process.argv[2]!
const disk = createNodeDisk()
const engine: Engine = {
  open: async (path, options) => {
    const db = await disk.engine.open(path, { ...options, writeBufferBytes: 128 << 10 })
    return Object.assign(db, { gatherBytes: 0 })
  },
  isLocked: (path) => disk.engine.isLocked(path),
}
const small: Disk = { ...disk, engine }
const test = await TestShard.open({ threads: new InlineThreads(small), dir, remove: () => {} })
const a = test.recovered('a') ? test.replica('a') : await test.create('a')
if (a.term === 0) await a.setTerm(1)

async function load(): Promise<void> {
  for (;;) {
    await a.put({ [`k${a.lastIndex % 200}`]: 'x'.repeat(12_000) })
    await a.apply(a.lastIndex)
  }
}

void load()
const appliedAtStart = test.recovered('a')?.appliedIndex ?? 0
for (let turn = 0; ; turn++) {
  await new Promise((resolve) => setImmediate(resolve))
  if ((test.applied.get(a.slot) ?? 0) < appliedAtStart + 40) continue
  const { leftovers } = await checkTables(disk.files, `${dir}/${turn % 2 === 0 ? 'log' : 'data'}`, {
    maxBytes: 0,
    start: 0,
  })
  // A machine on which none is ever seen is no reason to go on for ever.
  if (leftovers.length > 0 || (test.applied.get(a.slot) ?? 0) > appliedAtStart + 2_000)
    process.kill(process.pid, 'SIGKILL')
}
