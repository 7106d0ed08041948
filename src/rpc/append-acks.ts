import type { FrameQueue } from './frame-queue.ts'
import { MSG_APPEND_RESPONSE } from './message-types.ts'
import {
  APPEND_BUSY,
  APPEND_MISMATCH,
  APPEND_OK,
  type AppendResponse,
  type GroupAddress,
} from './messages.ts'
import { encodeAppendResponse } from './raft-codecs.ts'

/** Bytes that one waiting answer is counted as: its encoded size at most, alias definition left out. */
export const ACK_BYTES = 50

/**
 * Answers to appends that wait for the end of the turn. Each group holds one place for an OK and one for a refusal, and
 * the newer takes the older's: leaving out the older says no less, since an OK stands for everything below it.
 * A refusal does not displace an OK (the leader would learn of durable entries only a round trip later), and answers of
 * an older term give way to a newer one. What does not fit because what came before it found no room says nothing new: it
 * does not displace that BUSY, which has the leader pause. Order is that of the newest answer in each place.
 */
export class AppendAcks {
  private readonly to: GroupAddress[] = []
  private readonly messages: Array<AppendResponse | null> = []
  private readonly okPlaces = new Map<number, number>()
  private readonly refusalPlaces = new Map<number, number>()

  /** Places in use. */
  get size(): number {
    return this.okPlaces.size + this.refusalPlaces.size
  }

  /** True when an answer of this group needs no place of its own. */
  replaces(to: GroupAddress, message: AppendResponse): boolean {
    return (message.answer === APPEND_OK ? this.okPlaces : this.refusalPlaces).has(to.slot)
  }

  add(to: GroupAddress, message: AppendResponse): void {
    const ok = message.answer === APPEND_OK
    if (!this.clear(ok ? this.refusalPlaces : this.okPlaces, to, message, false)) return
    if (!this.clear(ok ? this.okPlaces : this.refusalPlaces, to, message, ok)) return
    const places = ok ? this.okPlaces : this.refusalPlaces
    places.set(to.slot, this.messages.length)
    this.to.push(to)
    this.messages.push(message)
    if (this.messages.length > 64 && this.messages.length > this.size * 4) this.compact()
  }

  /** Makes room for `message`. False when what waits there makes it needless. */
  private clear(
    places: Map<number, number>,
    to: GroupAddress,
    message: AppendResponse,
    bothOk: boolean,
  ): boolean {
    const place = places.get(to.slot)
    if (place === undefined) return true
    const waiting = this.messages[place]!
    if (waiting.term > message.term) return false
    const sameKind = places === (message.answer === APPEND_OK ? this.okPlaces : this.refusalPlaces)
    if (waiting.term === message.term) {
      if (!sameKind) return true
      if (bothOk && waiting.index > message.index) return false
      const follows = waiting.answer === APPEND_BUSY && message.answer === APPEND_MISMATCH
      if (follows && message.index > waiting.index) return false
    }
    this.messages[place] = null
    places.delete(to.slot)
    return true
  }

  /** While a connection takes nothing, replaced answers must not pile up as empty places. */
  private compact(): void {
    let kept = 0
    for (let i = 0; i < this.messages.length; i++) {
      const message = this.messages[i]!
      if (message === null) continue
      const to = this.to[i]!
      this.messages[kept] = message
      this.to[kept] = to
      ;(message.answer === APPEND_OK ? this.okPlaces : this.refusalPlaces).set(to.slot, kept)
      kept++
    }
    this.messages.length = kept
    this.to.length = kept
  }

  /** Writes all that wait. */
  encode(queue: FrameQueue): void {
    const count = this.messages.length
    if (count === 0) return
    for (let i = 0; i < count; i++) {
      const message = this.messages[i]!
      if (message === null) continue
      const to = this.to[i]!
      const writer = queue.begin()
      queue.alias(to)
      const mark = queue.open(MSG_APPEND_RESPONSE)
      encodeAppendResponse(writer, to.slot, message)
      queue.close(mark)
      queue.finish(null, 0)
    }
    this.clearAll()
  }

  clearAll(): void {
    this.to.length = 0
    this.messages.length = 0
    this.okPlaces.clear()
    this.refusalPlaces.clear()
  }
}
