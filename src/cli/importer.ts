import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { toFlotillaError } from '../util/errors.ts'
import { MAX_VALUE_BYTES } from '../util/limits.ts'
import { machineMs } from './ack-times.ts'
import { HASH_BYTES } from './store-messages.ts'
import type { WriteOrder, WrittenBatch } from './store-messages.ts'

/** Writes of one store process in flight: enough that a flush always finds company. */
export const MAX_WRITES_IN_FLIGHT = 256
/** Their bytes: well under what a store takes before it refuses. */
const MAX_BYTES_IN_FLIGHT = 8 * 1024 * 1024
/** What has been acknowledged is told this often, or as soon as there is this much of it. */
const REPORT_MS = 25
const REPORT_FILES = 128
/** A file that cannot be written for this long, though every refusal was a passing one, ends the demo. */
const GIVE_UP_MS = 60_000
const RETRY_MIN_MS = 10
const RETRY_MAX_MS = 200

export interface ImporterOptions {
  put(key: string, value: Buffer): Promise<void>
  report(batch: WrittenBatch): void
  /** A write failed for good. */
  onFailure(error: Error): void
}

interface Acked {
  readonly file: number
  readonly size: number
  readonly hash: Buffer
  readonly latencyMs: number
  readonly ackedAtMs: number
}

/**
 * Reads files and writes them to the store, many at a time. A write that was certainly not applied is tried again; so is
 * one with an unknown outcome, which is right here because the same key gets the same value.
 */
export class Importer {
  readonly #options: ImporterOptions
  readonly #waiting: { root: string; order: WriteOrder }[] = []
  #acked: Acked[] = []
  #leftOut: { file: number; reason: 'tooLarge' | 'unreadable' }[] = []
  #unknownOutcomes = 0
  #refusals = 0
  #inFlight = 0
  #bytesInFlight = 0
  #reportTimer: NodeJS.Timeout | null = null

  constructor(options: ImporterOptions) {
    this.#options = options
  }

  add(root: string, orders: readonly WriteOrder[]): void {
    for (const order of orders) this.#waiting.push({ root, order })
    this.#pump()
  }

  #pump(): void {
    while (this.#waiting.length > 0 && this.#mayStart(this.#waiting[0]!.order)) {
      const { root, order } = this.#waiting.shift()!
      this.#inFlight++
      this.#bytesInFlight += order.size
      this.#import(root, order)
        .catch((error: Error) => this.#options.onFailure(error))
        .finally(() => {
          this.#inFlight--
          this.#bytesInFlight -= order.size
          this.#pump()
        })
    }
  }

  #mayStart(order: WriteOrder): boolean {
    if (this.#inFlight === 0) return true
    return this.#inFlight < MAX_WRITES_IN_FLIGHT && this.#bytesInFlight + order.size <= MAX_BYTES_IN_FLIGHT
  }

  async #import(root: string, { file, key }: WriteOrder): Promise<void> {
    const value = await readFile(join(root, key)).catch(() => null)
    if (value === null || value.length > MAX_VALUE_BYTES) {
      this.#leftOut.push({ file, reason: value === null ? 'unreadable' : 'tooLarge' })
      this.#scheduleReport()
      return
    }
    const hash = createHash('sha256').update(value).digest()
    const startedAtMs = machineMs()
    await this.#put(key, value, startedAtMs)
    const ackedAtMs = machineMs()
    this.#acked.push({ file, size: value.length, hash, latencyMs: ackedAtMs - startedAtMs, ackedAtMs })
    this.#scheduleReport()
  }

  async #put(key: string, value: Buffer, startedAtMs: number): Promise<void> {
    for (let pauseMs = RETRY_MIN_MS; ; pauseMs = Math.min(RETRY_MAX_MS, pauseMs * 2)) {
      try {
        return await this.#options.put(key, value)
      } catch (raw) {
        const error = toFlotillaError(raw)
        if (error.outcome === 'unknown') this.#unknownOutcomes++
        else this.#refusals++
        this.#scheduleReport()
        if (!error.retryable || machineMs() - startedAtMs > GIVE_UP_MS) throw error
        await new Promise((resolve) => setTimeout(resolve, pauseMs * (0.5 + Math.random())))
      }
    }
  }

  #scheduleReport(): void {
    if (this.#acked.length >= REPORT_FILES) this.#report()
    else this.#reportTimer ??= setTimeout(() => this.#report(), REPORT_MS)
  }

  #report(): void {
    if (this.#reportTimer !== null) clearTimeout(this.#reportTimer)
    this.#reportTimer = null
    const acked = this.#acked
    const batch: WrittenBatch = {
      files: Uint32Array.from(acked, ({ file }) => file),
      sizes: Uint32Array.from(acked, ({ size }) => size),
      hashes: Buffer.concat(
        acked.map(({ hash }) => hash),
        acked.length * HASH_BYTES,
      ),
      latencyMs: Float64Array.from(acked, ({ latencyMs }) => latencyMs),
      ackedAtMs: Float64Array.from(acked, ({ ackedAtMs }) => ackedAtMs),
      leftOut: this.#leftOut,
      unknownOutcomes: this.#unknownOutcomes,
      refusals: this.#refusals,
    }
    this.#acked = []
    this.#leftOut = []
    this.#unknownOutcomes = 0
    this.#refusals = 0
    this.#options.report(batch)
  }
}
