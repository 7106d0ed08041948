import { readFileSync, writeSync } from 'node:fs'
import type { EngineDb } from '../../src/env/ports.ts'
import { RocksEngine } from '../../src/env/rocks.ts'
import { isSynced, putRows, rowsOf, type WritePlan } from './batches.ts'

/**
 * Writes numbered batches into a RocksDB of its own until it is killed, and says so on its output: `p` and its process
 * id, `l` and the file size it is limited to, `i n` before batch n is handed over, `a n` when it is acknowledged, `f n`
 * when it is refused, `s` that all answered, `w` that writes have been out for a second, `e` and the engine's count of
 * background errors.
 */
const STUCK_MS = 1_000

function say(line: string): void {
  writeSync(1, `${line}\n`)
}

async function writeAll(db: EngineDb, plan: WritePlan): Promise<void> {
  let next = 1
  const lane = async (): Promise<void> => {
    while (plan.batches === 0 || next <= plan.batches) {
      const number = next++
      const batch = putRows(db, rowsOf(plan, number))
      say(`i ${number}`)
      const stuck = setTimeout(() => {
        say(`e ${db.property('rocksdb.background-errors')} ${db.property('rocksdb.is-write-stopped')}`)
        say('w')
      }, STUCK_MS)
      try {
        await db.write(batch, isSynced(plan, number))
        say(`a ${number}`)
      } catch {
        say(`f ${number}`)
      }
      clearTimeout(stuck)
    }
  }
  await Promise.all(Array.from({ length: plan.inFlight }, lane))
}

const [dir, planText] = process.argv.slice(2) as [string, string]
const plan = JSON.parse(planText) as WritePlan
say(`p ${process.pid}`)
const limit = /^Max file size\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1]
if (limit !== undefined) say(`l ${limit}`)
const db = await new RocksEngine().open(dir, {
  writeBufferBytes: plan.writeBufferBytes,
  compression: false,
})
await writeAll(db, plan)
say(`e ${db.property('rocksdb.background-errors')} ${db.property('rocksdb.is-write-stopped')}`)
say('s')
setInterval(() => {}, 1 << 30)
