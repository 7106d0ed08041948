import { encodeWire, wire } from '../rpc/wire.ts'
import type { FlotillaError } from '../util/errors.ts'
import { decodeDescription, type GroupDescription, type MemberDescription } from './group-description.ts'
import { asBuffer } from './read-calls.ts'

/** What is wrong, as a store tells it of itself or another. */
export interface FaultDescription {
  /** FLOTILLA_… */
  readonly code: string
  readonly message: string
}

export interface StoreVersions {
  /** Of the package that the store runs. */
  readonly flotilla: string
  /** Protocol versions that it speaks. */
  readonly protocolMin: number
  readonly protocolMax: number
  readonly dataFormat: number
}

/** One store of the cluster, in short. What only the store itself can tell is empty while it cannot be asked. */
export interface StoreSummary {
  readonly storeId: string
  /** `host:port` at which it is dialed, '' when not known. */
  readonly address: string
  /** It has answered. */
  readonly reachable: boolean
  /** Why it has not; null when it has. */
  readonly error: FlotillaError | null
  /** Names the life of its data directory; '' when not reachable. */
  readonly incarnation: string
  /** How often that directory was started; 0 when not reachable. */
  readonly boot: number
  readonly groupsHosted: number
  readonly groupsLed: number
  /** Replicas that have stopped with an error, or are down. */
  readonly groupsFailed: number
  /** Clients that are connected to it. */
  readonly clients: number
  readonly shards: number
  /** Other stores say that its directory was wiped, replaced, copied or rolled back: it counts toward no quorum. */
  readonly suspect: FaultDescription | null
  /** Null when not reachable. */
  readonly versions: StoreVersions | null
}

/** How one store sees another. */
export interface PeerReport {
  readonly storeId: string
  readonly connected: boolean
  readonly address: string
  /** What keeps the link down; null while it is up or was never tried. */
  readonly error: FaultDescription | null
}

/** One store, with all that it hosts. */
export interface StoreReport extends StoreSummary {
  readonly peers: readonly PeerReport[]
  /** Every replica on it, by name. */
  readonly groups: readonly GroupDescription[]
}

/** One member of a group, as its store reports it. */
export interface ReplicaSummary {
  readonly storeId: string
  /** Replica number; 0 when the store is no member by the newest configuration known. */
  readonly replica: number
  /** As in GroupDescription; 'unreachable' when its store did not answer, 'missing' when that store hosts none. */
  readonly state: string
  readonly term: number
  readonly commitIndex: number
  readonly appliedIndex: number
  readonly lastIndex: number
  readonly error: FlotillaError | null
}

/** One group as all stores that answer see it together. */
export interface GroupSummary {
  readonly groupId: string
  readonly type: string
  /** '' while none is known. */
  readonly leader: string
  /** The highest of any replica. */
  readonly term: number
  /** Of the newest configuration that a replica knows. */
  readonly members: readonly MemberDescription[]
  /** Members first, in their order. */
  readonly replicas: readonly ReplicaSummary[]
}

/** What one store says of its replica of a group. */
export interface ReplicaReport {
  readonly storeId: string
  /** Null when there is none, or the store did not answer: `error` says which. */
  readonly description: GroupDescription | null
  readonly error: FlotillaError | null
}

/** One value for the whole state of a key-value region, at one applied index. */
export interface GroupDigest {
  readonly appliedIndex: number
  readonly appliedTerm: number
  readonly keys: number
  readonly bytes: number
  /** SHA-256, hex. */
  readonly digest: string
}

export interface VerifiedReplica {
  readonly storeId: string
  readonly digest: GroupDigest | null
  /** Why there is none: its store cannot be reached, or hosts no replica that works. */
  readonly error: FlotillaError | null
}

export interface GroupVerification {
  readonly groupId: string
  /** All digests that could be had are the same. */
  readonly equal: boolean
  /** Every member has given one. */
  readonly complete: boolean
  /** At which all of them were taken. */
  readonly appliedIndex: number
  readonly replicas: readonly VerifiedReplica[]
}

const NOT_REACHED = {
  incarnation: '',
  boot: 0,
  groupsHosted: 0,
  groupsLed: 0,
  groupsFailed: 0,
  clients: 0,
  shards: 0,
  suspect: null,
  versions: null,
}

export function unreachableStore(storeId: string, address: string, error: FlotillaError): StoreSummary {
  return { storeId, address, reachable: false, error, ...NOT_REACHED }
}

/** What a store says of itself. */
export interface OwnReport extends Omit<StoreSummary, 'reachable' | 'error' | 'versions'> {
  readonly versions: StoreVersions
  readonly peers: readonly PeerReport[]
}

export function encodeStoreReport(report: OwnReport): Buffer {
  const { suspect, versions, peers, ...same } = report
  const message = new wire.admin.DescribeStoreResponse({
    ...same,
    version: versions.flotilla,
    protocolMin: versions.protocolMin,
    protocolMax: versions.protocolMax,
    dataFormat: versions.dataFormat,
    suspectError: suspect?.code ?? '',
    suspectMessage: suspect?.message ?? '',
    peers: peers.map(({ storeId, connected, address, error }) => {
      return { storeId, connected, address, error: error?.code ?? '', message: error?.message ?? '' }
    }),
  })
  return encodeWire(wire.admin.DescribeStoreResponse, message)
}

/** `address`: where we dial it, which is more use than where it says it is. */
export function decodeStoreReport(body: Buffer, address: string): Omit<StoreReport, 'groups'> {
  const m = wire.admin.DescribeStoreResponse.decode(body)
  const { storeId, incarnation, boot, groupsHosted, groupsLed, groupsFailed, clients, shards } = m
  return {
    storeId,
    address: address === '' ? m.address : address,
    reachable: true,
    error: null,
    incarnation,
    boot,
    groupsHosted,
    groupsLed,
    groupsFailed,
    clients,
    shards,
    suspect: faultOf(m.suspectError, m.suspectMessage),
    versions: {
      flotilla: m.version,
      protocolMin: m.protocolMin,
      protocolMax: m.protocolMax,
      dataFormat: m.dataFormat,
    },
    peers: m.peers.map(({ storeId, connected, address, error, message }) => ({
      storeId: storeId ?? '',
      connected: connected === true,
      address: address ?? '',
      error: faultOf(error ?? '', message ?? ''),
    })),
  }
}

function faultOf(code: string, message: string): FaultDescription | null {
  return code === '' ? null : { code, message }
}

export function decodeReplicas(body: Buffer): { replicas: GroupDescription[]; done: boolean } {
  const { replicas, done } = wire.admin.ListReplicasResponse.decode(body)
  return { replicas: replicas.map((bytes) => decodeDescription(asBuffer(bytes))), done }
}

export function encodeDigest(digest: GroupDigest): Buffer {
  return encodeWire(wire.admin.DigestResponse, new wire.admin.DigestResponse({ ...digest }))
}

export function decodeDigest(body: Buffer): GroupDigest {
  const { appliedIndex, appliedTerm, keys, bytes, digest } = wire.admin.DigestResponse.decode(body)
  return { appliedIndex, appliedTerm, keys, bytes, digest }
}

export function encodeDigestQuestion(groupId: string, atIndex: number): Buffer {
  return encodeWire(wire.admin.DigestRequest, new wire.admin.DigestRequest({ groupId, atIndex }))
}

export function encodeGroupQuestion(groupId: string): Buffer {
  return encodeWire(wire.admin.DescribeGroupRequest, new wire.admin.DescribeGroupRequest({ groupId }))
}
