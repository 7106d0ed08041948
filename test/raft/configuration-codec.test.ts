import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  Configuration,
  ConfigurationEntry,
  type Member,
  type MemberRole,
} from '../../src/raft/configuration.ts'
import { decodeConfigurationEntry, encodeConfigurationEntry } from '../../src/raft/configuration-codec.ts'
import { encodeWire, wire } from '../../src/rpc/wire.ts'

const ROLES: readonly MemberRole[] = ['voter', 'learner', 'witness']

const configuration = fc
  .array(
    fc.record({
      storeId: fc.string({ unit: 'grapheme', maxLength: 20 }),
      role: fc.constantFrom(...ROLES),
      priority: fc.nat({ max: 300 }),
    }),
    { minLength: 1, maxLength: 7 },
  )
  .map((members) => {
    const numbered = members.map((member, i): Member => ({ ...member, replica: i * 100 + 1 }))
    return new Configuration(numbered, members.length * 100 + 1)
  })

const entry = fc
  .tuple(configuration, fc.option(configuration))
  .map(([conf, old]) => new ConfigurationEntry(conf, old))

function plain(conf: Configuration) {
  const members = conf.members.map((member) => ({ ...member, role: ROLES.indexOf(member.role) }))
  return { members, nextReplica: conf.nextReplica }
}

describe('configuration entries', () => {
  test('are written byte for byte as the generated codec of proto/raft.proto writes them', () => {
    fc.assert(
      fc.property(entry, (one) => {
        const message = {
          configuration: plain(one.conf),
          ...(one.oldConf === null ? {} : { oldConfiguration: plain(one.oldConf) }),
        }
        const expected = encodeWire(wire.raft.ConfigurationEntry, message)
        expect(encodeConfigurationEntry(one).toString('hex')).toBe(expected.toString('hex'))
      }),
    )
  })

  test('come back as they went', () => {
    fc.assert(
      fc.property(entry, (one) => {
        const back = decodeConfigurationEntry(encodeConfigurationEntry(one))
        expect(back.conf.members).toEqual(one.conf.members)
        expect(back.conf.nextReplica).toBe(one.conf.nextReplica)
        expect(back.oldConf?.members).toEqual(one.oldConf?.members)
      }),
    )
  })

  test('bytes that are none are refused, whatever they are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        try {
          decodeConfigurationEntry(Buffer.from(bytes))
        } catch (error) {
          expect(['RangeError', 'InvariantError']).toContain((error as Error).name)
        }
      }),
    )
  })
})
