import type { Expected, ExpectedCounter, LoadRow } from './child-calls.ts'
import { counterOf } from './load.ts'

const MAX_MISREADS = 10

/** What became of every write of a test, as the writers were told. Outlives the processes that wrote. */
export class Ledger {
  readonly #puts = { acked: [] as string[], unknown: [] as string[], 'not-applied': [] as string[] }
  readonly #registers = new Map<string, { acked: number; unknown: number | null }>()
  readonly #counts = new Map<string, number | null>()
  readonly #uncounted: string[] = []
  readonly #cutLoads = new Set<string>()
  acked = 0
  failed = 0
  /** Of the writes that failed, those that may have taken effect all the same. */
  unknown = 0
  reads = 0
  readonly #misreads: string[] = []

  add(row: LoadRow): void {
    if (row.kind === 'read') this.#addRead(row)
    else this.#addWrite(row)
  }

  #addWrite(row: LoadRow): void {
    if (row.outcome === 'acked') this.acked++
    else this.failed++
    if (row.outcome === 'unknown') this.unknown++
    if (row.kind === 'put') this.#puts[row.outcome].push(row.name)
    else if (row.kind === 'register') this.#addRegister(row)
    else if (row.outcome === 'not-applied') this.#uncounted.push(row.name)
    else this.#counts.set(row.name, row.outcome === 'acked' ? row.number : null)
  }

  #addRead({ name, outcome, code }: LoadRow): void {
    if (outcome !== 'acked') return
    this.reads++
    if (code !== '' && this.#misreads.length < MAX_MISREADS) this.#misreads.push(`${name}: ${code}`)
  }

  /** Reads whose answers were wrong; the first of them only. */
  get misreads(): readonly string[] {
    return this.#misreads
  }

  get puts(): number {
    return this.#puts.acked.length
  }

  /** An acknowledged put's key, `at` from 0 to `puts` - 1. */
  putAt(at: number): string {
    return this.#puts.acked[at]!
  }

  /** A register is written by one writer, one call at a time, and by no one after an unknown outcome. */
  #addRegister({ name, number, outcome }: LoadRow): void {
    const { acked, unknown } = this.#registers.get(name) ?? { acked: -1, unknown: null }
    if (outcome === 'acked') this.#registers.set(name, { acked: number, unknown })
    else if (outcome === 'unknown') this.#registers.set(name, { acked, unknown: number })
    else this.#registers.set(name, { acked, unknown })
  }

  /** The process of this load was killed: what it was about to say is known to nobody. */
  cut(load: string): void {
    this.#cutLoads.add(load)
  }

  expected(counterGroupIds: readonly string[]): Expected {
    return {
      present: this.#puts.acked,
      absent: this.#puts['not-applied'],
      possible: this.#puts.unknown,
      registers: [...this.#registers].map(([name, state]) => ({ name, ...state })),
      counters: counterGroupIds.map((groupId) => this.#counter(groupId)),
      cutLoads: [...this.#cutLoads],
    }
  }

  #counter(groupId: string): ExpectedCounter {
    const counts = [...this.#counts].filter(([id]) => counterOf(id) === groupId)
    return {
      groupId,
      counts: counts.map(([id, answer]) => ({ id, answer })),
      uncounted: this.#uncounted.filter((id) => counterOf(id) === groupId),
    }
  }
}
