import type { TimerHandle } from '../env/ports.ts'
import { FlotillaError } from '../util/errors.ts'
import { CONN_HELLO, Connection, type ConnectionHost, connectionLost } from './connection.ts'
import type { ConnectorEnv } from './connector-options.ts'
import type { Frame } from './frame.ts'
import { makeHello, type PeerHello, parseAddress, type RpcIdentity } from './handshake.ts'
import { readHandshake } from './handshake-messages.ts'
import { KIND_PROBE, MSG_HELLO, type PeerRole } from './message-types.ts'
import type { RpcStats } from './rpc-stats.ts'
import { encodeWire, wire } from './wire.ts'
import { protocolError } from './wire-reader.ts'

export interface ProbeOptions {
  readonly identity: RpcIdentity
  readonly role: PeerRole
  readonly env: ConnectorEnv
  readonly stats: RpcStats
  enterTurn(): number
}

/**
 * Asks an address who is there: one connection, one hello, one answer. Of whatever cluster the store is, it answers: the
 * asker judges.
 */
export class Probe implements ConnectionHost {
  readonly boot: number
  readonly stats: RpcStats
  private readonly options: ProbeOptions
  private readonly connection: Connection
  private readonly done: (hello: PeerHello | null, error: FlotillaError | null) => void
  private readonly timer: TimerHandle
  private readonly address: string
  private settled = false

  /** Throws INVALID_ARGUMENT. `done` is called once, later. */
  constructor(
    options: ProbeOptions,
    address: string,
    timeoutMs: number,
    done: (hello: PeerHello | null, error: FlotillaError | null) => void,
  ) {
    const { host, port } = parseAddress(address)
    this.options = options
    this.boot = options.identity.boot
    this.stats = options.stats
    this.done = done
    this.address = address
    const socket = options.env.sockets.connect(host, port)
    const id = options.env.random.uint32() || 1
    this.connection = new Connection(this, socket, KIND_PROBE, true, id, this.enterTurn())
    this.timer = options.env.timers.setTimeout(() => {
      this.enterTurn()
      this.end(null, new FlotillaError('TIMEOUT', `nobody answered at ${address} in ${timeoutMs} ms`))
    }, timeoutMs)
  }

  cancel(): void {
    this.end(null, new FlotillaError('CLOSED', 'the store is closed', { outcome: 'not-applied' }))
  }

  private end(hello: PeerHello | null, error: FlotillaError | null): void {
    if (this.settled) return
    this.settled = true
    this.options.env.timers.clearTimeout(this.timer)
    this.connection.destroy()
    this.done(hello, error)
  }

  enterTurn(): number {
    return this.options.enterTurn()
  }

  onConnected(connection: Connection): void {
    const { identity, role } = this.options
    connection.state = CONN_HELLO
    const place = { kind: KIND_PROBE, connection: connection.id, pair: 0, expectedStoreId: '' } as const
    const stranger = { ...identity, clusterId: '' }
    connection.push(MSG_HELLO, encodeWire(wire.rpc.Hello, makeHello(stranger, role, '', place, {})))
    connection.flush(this.enterTurn())
  }

  onFrame(_connection: Connection, frame: Frame): void {
    const { answer, goodbye } = readHandshake(frame)
    if (answer === null && goodbye === null) throw protocolError('an unexpected answer to a probe')
    this.end(answer, goodbye)
  }

  onDrained(): void {}

  /** Before the answer came: whoever is there speaks another language, as an HTTP server does. */
  onFailure(_connection: Connection, error: FlotillaError): void {
    const text = `what listens at ${this.address} is no Flotilla store: ${error.message}`
    const foreign = error.shortName === 'PROTOCOL'
    this.end(
      null,
      foreign ? new FlotillaError('PROTOCOL', text, { cause: error, outcome: 'not-applied' }) : error,
    )
  }

  onClosed(_connection: Connection, error: Error | null): void {
    const text = `${this.address} closed the connection without an answer`
    this.end(null, connectionLost(this.address, error) ?? new FlotillaError('CONNECTION_LOST', text))
  }
}
