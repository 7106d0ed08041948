import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, test } from 'vitest'
import { KIND_CONFIGURATION, KIND_DATA, type LogBlock, packBlock } from '../../src/block/log-block.ts'
import { Configuration, ConfigurationEntry } from '../../src/raft/configuration.ts'
import { encodeConfigurationEntry } from '../../src/raft/configuration-codec.ts'
import { type LogCacheBudget, LogManager } from '../../src/raft/log-manager.ts'
import { MAX_LOG_CACHE_BYTES_PER_GROUP, MAX_LOG_CACHE_BYTES_PER_STORE } from '../../src/util/limits.ts'

const MIB = 1 << 20
const FIRST = new ConfigurationEntry(
  new Configuration([{ storeId: 's1', replica: 1, role: 'voter', priority: 1 }], 2),
)

function emptyBudget(): LogCacheBudget {
  return { bytes: 0, spokenFor: 0, maxBytes: MAX_LOG_CACHE_BYTES_PER_STORE }
}

function emptyLog(budget: LogCacheBudget = emptyBudget()): LogManager {
  const recovered = { firstIndex: 1, prevTerm: 0, lastIndex: 0, termRuns: [], configurations: [] }
  return new LogManager({ ...recovered, firstConfiguration: FIRST }, budget)
}

function block(log: LogManager, bytes: number, term = 1, kind: LogBlock['kind'] = KIND_DATA): LogBlock {
  const payload = kind === KIND_DATA ? Buffer.alloc(bytes) : encodeConfigurationEntry(FIRST)
  const { index, term: prevTerm } = log.lastLogId
  return packBlock({ groupTag: 1, kind, term, firstIndex: index + 1, prevTerm }, [payload], 0, 1)
}

function fill(log: LogManager, bytes: number): void {
  while (log.cachedBytes + MIB < bytes) log.append(block(log, MIB))
}

describe('room in the cache', () => {
  test('applied before durable: room comes with durability', () => {
    const log = emptyLog()
    fill(log, MAX_LOG_CACHE_BYTES_PER_GROUP)
    log.evict(log.lastIndex)
    expect(log.hasRoom(MIB)).toBe(false)
    log.markDurable(log.lastIndex)
    expect(log.hasRoom(MIB)).toBe(true)
  })

  test('durable and never applied: the largest entry still finds room', () => {
    const log = emptyLog()
    fill(log, MAX_LOG_CACHE_BYTES_PER_GROUP)
    log.markDurable(log.lastIndex)
    expect(log.hasRoom(5 * MIB + 1024)).toBe(true)
    expect(log.blockAt(log.lastIndex)?.lastIndex).toBe(log.lastIndex)
  })

  test('what is about to be cut counts as room', () => {
    const log = emptyLog()
    fill(log, MAX_LOG_CACHE_BYTES_PER_GROUP)
    expect(log.hasRoom(MIB)).toBe(false)
    expect(log.hasRoom(MIB, 1)).toBe(true)
    log.cutAfter(1)
    expect(log.hasRoom(MIB)).toBe(true)
  })

  test('groups that never apply what they hold leave room to the others', () => {
    const budget = emptyBudget()
    for (let i = 0; i < 40; i++) {
      const log = emptyLog(budget)
      for (let n = 0; n < 16 && log.hasRoom(MIB); n++) log.append(block(log, MIB - 100))
      log.markDurable(log.lastIndex)
    }
    expect(budget.bytes).toBeLessThan(MAX_LOG_CACHE_BYTES_PER_STORE * 0.75)
    expect(emptyLog(budget).hasRoom(16 * MIB)).toBe(true)
  })

  test('a block that was given up is garbage', async () => {
    const log = emptyLog()
    log.append(block(log, MIB))
    const first = new WeakRef(log.blockAt(1)!)
    fill(log, MAX_LOG_CACHE_BYTES_PER_GROUP)
    log.markDurable(log.lastIndex)
    log.evict(log.lastIndex)
    expect(log.blockAt(1)).toBe(null)
    setFlagsFromString('--expose-gc')
    await new Promise((resolve) => setImmediate(resolve))
    ;(runInNewContext('gc') as () => void)()
    expect(first.deref()).toBe(undefined)
  })
})

test('the same configuration at the head of every term is kept once', () => {
  const log = emptyLog()
  const known = log.configuration
  for (let term = 1; term <= 50; term++) log.append(block(log, 0, term, KIND_CONFIGURATION))
  expect(log.configuration).toBe(known)
  log.cutAfter(20)
  expect(log.configuration).toBe(known)
})

describe('the beginning of a log', () => {
  test('is cut: bounds, terms, configurations and the cache follow, and what stays is as it was', () => {
    const budget = emptyBudget()
    const log = emptyLog(budget)
    const wide = new ConfigurationEntry(new Configuration([...FIRST.conf.members], 7))
    for (let i = 1; i <= 9; i++) {
      const configuration = i === 4 ? wide : i === 8 ? FIRST : null
      const payload = configuration === null ? Buffer.alloc(100) : encodeConfigurationEntry(configuration)
      const kind = configuration === null ? KIND_DATA : KIND_CONFIGURATION
      const { index, term: prevTerm } = log.lastLogId
      const place = { groupTag: 1, kind, term: Math.ceil(i / 3), firstIndex: index + 1, prevTerm } as const
      log.append(packBlock(place, [payload], 0, 1))
    }
    log.markDurable(7)
    log.truncatePrefix(6)
    expect([log.firstIndex, log.prevTerm, log.lastIndex, log.truncated]).toEqual([6, 2, 9, true])
    expect([5, 6, 7, 9].map((index) => log.termAt(index))).toEqual([2, 2, 3, 3])
    expect(() => log.termAt(4)).toThrow('index lies in the log')
    expect(log.blockAt(5)).toBe(null)
    expect(log.blockAt(6)?.firstIndex).toBe(6)
    expect(budget.bytes).toBe(log.cachedBytes)
    expect([log.configurationIndex, log.configuration.conf.nextReplica]).toEqual([8, 2])
    // An uncommitted configuration is cut: the one of before the beginning is in force again.
    log.cutAfter(7)
    expect([log.configurationIndex, log.configuration.conf.nextReplica]).toEqual([4, 7])
    expect(() => log.truncatePrefix(9)).toThrow('only what is durable')
    // Whole: the next entry still follows the term before it.
    log.truncatePrefix(8)
    expect([log.firstIndex, log.lastIndex, log.prevTerm]).toEqual([8, 7, 3])
    expect(log.cachedBytes).toBe(0)
    log.append(block(log, 10, 5))
    expect([log.termAt(7), log.termAt(8), log.lastIndexAtOrBelowTerm(4, 8)]).toEqual([3, 5, 7])
  })
})
