import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { DemoCluster } from './demo-cluster.ts'
import { STORE_IDS } from './demo-settings.ts'
import { Differences } from './differences.ts'
import type { FileTree } from './file-tree.ts'
import type { WrittenFiles } from './import-run.ts'
import { HASH_BYTES } from './store-messages.ts'
import type { ReadAnswer } from './store-messages.ts'

/** One read: so many keys, and bytes of values unless a single one is larger. */
const BATCH_KEYS = 256
const BATCH_BYTES = 4 * 1024 * 1024

/** What a store answered for itself. */
export interface StoreVerdict {
  readonly storeId: string
  /** Keys whose value is what was acknowledged and what the file holds. */
  matched: number
  /** The lowest applied index that an answer named. */
  appliedIndex: number
}

/** Reads every acknowledged key from every store's own state and compares it with what was written and with the file. */
export class VerifyRun {
  readonly differences = new Differences()
  readonly verdicts: readonly StoreVerdict[] = STORE_IDS.map((storeId) => {
    return { storeId, matched: 0, appliedIndex: Number.POSITIVE_INFINITY }
  })
  /** Keys compared, over all stores. */
  compared = 0
  readonly total: number
  readonly #tree: FileTree
  readonly #written: WrittenFiles
  readonly #cluster: DemoCluster
  readonly #signal: AbortSignal

  constructor(tree: FileTree, written: WrittenFiles, cluster: DemoCluster, signal: AbortSignal) {
    this.#tree = tree
    this.#written = written
    this.#cluster = cluster
    this.#signal = signal
    this.total = written.files.length * STORE_IDS.length
  }

  async run(): Promise<void> {
    for (const batch of this.#batches()) {
      this.#signal.throwIfAborted()
      const keys = batch.map((file) => this.#tree.files[file]!.key)
      const [onDisk, ...answers] = await Promise.all([
        Promise.all(keys.map((key) => hashFile(join(this.#tree.root, key)))),
        ...STORE_IDS.map((_, store) => this.#cluster.process(store).call('read', keys)),
      ])
      answers.forEach((answer, store) => this.#compare(store, batch, onDisk, answer))
    }
  }

  *#batches(): Iterable<number[]> {
    let batch: number[] = []
    let bytes = 0
    for (const file of this.#written.files) {
      const { size } = this.#tree.files[file]!
      if (batch.length === BATCH_KEYS || (batch.length > 0 && bytes + size > BATCH_BYTES)) {
        yield batch
        batch = []
        bytes = 0
      }
      batch.push(file)
      bytes += size
    }
    if (batch.length > 0) yield batch
  }

  #compare(
    store: number,
    batch: readonly number[],
    onDisk: readonly (Buffer | null)[],
    answer: ReadAnswer,
  ): void {
    const verdict = this.verdicts[store]!
    verdict.appliedIndex = Math.min(verdict.appliedIndex, answer.appliedIndex)
    batch.forEach((file, i) => {
      this.compared++
      const found =
        answer.found[i] === 1 ? answer.hashes.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES) : null
      const problem =
        answer.storeId === verdict.storeId
          ? problemOf(this.#written.hashOf(file), found, onDisk[i] ?? null)
          : `answered by ${answer.storeId}`
      if (problem === null) verdict.matched++
      else this.differences.add({ store: verdict.storeId, key: this.#tree.files[file]!.key, problem })
    })
  }
}

/** Null when the store holds what was acknowledged, and the file still does. */
export function problemOf(
  acknowledged: Buffer,
  inStore: Buffer | null,
  onDisk: Buffer | null,
): string | null {
  if (inStore === null) return 'acknowledged, but not in the store'
  if (!inStore.equals(acknowledged)) return 'the store holds other bytes than were acknowledged'
  if (onDisk === null) return 'the file can no longer be read'
  return onDisk.equals(inStore) ? null : 'the file has changed since it was written'
}

async function hashFile(path: string): Promise<Buffer | null> {
  const bytes = await readFile(path).catch(() => null)
  return bytes === null ? null : createHash('sha256').update(bytes).digest()
}
