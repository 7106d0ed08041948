import type { LogShard } from '../storage/log-shard.ts'
import type { HashedWheelTimer } from '../timer/hashed-wheel-timer.ts'
import { RepeatedTimer } from '../timer/repeated-timer.ts'
import { FlotillaError } from '../util/errors.ts'

/** Looks per election timeout: how exactly a stuck disk is timed. */
const LOOKS_PER_TIMEOUT = 4
/** A flush that is out for so many election timeouts is a storage error. */
const DEAD_AFTER_TIMEOUTS = 10

export interface FlushWatchHandlers {
  /** A flush has been out for an election timeout: the shard must vouch for nothing until it is back. */
  onStuck(shard: LogShard): void
  onBack(shard: LogShard): void
}

interface Watched {
  readonly shard: LogShard
  flushes: number
  applies: number
  /** Whether a flush, or an apply, was out at the last look, and for how long it has been the same one. */
  flushing: boolean
  applying: boolean
  flushMs: number
  applyMs: number
  stuck: boolean
}

/**
 * RocksDB's writes stop without an error after failed background flushes (measured), and a dying disk answers late or
 * never. So each shard's flush and apply are timed: one election timeout without an answer takes the shard's leaders out
 * of office, ten are a storage error.
 */
export class FlushWatch {
  readonly #wheel: HashedWheelTimer
  readonly #timeoutMs: number
  readonly #handlers: FlushWatchHandlers
  readonly #watched: Watched[]
  readonly #timer: RepeatedTimer
  #lookedAtMs: number

  constructor(
    shards: readonly LogShard[],
    wheel: HashedWheelTimer,
    electionTimeoutMs: number,
    handlers: FlushWatchHandlers,
  ) {
    this.#wheel = wheel
    this.#timeoutMs = electionTimeoutMs
    this.#handlers = handlers
    this.#watched = shards.map((shard) => {
      return {
        shard,
        flushes: 0,
        applies: 0,
        flushing: false,
        applying: false,
        flushMs: 0,
        applyMs: 0,
        stuck: false,
      }
    })
    this.#lookedAtMs = wheel.nowMs()
    const periodMs = (): number => electionTimeoutMs / LOOKS_PER_TIMEOUT
    this.#timer = new RepeatedTimer(wheel, { periodMs, onTrigger: () => this.#look() })
  }

  start(): void {
    this.#timer.start()
  }

  /** The shard was said to be stuck and is not back yet. */
  isStuck(shard: LogShard): boolean {
    return this.#watched.some((one) => one.shard === shard && one.stuck)
  }

  #look(): void {
    const nowMs = this.#wheel.nowMs()
    // While the process or its event loop stood still, so did what it hears of its disks.
    const passedMs = Math.min(nowMs - this.#lookedAtMs, (2 * this.#timeoutMs) / LOOKS_PER_TIMEOUT)
    this.#lookedAtMs = nowMs
    for (const one of this.#watched) this.#lookAt(one, passedMs)
  }

  #lookAt(one: Watched, passedMs: number): void {
    const { shard } = one
    const { flushes, applies } = shard.stats
    const flushing = shard.postedFlushes > 0
    const { applying } = shard
    one.flushMs = flushing && one.flushing && flushes === one.flushes ? one.flushMs + passedMs : 0
    one.applyMs = applying && one.applying && applies === one.applies ? one.applyMs + passedMs : 0
    one.flushing = flushing
    one.applying = applying
    one.flushes = flushes
    one.applies = applies
    const { flushMs, applyMs } = one
    const stuck = flushMs > this.#timeoutMs
    if (stuck !== one.stuck) {
      one.stuck = stuck
      if (stuck) this.#handlers.onStuck(shard)
      else this.#handlers.onBack(shard)
    }
    const longestMs = Math.max(flushMs, applyMs)
    if (longestMs > DEAD_AFTER_TIMEOUTS * this.#timeoutMs) shard.abandon(this.#deadError(flushMs, applyMs))
  }

  #deadError(flushMs: number, applyMs: number): FlotillaError {
    const what = flushMs >= applyMs ? 'a flush of the log' : 'a write of the state'
    const ms = Math.round(Math.max(flushMs, applyMs))
    return new FlotillaError('STORAGE_FAILED', `${what} did not come back for ${ms} ms: the disk is stuck`)
  }
}
