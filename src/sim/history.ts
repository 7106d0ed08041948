import { MAX_SIM_HISTORY } from '../util/limits.ts'
import { assert } from '../util/assert.ts'
import type { FlotillaError } from '../util/errors.ts'

export type CallKind = 'apply' | 'query' | 'put' | 'del' | 'batch' | 'get' | 'getMany' | 'scan'

/** One call of a client, as its caller saw it. */
export interface HistoryEntry {
  /** Place in the history, by the time of the call. */
  readonly id: number
  readonly client: string
  /** The store that was asked. */
  readonly storeId: string
  readonly kind: CallKind
  /** The group, or the keyspace. */
  readonly target: string
  readonly input: unknown
  /** `pending` only while the call is under way. A refusal is certainly without effect; `unknown` may have one yet. */
  outcome: 'pending' | 'done' | 'refused' | 'unknown'
  /** The answer, when done. */
  output: unknown
  /** Code of the error, when not done. */
  error: string | null
  /** Its words. */
  message: string | null
  /** Order of all calls and returns of the run: unlike times, no two are equal. */
  readonly calledAt: number
  returnedAt: number
  readonly calledMs: number
  returnedMs: number
}

/** What clients did, in the order of their calls. */
export class History {
  readonly entries: HistoryEntry[] = []
  /** Gets each call as it begins, before anybody else knows of it … */
  onBegin: ((entry: HistoryEntry) => void) | null = null
  /** … and as it ends. */
  onEnd: ((entry: HistoryEntry) => void) | null = null
  readonly #nowMs: () => number
  #order = 0

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs
  }

  begin(client: string, storeId: string, kind: CallKind, target: string, input: unknown): HistoryEntry {
    assert(this.entries.length < MAX_SIM_HISTORY, 'a simulated run makes a bounded number of calls')
    const entry: HistoryEntry = {
      id: this.entries.length,
      client,
      storeId,
      kind,
      target,
      input,
      outcome: 'pending',
      output: undefined,
      error: null,
      message: null,
      calledAt: ++this.#order,
      returnedAt: Number.POSITIVE_INFINITY,
      calledMs: this.#nowMs(),
      returnedMs: Number.POSITIVE_INFINITY,
    }
    this.entries.push(entry)
    this.onBegin?.(entry)
    return entry
  }

  done(entry: HistoryEntry, output: unknown): void {
    entry.outcome = 'done'
    entry.output = output
    this.#end(entry)
  }

  failed(entry: HistoryEntry, error: FlotillaError): void {
    entry.outcome = error.outcome === 'unknown' ? 'unknown' : 'refused'
    entry.error = error.code
    entry.message = error.message
    this.#end(entry)
  }

  #end(entry: HistoryEntry): void {
    entry.returnedAt = ++this.#order
    entry.returnedMs = this.#nowMs()
    this.onEnd?.(entry)
  }
}
