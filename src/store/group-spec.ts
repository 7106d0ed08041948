import { Configuration, ConfigurationEntry, type Member } from '../raft/configuration.ts'
import { decodeConfigurationEntry, encodeConfigurationEntry } from '../raft/configuration-codec.ts'
import { FlotillaError } from '../util/errors.ts'
import { MAX_GROUP_ID_BYTES, MAX_MEMBERS } from '../util/limits.ts'

/** What a group is made of: a fact from outside, the same on every member. */
export interface GroupSpec {
  readonly groupId: string
  readonly type: string
  readonly args: Buffer
  readonly members: readonly Member[]
  readonly nextReplica: number
}

/** The first configuration as it is recorded and compared. */
export function encodeFirstConfiguration(spec: GroupSpec): Buffer {
  return encodeConfigurationEntry(new ConfigurationEntry(new Configuration(spec.members, spec.nextReplica)))
}

export function specOf(groupId: string, type: string, args: Buffer, firstConfiguration: Buffer): GroupSpec {
  const { conf } = decodeConfigurationEntry(firstConfiguration)
  return { groupId, type, args, members: conf.members, nextReplica: conf.nextReplica }
}

/** The members of a new group: sorted by store, numbered from 1, so that the order of a list does not matter. */
export function firstMembers(storeIds: readonly string[], preferredLeader: string | null): Member[] {
  return [...storeIds].sort().map((storeId, i) => ({
    storeId,
    replica: i + 1,
    role: 'voter' as const,
    priority: storeId === preferredLeader ? 2 : 1,
  }))
}

/** Null when a group may be made so. */
export function checkSpec(spec: GroupSpec): FlotillaError | null {
  const length = Buffer.byteLength(spec.groupId)
  if (length === 0 || length > MAX_GROUP_ID_BYTES) {
    return new FlotillaError(
      'INVALID_ARGUMENT',
      `groupId must have 1 to ${MAX_GROUP_ID_BYTES} bytes, not ${length}`,
    )
  }
  if (spec.members.length === 0 || spec.members.length > MAX_MEMBERS) {
    const text = `group ${spec.groupId} must have 1 to ${MAX_MEMBERS} members, not ${spec.members.length}`
    return new FlotillaError('INVALID_ARGUMENT', text)
  }
  const stores = new Set(spec.members.map((member) => member.storeId))
  if (stores.size !== spec.members.length) {
    return new FlotillaError(
      'INVALID_ARGUMENT',
      `group ${spec.groupId} names a store twice among its members`,
    )
  }
  return null
}

/** Null when `spec` is what exists; else the error that says how they differ. */
export function compareSpecs(existing: GroupSpec, spec: GroupSpec): FlotillaError | null {
  const differs =
    existing.type !== spec.type
      ? `type ${existing.type}, not ${spec.type}`
      : !existing.args.equals(spec.args)
        ? 'other arguments'
        : !encodeFirstConfiguration(existing).equals(encodeFirstConfiguration(spec))
          ? `members ${listMembers(existing)}, not ${listMembers(spec)}`
          : null
  return differs === null
    ? null
    : new FlotillaError('GROUP_EXISTS', `group ${spec.groupId} exists with ${differs}`)
}

function listMembers(spec: GroupSpec): string {
  return spec.members
    .map((member) => `${member.storeId}#${member.replica}(priority ${member.priority})`)
    .join(', ')
}
