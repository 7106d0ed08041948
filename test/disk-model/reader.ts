import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { TableReading } from './reader-child.ts'

const CHILD = fileURLToPath(new URL('./reader-child.js', import.meta.url))

/** What a child read of the database in `dir`; `aborted` when its iterator ended it. */
export function readTables(
  dir: string,
  keys: readonly string[],
): Promise<{ readonly reading: TableReading; readonly aborted: boolean }> {
  const child = fork(CHILD, [], { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] })
  const readings: Array<TableReading | string> = []
  child.on('message', (message) => readings.push(message as TableReading | string))
  child.send({ dir, keys })
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', () => {
      const last = readings.at(-1)
      if (last === undefined || typeof last === 'string') reject(new Error(last ?? 'the reader said nothing'))
      else resolve({ reading: last, aborted: readings.length === 1 })
    })
  })
}

/** Opens a database in a process of its own, which that may end. */
export async function openInChild(dir: string): Promise<'opened' | 'ended'> {
  const child = fork(CHILD, [], { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] })
  child.send({ dir, keys: [] })
  const signal = await new Promise((resolve) => child.on('close', (_code, by) => resolve(by)))
  return signal === 'SIGABRT' ? 'ended' : 'opened'
}
