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
      maxLogBytes: 4 * 1024 ** 3,
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

  const REFUSED: [change: object, message: string][] = [
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
    [{ maxLogBytes: 1000 }, 'maxLogBytes must be a whole number from 1048576 to 9007199254740991, not 1000'],
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
    [
      { stores: { s1: 'h:1', s2: 'h:2', s3: 'h:1' } },
      'stores gives "s1" and "s3" the same address, "h:1": each store needs one of its own',
    ],
    [{ stores: { s1: 'h:65536' } }, "stores.s1 must be an address 'host:port'"],
    [{ stores: { s1: 'h:1', '': 'h:2' } }, 'a name in stores must be a text of 1 to 255 bytes, not ""'],
    [{ listen: ':7101' }, "listen must be an address 'host:port' (or '[v6]:port'), not \":7101\""],
    [{ dataDir: 'a\0b' }, 'dataDir must be the path of a directory, not "a\\u0000b"'],
    [{ electionTimeoutMs: Number.NaN }, 'electionTimeoutMs must be a whole number from 50 to 60000, not NaN'],
    [{ shards: 2n }, 'shards must be a whole number from 1 to 64, not 2n'],
    [{ kv: { splitKeys: ['a', 'a'] } }, 'kv.splitKeys names the same key twice'],
    [
      { kv: { splitKeys: ['a', { key: 'x'.repeat(4_097) }] } },
      'kv.splitKeys.1 has 4097 bytes, a key may have 4096',
    ],
    [{ stateMachines: { kv: () => null } }, 'stateMachines must not name the type kv'],
    [{ one: 1, two: 2 }, 'unknown option one, two: known are clusterId'],
    [{ storeID: 's1' }, 'unknown option storeID: known are clusterId, storeId, dataDir'],
  ]
  const byMessage = REFUSED.map(([change, message]) => [message, change] as const)
  test.each(byMessage)('are refused: %s', (message, change) => {
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
