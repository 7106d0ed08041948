import { errorOfWire } from '../rpc/call-table.ts'
import type { ForwardResponse } from '../rpc/messages.ts'
import { FlotillaError } from '../util/errors.ts'
import {
  MAX_BLOCK_BYTES,
  MAX_BLOCK_ENTRIES,
  MAX_FORWARD_IN_FLIGHT,
  MAX_FORWARD_QUEUE_BYTES,
} from '../util/limits.ts'
import type { ClientHost } from './ports.ts'

/** A proposal that is to cross a connection. */
export interface ForwardedCall {
  readonly groupId: string
  readonly payload: Buffer
  readonly expectedTerm: number
  handedOver: boolean
  /** The forwarder's: where the call is while it is on its way. */
  batch: ForwardBatch | null
  position: number
  onDone(position: number, index: number, term: number, result: Buffer | null): void
  onRefusedBy(storeId: string, error: FlotillaError): void
}

/** Calls of one group that go to its leader's store in one message. A settled call leaves a hole. */
export interface ForwardBatch {
  readonly target: ForwardTarget
  readonly groupId: string
  readonly expectedTerm: number
  readonly calls: (ForwardedCall | null)[]
  /** Calls that are not settled yet. */
  open: number
  bytes: number
  /** 0 until it was sent. */
  requestId: number
}

/** What is under way to one store. */
interface ForwardTarget {
  readonly storeId: string
  /** This turn's batches, in the order in which they began; the newest of each group can still grow. */
  readonly ready: ForwardBatch[]
  readonly growing: Map<string, ForwardBatch>
  readonly inFlight: Map<number, ForwardBatch>
  calls: number
  bytes: number
}

/**
 * Sends proposals to the stores of their leaders: one message per group, store and turn. A call that was sent is settled
 * by its answer, or by the end of the connection, and never sent again by itself.
 */
export class Forwarder {
  readonly #host: ClientHost
  readonly #targets = new Map<string, ForwardTarget>()
  #dirty = false
  #nextRequestId = 1

  constructor(host: ClientHost) {
    this.#host = host
  }

  forward(call: ForwardedCall, storeId: string): void {
    const target = this.#target(storeId)
    const bytes = call.payload.length
    if (
      target.calls >= MAX_FORWARD_IN_FLIGHT ||
      (target.bytes > 0 && target.bytes + bytes > MAX_FORWARD_QUEUE_BYTES)
    ) {
      const text = `${target.calls} calls of ${target.bytes} bytes are on their way to store ${storeId}`
      call.onRefusedBy(storeId, new FlotillaError('BUSY', text))
      return
    }
    const batch = this.#batchFor(target, call)
    call.batch = batch
    call.position = batch.calls.length
    batch.calls.push(call)
    batch.open++
    batch.bytes += bytes
    target.calls++
    target.bytes += bytes
    if (!this.#dirty) {
      this.#dirty = true
      this.#host.markDirty(this)
    }
  }

  #target(storeId: string): ForwardTarget {
    let target = this.#targets.get(storeId)
    if (target === undefined) {
      target = { storeId, ready: [], growing: new Map(), inFlight: new Map(), calls: 0, bytes: 0 }
      this.#targets.set(storeId, target)
    }
    return target
  }

  #batchFor(target: ForwardTarget, call: ForwardedCall): ForwardBatch {
    const { groupId, expectedTerm } = call
    const growing = target.growing.get(groupId)
    const room =
      growing !== undefined &&
      growing.expectedTerm === expectedTerm &&
      growing.calls.length < MAX_BLOCK_ENTRIES &&
      growing.bytes + call.payload.length <= MAX_BLOCK_BYTES
    if (room) return growing
    const batch = { target, groupId, expectedTerm, calls: [], open: 0, bytes: 0, requestId: 0 }
    target.growing.set(groupId, batch)
    target.ready.push(batch)
    return batch
  }

  endOfTurn(): void {
    this.#dirty = false
    for (const target of this.#targets.values()) {
      if (target.ready.length === 0) continue
      const batches = target.ready.splice(0)
      target.growing.clear()
      for (const batch of batches) this.#send(target, batch)
    }
  }

  #send(target: ForwardTarget, batch: ForwardBatch): void {
    const link = this.#host.link(target.storeId)
    const calls: ForwardedCall[] = []
    const payloads: Buffer[] = []
    for (const call of batch.calls) {
      if (call === null) continue
      call.position = calls.length
      calls.push(call)
      payloads.push(call.payload)
    }
    if (calls.length === 0) return
    batch.calls.splice(0, batch.calls.length, ...calls)
    batch.requestId = this.#nextRequestId++
    const { requestId, groupId, expectedTerm } = batch
    if (link.sendForwardRequest({ requestId, groupId, expectedTerm, payloads })) {
      target.inFlight.set(requestId, batch)
      for (const call of calls) call.handedOver = true
      return
    }
    // Nothing was queued: certainly not sent.
    const error = link.connected
      ? new FlotillaError('BUSY', `the connection to store ${target.storeId} has too much waiting`)
      : notConnected(target.storeId)
    this.#refuseAll(target, batch, error)
  }

  #refuseAll(target: ForwardTarget, batch: ForwardBatch, error: FlotillaError): void {
    for (const call of batch.calls) {
      if (call === null) continue
      this.release(call)
      call.onRefusedBy(target.storeId, error)
    }
  }

  onResponse(storeId: string, message: ForwardResponse): void {
    const target = this.#targets.get(storeId)
    const batch = target?.inFlight.get(message.requestId)
    if (target === undefined || batch === undefined) return
    const { from, count, results, error } = message
    const to = Math.min(from + count, batch.calls.length)
    const refusal =
      error === '' ? null : errorOfWire(error, message.message, message.unknownOutcome, message.leader)
    for (let i = from; i < to; i++) {
      const call = batch.calls[i]!
      if (call === null) continue
      this.release(call)
      if (refusal !== null) call.onRefusedBy(storeId, refusal)
      else call.onDone(0, message.firstIndex + i - from, message.term, results[i - from] ?? null)
    }
  }

  /** What was sent has an unknown outcome; what was not is as if it had never been given to this store. */
  onLinkDown(storeId: string): void {
    const target = this.#targets.get(storeId)
    if (target === undefined) return
    const sent = [...target.inFlight.values()]
    const ready = target.ready.splice(0)
    target.growing.clear()
    const lost = new FlotillaError(
      'CONNECTION_LOST',
      `the connection to store ${storeId} broke: the outcome is unknown`,
    )
    for (const batch of sent) this.#refuseAll(target, batch, lost)
    for (const batch of ready) this.#refuseAll(target, batch, notConnected(storeId))
    if (target.calls === 0) this.#targets.delete(storeId)
  }

  /** The call leaves its batch: settled, or about to be. */
  release(call: ForwardedCall): void {
    const { batch } = call
    if (batch === null) return
    call.batch = null
    batch.calls[call.position] = null
    batch.open--
    batch.target.calls--
    batch.target.bytes -= call.payload.length
    if (batch.open === 0 && batch.requestId !== 0) batch.target.inFlight.delete(batch.requestId)
  }
}

export function notConnected(storeId: string): FlotillaError {
  return new FlotillaError('CONNECTION_LOST', `store ${storeId} is not connected`, { outcome: 'not-applied' })
}
