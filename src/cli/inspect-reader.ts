/**
 * The process that reads for `flotilla inspect`: apart, because the engine may end a process that reads damaged files, and
 * because no store may be open in it.
 */
import { readdir } from 'node:fs/promises'
import { note } from '../admin/guards.ts'
import { inspectStore, logDirs } from '../admin/inspect-store.ts'
import type { Guard, InspectedStore } from '../admin/inspected-store.ts'
import { errorView } from './error-view.ts'
import type { ErrorView } from './error-view.ts'
import { StoppedStoreDisk } from './inspect-view.ts'
import { removeScratchDirNow } from './scratch-dir.ts'

/** What the reader is asked, its one argument in JSON. */
export interface ReaderTask {
  /** Absolute. */
  readonly dir: string
  readonly scratch: string
  readonly maxCounted: number
  readonly maxListed: number
  readonly cautious: boolean
}

export type ReaderMessage =
  | { readonly t: 'progress'; readonly text: string }
  | { readonly t: 'done'; readonly store: InspectedStore }
  | { readonly t: 'failed'; readonly error: ErrorView }

/** Progress is told this often at most. */
const PROGRESS_MS = 100

async function read(task: ReaderTask): Promise<InspectedStore> {
  const disk = new StoppedStoreDisk(task.scratch)
  try {
    const guards: Guard[] = []
    for (const dir of logDirs(task.dir, await readdir(task.dir))) {
      const unknown = await disk.lock(dir)
      if (unknown === null) continue
      const text = `it could not be taken (${unknown}): make sure that no store runs here`
      guards.push(note('lock', text))
    }
    let toldAtMs = 0
    const store = await inspectStore(disk, task.dir, {
      ...task,
      onProgress(text) {
        if (performance.now() - toldAtMs < PROGRESS_MS) return
        toldAtMs = performance.now()
        tell({ t: 'progress', text })
      },
    })
    return withOriginalPaths({ ...store, guards: [...guards, ...store.guards] }, (text) =>
      disk.original(text),
    )
  } finally {
    await disk.close()
  }
}

function withOriginalPaths(store: InspectedStore, original: (text: string) => string): InspectedStore {
  const fix = (guard: Guard): Guard => ({ ...guard, detail: original(guard.detail) })
  return {
    ...store,
    guards: store.guards.map(fix),
    shards: store.shards.map((shard) => ({
      ...shard,
      guards: shard.guards.map(fix),
      groups: shard.groups.map((group) => {
        const { brokenBy } = group.log
        return brokenBy === null ? group : { ...group, log: { ...group.log, brokenBy: original(brokenBy) } }
      }),
    })),
  }
}

function tell(message: ReaderMessage): void {
  process.send?.(message)
}

const task = JSON.parse(process.argv[2] ?? '') as ReaderTask
// Whoever asked is gone without a word: nobody else would tidy up.
process.once('disconnect', () => {
  removeScratchDirNow(task.scratch)
  process.exit(1)
})
try {
  tell({ t: 'done', store: await read(task) })
} catch (error) {
  tell({ t: 'failed', error: errorView(error) })
}
process.removeAllListeners('disconnect')
process.disconnect?.()
