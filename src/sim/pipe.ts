import { crc32Range } from '../util/crc.ts'
import { SIM_SEGMENT_BYTES, SIM_SOCKET_SYSTEM_BYTES, SOCKET_HIGH_WATER_BYTES } from '../util/limits.ts'
import type { Link, LinkUser } from './link.ts'

export type SegmentKind = 'syn' | 'synack' | 'data' | 'fin' | 'rst'

export interface Segment {
  readonly kind: SegmentKind
  bytes: Buffer
  /** True when a reset has taken it off the wire. */
  lost: boolean
}

/** One end of a connection, as its pipes know it. */
export interface PipeEnd {
  readonly established: boolean
  readonly closed: boolean
  /** A network fault has broken the connection; the news is on its way to both ends. */
  readonly broken: boolean
  breakAtRandomByte(): void
  /** What this end has sent is cut at a random byte, and a reset follows it. */
  breakOwnDirection(): void
  /** Bytes have waited too long for their acknowledgement. */
  timeOut(): void
  /** The buffer has run empty after a `write` that returned false. */
  scheduleDrain(): void
  /** This client's call has arrived. */
  arriveAtListener(pipe: Pipe): void
  receive(segment: Segment): void
}

/** How soon a segment that came before its turn looks again. */
const RETRY_ORDER_US = 1_000
export const NO_BYTES = Buffer.alloc(0)

/**
 * One direction of one connection. Bytes wait in `pending` (the process's buffer) until the system takes them; the
 * system holds what the other end has not read yet. Order is kept whatever the link does.
 */
export class Pipe implements LinkUser {
  readonly link: Link
  readonly sender: PipeEnd
  /** The pipe of the other direction; acknowledgements take its link. */
  back: Pipe | null = null
  receiver: PipeEnd | null = null
  needsDrain = false
  readonly #pending: Buffer[] = []
  #pendingBytes = 0
  #inSystem = 0
  /** Read by the other end, its acknowledgement not yet here. */
  #unacked = 0
  readonly #inFlight: Segment[] = []
  #lastArrivalUs = 0
  /** What arrived at a held link, in order. */
  #held: Segment[] = []
  #holdNumber = 0

  constructor(link: Link, sender: PipeEnd) {
    this.link = link
    this.sender = sender
    link.pipes.add(this)
  }

  get pendingBytes(): number {
    return this.#pendingBytes
  }

  /** Bytes under way to this end's peer and not yet read by it. */
  get inSystem(): number {
    return this.#inSystem
  }

  /** False when the buffer is above its high-water mark. */
  write(bytes: Buffer): boolean {
    if (bytes.length > 0) {
      this.#pending.push(bytes)
      this.#pendingBytes += bytes.length
      this.pump()
    }
    if (this.#pendingBytes >= SOCKET_HIGH_WATER_BYTES) this.needsDrain = true
    return !this.needsDrain
  }

  /** Gives the system what it takes. */
  pump(): void {
    if (!this.sender.established) return
    while (this.#pending.length > 0 && this.#inSystem < SIM_SOCKET_SYSTEM_BYTES) {
      this.#sendPiece(this.#takePiece())
      if (this.sender.broken) return
    }
    if (this.needsDrain && this.#pendingBytes === 0) {
      this.needsDrain = false
      this.sender.scheduleDrain()
    }
  }

  send(kind: SegmentKind, bytes: Buffer = NO_BYTES): void {
    const segment: Segment = { kind, bytes, lost: false }
    this.#inFlight.push(segment)
    this.link.pipes.add(this)
    this.#scheduleArrival(segment, this.link.arrivalUs(bytes.length))
  }

  /** The process's own buffer goes with the process; what the system has is still sent. */
  dropPending(): void {
    this.#pending.length = 0
    this.#pendingBytes = 0
    this.needsDrain = false
  }

  /** Nothing that is under way arrives any more. */
  dropAll(): void {
    this.dropPending()
    for (const segment of this.#inFlight) segment.lost = true
    this.#inFlight.length = 0
    this.#held = []
    this.link.pipes.delete(this)
  }

  /** Cuts what is under way at a random byte. */
  truncate(): void {
    this.dropPending()
    let total = 0
    for (const segment of this.#inFlight) total += segment.bytes.length
    let keep = this.link.random.below(total + 1)
    for (const segment of this.#inFlight) {
      if (segment.kind !== 'data') continue
      if (keep < segment.bytes.length) segment.bytes = segment.bytes.subarray(0, keep)
      keep -= segment.bytes.length
      if (segment.bytes.length === 0) segment.lost = true
    }
  }

  /** The other end has read `count` bytes. The news travels on the other link: a one-way cut stops both, in time. */
  acknowledge(count: number): void {
    this.#unacked += count
    if (!this.back?.link.held) this.#credit()
  }

  /** The link lets bytes through again, the first after `delayUs`. */
  release(delayUs: number): void {
    const back = this.back
    if (back !== null) back.#credit()
    const held = this.#held
    if (held.length === 0) return
    this.#held = []
    this.#holdNumber++
    const now = this.link.timeline.nowUs
    for (const segment of held) {
      this.#scheduleArrival(segment, Math.max(now + delayUs, this.link.arrivalUs(segment.bytes.length)))
    }
  }

  #credit(): void {
    if (this.#unacked === 0) return
    this.#inSystem -= this.#unacked
    this.#unacked = 0
    if (!this.sender.closed) this.pump()
  }

  #takePiece(): Buffer {
    const first = this.#pending[0]!
    const random = this.link.random
    let size = Math.min(first.length, SIM_SEGMENT_BYTES)
    if (size > 1 && random.chance(this.link.options.splitRate)) size = 1 + random.below(size - 1)
    this.#pendingBytes -= size
    if (size === first.length) {
      this.#pending.shift()
      return first
    }
    this.#pending[0] = first.subarray(size)
    return first.subarray(0, size)
  }

  #sendPiece(piece: Buffer): void {
    const random = this.link.random
    const { corruptRate, resetRate, reorderRate } = this.link.options
    this.#inSystem += piece.length
    if (random.chance(corruptRate)) {
      const at = random.below(piece.length)
      piece[at] = piece[at]! ^ (1 << random.below(8))
      this.link.timeline.smallFaults.corrupt++
      this.link.timeline.note(`a bit flips on ${this.link.from}>${this.link.to}`)
    }
    this.send('data', piece)
    if (random.chance(reorderRate)) this.#swapLastTwo()
    if (random.chance(resetRate)) this.sender.breakAtRandomByte()
  }

  /** The last piece takes the place of the one before it, which is under way still. */
  #swapLastTwo(): void {
    const last = this.#inFlight.at(-1)!
    const before = this.#inFlight.at(-2)
    if (before?.kind !== 'data') return
    const { timeline, from, to } = this.link
    const { bytes } = before
    before.bytes = last.bytes
    last.bytes = bytes
    timeline.smallFaults.reorder++
    timeline.note(`bytes overtake others on ${from}>${to}`)
  }

  #scheduleArrival(segment: Segment, arrivalUs: number): void {
    const timeline = this.link.timeline
    this.#lastArrivalUs = Math.max(this.#lastArrivalUs, arrivalUs)
    const { bytes } = segment
    const detail = bytes.length === 0 ? 0 : crc32Range(bytes, 0, bytes.length)
    const note = this.link.noteOf(segment.kind)
    timeline.schedule(
      this.#lastArrivalUs - timeline.nowUs,
      null,
      'packet',
      detail,
      () => this.#arrive(segment),
      note,
    )
  }

  #arrive(segment: Segment): void {
    if (segment.lost && segment.kind === 'data') {
      this.#forget(segment)
      return
    }
    if (this.link.held) {
      this.#hold(segment)
      return
    }
    const place = this.#inFlight.indexOf(segment)
    if (place > 0) {
      // What a link had held comes first: it is on its way again and later than this.
      this.#scheduleArrival(segment, this.link.timeline.nowUs + RETRY_ORDER_US)
      return
    }
    this.#forget(segment)
    if (segment.kind === 'syn') this.sender.arriveAtListener(this)
    else this.receiver?.receive(segment)
    this.tidy()
  }

  /** A link need not know the pipes of connections that are over. */
  tidy(): void {
    if (this.sender.closed && this.#inFlight.length === 0) this.link.pipes.delete(this)
  }

  #forget(segment: Segment): void {
    const at = this.#inFlight.indexOf(segment)
    if (at >= 0) this.#inFlight.splice(at, 1)
  }

  #hold(segment: Segment): void {
    this.#held.push(segment)
    if (this.#held.length > 1) return
    const number = ++this.#holdNumber
    const timeoutUs = this.link.options.tcpTimeoutMs * 1000
    this.link.timeline.schedule(
      timeoutUs,
      null,
      'fault',
      0,
      () => {
        if (number === this.#holdNumber && this.#held.length > 0) this.sender.timeOut()
      },
      'tcp gives up',
    )
  }
}
