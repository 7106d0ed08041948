import { decodeConfigurationEntry } from '../raft/configuration-codec.ts'
import type { Member } from '../raft/configuration.ts'
import type { NodeImpl } from '../raft/node-impl.ts'
import type { ApplySink, ReadSink } from '../raft/ports.ts'
import type { LogShard } from '../storage/log-shard.ts'
import type { ReplicaRecord } from '../storage/replica-write.ts'
import { FlotillaError } from '../util/errors.ts'
import { type GroupSpec, specOf } from './group-spec.ts'
import { ShardKv } from './shard-kv.ts'
import type { StateMachineFsm } from './state-machine-fsm.ts'

/** The type of key-value regions: built in, applied by the shard's worker. */
export const KV_TYPE = 'kv'

export interface ReplicatorDescription {
  readonly storeId: string
  readonly state: string
  readonly matchIndex: number
  readonly nextIndex: number
  /** Its state is gone: it holds the log from some index on, and nothing else. */
  readonly waitsForSnapshot: boolean
}

export interface GroupDescription {
  readonly groupId: string
  readonly type: string
  readonly storeId: string
  readonly replica: number
  /** leader, candidate, follower, error, shutdown; down when its type is not registered here. */
  readonly state: string
  readonly term: number
  readonly leader: string
  readonly commitIndex: number
  readonly appliedIndex: number
  readonly firstIndex: number
  readonly lastIndex: number
  readonly durableIndex: number
  readonly members: readonly Member[]
  readonly error: FlotillaError | null
  /** Its state is gone: it votes and stores the log, but serves nothing until it has a snapshot. `error` says so too. */
  readonly waitsForSnapshot: boolean
  /** Its state is not durable (a state machine of the user's): the log is its state and is never truncated. */
  readonly keepsLog: boolean
  readonly replicators: readonly ReplicatorDescription[]
}

export interface GroupDigest {
  readonly appliedIndex: number
  readonly appliedTerm: number
  readonly keys: number
  readonly bytes: number
  readonly digest: string
}

/** One group's replica on this store: its record, its node (null while it is down), its state machine. */
export class GroupReplica {
  readonly groupId: string
  readonly type: string
  readonly slot: number
  readonly spec: GroupSpec
  readonly kv: ShardKv | null
  readonly shard: LogShard
  readonly #storeId: string
  readonly #replica: number
  readonly #downReason: FlotillaError | null
  readonly fsm: StateMachineFsm | null
  node: NodeImpl | null = null

  constructor(
    storeId: string,
    record: ReplicaRecord,
    shard: LogShard,
    fsm: StateMachineFsm | null,
    downReason: FlotillaError | null,
  ) {
    this.#storeId = storeId
    this.#replica = record.replica
    this.#downReason = downReason
    this.groupId = record.groupId
    this.type = record.type
    this.slot = record.slot
    this.spec = specOf(record.groupId, record.type, record.args, record.firstConfiguration)
    this.shard = shard
    this.fsm = fsm
    this.kv = record.type === KV_TYPE ? new ShardKv(shard, record.slot) : null
  }

  get replica(): number {
    return this.#replica
  }

  get isLeader(): boolean {
    return this.node?.state === 'leader'
  }

  get leaderStoreId(): string {
    return this.node?.leader?.storeId ?? ''
  }

  get members(): readonly Member[] {
    return this.node === null ? this.spec.members : this.node.configuration.conf.members
  }

  get memberStoreIds(): readonly string[] {
    return this.members.map((member) => member.storeId)
  }

  get error(): FlotillaError | null {
    return this.node === null ? this.#downReason : (this.node.error ?? this.node.stateLoss)
  }

  propose(payload: Buffer, expectedTerm: number, sink: ApplySink, position: number): void {
    if (this.node === null) sink.onRefused(position, this.#down())
    else this.node.propose(payload, expectedTerm, sink, position)
  }

  readIndex(sink: ReadSink): void {
    if (this.node === null) sink.onReadRefused(this.#down())
    else this.node.readOnly.read(sink)
  }

  async query(data: Buffer): Promise<Buffer> {
    if (this.node === null) throw this.#down()
    if (this.error !== null) throw this.error
    if (this.fsm === null) throw new FlotillaError('NO_QUERY', `group ${this.groupId} is a key-value region`)
    return await this.fsm.query(data)
  }

  campaign(): void {
    this.node?.campaign()
  }

  /**
   * One value for the whole state at one applied index: equal on replicas that applied equally far. With `at` for that very
   * index, which is waited for; the digest is empty where it was passed.
   */
  async digest(at = 0): Promise<GroupDigest> {
    if (this.kv === null) {
      throw new FlotillaError('NOT_A_KV_GROUP', `group ${this.groupId} is of type ${this.type}`)
    }
    const loss = this.node?.stateLoss ?? null
    if (loss !== null) throw loss
    return await this.shard.digest(this.slot, at)
  }

  describe(): GroupDescription {
    const node = this.node
    return {
      groupId: this.groupId,
      type: this.type,
      storeId: this.#storeId,
      replica: this.#replica,
      state: node?.state ?? 'down',
      term: node?.currTerm ?? 0,
      leader: this.leaderStoreId,
      commitIndex: node?.ballotBox.lastCommittedIndex ?? 0,
      appliedIndex: node?.fsmCaller.lastAppliedIndex ?? 0,
      firstIndex: node?.log.firstIndex ?? 0,
      lastIndex: node?.log.lastIndex ?? 0,
      durableIndex: node?.log.durableIndex ?? 0,
      members: this.members,
      error: this.error,
      waitsForSnapshot: node?.waitsForSnapshot ?? false,
      keepsLog: this.kv === null,
      replicators: this.#describeReplicators(),
    }
  }

  #describeReplicators(): ReplicatorDescription[] {
    const list = this.node?.replicators.list() ?? []
    return list.map(({ member, state, matchIndex, nextIndex, waitsForSnapshot }) => {
      return { storeId: member.storeId, state, matchIndex, nextIndex, waitsForSnapshot }
    })
  }

  #down(): FlotillaError {
    return this.#downReason ?? new FlotillaError('INTERNAL', `group ${this.groupId} has not started`)
  }
}

/** What raft needs of a recovered record. */
export function firstConfigurationOf(record: ReplicaRecord): ReturnType<typeof decodeConfigurationEntry> {
  return decodeConfigurationEntry(record.firstConfiguration)
}
