import type {
  Clock,
  Listener,
  Logger,
  RandomSource,
  Socket,
  SocketHandlers,
  Sockets,
  TimerHandle,
  Timers,
} from '../../src/env/ports.ts'
import { FlotillaError } from '../../src/util/errors.ts'

interface Due {
  readonly atMs: number
  readonly order: number
  run: (() => void) | null
}

/** A clock, its timers and a seeded random source: nothing happens but in {@link run}. */
export class SimWorld implements Clock, Timers, RandomSource {
  nowMs = 1_000
  private order = 0
  private readonly queue: Due[] = []
  private seed: number

  constructor(seed = 1) {
    this.seed = seed
  }

  monotonicMs(): number {
    return this.nowMs
  }

  wallMs(): number {
    return this.nowMs
  }

  setTimeout(callback: () => void, delayMs: number): TimerHandle {
    const due = { atMs: this.nowMs + Math.max(delayMs, 0), order: this.order++, run: callback }
    this.push(due)
    return due
  }

  clearTimeout(handle: TimerHandle): void {
    ;(handle as Due).run = null
  }

  setImmediate(callback: () => void): void {
    this.setTimeout(callback, 0)
  }

  float(): number {
    return this.uint32() / 2 ** 32
  }

  /** Mulberry32. */
  uint32(): number {
    this.seed = (this.seed + 0x6d2b79f5) | 0
    let t = Math.imul(this.seed ^ (this.seed >>> 15), 1 | this.seed)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return (t ^ (t >>> 14)) >>> 0
  }

  bytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.uint32() & 0xff))
  }

  /** What has a timer set: after everything is closed this must be nothing. */
  get pendingTimers(): number {
    return this.queue.filter((due) => due.run !== null).length
  }

  /** Lets `ms` pass. Promises settle between two events. */
  async run(ms: number): Promise<void> {
    const end = this.nowMs + ms
    for (;;) {
      await settle()
      const next = this.take(end)
      if (next === null) break
      this.nowMs = next.atMs
      next.run!()
    }
    this.nowMs = end
    await settle()
  }

  private take(end: number): Due | null {
    for (;;) {
      const first = this.queue[0]
      if (first === undefined || (first.run !== null && first.atMs > end)) return null
      this.popFirst()
      if (first.run !== null) return first
    }
  }

  /** The queue is a binary heap. */
  private push(due: Due): void {
    const heap = this.queue
    let at = heap.push(due) - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!earlier(due, heap[parent]!)) break
      heap[at] = heap[parent]!
      at = parent
    }
    heap[at] = due
  }

  private popFirst(): void {
    const heap = this.queue
    const last = heap.pop()!
    if (heap.length === 0) return
    let at = 0
    for (;;) {
      let child = at * 2 + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && earlier(heap[child + 1]!, heap[child]!)) child++
      if (!earlier(heap[child]!, last)) break
      heap[at] = heap[child]!
      at = child
    }
    heap[at] = last
  }
}

function earlier(a: Due, b: Due): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order)
}

async function settle(): Promise<void> {
  for (let i = 0; i < 8; i++) await Promise.resolve()
}

/** What the network does to the bytes between two ends. Read for each write, so a test may change it at any time. */
export interface Weather {
  delayMs: number
  /** Bytes are taken but not delivered, until it is false again. */
  clogged: boolean
  /** Nothing can be connected. */
  refusing: boolean
  /** Called for each chunk of a write before it is delivered; may damage it. */
  damage: ((bytes: Buffer) => void) | null
  /** Cut each write into pieces of random length. */
  pieces: boolean
}

/** One network of one world: hosts are names, ports are numbers. */
export class SimNetwork {
  readonly world: SimWorld
  readonly weather: Weather = { delayMs: 1, clogged: false, refusing: false, damage: null, pieces: false }
  readonly sockets: SimSocket[] = []
  highWaterBytes = 1024 * 1024
  private readonly listeners = new Map<string, (socket: Socket) => void>()
  private nextPort = 1

  constructor(world: SimWorld) {
    this.world = world
  }

  /** The port for a host of this name. */
  host(): Sockets {
    return {
      listen: (host, port, onSocket) => this.listen(host, port, onSocket),
      connect: (host, port) => this.connect(host, port),
    }
  }

  private async listen(host: string, port: number, onSocket: (socket: Socket) => void): Promise<Listener> {
    const taken = port || this.nextPort++
    const key = `${host}:${taken}`
    if (this.listeners.has(key)) throw new FlotillaError('ADDRESS_IN_USE', key)
    this.listeners.set(key, onSocket)
    const close = async () => void this.listeners.delete(key)
    return { host, port: taken, close }
  }

  connect(host: string, port: number): SimSocket {
    const key = `${host}:${port}`
    const near = new SimSocket(this, key)
    const far = new SimSocket(this, 'dialer')
    near.other = far
    far.other = near
    this.sockets.push(near, far)
    this.world.setTimeout(() => {
      if (near.destroyed) return
      const onSocket = this.listeners.get(key)
      if (this.weather.refusing || onSocket === undefined) {
        near.end(new Error(`connect ECONNREFUSED ${key}`))
        return
      }
      far.connected = true
      near.connected = true
      onSocket(far)
      near.handlers?.onConnect?.()
    }, this.weather.delayMs)
    return near
  }

  /** Breaks every connection, in both directions; what is on its way is lost. */
  resetAll(): void {
    for (const socket of [...this.sockets]) if (socket.connected && !socket.destroyed) socket.reset()
  }

  /** Delivers what a clog kept back. */
  unclog(): void {
    this.weather.clogged = false
    for (const socket of this.sockets) socket.pump()
  }
}

export class SimSocket implements Socket {
  readonly remote: string
  other!: SimSocket
  handlers: SocketHandlers | null = null
  connected = false
  destroyed = false
  /** One entry per call of write: the bytes of its chunks. */
  readonly writes: number[] = []
  /** Resets both ends once this many more bytes were delivered. */
  resetAfterBytes = Number.POSITIVE_INFINITY
  private readonly network: SimNetwork
  private outgoing: Buffer[] = []
  private needDrain = false
  private lastArrivalMs = 0
  private early: Buffer[] = []

  constructor(network: SimNetwork, remote: string) {
    this.network = network
    this.remote = remote
  }

  get bufferedBytes(): number {
    return this.outgoing.reduce((sum, bytes) => sum + bytes.length, 0)
  }

  setHandlers(handlers: SocketHandlers): void {
    this.handlers = handlers
    for (const bytes of this.early.splice(0)) handlers.onData(bytes)
  }

  write(chunks: readonly Buffer[]): boolean {
    if (this.destroyed) throw new Error('written after destroy')
    const bytes = Buffer.concat(chunks)
    this.writes.push(bytes.length)
    this.outgoing.push(...this.cut(bytes))
    const full = this.bufferedBytes >= this.network.highWaterBytes
    this.pump()
    if (full) this.needDrain = true
    return !full
  }

  private cut(bytes: Buffer): Buffer[] {
    if (!this.network.weather.pieces) return [bytes]
    const pieces: Buffer[] = []
    for (let at = 0; at < bytes.length; ) {
      const end = Math.min(bytes.length, at + 1 + (this.network.world.uint32() % 700))
      pieces.push(Buffer.from(bytes.subarray(at, end)))
      at = end
    }
    return pieces
  }

  pump(): void {
    const { weather, world } = this.network
    if (weather.clogged || this.destroyed) return
    for (const bytes of this.outgoing.splice(0)) {
      weather.damage?.(bytes)
      this.lastArrivalMs = Math.max(this.lastArrivalMs, world.nowMs + weather.delayMs)
      world.setTimeout(() => this.other.arrive(bytes), this.lastArrivalMs - world.nowMs)
    }
    world.setTimeout(() => {
      if (!this.needDrain || this.destroyed || this.outgoing.length > 0) return
      this.needDrain = false
      this.handlers?.onDrain?.()
    }, 0)
  }

  private arrive(bytes: Buffer): void {
    if (this.destroyed) return
    this.resetAfterBytes -= bytes.length
    if (this.resetAfterBytes < 0) {
      const part = bytes.subarray(0, Math.max(bytes.length + this.resetAfterBytes, 0))
      if (part.length > 0) this.handlers?.onData(part)
      this.reset()
    } else if (this.handlers === null) this.early.push(bytes)
    else this.handlers.onData(bytes)
  }

  pause(): void {}
  resume(): void {}

  destroy(): void {
    if (this.destroyed) return
    this.end(null)
    const { world, weather } = this.network
    // What was written before is delivered before the end of the stream.
    const delay = Math.max(this.lastArrivalMs, world.nowMs + weather.delayMs) - world.nowMs
    if (!weather.clogged) world.setTimeout(() => this.other.end(null), delay)
  }

  /** Ends like a machine without power: nobody hears of it. */
  vanish(): void {
    this.destroyed = true
  }

  reset(): void {
    for (const end of [this, this.other]) end.end(new Error('read ECONNRESET'))
  }

  end(error: Error | null): void {
    if (this.destroyed) return
    this.destroyed = true
    this.outgoing = []
    this.network.world.setImmediate(() => this.handlers?.onClose(error))
  }
}

/** Keeps lines instead of printing them. */
export class MemoryLogger implements Logger {
  readonly lines: Array<{ level: string; fields: object; message: string }> = []

  debug(fields: object, message: string): void {
    this.lines.push({ level: 'debug', fields, message })
  }

  info(fields: object, message: string): void {
    this.lines.push({ level: 'info', fields, message })
  }

  warn(fields: object, message: string): void {
    this.lines.push({ level: 'warn', fields, message })
  }

  error(fields: object, message: string): void {
    this.lines.push({ level: 'error', fields, message })
  }

  child(): Logger {
    return this
  }
}
