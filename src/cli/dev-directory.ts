import { randomUUID } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DEV_GROUPS, DEV_STORES } from './dev-settings.ts'
import { makeScratchDir, removeScratchDir, removeScratchDirNow } from './scratch-dir.ts'
import { UsageError } from './usage-error.ts'

const SCRATCH_PREFIX = 'flotilla-dev-'
const RECORD = 'dev.json'

/** What a cluster of `flotilla dev` was born with: its directory keeps it. */
export interface DevShape {
  readonly clusterId: string
  readonly stores: number
  readonly groups: number
}

/** Where the stores of `flotilla dev` keep their data: a directory of the user's, or one that goes with them. */
export class DevDirectory {
  readonly path: string
  readonly isTemporary: boolean
  readonly shape: DevShape

  /** Makes it, or opens one that `flotilla dev` made before. Throws UsageError. */
  constructor(named: string | undefined, wanted: { readonly stores?: number; readonly groups?: number }) {
    this.isTemporary = named === undefined
    this.path = named ?? makeScratchDir(SCRATCH_PREFIX)
    const born = named === undefined ? null : readRecord(named)
    const { stores = DEV_STORES, groups = DEV_GROUPS } = wanted
    this.shape = born ?? { clusterId: `dev-${randomUUID()}`, stores, groups }
    for (const key of ['stores', 'groups'] as const) {
      if (wanted[key] === undefined || wanted[key] === this.shape[key]) continue
      throw new UsageError(`${named} was made with --${key} ${this.shape[key]}, which cannot change`)
    }
    if (born === null) writeFileSync(join(this.path, RECORD), `${JSON.stringify(this.shape)}\n`)
  }

  async remove(): Promise<void> {
    if (this.isTemporary) await removeScratchDir(this.path)
  }

  /** The same, at once, for a process that is about to end. */
  removeNow(): void {
    if (this.isTemporary) removeScratchDirNow(this.path)
  }
}

/** Null for a new directory, which is made. */
function readRecord(path: string): DevShape | null {
  try {
    mkdirSync(path, { recursive: true })
    const record = join(path, RECORD)
    if (existsSync(record)) return JSON.parse(readFileSync(record, 'utf8')) as DevShape
  } catch (error) {
    throw new UsageError(`--data-dir: ${path} cannot be used: ${(error as Error).message}`)
  }
  if (readdirSync(path).length === 0) return null
  throw new UsageError(`--data-dir: ${path} is not empty, and "flotilla dev" has not made it`)
}
