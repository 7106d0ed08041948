import { MAX_SHARDS } from '../util/limits.ts'
import type { FrameQueue } from './frame-queue.ts'
import { MSG_FLUSH_NUMBERS } from './message-types.ts'
import { protocolError, type WireReader } from './wire-reader.ts'
import { varintBytes, type WireWriter } from './wire-writer.ts'

/** FlushNumbers of `proto/rpc.proto`. */
export function encodeFlushNumbers(w: WireWriter, claimed: readonly number[]): void {
  if (claimed.length === 0) return
  let bytes = 0
  for (let i = 0; i < claimed.length; i++) bytes += varintBytes(claimed[i]!)
  w.byte(10)
  w.uint(bytes)
  for (let i = 0; i < claimed.length; i++) w.uint(claimed[i]!)
}

/** Into `into`, which is emptied first. Throws PROTOCOL when there are too many. */
export function decodeFlushNumbers(r: WireReader, into: number[]): void {
  into.length = 0
  while (r.pos < r.end) {
    const tag = r.uint()
    if (tag === 10 || tag === 8) r.packed(tag, into)
    else r.skip(tag)
    if (into.length > MAX_SHARDS) throw protocolError('too many flush numbers')
  }
}

/** What the other side of one link was told of our durable flushes. */
export class FlushClaims {
  private readonly told: number[] = []

  /** A new link: nothing was told yet. */
  reset(): void {
    this.told.length = 0
  }

  /** Tells them when they have changed. */
  encode(queue: FrameQueue, claimed: readonly number[]): void {
    if (!this.note(claimed)) return
    const writer = queue.begin()
    const mark = queue.open(MSG_FLUSH_NUMBERS)
    encodeFlushNumbers(writer, claimed)
    queue.close(mark)
    queue.finish(null, 0)
  }

  private note(claimed: readonly number[]): boolean {
    let changed = false
    for (let i = 0; i < claimed.length; i++) {
      if (this.told[i] === claimed[i]) continue
      this.told[i] = claimed[i]!
      changed = true
    }
    return changed
  }
}
