import { describe, expect, test } from 'vitest'
import { parseStoreOptions } from '../../src/api/options.ts'
import { Store } from '../../src/index.ts'

const good = {
  clusterId: 'c',
  storeId: 's1',
  dataDir: './d',
  stores: { s1: '127.0.0.1:7101', s2: '[::1]:7102' },
}

describe('the options of a store', () => {
  test('have defaults', () => {
    expect(parseStoreOptions(good)).toEqual({
      ...good,
      listen: '127.0.0.1:7101',
      shards: 1,
      electionTimeoutMs: 1_000,
      heartbeatIntervalMs: 100,
      kv: { splitKeys: [], members: ['s1', 's2'] },
      stateMachines: {},
      logger: undefined,
    })
    expect(parseStoreOptions({ ...good, kv: false }).kv).toBeNull()
    expect(parseStoreOptions({ ...good, listen: '0.0.0.0:1' }).listen).toBe('0.0.0.0:1')
  })

  test('take split keys in every form', () => {
    const splitKeys = ['a', Buffer.from('b'), { key: 'c' }, { keyspace: 'users', key: Buffer.from('d') }]
    expect(parseStoreOptions({ ...good, kv: { splitKeys } }).kv!.splitKeys).toEqual(splitKeys)
  })

  test.each<[object, string]>([
    [{ clusterId: '' }, 'clusterId must be a text of 1 to 255 bytes, not ""'],
    [{ storeId: undefined }, 'storeId must be a text of 1 to 255 bytes, not undefined'],
    [{ storeId: 'é'.repeat(128) }, 'storeId must be a text of 1 to 255 bytes, not "é'],
    [{ dataDir: 7 }, 'dataDir must be the path of a directory, not 7'],
    [
      { stores: { s1: '127.0.0.1' } },
      `stores.s1 must be an address 'host:port' (or '[v6]:port'), not "127.0.0.1"`,
    ],
    [
      { stores: ['a:1'] },
      'stores must be an object of addresses by store id, { s1: \'host:port\', … }, not ["a:1"]',
    ],
    [{ stores: { s2: 'b:1' } }, 'stores has no entry for this store, "s1", and listen is not given'],
    [{ shards: 0 }, 'shards must be a whole number from 1 to 64, not 0'],
    [{ shards: 1.5 }, 'shards must be a whole number from 1 to 64, not 1.5'],
    [{ electionTimeoutMs: 10 }, 'electionTimeoutMs must be a whole number from 50 to 60000, not 10'],
    [
      { heartbeatIntervalMs: 600 },
      'heartbeatIntervalMs must be at most half of electionTimeoutMs (1000), not 600',
    ],
    [{ kv: true }, 'kv must be false, or { splitKeys, members }, not true'],
    [{ kv: { splitkeys: [] } }, 'unknown option kv.splitkeys: known are splitKeys, members'],
    [{ kv: { members: ['s3'] } }, 'kv.members names "s3", which is not among the stores'],
    [{ kv: { members: [] } }, 'kv.members must be a list of at least one store id, not []'],
    [{ kv: { splitKeys: [7] } }, 'kv.splitKeys.0 must be a key'],
    [
      { stateMachines: { counter: {} } },
      'stateMachines.counter must be a function that makes a state machine, not {}',
    ],
    [{ logger: 'info' }, "logger must be a logger of pino's shape"],
    [{ storeID: 's1' }, 'unknown option storeID: known are clusterId, storeId, dataDir'],
  ])('%j is refused: what, what was given, what is expected', (change, message) => {
    const parse = () => parseStoreOptions({ ...good, ...change })
    expect(parse).toThrow(message)
    expect(parse).toThrow(
      expect.objectContaining({ code: 'FLOTILLA_INVALID_ARGUMENT', outcome: 'not-applied' }),
    )
  })

  test.each([undefined, null, 'options', []])('%j is no options', async (options) => {
    await expect(Store.open(options as never)).rejects.toMatchObject({ code: 'FLOTILLA_INVALID_ARGUMENT' })
  })

  test('a logger of another shape is refused', async () => {
    const store = Store.open({ ...good, logger: { info() {} } as never })
    await expect(store).rejects.toMatchObject({ code: 'FLOTILLA_INVALID_ARGUMENT' })
  })
})
