import { decodeMember, encodeMember } from '../client/group-description.ts'
import { asBuffer } from '../client/read-calls.ts'
import { errorOfWire } from '../rpc/call-table.ts'
import { encodeWire, wire } from '../rpc/wire.ts'
import type { GroupSpec } from '../store/group-spec.ts'
import { FlotillaError } from '../util/errors.ts'
import { MAX_CREATE_BYTES, MAX_CREATE_GROUPS, MAX_GROUPS_PER_CALL } from '../util/limits.ts'

export function encodeCreateGroups(specs: readonly GroupSpec[]): Buffer {
  const groups = specs.map(({ groupId, type, args, members, nextReplica }) => {
    return { groupId, type, args, members: members.map(encodeMember), nextReplica }
  })
  return encodeWire(wire.admin.CreateGroupsRequest, new wire.admin.CreateGroupsRequest({ groups }))
}

export function decodeCreateGroups(body: Buffer): GroupSpec[] {
  const { groups } = wire.admin.CreateGroupsRequest.decode(body)
  if (groups.length > MAX_GROUPS_PER_CALL)
    throw new FlotillaError('TOO_LARGE', `${groups.length} groups in one call`)
  return groups.map(({ groupId, type, args, members, nextReplica }) => ({
    groupId: groupId ?? '',
    type: type ?? '',
    args: Buffer.from(asBuffer(args ?? EMPTY)),
    members: (members ?? []).map(decodeMember),
    nextReplica: nextReplica ?? 0,
  }))
}

export function encodeCreateAnswers(answers: readonly (FlotillaError | null)[]): Buffer {
  const groups = answers.map((error) => ({ error: error?.shortName ?? '', message: error?.message ?? '' }))
  return encodeWire(wire.admin.CreateGroupsResponse, new wire.admin.CreateGroupsResponse({ groups }))
}

/** One answer per group of the request. */
export function decodeCreateAnswers(body: Buffer, count: number): (FlotillaError | null)[] {
  const { groups } = wire.admin.CreateGroupsResponse.decode(body)
  if (groups.length !== count) {
    throw new FlotillaError('PROTOCOL', `${groups.length} answers for ${count} groups`)
  }
  return groups.map(({ error, message }) => {
    return error === undefined || error === null || error === ''
      ? null
      : errorOfWire(error, message ?? '', false, '')
  })
}

/** Specs in portions that one message may carry. */
export function* creationPortions(specs: readonly GroupSpec[]): Iterable<GroupSpec[]> {
  let portion: GroupSpec[] = []
  let bytes = 0
  for (const spec of specs) {
    const size = spec.args.length + spec.groupId.length * 3 + spec.members.length * 300
    if (portion.length > 0 && (portion.length >= MAX_CREATE_GROUPS || bytes + size > MAX_CREATE_BYTES)) {
      yield portion
      portion = []
      bytes = 0
    }
    portion.push(spec)
    bytes += size
  }
  if (portion.length > 0) yield portion
}

const EMPTY = Buffer.alloc(0)
