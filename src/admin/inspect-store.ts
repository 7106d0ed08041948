import { decodeRegion } from '../kv/regions.ts'
import type { Member } from '../raft/configuration.ts'
import { decodeConfigurationEntry } from '../raft/configuration-codec.ts'
import type { ReplicaRecord } from '../storage/replica-write.ts'
import { decodeCheckedText } from '../store/checked-text.ts'
import { DATA_FORMAT, IDENTITY_FILE } from '../store/identity.ts'
import type { Identity } from '../store/identity.ts'
import { PEERS_FILE, PEERS_FORMAT } from '../store/peer-memory.ts'
import type { PeersFile } from '../store/peer-memory.ts'
import { KV_TYPE } from '../store/group-replica.ts'
import { damaged, damagedLog, note, ok } from './guards.ts'
import type { InspectDisk, InspectOptions } from './inspect-disk.ts'
import { inspectLog } from './inspect-log.ts'
import { inspectState } from './inspect-state.ts'
import type {
  Guard,
  InspectedGroup,
  InspectedShard,
  InspectedState,
  InspectedStore,
} from './inspected-store.ts'
import type { ReplicaLog } from './replica-logs.ts'

const SHARD_NAME = /^shard-(\d+)$/

/** True when `names`, those in a directory, are what a store leaves there. */
export function looksLikeStore(names: readonly string[]): boolean {
  return names.includes(IDENTITY_FILE) || names.some((name) => SHARD_NAME.test(name))
}

/** Paths of the logs of the shards in `dataDir`, whose locks a running store holds. */
export function logDirs(dataDir: string, names: readonly string[]): string[] {
  return names.filter((name) => SHARD_NAME.test(name)).map((name) => `${dataDir}/${name}/log`)
}

/**
 * Reads a stopped store's directory: what it is, what it holds and whether it is what was written. Damage is part of the
 * answer, not an error; what can be read beside it is read. Rejects only for what is no word about the disk.
 */
export async function inspectStore(
  disk: InspectDisk,
  dataDir: string,
  options: InspectOptions,
): Promise<InspectedStore> {
  const names = await disk.files.list(dataDir)
  const guards: Guard[] = []
  const identity = await readIdentity(disk, dataDir, guards)
  const peers = await readPeers(disk, dataDir, identity, guards)
  const shards: InspectedShard[] = []
  const found = names.flatMap((name) => SHARD_NAME.exec(name)?.[1] ?? []).map(Number)
  const count = identity?.shards ?? found.length
  for (let shard = 0; shard < count; shard++) {
    options.onProgress(`reading shard ${shard} of ${count}`)
    shards.push(await inspectShard(disk, dataDir, shard, count, (identity?.boot ?? 1) > 0, options))
  }
  for (const shard of found.filter((one) => one >= count)) {
    guards.push(damagedLog('shards', `${shardDir(dataDir, shard)} is there, but the store has ${count}`))
  }
  const all = [...guards, ...shards.flatMap((shard) => shard.guards)]
  return {
    dir: dataDir,
    verdict: all.some(({ verdict }) => verdict === 'damaged') ? 'damaged' : 'sound',
    guards,
    identity,
    address: peers?.own.address ?? '',
    peers: (peers?.peers ?? []).map(({ storeId, address, version, incarnation, boot, flushSeen }) => ({
      storeId,
      address,
      addressVersion: version,
      incarnation,
      boot,
      flushSeen,
    })),
    accusations: Object.entries(peers?.accusations ?? {}).map(([by, why]) => ({ by, why })),
    shards,
  }
}

async function readIdentity(disk: InspectDisk, dataDir: string, guards: Guard[]): Promise<Identity | null> {
  const path = `${dataDir}/${IDENTITY_FILE}`
  const remedy =
    'put the file back from a copy; else keep this store out and start a new one in an empty directory'
  const bytes = await disk.files.readFile(path)
  const identity = bytes === null ? null : decodeCheckedText<Identity>('identity', bytes)
  if (identity === null) {
    guards.push(damaged('identity', `${path} is ${bytes === null ? 'gone' : 'damaged'}`, remedy))
    return null
  }
  if (identity.format !== DATA_FORMAT) {
    const text = `${path} has format ${identity.format}; this version reads ${DATA_FORMAT}`
    guards.push(damaged('identity', text, 'use the version that wrote it'))
    return identity
  }
  guards.push(ok('identity', `store ${identity.storeId} of cluster ${identity.clusterId}`))
  return identity
}

async function readPeers(
  disk: InspectDisk,
  dataDir: string,
  identity: Identity | null,
  guards: Guard[],
): Promise<PeersFile | null> {
  const path = `${dataDir}/${PEERS_FILE}`
  const remedy =
    'put the file back from a copy; or remove it, which is safe when no other store was wiped or rolled back since'
  const bytes = await disk.files.readFile(path)
  if (bytes === null) {
    const never = identity === null || identity.boot === 0
    const text = never
      ? 'none yet'
      : `${path} is gone: the store has forgotten which lives of others it dealt with`
    guards.push(note('memory of others', text))
    return null
  }
  const peers = decodeCheckedText<PeersFile>('peers', bytes)
  if (peers === null || peers.format !== PEERS_FORMAT) {
    guards.push(damaged('memory of others', `${path} is damaged`, remedy))
    return null
  }
  const { storeId, incarnation } = peers.owner
  if (identity !== null && (storeId !== identity.storeId || incarnation !== identity.incarnation)) {
    const text = `${path} is that of store ${storeId} (${incarnation})`
    guards.push(damaged('memory of others', text, 'remove the file that was put there'))
    return peers
  }
  guards.push(ok('memory of others', `${peers.peers.length} stores`))
  return peers
}

async function inspectShard(
  disk: InspectDisk,
  dataDir: string,
  shardIndex: number,
  shardCount: number,
  mustExist: boolean,
  options: InspectOptions,
): Promise<InspectedShard> {
  const dir = shardDir(dataDir, shardIndex)
  const log = await inspectLog(disk, { dir, shardIndex, shardCount, mustExist }, options)
  const spaces = log.replicas
    .filter(({ record }) => record.space > 0)
    .map(({ record }) => ({ space: record.space, groupId: record.groupId }))
  const highestFlush = log.highestFlush ?? log.ledgerFlush
  const known =
    log.databaseId === null || highestFlush === null ? null : { databaseId: log.databaseId, highestFlush }
  const state = await inspectState(disk, dir, known, spaces, options)
  const guards = [...log.guards, ...state.guards]
  for (const name of await disk.files.list(dir)) {
    if (/^data\.damaged-\d+$/.test(name))
      guards.push(note('state: set aside', `${dir}/${name}, by an earlier start`))
  }
  for (const { record, log: own } of log.replicas) {
    const reached = state.spaces.get(record.space)?.appliedIndex ?? own.firstIndex - 1
    if (reached + 1 >= own.firstIndex) continue
    const text = `group ${record.groupId}: its state ends at ${reached}, its log begins at ${own.firstIndex}`
    guards.push(damaged('state: reach', text, 'the replica stays down until it gets a snapshot'))
  }
  return {
    shard: shardIndex,
    dir,
    databaseId: log.databaseId?.toString('hex') ?? null,
    highestFlush: log.highestFlush,
    ledgerFlush: log.ledgerFlush,
    guards,
    groups: log.replicas.map((replica) => describe(replica, state.spaces.get(replica.record.space) ?? null)),
  }
}

function describe({ record, log }: ReplicaLog, state: InspectedState | null): InspectedGroup {
  const members = membersOf(record)
  const { groupId, type, slot, space, replica, term, votedFor } = record
  const voted = members.find((member) => member.replica === votedFor)
  return {
    groupId,
    type,
    slot,
    space,
    replica,
    term,
    votedFor: votedFor === 0 ? null : { replica: votedFor, storeId: voted?.storeId ?? null },
    members,
    log,
    region: regionOf(record),
    state,
  }
}

function membersOf(record: ReplicaRecord): readonly Member[] {
  try {
    const bytes = record.configurations.at(-1)?.bytes ?? record.firstConfiguration
    return decodeConfigurationEntry(bytes).listMembers()
  } catch {
    // Behind the record's CRC: of another version, then. The rest of the record counts all the same.
    return []
  }
}

function regionOf({ type, groupId, args }: ReplicaRecord): InspectedGroup['region'] {
  if (type !== KV_TYPE) return null
  try {
    const { start, end } = decodeRegion(groupId, args)
    return { start, end }
  } catch {
    return null
  }
}

function shardDir(dataDir: string, shard: number): string {
  return `${dataDir}/shard-${String(shard).padStart(2, '0')}`
}
