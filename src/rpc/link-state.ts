import type { TimerHandle } from '../env/ports.ts'
import { RECONNECT_MAX_MS, RECONNECT_MIN_MS } from '../util/limits.ts'
import { CONN_ANSWERED, type Connection } from './connection.ts'
import type { PeerHello } from './handshake.ts'
import { KIND_CONTROL } from './message-types.ts'
import type { PeerLinkImpl } from './peer-link.ts'

/** The control and the bulk connection of one dialing: up together, down together. */
export class Pair {
  readonly link: PeerLinkImpl
  readonly id: number
  readonly dialed: boolean
  control: Connection | null = null
  bulk: Connection | null = null
  /** The first hello of the pair: the second must be of the same process. */
  hello: PeerHello | null = null

  constructor(link: PeerLinkImpl, id: number, dialed: boolean) {
    this.link = link
    this.id = id
    this.dialed = dialed
  }

  /** False when the place is taken. */
  place(connection: Connection): boolean {
    const control = connection.kind === KIND_CONTROL
    if ((control ? this.control : this.bulk) !== null) return false
    if (control) this.control = connection
    else this.bulk = connection
    return true
  }

  /** Both connections know who is at the other end. */
  get answered(): boolean {
    const { control, bulk } = this
    return control !== null && bulk !== null && control.state >= CONN_ANSWERED && bulk.state >= CONN_ANSWERED
  }
}

/** One link as the connector sees it: what is up, what is on its way, and when to dial. */
export class LinkState {
  readonly link: PeerLinkImpl
  /** From setPeer, or else what the other side said of itself; '' when not known. */
  address = ''
  /** The owner set or asked for it: stays when nothing is connected. */
  kept = false
  /** A store that has been linked: stays, to be dialed again. */
  wasUp = false
  active: Pair | null = null
  dialing: Pair | null = null
  incoming: Pair | null = null
  /** The link's last error is the other side's word. */
  errorHeard = false
  /** Dials in a row that led to nothing. */
  attempts = 0
  timer: TimerHandle | null = null
  /** Since when there is no link, and when the last one came up. */
  downSinceMs: number
  upSinceMs = 0

  constructor(link: PeerLinkImpl, nowMs: number) {
    this.link = link
    this.downSinceMs = nowMs
  }

  /** Somebody asked for it, or something is on its way. */
  get needed(): boolean {
    const { active, dialing, incoming } = this
    return this.kept || this.wasUp || active !== null || dialing !== null || incoming !== null
  }

  /** Pause before the next dial: doubled each time, then spread so that stores do not dial in step. */
  backoffMs(random: number): number {
    const pause = Math.min(RECONNECT_MAX_MS, RECONNECT_MIN_MS * 2 ** Math.min(this.attempts, 10))
    return pause * (0.5 + random / 2)
  }
}

/** True when `hello` is of the process that `known` is of. */
export function sameProcess(known: PeerHello, hello: PeerHello): boolean {
  return (
    known.incarnation === hello.incarnation &&
    known.boot === hello.boot &&
    known.process === hello.process &&
    known.storeId === hello.storeId
  )
}
