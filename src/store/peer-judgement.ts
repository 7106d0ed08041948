import type { PeerHello, SeenIdentity } from '../rpc/handshake.ts'
import { FlotillaError } from '../util/errors.ts'

/** What two stores hold against each other when they shake hands: identities and flush numbers that cannot both be. */

/** What a store knows of another's past. */
export interface KnownPast extends SeenIdentity {
  readonly storeId: string
  /** Per shard the highest durable flush that it has told of. */
  readonly flushSeen: readonly number[]
}

const REMEDY =
  'Put its old directory back, or keep it out (`flotilla store readmit`, which will take it in again, comes in a later version)'

function replaced(store: string, what: string): FlotillaError {
  return new FlotillaError('STORE_REPLACED', `${what}. ${REMEDY}`, { store })
}

/** Null when the store that says `hello` may be the one that was known; else why it is suspect. */
export function judgePeer(known: KnownPast, hello: PeerHello): FlotillaError | null {
  const { storeId } = hello
  if (known.incarnation === '') return null
  if (known.incarnation !== hello.incarnation) {
    return replaced(
      storeId,
      `store ${storeId} was known as incarnation ${known.incarnation} and comes as ${hello.incarnation}: its directory ` +
        'was wiped or replaced',
    )
  }
  if (hello.boot < known.boot) {
    return replaced(
      storeId,
      `store ${storeId} was seen in its start ${known.boot} and comes in start ${hello.boot}: an older copy of its ` +
        'directory runs',
    )
  }
  if (hello.boot === known.boot) {
    return hello.process === known.process
      ? null
      : replaced(
          storeId,
          `${twoProcesses(storeId, hello.boot)} (${shown(known.process)}, ${shown(hello.process)})`,
        )
  }
  // By its own word: it may have been put back, and have started unheard until it overtook what is known of it. To find that
  // out is not left to it alone, for it may die before it could say so, and this store knows only its newest start.
  const then = hello.pastProcesses[hello.boot - known.boot - 1]
  if (then !== undefined && then !== known.process) {
    return replaced(storeId, `${twoProcesses(storeId, known.boot)} (${shown(known.process)}, ${shown(then)})`)
  }
  const shard = firstBelow(hello.flushClaimed, known.flushSeen)
  if (shard < 0) return null
  return replaced(
    storeId,
    lostFlushes(storeId, shard, known.flushSeen[shard]!, hello.flushClaimed[shard] ?? 0),
  )
}

/**
 * The same from the other end: what the other store's memory says against ourselves. `processOf` tells by which process a
 * start of ours was, by our own directory: one that was put back and started unheard until it overtook what the others
 * know is found out by it.
 */
export function judgeSelf(
  me: KnownPast,
  hello: PeerHello,
  processOf: (boot: number) => number | null,
): FlotillaError | null {
  const { seen, flushSeen } = hello
  const { storeId } = me
  if (seen.incarnation === '') return null
  if (seen.incarnation !== me.incarnation) {
    return replaced(
      storeId,
      `store ${storeId} is known to store ${hello.storeId} as incarnation ${seen.incarnation} and is ${me.incarnation}: ` +
        'its directory was wiped or replaced',
    )
  }
  if (seen.boot > me.boot) {
    return replaced(
      storeId,
      `store ${storeId} is known to store ${hello.storeId} in its start ${seen.boot} and is in start ${me.boot}: this is ` +
        'an older copy of its directory',
    )
  }
  const ours = processOf(seen.boot)
  if (ours !== null && ours !== seen.process) {
    return replaced(storeId, `${twoProcesses(storeId, seen.boot)} (${shown(seen.process)}, ${shown(ours)})`)
  }
  const shard = firstBelow(me.flushSeen, flushSeen)
  if (shard < 0) return null
  return replaced(storeId, lostFlushes(storeId, shard, flushSeen[shard]!, me.flushSeen[shard] ?? 0))
}

function twoProcesses(storeId: string, boot: number): string {
  return `start ${boot} of store ${storeId} comes from two processes: its directory was copied, or an older one put back`
}

function lostFlushes(storeId: string, shard: number, seen: number, claimed: number): string {
  return (
    `store ${storeId} has told of write ${seen} of its shard ${shard} and now holds no more than ${claimed}: its directory ` +
    'was rolled back'
  )
}

/** The start that {@link twoProcesses} tells of, also when it came over a wire or out of a file; null when the charge is another. */
export function readDoubleStart(charge: string): number | null {
  const found = /start (\d+) of store .* comes from two processes/.exec(charge)
  return found === null ? null : Number(found[1])
}

/** What {@link lostFlushes} says, also when it came over a wire or out of a file; null when the charge is another one. */
export function readLostFlushes(charge: string): { readonly write: number; readonly shard: number } | null {
  const found = /has told of write (\d+) of its shard (\d+) and now holds no more/.exec(charge)
  return found === null ? null : { write: Number(found[1]), shard: Number(found[2]) }
}

function shown(process: number): string {
  return process.toString(16)
}

/** The first place where `numbers` is below `floor`; -1 when there is none. */
function firstBelow(numbers: readonly number[], floor: readonly number[]): number {
  return floor.findIndex((least, i) => (numbers[i] ?? 0) < least)
}
