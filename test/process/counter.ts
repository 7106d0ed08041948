import { createHash } from 'node:crypto'
import type { AppliedEntry, StateMachine } from '../../src/index.ts'

export interface CounterState {
  readonly total: number
  /** Over all entries in their order. */
  readonly digest: string
  /** Entries that came twice. */
  readonly duplicates: number
  /** For each entry asked for: the answer it got, null when it never came. */
  readonly answers: readonly (number | null)[]
  /** Entries that were not asked for. */
  readonly others: readonly string[]
}

/** Counts its entries, answers each with its number, and remembers them all. */
export class Counter implements StateMachine {
  readonly #answers = new Map<string, number>()
  #total = 0
  #duplicates = 0
  #digest = ''
  /** Batches and entries that onApply was given. */
  readonly seen = { batches: 0, entries: 0, terms: new Set<number>(), indexes: [] as number[] }

  onApply(entries: Iterable<AppliedEntry>): void {
    this.seen.batches++
    for (const entry of entries) {
      const id = entry.data.toString()
      this.#total++
      this.seen.entries++
      this.seen.terms.add(entry.term)
      this.seen.indexes.push(entry.index)
      this.#digest = createHash('sha256').update(this.#digest).update(id).digest('hex')
      if (this.#answers.has(id)) this.#duplicates++
      else this.#answers.set(id, this.#total)
      entry.reply(Buffer.from(String(this.#total)))
    }
  }

  /** `data`: a JSON list of entries. */
  onQuery(data: Buffer): Buffer {
    const ids = JSON.parse(data.toString()) as string[]
    const answers = ids.map((id) => this.#answers.get(id) ?? null)
    const asked = new Set(ids)
    const state: CounterState = {
      total: this.#total,
      digest: this.#digest,
      duplicates: this.#duplicates,
      answers,
      others: [...this.#answers.keys()].filter((id) => !asked.has(id)),
    }
    return Buffer.from(JSON.stringify(state))
  }
}
