import type { FlotillaError } from '../util/errors.ts'
import type { ClientHost, LocalReplica, ReadSink } from './ports.ts'

/** Reads of one group that share one read index. */
class SharedRead implements ReadSink {
  readonly local: LocalReplica
  readonly sinks: ReadSink[] = []

  constructor(local: LocalReplica) {
    this.local = local
  }

  get isWanted(): boolean {
    return this.sinks.some((sink) => sink.isWanted)
  }

  onReadIndex(index: number): void {
    for (const sink of this.sinks) sink.onReadIndex(index)
  }

  onReadRefused(error: FlotillaError): void {
    for (const sink of this.sinks) sink.onReadRefused(error)
  }
}

/** All reads of a group in a turn share one question to its replica here, and one refusal. */
export class ReadIndexes {
  readonly #host: ClientHost
  #open = new Map<string, SharedRead>()

  constructor(host: ClientHost) {
    this.#host = host
  }

  /** `sink` is told after the end of this turn. */
  read(local: LocalReplica, sink: ReadSink): void {
    let shared = this.#open.get(local.groupId)
    if (shared === undefined) {
      if (this.#open.size === 0) this.#host.markDirty(this)
      shared = new SharedRead(local)
      this.#open.set(local.groupId, shared)
    }
    shared.sinks.push(sink)
  }

  endOfTurn(): void {
    const open = this.#open
    this.#open = new Map()
    for (const shared of open.values()) shared.local.readIndex(shared)
  }
}
