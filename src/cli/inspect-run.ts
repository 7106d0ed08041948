import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { damaged } from '../admin/guards.ts'
import type { InspectedStore } from '../admin/inspected-store.ts'
import { FlotillaError } from '../util/errors.ts'
import type { ErrorName } from '../util/errors.ts'
import type { ReaderMessage, ReaderTask } from './inspect-reader.ts'
import { OWN_GROUP } from './own-group.ts'
import { makeScratchDir, removeScratchDir, removeScratchDirNow } from './scratch-dir.ts'

export interface InspectRunOptions extends Pick<ReaderTask, 'dir' | 'maxCounted' | 'maxListed'> {
  readonly signal: AbortSignal
  onProgress(text: string): void
  /** The reader's program. */
  readonly entry?: URL
}

const READER = new URL('./inspect-reader.js', import.meta.url)

/**
 * Inspects a stopped store in a process of its own. When the engine ends that process, it is done again without iterators.
 * What lies in the temporary directory meanwhile is removed in any case. Rejects with the signal's reason, DATA_DIR_LOCKED …
 */
export async function runInspection(options: InspectRunOptions): Promise<InspectedStore> {
  const first = await attempt(options, false)
  if (!('endedBy' in first)) return first
  const second = await attempt(options, true)
  const what = `the engine ended the process that read it (${first.endedBy}) at: ${first.at}`
  if ('endedBy' in second) throw new FlotillaError('CORRUPT', `${options.dir}: ${what}`)
  const guard = damaged('reading', what, 'a file there is damaged in a way that its checks do not see')
  return { ...second, verdict: 'damaged', guards: [...second.guards, guard] }
}

interface Ended {
  readonly endedBy: string
  /** What it was reading. */
  readonly at: string
}

async function attempt(options: InspectRunOptions, cautious: boolean): Promise<InspectedStore | Ended> {
  const { dir, maxCounted, maxListed } = options
  const scratch = makeScratchDir('flotilla-inspect-')
  const removeNow = (): void => removeScratchDirNow(scratch)
  process.once('exit', removeNow)
  try {
    return await readInChild({ dir, scratch, maxCounted, maxListed, cautious }, options)
  } finally {
    await removeScratchDir(scratch)
    process.removeListener('exit', removeNow)
  }
}

async function readInChild(task: ReaderTask, options: InspectRunOptions): Promise<InspectedStore | Ended> {
  const { signal, onProgress, entry = READER } = options
  signal.throwIfAborted()
  const child = fork(entry, [JSON.stringify(task)], {
    ...OWN_GROUP,
    serialization: 'advanced',
    execArgv: [],
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  })
  const kill = (): void => void child.kill('SIGKILL')
  signal.addEventListener('abort', kill, { once: true })
  let answer: Exclude<ReaderMessage, { t: 'progress' }> | null = null
  let at = 'its beginning'
  child.on('message', (message: ReaderMessage) => {
    if (message.t !== 'progress') {
      answer = message
      return
    }
    at = message.text
    onProgress(at)
  })
  const endedBy = await ended(child)
  signal.removeEventListener('abort', kill)
  signal.throwIfAborted()
  return result(answer, { endedBy, at })
}

function result(
  answer: Exclude<ReaderMessage, { t: 'progress' }> | null,
  end: Ended,
): InspectedStore | Ended {
  if (answer === null) return end
  if (answer.t === 'done') return answer.store
  const { code, message, outcome } = answer.error
  throw new FlotillaError(code.replace(/^FLOTILLA_/, '') as ErrorName, message, { outcome })
}

/** Resolves when the process is gone and all that it said has been heard. */
function ended(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => resolve(signal ?? `exit code ${code}`))
  })
}
