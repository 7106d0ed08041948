import { MAX_PENDING_HANDSHAKES } from '../util/limits.ts'
import type { Connection } from './connection.ts'
import type { RpcStats } from './rpc-stats.ts'

/**
 * Connections whose handshake is not done. Of those that were accepted only so many are borne; the oldest that has not
 * said a word makes room for the newest, so that a crowd of silent strangers keeps no store out.
 */
export class PendingHandshakes {
  private readonly all = new Set<Connection>()
  /** Accepted, and no hello came yet; oldest first. */
  private readonly silent = new Set<Connection>()
  private accepted = 0

  /** The caller may close connections while it looks. */
  get connections(): ReadonlySet<Connection> {
    return this.all
  }

  /** False when there is none: everyone who waits has spoken. */
  makeRoom(stats: RpcStats): boolean {
    if (this.accepted < MAX_PENDING_HANDSHAKES) return true
    for (const oldest of this.silent) {
      stats.handshakesCrowdedOut++
      oldest.destroy()
      return true
    }
    return false
  }

  add(connection: Connection): void {
    this.all.add(connection)
    if (connection.dialed) return
    this.accepted++
    this.silent.add(connection)
  }

  /** Its hello came. */
  spoke(connection: Connection): void {
    this.silent.delete(connection)
  }

  /** The handshake is done, or the connection is closed. Idempotent. */
  remove(connection: Connection): void {
    this.silent.delete(connection)
    if (this.all.delete(connection) && !connection.dialed) this.accepted--
  }
}
