import { ProtobufReader, ProtobufWriter } from '../util/protobuf-writer.ts'
import { Configuration, ConfigurationEntry, type Member, type MemberRole } from './configuration.ts'

/**
 * The payload of a configuration entry: message ConfigurationEntry of proto/raft.proto, written by hand because raft/
 * knows no generated code; a test holds both equal byte for byte.
 */
const ROLES: readonly MemberRole[] = ['voter', 'learner', 'witness']

export function encodeConfigurationEntry(entry: ConfigurationEntry): Buffer {
  const writer = new ProtobufWriter()
  writer.bytes(1, encodeConfiguration(entry.conf))
  if (entry.oldConf !== null) writer.bytes(2, encodeConfiguration(entry.oldConf))
  return writer.finish()
}

/** Throws RangeError or InvariantError when the bytes are not a configuration. */
export function decodeConfigurationEntry(bytes: Buffer): ConfigurationEntry {
  let conf: Configuration | null = null
  let oldConf: Configuration | null = null
  const reader = new ProtobufReader(bytes)
  while (reader.next()) {
    if (reader.field === 1) conf = decodeConfiguration(reader.value)
    else if (reader.field === 2) oldConf = decodeConfiguration(reader.value)
  }
  if (conf === null) throw new RangeError('a configuration entry without a configuration')
  return new ConfigurationEntry(conf, oldConf)
}

export function encodeConfiguration(conf: Configuration): Buffer {
  const writer = new ProtobufWriter()
  for (const member of conf.members) writer.bytes(1, encodeMember(member))
  writer.uint(2, conf.nextReplica)
  return writer.finish()
}

function decodeConfiguration(bytes: Buffer): Configuration {
  const members: Member[] = []
  let nextReplica = 0
  const reader = new ProtobufReader(bytes)
  while (reader.next()) {
    if (reader.field === 1) members.push(decodeMember(reader.value))
    else if (reader.field === 2) nextReplica = reader.number
  }
  return new Configuration(members, nextReplica)
}

function encodeMember(member: Member): Buffer {
  const writer = new ProtobufWriter()
  writer.text(1, member.storeId)
  writer.uint(2, member.replica)
  writer.uint(3, ROLES.indexOf(member.role))
  writer.uint(4, member.priority)
  return writer.finish()
}

function decodeMember(bytes: Buffer): Member {
  let storeId = ''
  let replica = 0
  let role = 0
  let priority = 0
  const reader = new ProtobufReader(bytes)
  while (reader.next()) {
    if (reader.field === 1) storeId = reader.value.toString('utf8')
    else if (reader.field === 2) replica = reader.number
    else if (reader.field === 3) role = reader.number
    else if (reader.field === 4) priority = reader.number
  }
  const name = ROLES[role]
  if (name === undefined) throw new RangeError(`unknown member role ${role}`)
  return { storeId, replica, role: name, priority }
}
