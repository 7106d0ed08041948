import { lstat, readdir } from 'node:fs/promises'
import type { Dirent } from 'node:fs'
import { join } from 'node:path'
import { MAX_VALUE_BYTES } from '../util/limits.ts'
import { LeftOut } from './left-out.ts'

/** Files of one tree: their list is held in memory. */
export const MAX_TREE_FILES = 1_000_000
/** Files looked at together. */
const STAT_AT_ONCE = 64

export interface TreeFile {
  /** Path relative to the root, with `/`. */
  readonly key: string
  /** As it was when the tree was listed. */
  readonly size: number
}

export interface FileTree {
  readonly root: string
  /** In the order of their keys' bytes. */
  readonly files: readonly TreeFile[]
  readonly bytes: number
  readonly leftOut: LeftOut
}

export interface ScanOptions {
  /** Bytes of all files together; what no longer fits is left out. */
  readonly maxBytes: number
  /** Bytes of the longest key. */
  readonly maxKeyBytes: number
  /** Names at the top of the tree that are passed over in silence. */
  readonly ignoreAtTop?: (name: string) => boolean
  readonly signal?: AbortSignal
  readonly onProgress?: (files: number) => void
}

/**
 * Lists the regular files under `root`, without following symbolic links. What cannot be imported is in `leftOut`. Rejects
 * when `root` itself cannot be listed, or with more than MAX_TREE_FILES files.
 */
export async function scanTree(root: string, options: ScanOptions): Promise<FileTree> {
  const scan = new TreeScan(root, options)
  await scan.run()
  return scan.finish()
}

class TreeScan {
  readonly #root: string
  readonly #options: ScanOptions
  readonly #leftOut = new LeftOut()
  readonly #files: TreeFile[] = []
  /** Directories that wait, relative to the root; '' is the root. */
  readonly #waiting: string[] = ['']

  constructor(root: string, options: ScanOptions) {
    this.#root = root
    this.#options = options
  }

  async run(): Promise<void> {
    for (let dir = this.#waiting.pop(); dir !== undefined; dir = this.#waiting.pop()) {
      const entries = await this.#list(dir)
      for (let i = 0; i < entries.length; i += STAT_AT_ONCE) {
        this.#options.signal?.throwIfAborted()
        await Promise.all(entries.slice(i, i + STAT_AT_ONCE).map((entry) => this.#visit(dir, entry)))
        if (this.#files.length > MAX_TREE_FILES) {
          throw new Error(`${this.#root} holds more than ${MAX_TREE_FILES} files: choose a smaller directory`)
        }
      }
      this.#options.onProgress?.(this.#files.length)
    }
  }

  async #list(dir: string): Promise<Dirent[]> {
    try {
      const entries = await readdir(join(this.#root, dir), { withFileTypes: true })
      const ignored = dir === '' ? this.#options.ignoreAtTop : undefined
      return ignored === undefined ? entries : entries.filter((entry) => !ignored(entry.name))
    } catch (error) {
      if (dir === '') throw error
      this.#leftOut.add('unreadable', `${dir}/`)
      return []
    }
  }

  async #visit(dir: string, entry: Dirent): Promise<void> {
    const key = dir === '' ? entry.name : `${dir}/${entry.name}`
    if (entry.isDirectory()) {
      this.#waiting.push(key)
    } else if (!entry.isFile()) {
      this.#leftOut.add('notAFile', key)
    } else if (Buffer.byteLength(key) > this.#options.maxKeyBytes) {
      this.#leftOut.add('pathTooLong', key)
    } else {
      await this.#addFile(key)
    }
  }

  async #addFile(key: string): Promise<void> {
    const stat = await lstat(join(this.#root, key)).catch(() => null)
    if (stat === null) this.#leftOut.add('unreadable', key)
    else if (stat.size > MAX_VALUE_BYTES) this.#leftOut.add('tooLarge', key)
    else this.#files.push({ key, size: stat.size })
  }

  finish(): FileTree {
    const files: TreeFile[] = []
    let bytes = 0
    for (const file of sortByKey(this.#files)) {
      if (bytes + file.size > this.#options.maxBytes) {
        this.#leftOut.add('pastMaxBytes', file.key)
        continue
      }
      bytes += file.size
      files.push(file)
    }
    return { root: this.#root, files, bytes, leftOut: this.#leftOut }
  }
}

/** By the bytes of UTF-8, as the engine orders keys: UTF-16, which strings compare by, has another order. */
function sortByKey(files: readonly TreeFile[]): TreeFile[] {
  return files
    .map((file) => ({ file, bytes: Buffer.from(file.key) }))
    .sort((a, b) => a.bytes.compare(b.bytes))
    .map(({ file }) => file)
}
