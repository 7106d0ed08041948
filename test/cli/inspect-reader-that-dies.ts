/** A reader that the engine ends while it reads, unless it is cautious; then it lives on and waits. */
import type { ReaderTask } from '../../src/cli/inspect-reader.ts'

const task = JSON.parse(process.argv[2] ?? '') as ReaderTask
process.send?.({ t: 'progress', text: 'reading shard 0 of 1' }, () => {
  if (!task.cautious) process.kill(process.pid, 'SIGKILL')
})
