import type { FlotillaError } from '../util/errors.ts'
import type { ApplySink } from './ports.ts'

export interface Proposals {
  readonly payloads: Buffer[]
  readonly sinks: ApplySink[]
  readonly positions: number[]
}

/** What was proposed in this turn and is in no block yet, in parallel arrays: no object per entry. */
export class ProposalQueue {
  #payloads: Buffer[] = []
  #sinks: ApplySink[] = []
  #positions: number[] = []
  bytes = 0

  get count(): number {
    return this.#payloads.length
  }

  push(payload: Buffer, sink: ApplySink, position: number): void {
    this.#payloads.push(payload)
    this.#sinks.push(sink)
    this.#positions.push(position)
    this.bytes += payload.length
  }

  take(): Proposals {
    const taken = { payloads: this.#payloads, sinks: this.#sinks, positions: this.#positions }
    this.#payloads = []
    this.#sinks = []
    this.#positions = []
    this.bytes = 0
    return taken
  }

  /** None of them has an index: they are certainly not applied. */
  refuseAll(error: FlotillaError): void {
    const { sinks, positions } = this.take()
    for (let i = 0; i < sinks.length; i++) sinks[i]!.onRefused(positions[i]!, error)
  }
}
