import { KV_GROUP_PREFIX } from '../client/group.ts'
import { asBuffer } from '../client/read-calls.ts'
import { checkSpec, firstMembers, type GroupSpec } from '../store/group-spec.ts'
import { KV_TYPE } from '../store/group-replica.ts'
import { FlotillaError } from '../util/errors.ts'
import { MAX_GROUP_ARGS_BYTES, MAX_NAME_BYTES } from '../util/limits.ts'
import { checkMembers, shown } from './options.ts'

/** What `createGroup` takes. */
export interface GroupRequest {
  /** 1 to 255 bytes; names that begin with `kv/` are the engine's. */
  readonly groupId: string
  /** A type registered in `stateMachines`, on every member. A member without it hosts the replica, stopped. */
  readonly type: string
  /** Store ids of the voters. */
  readonly members: readonly string[]
  /** Given to the factory on every member; at most 64 KiB. */
  readonly args?: Uint8Array | undefined
  /** The member that stands for election first. Default: none in particular. */
  readonly preferredLeader?: string | undefined
}

const KEYS = ['groupId', 'type', 'members', 'args', 'preferredLeader']

/** Throws INVALID_ARGUMENT or TOO_LARGE. */
export function groupSpecOf(request: GroupRequest, knownStores: readonly string[]): GroupSpec {
  if (typeof request !== 'object' || request === null)
    throw invalid(`a group is an object, not ${shown(request)}`)
  const unknown = Object.keys(request).filter((key) => !KEYS.includes(key))
  if (unknown.length > 0) throw invalid(`unknown option ${unknown.join(', ')}: known are ${KEYS.join(', ')}`)
  const { groupId, type, members, args = EMPTY, preferredLeader } = request
  if (typeof groupId !== 'string') throw invalid(`groupId must be a text, not ${shown(groupId)}`)
  if (typeof type !== 'string' || type === '' || Buffer.byteLength(type) > MAX_NAME_BYTES) {
    throw invalid(`type must be a text of 1 to ${MAX_NAME_BYTES} bytes, not ${shown(type)}`)
  }
  if (type === KV_TYPE || groupId.startsWith(KV_GROUP_PREFIX)) {
    throw invalid(
      `the type ${KV_TYPE} and groups named ${KV_GROUP_PREFIX}… are made by Store.open, from its option kv`,
    )
  }
  if (!Array.isArray(members)) throw invalid(`members must be a list of store ids, not ${shown(members)}`)
  checkMembers('members', members, knownStores)
  if (!(args instanceof Uint8Array)) throw invalid(`args must be a Buffer or Uint8Array, not ${shown(args)}`)
  if (args.length > MAX_GROUP_ARGS_BYTES) {
    throw new FlotillaError('TOO_LARGE', `args may have ${MAX_GROUP_ARGS_BYTES} bytes, not ${args.length}`)
  }
  if (preferredLeader !== undefined && !members.includes(preferredLeader)) {
    throw invalid(`preferredLeader must be one of the members, not ${shown(preferredLeader)}`)
  }
  const spec = {
    groupId,
    type,
    args: Buffer.from(asBuffer(args)),
    members: firstMembers(members, preferredLeader ?? null),
    nextReplica: members.length + 1,
  }
  const problem = checkSpec(spec)
  if (problem !== null) throw problem
  return spec
}

function invalid(message: string): FlotillaError {
  return new FlotillaError('INVALID_ARGUMENT', message)
}

const EMPTY = Buffer.alloc(0)
