import { describe, expect, test } from 'vitest'
import { encodeBatch, encodeDel, encodePut } from '../../src/kv/command.ts'
import { Keyspace } from '../../src/kv/keyspace.ts'
import { regionGroupId } from '../../src/kv/regions.ts'
import { CounterGhost } from '../../src/sim/counter-machine.ts'
import type { GroupGhost } from '../../src/sim/ghost.ts'
import type { CallKind, HistoryEntry } from '../../src/sim/history.ts'
import { checkHistory } from '../../src/sim/history-check.ts'
import { KvGhost } from '../../src/sim/kv-ghost.ts'

const GROUP = { groupId: regionGroupId(0) } as GroupGhost
const KEYSPACE = new Keyspace('default')
const full = (key: string): Buffer => KEYSPACE.fullKey(Buffer.from(key))

/** A history by hand: what calls were told and when, and what was committed and when. */
class Script {
  readonly entries: HistoryEntry[] = []
  nowMs = 0
  readonly ghost = new KvGhost(
    () => true,
    () => this.nowMs,
  )
  #index = 0

  /** `backAt` null: its outcome is unknown. */
  call(kind: CallKind, input: unknown, at: number, backAt: number | null, output: unknown = undefined): void {
    this.entries.push({
      id: this.entries.length,
      client: 'c',
      storeId: 's1',
      kind,
      target: 'default',
      input,
      outcome: backAt === null ? 'unknown' : 'done',
      output,
      error: null,
      message: null,
      calledAt: at,
      returnedAt: backAt ?? at + 1,
      calledMs: at,
      returnedMs: backAt ?? at + 1,
    })
  }

  commit(at: number, payload: Buffer): void {
    this.nowMs = at
    const entry = { term: 1, prevTerm: 1, isData: true, hash: 0, payload }
    this.ghost.onCommitted(GROUP, ++this.#index, entry)
  }

  check(): { readonly steps: number; readonly operations: number; readonly undecided: number } {
    return checkHistory(this.entries, this.ghost, new CounterGhost(), [])
  }
}

const put = (key: string, value: string): { key: string; value: Buffer } => ({
  key,
  value: Buffer.from(value),
})

describe('deletes, which nothing tells from each other', () => {
  test('each finds its call, also where the one that was called first is committed last', () => {
    const script = new Script()
    script.call('put', put('a', '1:'), 1, 2)
    script.commit(2, encodePut(full('a'), Buffer.from('1:')))
    script.call('del', 'a', 3, 30)
    script.call('del', 'a', 4, 6)
    script.commit(5, encodeDel(full('a')))
    script.call('put', put('a', '2:'), 7, 9)
    script.commit(8, encodePut(full('a'), Buffer.from('2:')))
    script.call('get', 'a', 10, 11, Buffer.from('2:'))
    script.commit(20, encodeDel(full('a')))
    script.call('get', 'a', 31, 32, undefined)
    // Nothing is tried in vain.
    expect(script.check()).toEqual({ steps: 6, operations: 6, undecided: 0 })
  })

  test('one of unknown outcome that was given up long ago may be whose it is', () => {
    const script = new Script()
    script.call('put', put('a', '1:'), 1, 2)
    script.commit(2, encodePut(full('a'), Buffer.from('1:')))
    script.call('del', 'a', 3, null)
    script.call('get', 'a', 50, 51, Buffer.from('1:'))
    script.commit(60, encodeDel(full('a')))
    script.call('get', 'a', 61, 62, undefined)
    expect(script.check().undecided).toBe(0)
  })

  test('a read that sees nothing though no delete is committed is a violation, whatever was given up', () => {
    const script = new Script()
    script.call('put', put('a', '1:'), 1, 2)
    script.commit(2, encodePut(full('a'), Buffer.from('1:')))
    script.call('del', 'a', 3, null)
    script.call('get', 'a', 10, 11, undefined)
    expect(() => script.check()).toThrow(/I-15|no order explains/)
  })

  test('one that was acknowledged and is committed nowhere is a violation, though a later write hides it', () => {
    const script = new Script()
    script.call('del', 'a', 1, 2)
    script.call('put', put('a', '1:'), 3, 4)
    script.commit(4, encodePut(full('a'), Buffer.from('1:')))
    script.call('get', 'a', 10, 11, Buffer.from('1:'))
    expect(() => script.check()).toThrow(/I-17: .*call 0, del of default/)
  })

  test('so is a batch of deletes, one of two deletes that are one command, and a batch that deletes what it put', () => {
    const dels = ['a', 'b'].map((key) => ({ type: 'del', key }) as const)
    const batch = new Script()
    batch.call('batch', dels, 1, 2)
    expect(() => batch.check()).toThrow(/I-17: .*call 0/)

    const twice = new Script()
    twice.call('del', 'a', 1, 5)
    twice.call('del', 'a', 2, 6)
    twice.commit(4, encodeDel(full('a')))
    expect(() => twice.check()).toThrow(/I-17: .*call 1/)

    const undone = new Script()
    undone.call('batch', [{ type: 'put', ...put('a', '1:') }, dels[0]], 1, 2)
    expect(() => undone.check()).toThrow(/I-17: .*"1:", which is not committed/)
  })

  test('a batch of deletes is one command, whatever the order of its keys, and no part of another', () => {
    const script = new Script()
    for (const [i, key] of ['a', 'b'].entries()) {
      script.call('put', put(key, `${i}:`), 1 + i, 5)
      script.commit(4, encodePut(full(key), Buffer.from(`${i}:`)))
    }
    const dels = ['b', 'a', 'b'].map((key) => ({ type: 'del', key }) as const)
    script.call('del', 'a', 6, null)
    script.call('batch', dels, 7, 9)
    script.commit(8, encodeBatch(dels.map(({ type, key }) => ({ type, key: full(key) }))))
    script.call('get', 'b', 10, 11, undefined)
    script.call('get', 'a', 12, 13, undefined)
    expect(script.check()).toEqual({ steps: 6, operations: 6, undecided: 0 })
  })

  test('a hundred at once on one key take as many steps as there are operations', () => {
    const script = new Script()
    for (let i = 0; i < 100; i++) {
      script.call('put', put('a', `${i}:`), 1 + i / 1_000, 200)
      script.call('del', 'a', 2 + i / 1_000, i % 3 === 0 ? null : 300 - i)
    }
    for (let i = 0; i < 100; i++) {
      script.commit(100 + i, encodePut(full('a'), Buffer.from(`${i}:`)))
      if (i % 3 !== 0) script.commit(100.5 + i, encodeDel(full('a')))
    }
    script.call('get', 'a', 400, 401, Buffer.from('99:'))
    const { steps, operations } = script.check()
    expect(operations).toBe(100 + 66 + 1)
    expect(steps).toBe(operations)
  })
})
