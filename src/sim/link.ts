import { OldWrites } from './old-writes.ts'
import type { SimRandom } from './random.ts'
import type { Timeline } from './timeline.ts'

export interface LinkOptions {
  /** Delay of a piece: at least this, default 0.05 … */
  readonly minDelayMs: number
  /** … and an exponential addition of this mean, default 0.2. */
  readonly meanDelayMs: number
  /** … that is never longer than this. Default: no bound. */
  readonly maxAddedDelayMs: number
  /** Shared by all connections in this direction; 0 (default) for no bound. */
  readonly bytesPerMs: number
  /** Probability that a piece has one bit flipped. Default 0. */
  readonly corruptRate: number
  /** Probability that a piece breaks its connection at one of its bytes. Default 0. */
  readonly resetRate: number
  /** Probability that something that was sent before, maybe over another connection, comes once more before a write. */
  readonly staleRate: number
  /** Probability that a write never arrives, while what follows it does. Default 0. */
  readonly lossRate: number
  /** Probability that a piece comes before the one that was sent before it, if that is still under way. Default 0. */
  readonly reorderRate: number
}

export interface NetworkOptions extends LinkOptions {
  /** A write goes out in pieces at random cuts with this rate, as TCP may deliver it. Default 0.1. */
  readonly splitRate: number
  /** Bytes that a link holds this long break their connection, and a connect gives up after it. Default 30,000. */
  readonly tcpTimeoutMs: number
}

/** One direction of a connection, as its link knows it. */
export interface LinkUser {
  /** The link lets bytes through again, the first after `delayUs`. */
  release(delayUs: number): void
}

/** How long TCP may take to try again after a cut has ended. */
const MAX_RETRANSMIT_MS = 200
/** Longer writes do not come again. */
const MAX_STALE_BYTES = 16_384

/** The way from one process to another: one direction, all connections. */
export class Link {
  readonly timeline: Timeline
  readonly random: SimRandom
  readonly from: string
  readonly to: string
  readonly pipes = new Set<LinkUser>()
  options: NetworkOptions
  #blocked = false
  #clogged = false
  /** When the wire has sent all that was given to it. */
  #freeUs = 0
  /** What the event log says of a piece, by its kind. */
  readonly #notes = new Map<string, string>()
  readonly #old = new OldWrites()

  constructor(timeline: Timeline, random: SimRandom, from: string, to: string, options: NetworkOptions) {
    this.timeline = timeline
    this.random = random
    this.from = from
    this.to = to
    this.options = options
  }

  /** True while what arrives is held. */
  get held(): boolean {
    return this.#blocked || this.#clogged
  }

  /** For pipes. */
  noteOf(kind: string): string {
    let note = this.#notes.get(kind)
    if (note === undefined) {
      note = `${kind} ${this.from}>${this.to}`
      this.#notes.set(kind, note)
    }
    return note
  }

  configure(options: Partial<NetworkOptions>): void {
    this.options = { ...this.options, ...options }
  }

  setBlocked(blocked: boolean): void {
    const wasHeld = this.held
    this.#blocked = blocked
    if (wasHeld && !this.held) this.#releaseAll(MAX_RETRANSMIT_MS)
  }

  setClogged(clogged: boolean): void {
    const wasHeld = this.held
    this.#clogged = clogged
    if (wasHeld && !this.held) this.#releaseAll(0)
  }

  /** When `byteLength` bytes that leave now will arrive. */
  arrivalUs(byteLength: number): number {
    const { minDelayMs, meanDelayMs, maxAddedDelayMs, bytesPerMs } = this.options
    let departsUs = this.timeline.nowUs
    if (bytesPerMs > 0 && byteLength > 0) {
      departsUs = Math.max(departsUs, this.#freeUs) + (byteLength / bytesPerMs) * 1000
      this.#freeUs = departsUs
    }
    const addedMs = Math.min(this.random.exponential(meanDelayMs), maxAddedDelayMs)
    return Math.round(departsUs + (minDelayMs + addedMs) * 1000)
  }

  /** For connections: what comes before `bytes` and should not come any more; null most of the time. */
  staleBefore(bytes: Buffer): Buffer | null {
    const { staleRate } = this.options
    if (staleRate === 0) return null
    const stale = this.random.chance(staleRate) ? this.#old.pick(this.random) : null
    if (bytes.length <= MAX_STALE_BYTES && this.random.chance(0.2)) this.#old.keep(bytes, this.random)
    if (stale === null) return null
    this.timeline.smallFaults.stale++
    this.timeline.note(`old bytes come again on ${this.from}>${this.to}`)
    return Buffer.from(stale)
  }

  /** For connections: true when a write shall never arrive. */
  loses(): boolean {
    if (!this.random.chance(this.options.lossRate)) return false
    this.timeline.smallFaults.loss++
    this.timeline.note(`a write is lost on ${this.from}>${this.to}`)
    return true
  }

  #releaseAll(maxDelayMs: number): void {
    for (const pipe of [...this.pipes]) pipe.release(this.random.between(0, maxDelayMs) * 1000)
  }
}
