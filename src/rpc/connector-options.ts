import type { Env } from '../env/ports.ts'
import type { FlotillaError } from '../util/errors.ts'
import type { Dispatcher } from './dispatcher.ts'
import type { HelloExtras, PeerHello, RpcIdentity } from './handshake.ts'
import type { PeerRole } from './message-types.ts'
import type { PeerLinkImpl } from './peer-link.ts'
import type { RpcStats } from './rpc-stats.ts'

export type ConnectorEnv = Pick<Env, 'clock' | 'timers' | 'random' | 'sockets' | 'logger'>

/** What a connector is made of, and whom it asks. */
export interface ConnectorOptions {
  readonly identity: RpcIdentity
  readonly role: PeerRole
  readonly env: ConnectorEnv
  readonly stats: RpcStats
  readonly dispatcher: Dispatcher
  enterTurn(): number
  makeLink(storeId: string): PeerLinkImpl
  judgePeer(hello: PeerHello): FlotillaError | null
  /** A promise when the store must be remembered first; the handshake goes on when it is fulfilled. */
  admitPeer(hello: PeerHello): Promise<void> | null
  /** The other side says that this very store is suspect. */
  onSuspected(by: string, error: FlotillaError): void
  /** The link is up, its owner has been told. */
  onPeerUp(hello: PeerHello): void
  helloExtras(storeId: string): HelloExtras
  /** The address that handshakes tell; '' while not listening. */
  address(): string
  /** Handshakes wait for their deadline. */
  startSweep(): void
}
