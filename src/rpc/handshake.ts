import { FlotillaError } from '../util/errors.ts'
import {
  MAX_ADDRESS_BYTES,
  MAX_HELLO_ADDRESS_BYTES,
  MAX_HELLO_ADDRESSES,
  MAX_INCARNATION_BYTES,
  MAX_NAME_BYTES,
  MAX_REMEMBERED_STARTS,
  MAX_SHARDS,
} from '../util/limits.ts'
import {
  type ConnectionKind,
  KIND_BULK,
  KIND_CONTROL,
  KIND_PROBE,
  PROTOCOL_MAX,
  PROTOCOL_MIN,
  type PeerRole,
  ROLE_CLIENT,
  ROLE_STORE,
} from './message-types.ts'
import type { Wire } from './wire.ts'
import { protocolError } from './wire-reader.ts'

/** Who we are. The incarnation is the random text of the data directory, the boot number counts its starts. */
export interface RpcIdentity {
  readonly clusterId: string
  readonly storeId: string
  readonly incarnation: string
  readonly boot: number
  /** Random, below 2^48, drawn by this process: two processes of one boot number differ in it. */
  readonly process: number
}

/** Who a store was when it was heard of last; '' and 0 when it never was. */
export interface SeenIdentity {
  readonly incarnation: string
  readonly boot: number
  readonly process: number
}

/** Names of clients begin so, and no store's may: a client must never be taken for a store. */
export const CLIENT_ID_PREFIX = 'client:'

export function isClientId(storeId: string): boolean {
  return storeId.startsWith(CLIENT_ID_PREFIX)
}

const NEVER_SEEN: SeenIdentity = { incarnation: '', boot: 0, process: 0 }

export interface StoreAddress {
  readonly storeId: string
  readonly address: string
  readonly version: number
}

/** What a handshake says beyond the identity; all of it is optional. */
export interface HelloExtras {
  /** Who the other store was when we heard of it last. */
  readonly seen?: SeenIdentity
  /** Per shard: the highest flush number of the other store that we have seen. */
  readonly flushSeen?: readonly number[]
  /** Per shard: our own highest flush number. */
  readonly flushClaimed?: readonly number[]
  /** What our processes before this one drew, of the starts boot - 1, boot - 2, …; as many as are known. */
  readonly pastProcesses?: readonly number[]
  /** Of the address that we tell. */
  readonly addressVersion?: number
  /** What we have heard of other stores. */
  readonly addresses?: readonly StoreAddress[]
}

/** A handshake as it came from another store. */
export interface PeerHello extends RpcIdentity {
  readonly expectedStoreId: string
  readonly protocolMin: number
  readonly protocolMax: number
  readonly kind: ConnectionKind
  readonly role: PeerRole
  readonly connection: number
  readonly pair: number
  /** Where the other store listens, '' when it does not. */
  readonly address: string
  readonly addressVersion: number
  /** Who we were when the other store heard of us last. */
  readonly seen: SeenIdentity
  readonly flushSeen: readonly number[]
  readonly flushClaimed: readonly number[]
  /** Of its starts boot - 1, boot - 2, …; as many as it knows. */
  readonly pastProcesses: readonly number[]
  readonly addresses: readonly StoreAddress[]
}

export type WireHello = Wire.rpc.Hello.$Properties

/** The connection that a hello is for. */
export interface HelloPlace {
  readonly kind: ConnectionKind
  readonly connection: number
  readonly pair: number
  readonly expectedStoreId: string
}

export function makeHello(
  me: RpcIdentity,
  role: PeerRole,
  address: string,
  place: HelloPlace,
  extras: HelloExtras,
): WireHello {
  const seen = extras.seen ?? NEVER_SEEN
  return {
    clusterId: me.clusterId,
    storeId: me.storeId,
    expectedStoreId: place.expectedStoreId,
    incarnation: me.incarnation,
    boot: me.boot,
    protocolMin: PROTOCOL_MIN,
    protocolMax: PROTOCOL_MAX,
    kind: place.kind,
    role,
    connection: place.connection,
    pair: place.pair,
    address,
    addressVersion: extras.addressVersion ?? 0,
    process: me.process,
    seenIncarnation: seen.incarnation,
    seenBoot: seen.boot,
    seenProcess: seen.process,
    flushSeen: extras.flushSeen === undefined ? [] : [...extras.flushSeen],
    flushClaimed: extras.flushClaimed === undefined ? [] : [...extras.flushClaimed],
    pastProcesses: extras.pastProcesses === undefined ? [] : [...extras.pastProcesses],
    addresses: fitting(extras.addresses ?? []),
  }
}

/** As many as a handshake's frame holds. */
function fitting(addresses: readonly StoreAddress[]): StoreAddress[] {
  const fit: StoreAddress[] = []
  let room = MAX_HELLO_ADDRESS_BYTES
  for (const entry of addresses) {
    if (Buffer.byteLength(entry.address) > MAX_ADDRESS_BYTES) continue
    room -= Buffer.byteLength(entry.storeId) + Buffer.byteLength(entry.address)
    if (room < 0 || fit.length === MAX_HELLO_ADDRESSES) break
    fit.push(entry)
  }
  return fit
}

export function readHello(hello: WireHello): PeerHello {
  const kind = hello.kind ?? 0
  const role = hello.role ?? 0
  if (kind !== KIND_CONTROL && kind !== KIND_BULK && kind !== KIND_PROBE) {
    throw protocolError(`a handshake for a connection of unknown kind ${kind}`)
  }
  if (role !== ROLE_STORE && role !== ROLE_CLIENT) throw protocolError(`a handshake of unknown role ${role}`)
  return {
    clusterId: hello.clusterId ?? '',
    storeId: hello.storeId ?? '',
    expectedStoreId: hello.expectedStoreId ?? '',
    incarnation: hello.incarnation ?? '',
    boot: hello.boot ?? 0,
    protocolMin: hello.protocolMin ?? 0,
    protocolMax: hello.protocolMax ?? 0,
    kind,
    role,
    connection: hello.connection ?? 0,
    pair: hello.pair ?? 0,
    address: hello.address ?? '',
    addressVersion: hello.addressVersion ?? 0,
    process: hello.process ?? 0,
    seen: {
      incarnation: hello.seenIncarnation ?? '',
      boot: hello.seenBoot ?? 0,
      process: hello.seenProcess ?? 0,
    },
    flushSeen: hello.flushSeen ?? [],
    flushClaimed: hello.flushClaimed ?? [],
    pastProcesses: hello.pastProcesses ?? [],
    addresses: (hello.addresses ?? []).map((entry) => ({
      storeId: entry.storeId ?? '',
      address: entry.address ?? '',
      version: entry.version ?? 0,
    })),
  }
}

/** The version that both speak: the highest that both know. 0 when there is none. */
export function commonProtocol(hello: PeerHello): number {
  const version = Math.min(hello.protocolMax, PROTOCOL_MAX)
  return version >= hello.protocolMin && version >= PROTOCOL_MIN ? version : 0
}

/** What no store says: it would be kept, shown and passed on. */
function checkSizes(hello: PeerHello): void {
  const named: [what: string, text: string, limit: number][] = [
    ['store id', hello.storeId, MAX_NAME_BYTES],
    ['incarnation', hello.incarnation, MAX_INCARNATION_BYTES],
    ['seen incarnation', hello.seen.incarnation, MAX_INCARNATION_BYTES],
    ['address', hello.address, MAX_ADDRESS_BYTES],
  ]
  for (const { storeId, address } of hello.addresses) {
    named.push(['store id', storeId, MAX_NAME_BYTES], ['address', address, MAX_ADDRESS_BYTES])
  }
  for (const [what, text, limit] of named) {
    if (Buffer.byteLength(text) > limit) throw protocolError(`a handshake with too long a text: ${what}`)
  }
  if (hello.flushSeen.length > MAX_SHARDS || hello.flushClaimed.length > MAX_SHARDS) {
    throw protocolError('a handshake with too many flush numbers')
  }
  if (hello.pastProcesses.length > MAX_REMEMBERED_STARTS)
    throw protocolError('a handshake with too many starts')
  if (hello.addresses.length > MAX_HELLO_ADDRESSES) throw protocolError('a handshake with too many addresses')
}

/**
 * What cannot be, whatever the owner's policy: null when nothing speaks against this hello. Throws PROTOCOL when it is none.
 */
export function checkHello(me: RpcIdentity, hello: PeerHello): FlotillaError | null {
  checkSizes(hello)
  const store = `store ${hello.storeId}`
  if (commonProtocol(hello) === 0) {
    const theirs = `${hello.protocolMin} to ${hello.protocolMax}`
    return protocolError(
      `${store} speaks protocol ${theirs}, store ${me.storeId} ${PROTOCOL_MIN} to ${PROTOCOL_MAX}`,
    )
  }
  const probe = hello.kind === KIND_PROBE
  if (hello.clusterId !== me.clusterId && !(probe && (hello.clusterId === '' || me.clusterId === ''))) {
    const text = `${store} is of cluster ${hello.clusterId}, store ${me.storeId} of cluster ${me.clusterId}`
    return new FlotillaError('IDENTITY_MISMATCH', text)
  }
  if (hello.expectedStoreId !== '' && hello.expectedStoreId !== me.storeId) {
    const text = `${store} looked for store ${hello.expectedStoreId} at this address, but here is store ${me.storeId}`
    return new FlotillaError('IDENTITY_MISMATCH', text)
  }
  if (probe) return null
  if (hello.storeId === '') return protocolError('a handshake without a store id')
  if (isClientId(hello.storeId) !== (hello.role === ROLE_CLIENT)) {
    return protocolError(
      `${store} comes as a ${hello.role === ROLE_CLIENT ? 'client' : 'store'}: its name says otherwise`,
    )
  }
  if (hello.storeId === me.storeId) {
    return new FlotillaError('IDENTITY_MISMATCH', `two stores call themselves ${me.storeId}`)
  }
  return null
}

/** Host and port of an address: `host:port`, `[::1]:port`. Throws INVALID_ARGUMENT. */
export function parseAddress(address: string): { host: string; port: number } {
  const colon = address.lastIndexOf(':')
  const host = address.slice(0, Math.max(colon, 0)).replace(/^\[(.*)\]$/, '$1')
  const port = Number(address.slice(colon + 1))
  if (host === '' || !Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new FlotillaError('INVALID_ARGUMENT', `the address ${JSON.stringify(address)} is not host:port`)
  }
  return { host, port }
}

/** An address to listen at that nobody can dial. */
export function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || /^[0:]+$/.test(host)
}

export function formatAddress(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}
