import { decodeCheckedJson, encodeCheckedJson } from './checked-json.ts'
import type { ReplicaRecord, StoredConfiguration } from './replica-write.ts'

const RECORD_VERSION = 1

/** What a new replica starts from; slot and space are given by its shard, the log is empty, the term 0. */
export interface ReplicaSpec {
  readonly groupId: string
  readonly replica: number
  readonly type: string
  readonly args: Buffer
  readonly firstConfiguration: Buffer
  /** True when its state is kept in the shard's data RocksDB. */
  readonly needsSpace: boolean
}

/** A record as JSON has it. */
interface StoredRecord {
  readonly v: number
  readonly slot: number
  readonly groupId: string
  readonly replica: number
  readonly type: string
  readonly args: string
  readonly space: number
  readonly term: number
  readonly votedFor: number
  readonly firstIndex: number
  readonly prevTerm: number
  readonly firstConfiguration: string
  readonly configurations: ReadonlyArray<{
    readonly index: number
    readonly term: number
    readonly bytes: string
  }>
}

export function newReplicaRecord(spec: ReplicaSpec, slot: number, space: number): ReplicaRecord {
  return {
    slot,
    groupId: spec.groupId,
    replica: spec.replica,
    type: spec.type,
    args: spec.args,
    space,
    term: 0,
    votedFor: 0,
    firstIndex: 1,
    prevTerm: 0,
    firstConfiguration: spec.firstConfiguration,
    configurations: [],
  }
}

export function encodeReplicaRecord(record: ReplicaRecord): Buffer {
  const stored: StoredRecord = {
    v: RECORD_VERSION,
    slot: record.slot,
    groupId: record.groupId,
    replica: record.replica,
    type: record.type,
    args: record.args.toString('base64'),
    space: record.space,
    term: record.term,
    votedFor: record.votedFor,
    firstIndex: record.firstIndex,
    prevTerm: record.prevTerm,
    firstConfiguration: record.firstConfiguration.toString('base64'),
    configurations: record.configurations.map((c) => ({
      index: c.index,
      term: c.term,
      bytes: c.bytes.toString('base64'),
    })),
  }
  return encodeCheckedJson(stored)
}

/** Null when the bytes are not a record that this version wrote. */
export function decodeReplicaRecord(bytes: Buffer): ReplicaRecord | null {
  const stored = decodeCheckedJson(bytes) as StoredRecord | null
  if (stored === null || stored.v !== RECORD_VERSION) return null
  const configurations: StoredConfiguration[] = stored.configurations.map((c) => ({
    index: c.index,
    term: c.term,
    bytes: Buffer.from(c.bytes, 'base64'),
  }))
  return {
    slot: stored.slot,
    groupId: stored.groupId,
    replica: stored.replica,
    type: stored.type,
    args: Buffer.from(stored.args, 'base64'),
    space: stored.space,
    term: stored.term,
    votedFor: stored.votedFor,
    firstIndex: stored.firstIndex,
    prevTerm: stored.prevTerm,
    firstConfiguration: Buffer.from(stored.firstConfiguration, 'base64'),
    configurations,
  }
}
