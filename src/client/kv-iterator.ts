import { AbstractIterator, type AbstractIteratorOptions } from 'abstract-level'
import type { Keyspace } from '../kv/keyspace.ts'
import { MAX_SCAN_PAGE_ROWS } from '../util/limits.ts'
import type { KvPages } from './kv-pages.ts'
import { asIteratorError } from './level-error.ts'
import type { CallOptions } from './pending-call.ts'
import type { KvPage } from './ports.ts'

export interface KvIteratorParts {
  readonly keyspace: Keyspace
  readonly pages: KvPages
  readonly values: boolean
  readonly call: CallOptions
}

type Row = [key: Buffer, value: Buffer | undefined]

/** Rows of a keyspace in the order of their keys. The base class counts, decodes and limits. */
export class KvIterator<TDatabase, K, V> extends AbstractIterator<TDatabase, K, V> {
  readonly #parts: KvIteratorParts
  #page: KvPage | null = null
  #at = 0

  constructor(db: TDatabase, options: AbstractIteratorOptions<K, V>, parts: KvIteratorParts) {
    super(db, options)
    this.#parts = parts
  }

  async _next(): Promise<Row | undefined> {
    if (!this.#hasRow && !(await this.#fetch(this.limit - this.count))) return undefined
    return this.#takeRow()
  }

  async _nextv(size: number): Promise<Row[]> {
    const rows: Row[] = []
    while (rows.length < size) {
      if (!this.#hasRow && !(await this.#fetch(size - rows.length))) break
      rows.push(this.#takeRow())
    }
    return rows
  }

  _seek(target: Buffer): void {
    this.#page = null
    this.#at = 0
    this.#parts.pages.seek(this.#parts.keyspace.fullKey(target))
  }

  async _close(): Promise<void> {
    this.#page = null
    this.#parts.pages.close()
  }

  get #hasRow(): boolean {
    return this.#page !== null && this.#at < this.#page.keys.length
  }

  #takeRow(): Row {
    const page = this.#page!
    const at = this.#at++
    return [this.#parts.keyspace.userKey(page.keys[at]!), this.#parts.values ? page.values[at] : undefined]
  }

  async #fetch(wanted: number): Promise<boolean> {
    const { pages, call } = this.#parts
    try {
      this.#page = await pages.next(Math.min(wanted, MAX_SCAN_PAGE_ROWS), call)
    } catch (error) {
      throw asIteratorError(error)
    }
    this.#at = 0
    return this.#page !== null
  }
}
