import type { MemoryDisk } from '../../src/env/memory-disk.ts'
import { MemoryPages } from '../../src/env/memory-pages.ts'
import type { Files, OpenFile } from '../../src/env/ports.ts'

/** Files in memory, beside the databases of `disk`. */
export class MemoryFiles implements Files {
  readonly pages = new MemoryPages()
  readonly #disk: MemoryDisk
  /** Where databases were moved to. */
  readonly #moved = new Set<string>()
  /** Rejects the syncs of open files while it is set. */
  syncError: Error | null = null
  syncs = 0

  constructor(disk: MemoryDisk) {
    this.#disk = disk
  }

  async makeDir(): Promise<void> {}

  async list(path: string): Promise<string[]> {
    const names = new Set<string>()
    for (const known of [...this.pages.durable.keys(), ...this.#moved]) {
      if (known.startsWith(`${path}/`)) names.add(known.slice(path.length + 1).split('/', 1)[0]!)
    }
    return [...names].sort()
  }

  async readFile(path: string): Promise<Buffer | null> {
    return this.pages.content(path) ?? null
  }

  async writeFile(path: string, bytes: Buffer): Promise<void> {
    this.pages.replace(path, Buffer.from(bytes))
  }

  async createFile(path: string, bytes: Buffer): Promise<boolean> {
    if (this.pages.content(path) !== undefined) return false
    await this.writeFile(path, bytes)
    return true
  }

  async openFile(path: string): Promise<OpenFile | null> {
    const { pages } = this
    if (pages.content(path) === undefined) return null
    return {
      size: () => pages.content(path)!.length,
      read: (into, position) => pages.content(path)!.copy(into, 0, position),
      write: (bytes, position) => pages.write(path, bytes, position),
      truncate: (size) => pages.truncate(path, size),
      sync: async () => {
        this.syncs++
        if (this.syncError) throw this.syncError
        pages.sync(path)
      },
      close: () => {},
    }
  }

  async rename(from: string, to: string): Promise<void> {
    this.pages.rename(from, to)
    this.#disk.rename(from, to)
    this.#moved.add(to)
  }

  async remove(path: string): Promise<void> {
    this.pages.remove(path)
    this.#disk.remove(path)
    this.#moved.delete(path)
  }
}
