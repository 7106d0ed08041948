import type { ForwardRequest, ForwardResponse, PeerLink } from '../rpc/messages.ts'
import { FlotillaError } from '../util/errors.ts'
import { MAX_BLOCK_BYTES, MAX_ENTRY_BYTES, MAX_FORWARD_IN_FLIGHT } from '../util/limits.ts'
import type { ApplySink, ClientHost } from './ports.ts'
import { noSuchReplica } from './read-calls.ts'
import { whyDown } from './why-down.ts'

/** An answer that the link had no room for is offered again after this time. */
const RETRY_MS = 10

/** Answers of one request that are known and not sent yet, in the order in which they came. */
interface Settled {
  readonly position: number
  readonly index: number
  readonly term: number
  readonly result: Buffer | null
  readonly error: FlotillaError | null
}

interface Source {
  readonly storeId: string
  /** Of its connection: what is asked over it is answered over it. To ask for a client's link anew would make one. */
  readonly link: PeerLink
  /** Calls that are not answered. */
  open: number
}

/**
 * The leader's side of forwarding: proposes what other stores send, and answers the calls that were settled in a turn
 * together. One hop only: a replica that does not lead refuses and names the leader.
 */
export class ForwardServer {
  readonly host: ClientHost
  readonly #sources = new Map<string, Source>()
  #dirty: ServedRequest[] = []
  #blocked: ServedRequest[] = []

  constructor(host: ClientHost) {
    this.host = host
  }

  onForwardRequest(storeId: string, message: ForwardRequest): void {
    const source = this.#source(storeId)
    const request = new ServedRequest(this, source, message)
    source.open += message.payloads.length
    const refusal =
      source.open > MAX_FORWARD_IN_FLIGHT ? this.#tooMany(source) : this.#refusalOf(message.groupId)
    const local = this.host.local(message.groupId)
    for (let i = 0; i < message.payloads.length; i++) {
      const payload = message.payloads[i]!
      if (refusal !== null || local === null)
        request.onRefused(i, refusal ?? noSuchReplica('', message.groupId))
      else if (payload.length > MAX_ENTRY_BYTES)
        request.onRefused(i, new FlotillaError('TOO_LARGE', 'the entry is too large'))
      else local.propose(payload, message.expectedTerm, request, i)
    }
  }

  #source(storeId: string): Source {
    let source = this.#sources.get(storeId)
    if (source === undefined) {
      source = { storeId, link: this.host.link(storeId), open: 0 }
      this.#sources.set(storeId, source)
    }
    return source
  }

  #tooMany(source: Source): FlotillaError {
    return new FlotillaError(
      'BUSY',
      `store ${source.storeId} has ${source.open} calls waiting on store ${this.host.storeId}`,
    )
  }

  #refusalOf(groupId: string): FlotillaError | null {
    const local = this.host.local(groupId)
    const { storeId } = this.host
    if (local === null) return noSuchReplica(storeId, groupId)
    return local.error === null ? null : whyDown(storeId, local)
  }

  /** Nothing is answered over a later connection: its other end counts its requests anew. */
  onLinkDown(storeId: string): void {
    this.#sources.delete(storeId)
  }

  markDirty(request: ServedRequest): void {
    if (this.#dirty.length === 0) this.host.markDirty(this)
    this.#dirty.push(request)
  }

  endOfTurn(): void {
    const dirty = this.#dirty
    this.#dirty = []
    for (const request of dirty) if (!request.answer()) this.#block(request)
  }

  #block(request: ServedRequest): void {
    if (this.#blocked.length === 0) this.host.timers.setTimeout(() => this.#unblock(), RETRY_MS)
    this.#blocked.push(request)
  }

  #unblock(): void {
    const blocked = this.#blocked
    this.#blocked = []
    for (const request of blocked) this.markDirty(request)
  }
}

/** One forwarded batch at the store that leads its group. */
class ServedRequest implements ApplySink {
  readonly #server: ForwardServer
  readonly #source: Source
  readonly #epoch: number
  readonly #requestId: number
  #settled: Settled[] = []
  #queued = false

  constructor(server: ForwardServer, source: Source, message: ForwardRequest) {
    this.#server = server
    this.#source = source
    this.#epoch = source.link.epoch
    this.#requestId = message.requestId
  }

  onDone(position: number, index: number, term: number, result: Buffer | null): void {
    this.#add({
      position,
      index,
      term,
      result: result !== null && result.length === 0 ? null : result,
      error: null,
    })
  }

  onRefused(position: number, error: FlotillaError): void {
    this.#add({ position, index: 0, term: 0, result: null, error })
  }

  #add(settled: Settled): void {
    this.#settled.push(settled)
    if (this.#queued) return
    this.#queued = true
    this.#server.markDirty(this)
  }

  /** Sends what is known, in runs. False when the link has no room: what is left is kept. */
  answer(): boolean {
    const { link } = this.#source
    const settled = this.#settled
    let at = 0
    while (at < settled.length) {
      const to = endOfRun(settled, at)
      if (link.epoch === this.#epoch && link.connected) {
        if (!link.sendForwardResponse(this.#response(settled, at, to))) {
          this.#settled = settled.slice(at)
          return false
        }
      }
      this.#source.open -= to - at
      at = to
    }
    this.#settled = []
    this.#queued = false
    return true
  }

  #response(settled: readonly Settled[], from: number, to: number): ForwardResponse {
    const first = settled[from]!
    const { error } = first
    const results: Buffer[] = []
    if (settled.some((one, i) => i >= from && i < to && one.result !== null)) {
      for (let i = from; i < to; i++) results.push(settled[i]!.result ?? NO_RESULT)
    }
    return {
      requestId: this.#requestId,
      from: first.position,
      count: to - from,
      error: error?.shortName ?? '',
      message: error?.message ?? '',
      unknownOutcome: error?.outcome === 'unknown',
      leader: error?.leader ?? '',
      firstIndex: first.index,
      term: first.term,
      results,
    }
  }
}

const NO_RESULT = Buffer.alloc(0)

/** Calls that one answer can settle: neighbours with neighbouring indexes, or with the same refusal. */
function endOfRun(settled: readonly Settled[], from: number): number {
  const first = settled[from]!
  let bytes = first.result?.length ?? 0
  let to = from + 1
  for (; to < settled.length; to++) {
    const next = settled[to]!
    if (next.position !== first.position + to - from || !sameError(first.error, next.error)) break
    if (first.error === null && (next.index !== first.index + to - from || next.term !== first.term)) break
    bytes += next.result?.length ?? 0
    if (bytes > MAX_BLOCK_BYTES) break
  }
  return to
}

function sameError(a: FlotillaError | null, b: FlotillaError | null): boolean {
  if (a === b) return true
  if (a === null || b === null) return false
  return a.code === b.code && a.message === b.message && a.outcome === b.outcome && a.leader === b.leader
}
