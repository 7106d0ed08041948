import type { Socket, SocketHandlers } from '../env/ports.ts'
import { assert, InvariantError } from '../util/assert.ts'
import type { SimLoop } from './loop.ts'
import type { Link } from './link.ts'
import { NO_BYTES, Pipe } from './pipe.ts'
import type { PipeEnd, Segment } from './pipe.ts'
import type { Timeline } from './timeline.ts'

/** Who listens on an address. */
export interface Bound {
  readonly loop: SimLoop
  readonly host: string
  readonly onSocket: (socket: Socket) => void
}

/** What a socket asks of its network. */
export interface Switchboard {
  readonly timeline: Timeline
  readonly options: { readonly tcpTimeoutMs: number }
  link(from: string, to: string): Link
  /** Null when nobody listens. */
  bound(address: string): Bound | null
  /** False while the host has no power. */
  isUp(host: string): boolean
  /** Live sockets of a host. */
  socketsOf(host: string): Set<SimSocket>
  nextClientPort(): number
}

/** A connect to a host without power is tried again this often. */
const SYN_RETRY_US = 1_000_000

type State = 'connecting' | 'open' | 'closed'

/** One end of a simulated TCP connection. It behaves as `NodeSocket` does: see there for what its callers rely on. */
export class SimSocket implements Socket, PipeEnd {
  readonly remote: string
  readonly isClient: boolean
  readonly peerHost: string
  broken = false
  readonly #network: Switchboard
  readonly #loop: SimLoop
  readonly #host: string
  readonly #address: string
  readonly #out: Pipe
  #state: State = 'connecting'
  #handlers: SocketHandlers | null = null
  #destroyed = false
  #closeCalled = false
  #error: Error | null = null
  #readingPaused = false
  /** What has arrived and the process has not seen. */
  readonly #inbox: Segment[] = []
  #deliveryScheduled = false
  /** After a power cut: true when the peer's bytes came while nobody was there to answer. */
  #ghost: 'none' | 'silent' | 'wanted' = 'none'

  private constructor(
    network: Switchboard,
    loop: SimLoop,
    host: string,
    peerHost: string,
    remote: string,
    address: string,
    isClient: boolean,
  ) {
    this.#network = network
    this.#loop = loop
    this.#host = host
    this.peerHost = peerHost
    this.remote = remote
    this.#address = address
    this.isClient = isClient
    this.#out = new Pipe(network.link(host, peerHost), this)
    network.socketsOf(host).add(this)
  }

  /** For the network: the client's end of a new connection to whoever listens on `address` when the call arrives. */
  static connect(
    network: Switchboard,
    loop: SimLoop,
    host: string,
    peerHost: string,
    address: string,
  ): SimSocket {
    const socket = new SimSocket(network, loop, host, peerHost, address, address, true)
    if (!loop.alive) {
      socket.die(true)
      network.socketsOf(host).delete(socket)
      return socket
    }
    socket.#out.send('syn')
    network.timeline.schedule(
      network.options.tcpTimeoutMs * 1000,
      null,
      'fault',
      0,
      () => {
        if (socket.#state === 'connecting') socket.timeOut()
      },
      'a connect gives up',
    )
    return socket
  }

  get bufferedBytes(): number {
    return this.#out.pendingBytes
  }

  get established(): boolean {
    return this.#state === 'open'
  }

  get closed(): boolean {
    return this.#state === 'closed'
  }

  setHandlers(handlers: SocketHandlers): void {
    const first = this.#handlers === null
    this.#handlers = handlers
    if (!first) return
    if (this.closed) this.#scheduleClose()
    else if (this.#inbox.length > 0) this.#scheduleDelivery()
  }

  write(chunks: readonly Buffer[]): boolean {
    if (!this.#loop.alive) return true
    assert(!this.#destroyed, 'a destroyed socket is not written to')
    if (this.closed || this.broken) return true
    const bytes = joined(chunks)
    // A write is whole frames: what comes again between two of them is not found by its bytes.
    const { link } = this.#out
    const stale = link.staleBefore(bytes)
    if (stale !== null) this.#out.write(stale)
    return this.#out.write(link.loses() ? NO_BYTES : bytes)
  }

  pause(): void {
    this.#readingPaused = true
  }

  resume(): void {
    if (!this.#readingPaused || !this.#handlers) return
    this.#readingPaused = false
    if (this.#inbox.length > 0) this.#scheduleDelivery()
  }

  destroy(): void {
    if (this.#destroyed) return
    this.#destroyed = true
    if (!this.#loop.alive || this.closed) return
    // Unread bytes make the system answer with a reset instead of an orderly end.
    const unread = this.#inbox.some((segment) => segment.kind === 'data')
    const wasOpen = this.established
    this.#out.dropPending()
    this.#close(null)
    if (wasOpen) this.#out.send(unread ? 'rst' : 'fin')
  }

  /** For the network: breaks the connection, each direction at a random byte of what is under way. */
  breakAtRandomByte(): void {
    const peer = this.#out.receiver
    if (this.broken || this.closed || peer === null) return
    this.#network.timeline.note(`a connection breaks: ${this.#host}-${this.peerHost}`)
    this.breakOwnDirection()
    peer.breakOwnDirection()
  }

  /** For the other end. */
  breakOwnDirection(): void {
    this.broken = true
    this.#out.truncate()
    this.#out.send('rst')
  }

  /** For the network: the process is dead. Its system resets its peers, unless it went with it. */
  die(powerCut: boolean): void {
    const reset = this.established && !this.broken && !powerCut
    this.#out.dropPending()
    this.#destroyed = true
    this.#closeCalled = true
    this.#state = 'closed'
    this.#inbox.length = 0
    this.#handlers = null
    this.#ghost = powerCut ? 'silent' : 'none'
    if (reset) this.#out.send('rst')
  }

  /** For the network: the host is up again and knows nothing of this connection. */
  answerGhost(): void {
    if (this.#ghost !== 'wanted') {
      this.#ghost = 'none'
      return
    }
    this.#ghost = 'none'
    this.#out.send('rst')
  }

  /** For pipes: bytes have waited too long for their acknowledgement. */
  timeOut(): void {
    if (this.closed) return
    this.#out.dropAll()
    this.#close(systemError('ETIMEDOUT', this.remote))
  }

  /** For pipes: this client's call has arrived. */
  arriveAtListener(pipe: Pipe): void {
    const network = this.#network
    if (!network.isUp(this.peerHost)) {
      if (this.closed) return
      network.timeline.schedule(
        SYN_RETRY_US,
        null,
        'fault',
        0,
        () => {
          if (this.#state === 'connecting') pipe.send('syn')
        },
        'a connect is tried again',
      )
      return
    }
    const bound = network.bound(this.#address)
    if (bound === null || !bound.loop.alive || bound.host !== this.peerHost) {
      this.#refuse()
      return
    }
    const remote = `${this.#host}:${network.nextClientPort()}`
    const server = new SimSocket(network, bound.loop, this.peerHost, this.#host, remote, '', false)
    server.#state = 'open'
    pipe.receiver = server
    server.#out.receiver = this
    pipe.back = server.#out
    server.#out.back = pipe
    server.#out.send('synack')
    bound.loop.schedule(0, 'accept', 0, () => bound.onSocket(server), remote)
  }

  /** For pipes. */
  receive(segment: Segment): void {
    if (this.closed) {
      this.#receiveClosed(segment)
      return
    }
    if (segment.kind === 'rst') {
      // A reset throws away what the process has not read.
      this.#inbox.length = 0
      this.#out.dropPending()
      this.#close(systemError(this.#state === 'connecting' ? 'ECONNREFUSED' : 'ECONNRESET', this.remote))
      return
    }
    if (segment.kind === 'synack') this.#state = 'open'
    this.#inbox.push(segment)
    if (this.#loop.root.paused || this.#inbox.length > 1) this.#scheduleDelivery()
    else this.#deliverOne()
    if (segment.kind === 'synack') this.#out.pump()
  }

  /** For pipes: the buffer has run empty after a `write` that returned false. */
  scheduleDrain(): void {
    this.#loop.schedule(0, 'drain', 0, () => this.#guard(() => this.#handlers?.onDrain?.()), this.remote)
  }

  #receiveClosed(segment: Segment): void {
    if (segment.kind === 'rst' || segment.kind === 'fin') return
    if (segment.kind === 'synack') {
      // The caller gave up while the connection was being made.
      this.#out.send('rst')
      return
    }
    if (this.#ghost === 'none' || this.#network.isUp(this.#host)) this.#out.send('rst')
    else this.#ghost = 'wanted'
  }

  /** Nobody listens: the other system says so. */
  #refuse(): void {
    const link = this.#network.link(this.peerHost, this.#host)
    const answer = new Pipe(link, this)
    answer.receiver = this
    answer.send('rst')
  }

  #scheduleDelivery(): void {
    if (this.#deliveryScheduled || this.#handlers === null) return
    this.#deliveryScheduled = true
    this.#loop.schedule(
      0,
      'deliver',
      this.#inbox.length,
      () => {
        this.#deliveryScheduled = false
        this.#deliverOne()
      },
      this.remote,
    )
  }

  /** One callback per event, as in Node: microtasks run between two of them. */
  #deliverOne(): void {
    if (this.#handlers === null || this.closed || !this.#loop.alive) return
    const segment = this.#inbox[0]
    if (segment === undefined || (this.#readingPaused && segment.kind !== 'synack')) return
    this.#inbox.shift()
    if (segment.kind === 'synack') this.#guard(() => this.#handlers?.onConnect?.())
    else if (segment.kind === 'fin') this.#close(null)
    else {
      this.#out.back?.acknowledge(segment.bytes.length)
      this.#guard(() => this.#handlers?.onData(ownBytes(segment.bytes)))
    }
    if (this.#inbox.length > 0) this.#scheduleDelivery()
  }

  #guard(call: () => void): void {
    if (this.#destroyed) return
    this.#network.timeline.runsIn(this.#loop)
    try {
      call()
    } catch (error) {
      if (error instanceof InvariantError && this.#network.timeline.failOnInvariant) throw error
      this.#error ??= error instanceof Error ? error : new Error(String(error))
      this.destroy()
    }
  }

  #close(error: Error | null): void {
    this.#state = 'closed'
    this.#error ??= error
    this.#inbox.length = 0
    this.#network.socketsOf(this.#host).delete(this)
    this.#out.tidy()
    this.#scheduleClose()
  }

  #scheduleClose(): void {
    if (this.#closeCalled || this.#handlers === null) return
    this.#closeCalled = true
    this.#loop.schedule(
      0,
      'close',
      0,
      () => {
        this.#destroyed = true
        this.#handlers?.onClose(this.#error)
      },
      this.remote,
    )
  }
}

function joined(chunks: readonly Buffer[]): Buffer {
  let length = 0
  for (const chunk of chunks) length += chunk.length
  const whole = Buffer.allocUnsafeSlow(length)
  let at = 0
  for (const chunk of chunks) at += chunk.copy(whole, at)
  return whole
}

/**
 * Memory of its own, as a real socket gives: no part of a pool, so that its owner may transfer it to a thread. What is
 * the whole of a write is that already; nobody else reads it once it has arrived.
 */
function ownBytes(bytes: Buffer): Buffer {
  if (bytes.length === bytes.buffer.byteLength) return bytes
  const own = Buffer.allocUnsafeSlow(bytes.length)
  bytes.copy(own)
  return own
}

function systemError(code: string, remote: string): Error {
  return Object.assign(new Error(`${code} ${remote}`), { code })
}
