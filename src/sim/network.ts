import type { Listener, Socket, Sockets } from '../env/ports.ts'
import { FlotillaError } from '../util/errors.ts'
import { SimSocket } from './connection.ts'
import type { Bound, Switchboard } from './connection.ts'
import { Link } from './link.ts'
import type { LinkOptions, NetworkOptions } from './link.ts'
import type { SimLoop } from './loop.ts'
import type { SimRandom } from './random.ts'
import type { Timeline } from './timeline.ts'

/** For an address that no process ever listened on. */
const NOWHERE = '?'
const FIRST_FREE_PORT = 20_000
const FIRST_CLIENT_PORT = 40_000

const DEFAULTS: NetworkOptions = {
  minDelayMs: 0.05,
  meanDelayMs: 0.2,
  maxAddedDelayMs: Number.POSITIVE_INFINITY,
  bytesPerMs: 0,
  corruptRate: 0,
  resetRate: 0,
  staleRate: 0,
  lossRate: 0,
  reorderRate: 0,
  splitRate: 0.1,
  tcpTimeoutMs: 30_000,
}

interface Host {
  /** False from a power cut until the restart: nobody answers, not even with a reset. */
  up: boolean
  /** Live sockets of the process. */
  readonly sockets: Set<SimSocket>
  /** Sockets that a power cut left half-open; their peers learn of it when they send to the restarted host. */
  readonly ghosts: Set<SimSocket>
}

/**
 * TCP between processes. A process is named by its name in every rule, whatever addresses it listens on. What a partition
 * or a clog holds, it holds as TCP's retransmission would, until heal, release or time-out. A reset loses what is in
 * flight. Within a connection nothing is lost and nothing overtakes, unless the rates of {@link LinkOptions} say so.
 */
export class SimNetwork implements Switchboard {
  readonly timeline: Timeline
  readonly random: SimRandom
  options: NetworkOptions
  readonly #hosts = new Map<string, Host>()
  readonly #links = new Map<string, Link>()
  readonly #bound = new Map<string, Bound>()
  /** Who listened on an address last: a partition cuts the way to it also while it is down. */
  readonly #addressHosts = new Map<string, string>()
  #nextFreePort = FIRST_FREE_PORT
  #nextClientPort = FIRST_CLIENT_PORT

  constructor(timeline: Timeline, options: Partial<NetworkOptions>) {
    this.timeline = timeline
    this.random = timeline.random.fork('network')
    this.options = { ...DEFAULTS, ...options }
  }

  /** Changes every link, those that are not yet used too. */
  configure(options: Partial<NetworkOptions>): void {
    this.options = { ...this.options, ...options }
    for (const link of this.#links.values()) link.configure(options)
  }

  /** Changes one direction: delay, bytes per millisecond (0: unbounded), rates of what goes wrong. */
  configureLink(from: string, to: string, options: Partial<LinkOptions>): void {
    this.link(from, to).configure(options)
  }

  /** Cuts one direction. */
  block(from: string, to: string): void {
    this.link(from, to).setBlocked(true)
  }

  unblock(from: string, to: string): void {
    this.link(from, to).setBlocked(false)
  }

  /** Cuts both directions between every two processes of different sides. Cuts that stand already stay. */
  partition(...sides: ReadonlyArray<readonly string[]>): void {
    for (const side of sides) {
      for (const other of sides) {
        if (side === other) continue
        for (const from of side) for (const to of other) this.block(from, to)
      }
    }
  }

  /** Cuts `name` off from every other process: both ways, or only what it sends, or only what it receives. */
  isolate(name: string, direction: 'both' | 'send' | 'receive' = 'both'): void {
    for (const other of this.#hosts.keys()) {
      if (other === name) continue
      if (direction !== 'receive') this.block(name, other)
      if (direction !== 'send') this.block(other, name)
    }
  }

  /** The whole matrix at once: `open(from, to)` says whether bytes pass. */
  setMatrix(open: (from: string, to: string) => boolean): void {
    for (const from of this.#hosts.keys()) {
      for (const to of this.#hosts.keys()) if (from !== to) this.link(from, to).setBlocked(!open(from, to))
    }
  }

  /** Ends every cut. What waited arrives after a retransmission's delay. */
  heal(): void {
    for (const link of this.#links.values()) link.setBlocked(false)
  }

  /** Holds all bytes of one direction. */
  clog(from: string, to: string): void {
    this.link(from, to).setClogged(true)
  }

  release(from: string, to: string): void {
    this.link(from, to).setClogged(false)
  }

  releaseAll(): void {
    for (const link of this.#links.values()) link.setClogged(false)
  }

  /** Breaks the connections between two processes, each direction at a random byte of what is in flight. */
  reset(a: string, b: string): number {
    let count = 0
    for (const socket of [...this.#host(a).sockets]) {
      if (socket.peerHost !== b || !socket.isClient || !socket.established) continue
      socket.breakAtRandomByte()
      count++
    }
    if (a === b) return count
    for (const socket of [...this.#host(b).sockets]) {
      if (socket.peerHost !== a || !socket.isClient || !socket.established) continue
      socket.breakAtRandomByte()
      count++
    }
    return count
  }

  /** Live connections from or to `name`. */
  connectionCount(name: string): number {
    return this.#host(name).sockets.size
  }

  /** For processes: bytes that its sockets still hold. */
  unsentBytes(name: string): number {
    let bytes = 0
    for (const socket of this.#host(name).sockets) bytes += socket.bufferedBytes
    return bytes
  }

  /** For processes: the sockets port of one life. */
  sockets(loop: SimLoop, host: string): Sockets {
    return {
      listen: (address, port, onSocket) => this.#listen(loop, host, address, port, onSocket),
      connect: (address, port) => this.#connect(loop, host, address, port),
    }
  }

  /** For processes: the host is there, as a started process. */
  start(name: string): void {
    const host = this.#host(name)
    host.up = true
    for (const ghost of host.ghosts) ghost.answerGhost()
    host.ghosts.clear()
  }

  /** For processes: a killed process is reset by its system; after a power cut there is silence. */
  kill(name: string, powerCut: boolean): void {
    const host = this.#host(name)
    host.up = !powerCut
    for (const [address, bound] of this.#bound) if (bound.host === name) this.#bound.delete(address)
    for (const socket of [...host.sockets]) {
      socket.die(powerCut)
      if (powerCut) host.ghosts.add(socket)
    }
    host.sockets.clear()
  }

  #host(name: string): Host {
    let host = this.#hosts.get(name)
    if (!host) {
      host = { up: true, sockets: new Set(), ghosts: new Set() }
      this.#hosts.set(name, host)
    }
    return host
  }

  /** For sockets. */
  socketsOf(name: string): Set<SimSocket> {
    return this.#host(name).sockets
  }

  /** For sockets: false while the host has no power. */
  isUp(name: string): boolean {
    return this.#hosts.get(name)?.up ?? true
  }

  /** For sockets. */
  link(from: string, to: string): Link {
    const key = `${from}>${to}`
    let link = this.#links.get(key)
    if (!link) {
      link = new Link(this.timeline, this.random, from, to, this.options)
      this.#links.set(key, link)
    }
    return link
  }

  /** For sockets: who listens, or null. */
  bound(address: string): Bound | null {
    return this.#bound.get(address) ?? null
  }

  /** For sockets. */
  nextClientPort(): number {
    return this.#nextClientPort++
  }

  #listen(
    loop: SimLoop,
    host: string,
    address: string,
    port: number,
    onSocket: (socket: Socket) => void,
  ): Promise<Listener> {
    return new Promise((resolve, reject) => {
      loop.schedule(
        20,
        'listen',
        port,
        () => {
          if (this.#hosts.has(address) && address !== host) {
            reject(
              new FlotillaError(
                'ADDRESS_INVALID',
                `Cannot listen on ${address}:${port}: another host's address.`,
              ),
            )
            return
          }
          const taken = port === 0 ? this.#nextFreePort++ : port
          const key = `${address}:${taken}`
          if (this.#bound.has(key)) {
            reject(new FlotillaError('ADDRESS_IN_USE', `${key} is taken by another process.`))
            return
          }
          const bound: Bound = { loop, host, onSocket }
          this.#bound.set(key, bound)
          this.#addressHosts.set(key, host)
          resolve({ host: address, port: taken, close: () => this.#unlisten(loop, key, bound) })
        },
        `${address}:${port}`,
      )
    })
  }

  #unlisten(loop: SimLoop, key: string, bound: Bound): Promise<void> {
    if (this.#bound.get(key) === bound) this.#bound.delete(key)
    return new Promise((resolve) => {
      loop.setImmediate(resolve)
    })
  }

  #connect(loop: SimLoop, host: string, address: string, port: number): Socket {
    const key = `${address}:${port}`
    const target = this.#addressHosts.get(key) ?? (this.#hosts.has(address) ? address : NOWHERE)
    return SimSocket.connect(this, loop, host, target, key)
  }
}
