import { FlotillaError } from '../util/errors.ts'
import { checkHello, type PeerHello, type RpcIdentity } from './handshake.ts'
import { type Pair, sameProcess } from './link-state.ts'
import { type PeerRole, ROLE_CLIENT } from './message-types.ts'

/** Which pairs may be made between two stores, and which of two stays. Both ends come to the same end. */

/** The store with the smaller id dials; the other only after it has waited in vain. Clients always dial. */
export function dialsFirst(me: RpcIdentity, role: PeerRole, storeId: string): boolean {
  return role === ROLE_CLIENT || me.storeId < storeId
}

export function connectedAlready(me: RpcIdentity, storeId: string): FlotillaError {
  return new FlotillaError('BUSY', `stores ${me.storeId} and ${storeId} are connected already`)
}

/** Acceptor: what the pair that is up says against a new one of the same store. */
export function refuseBesideActive(
  me: RpcIdentity,
  role: PeerRole,
  active: Pair,
  hello: PeerHello,
): FlotillaError | null {
  const known = active.hello!
  if (known.incarnation !== hello.incarnation) return null
  if (hello.boot < known.boot) {
    const text = `store ${hello.storeId} is connected with a later start (${known.boot}, not ${hello.boot})`
    return new FlotillaError('STORE_REPLACED', text, { store: hello.storeId })
  }
  if (hello.boot === known.boot && hello.process !== known.process) {
    const text = `store ${hello.storeId} is connected already, from another process of the same start (${hello.boot})`
    return new FlotillaError('STORE_REPLACED', text, { store: hello.storeId })
  }
  const ours = active.dialed && dialsFirst(me, role, hello.storeId)
  return hello.boot === known.boot && ours ? connectedAlready(me, hello.storeId) : null
}

/** Of two pairs between the same processes the one dialed by the smaller id stays: true when that is `active`. */
export function staysBeside(me: RpcIdentity, role: PeerRole, active: Pair, fresh: Pair): boolean {
  if (active.dialed === fresh.dialed || !sameProcess(active.hello!, fresh.hello!)) return false
  return active.dialed === dialsFirst(me, role, fresh.link.storeId)
}

/** Dialer: what speaks against the store that answered. */
export function refuseAnswer(me: RpcIdentity, pair: Pair, hello: PeerHello): FlotillaError | null {
  const wanted = pair.link.storeId
  if (hello.storeId !== wanted) {
    return new FlotillaError(
      'IDENTITY_MISMATCH',
      `at the address of store ${wanted} is store ${hello.storeId}`,
    )
  }
  if (pair.hello !== null && !sameProcess(pair.hello, hello)) {
    return new FlotillaError('CONNECTION_LOST', `store ${wanted} started anew between two handshakes`)
  }
  return checkHello(me, hello)
}
