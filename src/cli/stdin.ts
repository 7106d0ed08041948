import { fstatSync } from 'node:fs'
import { UsageError } from './usage-error.ts'

const STDIN_FD = 0

/** The bytes of stdin; they end early when the signal speaks. Throws UsageError for a directory. */
export async function* readStdin(signal: AbortSignal): AsyncGenerator<Buffer> {
  // Node reads a directory as if it were empty: a value would be overwritten with nothing.
  if (isDirectory()) throw new UsageError('stdin is a directory')
  const stop = (): void => void process.stdin.destroy()
  signal.addEventListener('abort', stop, { once: true })
  try {
    yield* process.stdin as AsyncIterable<Buffer>
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

function isDirectory(): boolean {
  try {
    return fstatSync(STDIN_FD).isDirectory()
  } catch {
    return false
  }
}
