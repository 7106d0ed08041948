import { assert } from '../util/assert.ts'

/** A disk writes this much whole or not at all. */
const SECTOR_BYTES = 512

/** Files of a disk in memory, and what was written to them in place and not synced yet. */
export class MemoryPages {
  readonly durable: Map<string, Buffer>
  /** Whole contents of the files that hold something un-synced. */
  readonly #written = new Map<string, Buffer>()
  /** Files whose written content nobody else has seen: it may be changed in place. */
  readonly #own = new Set<string>()

  constructor(durable: Map<string, Buffer> = new Map()) {
    this.durable = durable
  }

  /** What a reader sees; undefined when absent. The bytes are not the reader's to change. */
  content(path: string): Buffer | undefined {
    this.#own.delete(path)
    return this.#written.get(path) ?? this.durable.get(path)
  }

  paths(): Iterable<string> {
    return this.durable.keys()
  }

  /** The file is `bytes` at once and durably. */
  replace(path: string, bytes: Buffer): void {
    this.#own.delete(path)
    this.#written.delete(path)
    this.durable.set(path, bytes)
  }

  write(path: string, bytes: Buffer, position: number): void {
    const own = this.#own.has(path) ? this.#written.get(path) : undefined
    if (own !== undefined && position + bytes.length <= own.length) {
      own.set(bytes, position)
      return
    }
    const before = this.#present(path)
    const after = Buffer.alloc(Math.max(before.length, position + bytes.length))
    after.set(before)
    after.set(bytes, position)
    this.#written.set(path, after)
    this.#own.add(path)
  }

  truncate(path: string, size: number): void {
    const after = Buffer.alloc(size)
    this.#present(path).copy(after)
    this.#own.delete(path)
    this.#written.set(path, after)
  }

  sync(path: string): void {
    const written = this.#written.get(path)
    if (written === undefined) return
    this.#own.delete(path)
    this.durable.set(path, written)
    this.#written.delete(path)
  }

  rename(from: string, to: string): void {
    this.#own.clear()
    for (const files of [this.durable, this.#written]) {
      for (const path of below(files, from)) {
        files.set(to + path.slice(from.length), files.get(path)!)
        files.delete(path)
      }
    }
  }

  remove(path: string): void {
    this.#own.clear()
    for (const files of [this.durable, this.#written]) for (const at of below(files, path)) files.delete(at)
  }

  clear(): void {
    this.durable.clear()
    this.#written.clear()
    this.#own.clear()
  }

  /** Another set of files that are the same, to their un-synced parts. */
  copy(): MemoryPages {
    const copy = new MemoryPages()
    copy.become(this)
    return copy
  }

  /** The files of `other` in place of what is here. Contents that others have are not changed in place, so they are shared. */
  become(other: MemoryPages): void {
    this.clear()
    other.#own.clear()
    for (const [path, bytes] of other.durable) this.durable.set(path, bytes)
    for (const [path, bytes] of other.#written) this.#written.set(path, bytes)
  }

  /** A power cut: of what was not synced, each sector is on the disk when `keep` says so. */
  crash(keep: () => boolean): void {
    for (const [path, written] of this.#written) {
      const durable = this.durable.get(path)!
      const left = Buffer.from(keep() ? written : written.subarray(0, durable.length))
      for (let at = 0; at < Math.min(left.length, durable.length); at += SECTOR_BYTES) {
        const end = Math.min(at + SECTOR_BYTES, left.length, durable.length)
        if (written.compare(durable, at, end, at, end) !== 0 && !keep()) durable.copy(left, at, at, end)
      }
      this.durable.set(path, left)
    }
    this.#written.clear()
    this.#own.clear()
  }

  #present(path: string): Buffer {
    const content = this.content(path)
    assert(content !== undefined, 'an open file is there')
    return content
  }
}

function below(files: ReadonlyMap<string, Buffer>, path: string): string[] {
  return [...files.keys()].filter((at) => at === path || at.startsWith(`${path}/`))
}
