const QUEUED = -1
const SETTLED = -2

/**
 * Which file is where: waiting, handed to a store, or settled (acknowledged or left out). A file that was handed to a
 * store which died waits again: its write has an unknown outcome and is done once more.
 */
export class ImportLedger {
  readonly #order: Uint32Array
  readonly #sizes: Float64Array
  /** The store that has the file, or QUEUED, or SETTLED. */
  readonly #owner: Int8Array
  readonly #outstanding: number[]
  readonly #again: number[] = []
  #next = 0
  #settled = 0
  #settledBytes = 0
  #totalBytes = 0

  constructor(order: Uint32Array, sizes: readonly number[], stores: number) {
    this.#order = order
    this.#sizes = Float64Array.from(sizes)
    this.#owner = new Int8Array(sizes.length).fill(QUEUED)
    this.#outstanding = Array.from({ length: stores }, () => 0)
    for (const size of sizes) this.#totalBytes += size
  }

  get totalBytes(): number {
    return this.#totalBytes
  }

  get settledBytes(): number {
    return this.#settledBytes
  }

  get settled(): number {
    return this.#settled
  }

  get done(): boolean {
    return this.#settled === this.#owner.length
  }

  /** Files handed to a store and not settled. */
  outstanding(store: number): number {
    return this.#outstanding[store]!
  }

  /** Hands up to `count` waiting files to a store. */
  take(store: number, count: number): number[] {
    const files: number[] = []
    while (files.length < count) {
      const file = this.#again.pop() ?? this.#order[this.#next++]
      if (file === undefined) break
      this.#owner[file] = store
      files.push(file)
    }
    this.#outstanding[store]! += files.length
    return files
  }

  /** False when the file was settled before. */
  settle(file: number): boolean {
    const owner = this.#owner[file]
    if (owner === undefined || owner === SETTLED) return false
    if (owner >= 0) this.#outstanding[owner]!--
    this.#owner[file] = SETTLED
    this.#settled++
    this.#settledBytes += this.#sizes[file]!
    return true
  }

  /** Everything that a dead store had waits again. Returns how many. */
  requeue(store: number): number {
    let count = 0
    this.#owner.forEach((owner, file) => {
      if (owner !== store) return
      this.#owner[file] = QUEUED
      this.#again.push(file)
      count++
    })
    this.#outstanding[store] = 0
    return count
  }
}
