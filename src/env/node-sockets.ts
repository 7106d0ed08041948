import { createServer, Socket as NetSocket } from 'node:net'
import type { AddressInfo, Server } from 'node:net'
import { FlotillaError } from '../util/errors.ts'
import { SOCKET_HIGH_WATER_BYTES } from '../util/limits.ts'
import type { Listener, Socket, SocketHandlers, Sockets } from './ports.ts'

/** TCP, without Nagle's delay: a frame is written in one go, once per turn. */
export class NodeSockets implements Sockets {
  async listen(host: string, port: number, onSocket: (socket: Socket) => void): Promise<Listener> {
    const server = createServer({ noDelay: true, highWaterMark: SOCKET_HIGH_WATER_BYTES })
    server.on('connection', (raw) => onSocket(new NodeSocket(raw, `${raw.remoteAddress}:${raw.remotePort}`)))
    try {
      await bind(server, host, port)
    } catch (error) {
      throw listenError(error as NodeJS.ErrnoException, host, port)
    }
    // A failed accept (no file handles left) costs the stranger its connection and us nothing.
    server.on('error', () => {})
    return new NodeListener(server)
  }

  connect(host: string, port: number): Socket {
    const options = { noDelay: true, writableHighWaterMark: SOCKET_HIGH_WATER_BYTES }
    const raw = new NetSocket(options as object)
    const socket = new NodeSocket(raw, `${host}:${port}`)
    try {
      raw.connect({ host, port })
    } catch (error) {
      raw.destroy(error as Error)
    }
    return socket
  }
}

function bind(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port, exclusive: true }, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

function listenError(error: NodeJS.ErrnoException, host: string, port: number): FlotillaError {
  if (error.code === 'EADDRINUSE') {
    const remedy = 'End what listens there, or give this store another address'
    return new FlotillaError('ADDRESS_IN_USE', `${host}:${port} is taken. ${remedy}`, { cause: error })
  }
  const message = `Cannot listen on ${host}:${port} (${error.message}). Give an address of this machine`
  return new FlotillaError('ADDRESS_INVALID', message, { cause: error })
}

class NodeListener implements Listener {
  readonly host: string
  readonly port: number
  readonly #server: Server
  #closing: Promise<void> | null = null

  constructor(server: Server) {
    const address = server.address() as AddressInfo
    this.host = address.address
    this.port = address.port
    this.#server = server
  }

  /** Takes no more connections and frees the port. Those it has accepted are their owners' to destroy. */
  close(): Promise<void> {
    this.#closing ??= new Promise((resolve) => {
      this.#server.close()
      // The server reports its close only when every accepted socket is gone too; the port is free before
      // that.
      setImmediate(resolve)
    })
    return this.#closing
  }
}

class NodeSocket implements Socket {
  readonly remote: string
  readonly #raw: NetSocket
  #handlers: SocketHandlers | null = null
  #paused = false
  #destroyed = false
  #closed = false
  #error: Error | null = null

  constructor(raw: NetSocket, remote: string) {
    this.#raw = raw
    this.remote = remote
    raw.on('error', (error) => this.#fail(error))
    raw.on('close', () => this.#onRawClose())
  }

  get bufferedBytes(): number {
    return this.#raw.writableLength
  }

  /** Data flows from the first call on; nothing that came before it is lost. */
  setHandlers(handlers: SocketHandlers): void {
    const first = this.#handlers === null
    this.#handlers = handlers
    if (!first) return
    if (this.#closed) {
      queueMicrotask(() => this.#handlers!.onClose(this.#error))
      return
    }
    this.#raw.on('connect', () => this.#guard(() => this.#handlers!.onConnect?.()))
    this.#raw.on('drain', () => this.#guard(() => this.#handlers!.onDrain?.()))
    this.#raw.on('data', (bytes: Buffer) => this.#onData(bytes))
    if (!this.#paused) this.#raw.resume()
  }

  write(chunks: readonly Buffer[]): boolean {
    // The other end may have closed a moment ago; `onClose` tells.
    if (this.#destroyed) return false
    const raw = this.#raw
    if (chunks.length === 1) return raw.write(chunks[0]!)
    raw.cork()
    for (const chunk of chunks) raw.write(chunk)
    raw.uncork()
    return !raw.writableNeedDrain
  }

  pause(): void {
    this.#paused = true
    this.#raw.pause()
  }

  resume(): void {
    this.#paused = false
    // Without a handler the data would be lost.
    if (this.#handlers) this.#raw.resume()
  }

  destroy(): void {
    if (this.#destroyed) return
    this.#destroyed = true
    this.#raw.destroy()
  }

  #onData(bytes: Buffer): void {
    if (this.#destroyed) return
    try {
      this.#handlers!.onData(bytes)
    } catch (error) {
      this.#abort(error)
    }
  }

  #guard(call: () => void): void {
    if (this.#destroyed) return
    try {
      call()
    } catch (error) {
      this.#abort(error)
    }
  }

  /** A handler threw: its connection ends with the reason, and the host's process does not. */
  #abort(error: unknown): void {
    this.#fail(error instanceof Error ? error : new Error(String(error)))
    this.destroy()
  }

  #fail(error: Error): void {
    if (!this.#destroyed) this.#error ??= error
  }

  #onRawClose(): void {
    this.#destroyed = true
    this.#closed = true
    this.#handlers?.onClose(this.#error)
  }
}
