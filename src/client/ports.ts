import type { Clock, Timers } from '../env/ports.ts'
import type { PeerLink } from '../rpc/messages.ts'
import type { FlotillaError } from '../util/errors.ts'
import type { GroupDescription } from './group-description.ts'

/**
 * What the caller's side needs of the process it runs in. In a store `local` finds the replicas beside it; in a process
 * without a store it finds none, and everything goes over links.
 */
export interface ClientHost {
  /** Id of the store in this process, '' when there is none. */
  readonly storeId: string
  readonly clock: Clock
  readonly timers: Timers
  /** Monotonic time of this turn of the event loop. */
  nowMs(): number
  /** In [0, 1), for jitter. */
  random(): number
  /** Asks for `work.endOfTurn()` at the end of this turn, before the frames are written. */
  markDirty(work: { endOfTurn(): void }): void
  /** Stores of the address book, this one left out. */
  peers(): readonly string[]
  link(storeId: string): PeerLink
  local(groupId: string): LocalReplica | null
}

/** Settles one proposed entry; `position` is the caller's own number for it. Exactly once, maybe synchronously. */
export interface ApplySink {
  onDone(position: number, index: number, term: number, result: Buffer | null): void
  onRefused(position: number, error: FlotillaError): void
}

export interface ReadSink {
  /** False once nobody waits for the answer any more: it may be dropped untold. */
  readonly isWanted: boolean
  /** The local state machine holds everything acknowledged before the read began; `index` is applied here. */
  onReadIndex(index: number): void
  onReadRefused(error: FlotillaError): void
}

/** A replica in this process. */
export interface LocalReplica {
  readonly groupId: string
  readonly type: string
  readonly isLeader: boolean
  /** Store that leads as far as this replica knows, '' when unknown. */
  readonly leaderStoreId: string
  readonly memberStoreIds: readonly string[]
  /** Why the replica is down, or null. */
  readonly error: FlotillaError | null
  /** Refuses with NOT_LEADER (and the leader) when another store leads. `expectedTerm` 0 is any. */
  propose(payload: Buffer, expectedTerm: number, sink: ApplySink, position: number): void
  /** Works on leader and follower: a follower asks its leader and waits until it has applied so far itself. */
  readIndex(sink: ReadSink): void
  /** The state machine's own answer, from the state as it is now. Rejects NO_QUERY, STATE_MACHINE_FAILED. */
  query(data: Buffer): Promise<Buffer>
  describe(): GroupDescription
  /** Present for replicas of type 'kv'. Reads the shard's data as it is now. */
  readonly kv: LocalKv | null
}

export interface KvRange {
  readonly gte?: Buffer
  readonly gt?: Buffer
  readonly lte?: Buffer
  readonly lt?: Buffer
  readonly reverse?: boolean
  readonly keys?: boolean
  readonly values?: boolean
}

export interface KvPage {
  readonly keys: Buffer[]
  /** Empty when values were not asked for. */
  readonly values: Buffer[]
  readonly done: boolean
}

export interface LocalKv {
  /** Batched with every other read of the turn. `appliedIndex` is what the answer was read at. */
  getMany(
    keys: readonly Buffer[],
    done: (error: FlotillaError | null, values: readonly (Buffer | null)[], appliedIndex: number) => void,
  ): void
  /** One consistent view until closed. */
  openScan(range: KvRange): LocalScan
}

export interface LocalScan {
  next(maxRows: number): Promise<KvPage>
  /** Idempotent, and nobody waits for it: a disk that does not answer may keep a view open for as long as it likes. */
  close(): void
}
