import { STORE_IDS } from './demo-settings.ts'
import type { ClusterView } from './leadership.ts'

interface Counts {
  readonly fsyncs: number
  readonly entries: number
}

const NONE: Counts = { fsyncs: 0, entries: 0 }

/** Counters of stores over all their processes: a killed one counts as it was last seen, which is a little too low. */
export class StoreCounters {
  readonly #past: Counts[] = STORE_IDS.map(() => NONE)
  readonly #current: Counts[] = STORE_IDS.map(() => NONE)

  update(view: ClusterView): void {
    view.forEach((store, i) => {
      if (store !== null) this.#current[i] = { fsyncs: store.fsyncs, entries: store.entries }
    })
  }

  /** The next counts of a store are of a new process and begin at zero. */
  restarted(store: number): void {
    this.#past[store] = this.of(store)
    this.#current[store] = NONE
  }

  of(store: number): Counts {
    const [past, current] = [this.#past[store]!, this.#current[store]!]
    return { fsyncs: past.fsyncs + current.fsyncs, entries: past.entries + current.entries }
  }
}
