import { errorOfWire } from '../rpc/call-table.ts'
import { encodeWire, type Wire, wire } from '../rpc/wire.ts'
import type { FlotillaError } from '../util/errors.ts'

export interface MemberDescription {
  readonly storeId: string
  readonly replica: number
  readonly role: 'voter' | 'learner' | 'witness'
  readonly priority: number
}

/** What a leader knows of one of the others. */
export interface ReplicatorDescription {
  readonly storeId: string
  /** probe, replicate; snapshot when it needs entries that the leader's log does not hold any more. */
  readonly state: string
  readonly matchIndex: number
  readonly nextIndex: number
  /** Its state is gone: it holds the log from some index on, and nothing else. */
  readonly waitsForSnapshot: boolean
}

/** One replica's view of its group. */
export interface GroupDescription {
  readonly groupId: string
  readonly type: string
  /** The store that answers. */
  readonly storeId: string
  readonly replica: number
  /** leader, candidate, follower, error, shutdown; down when its type is not registered here. */
  readonly state: string
  readonly term: number
  /** Store that leads, '' when not known. */
  readonly leader: string
  readonly commitIndex: number
  readonly appliedIndex: number
  readonly firstIndex: number
  readonly lastIndex: number
  /** The end of what is behind an fsync here; 0 when another store answered. */
  readonly durableIndex: number
  readonly members: readonly MemberDescription[]
  readonly error: FlotillaError | null
  /** Its state is gone: it votes and stores the log, but serves nothing until it has a snapshot. `error` says so too. */
  readonly waitsForSnapshot: boolean
  /** Its state is not durable (a state machine of the user's): the log is its state and is never truncated. */
  readonly keepsLog: boolean
  /** Of a leader, else empty. */
  readonly replicators: readonly ReplicatorDescription[]
}

const ROLES = ['voter', 'learner', 'witness'] as const

export function encodeMember(member: MemberDescription): Wire.raft.IMember {
  return { ...member, role: ROLES.indexOf(member.role) as Wire.raft.Role }
}

export function decodeMember(member: Wire.raft.IMember): MemberDescription {
  const { storeId, replica, role, priority } = member
  return {
    storeId: storeId ?? '',
    replica: replica ?? 0,
    role: ROLES[Number(role ?? 0)] ?? 'voter',
    priority: priority ?? 0,
  }
}

export function encodeDescription(from: GroupDescription): Buffer {
  const { leader, members, error, replicators, state, ...same } = from
  const message = new wire.admin.DescribeGroupResponse({
    ...same,
    role: state,
    leaderStore: leader,
    configuration: { members: members.map(encodeMember) },
    error: error?.shortName ?? '',
    message: error?.message ?? '',
    progress: replicators.map(({ storeId, state, matchIndex, nextIndex, waitsForSnapshot }) => ({
      storeId,
      state,
      matchIndex,
      nextIndex,
      waitsForSnapshot,
    })),
  })
  return encodeWire(wire.admin.DescribeGroupResponse, message)
}

export function decodeDescription(body: Buffer): GroupDescription {
  const m = wire.admin.DescribeGroupResponse.decode(body)
  return {
    groupId: m.groupId,
    type: m.type,
    storeId: m.storeId,
    replica: m.replica,
    state: m.role,
    term: m.term,
    leader: m.leaderStore,
    commitIndex: m.commitIndex,
    appliedIndex: m.appliedIndex,
    firstIndex: m.firstIndex,
    lastIndex: m.lastIndex,
    durableIndex: 0,
    members: (m.configuration?.members ?? []).map(decodeMember),
    error: m.error === '' ? null : errorOfWire(m.error, m.message, true, ''),
    waitsForSnapshot: m.waitsForSnapshot,
    keepsLog: m.keepsLog,
    replicators: m.progress.map(({ storeId, state, matchIndex, nextIndex, waitsForSnapshot }) => ({
      storeId: storeId ?? '',
      state: state ?? '',
      matchIndex: matchIndex ?? 0,
      nextIndex: nextIndex ?? 0,
      waitsForSnapshot: waitsForSnapshot ?? false,
    })),
  }
}
