import { existsSync } from 'node:fs'
import { copyFile, link, mkdir, readdir, rename, rm } from 'node:fs/promises'
import path from 'node:path'

export const SHARD = 'shard-00'
export const STATE_DIR = `${SHARD}/data`

/** Tables are written once and never changed in place: copies may share them. Whoever damages one writes a new file. */
const SHARED = /\.sst$/

/** A copy of a stopped store's directory. */
export async function copyStoreDir(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true })
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const source = path.join(from, entry.name)
    const target = path.join(to, entry.name)
    if (entry.isDirectory()) await copyStoreDir(source, target)
    else if (SHARED.test(entry.name)) await link(source, target)
    else await copyFile(source, target)
  }
}

/** Copies of stopped directories, beside the directories themselves. */
export class StoreDirs {
  readonly #root: string

  constructor(root: string) {
    this.#root = root
  }

  #aside(storeId: string, name: string): string {
    return path.join(this.#root, `${storeId}.${name}`)
  }

  /** As it was when the store was stopped for the damage that is about to be done. */
  async keepPristine(dir: string, storeId: string): Promise<void> {
    await this.dropPristine(storeId)
    await copyStoreDir(dir, this.#aside(storeId, 'pristine'))
  }

  /** Puts it back, exactly. */
  async restorePristine(dir: string, storeId: string): Promise<void> {
    await rm(dir, { recursive: true, force: true })
    await rename(this.#aside(storeId, 'pristine'), dir)
  }

  /** Puts back the key-value state alone. The log has made promises since: it stays, and replays what came later. */
  async restoreState(dir: string, storeId: string): Promise<void> {
    await rm(path.join(dir, STATE_DIR), { recursive: true, force: true })
    await rename(path.join(this.#aside(storeId, 'pristine'), STATE_DIR), path.join(dir, STATE_DIR))
    await this.dropPristine(storeId)
  }

  async dropPristine(storeId: string): Promise<void> {
    await rm(this.#aside(storeId, 'pristine'), { recursive: true, force: true })
  }

  /** As it was in an earlier life, to be rolled back to; null before `keepEarlier`. */
  earlier(storeId: string): string | null {
    const dir = this.#aside(storeId, 'earlier')
    return existsSync(dir) ? dir : null
  }

  async keepEarlier(dir: string, storeId: string): Promise<void> {
    const earlier = this.#aside(storeId, 'earlier')
    await rm(earlier, { recursive: true, force: true })
    await copyStoreDir(dir, earlier)
  }
}
