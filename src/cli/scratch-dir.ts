import { mkdtempSync, rmSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { UsageError } from './usage-error.ts'

/** Files of a store that is just dying may appear while they are being removed. */
const REMOVE = { recursive: true, force: true, maxRetries: 10, retryDelay: 50 } as const

/** A fresh directory under the system's temporary one. Throws UsageError. */
export function makeScratchDir(prefix: string): string {
  try {
    return mkdtempSync(join(tmpdir(), prefix))
  } catch (error) {
    throw new UsageError(
      `${tmpdir()} cannot be used for temporary files: ${(error as Error).message} (TMPDIR names another)`,
    )
  }
}

/** Throws UsageError where nothing temporary can be made: better at once than in the middle. */
export function checkScratchDir(): void {
  removeScratchDirNow(makeScratchDir('flotilla-check-'))
}

export async function removeScratchDir(path: string): Promise<void> {
  await rm(path, REMOVE)
}

/** The same, at once, for a process that is about to end. Never throws: nobody is left who could be told. */
export function removeScratchDirNow(path: string): void {
  try {
    rmSync(path, REMOVE)
  } catch {
    // As said.
  }
}
