import { describe, expect, test } from 'vitest'
import { ApplyGhost } from '../../src/sim/apply-ghost.ts'
import type { CommittedEntry, GroupRecord } from '../../src/sim/ghost-state.ts'
import type { HistoryEntry } from '../../src/sim/history.ts'

/** Calls and commits of one group, by hand. */
class Script {
  readonly ghost = new ApplyGhost()
  readonly #committed: CommittedEntry[] = [undefined as never]
  readonly #calls: HistoryEntry[] = []

  call(text: string): number {
    const entry = { id: this.#calls.length, target: 'g', input: Buffer.from(text), outcome: 'pending' }
    this.#calls.push(entry as unknown as HistoryEntry)
    this.ghost.onCalled(this.#calls.at(-1)!)
    return this.#calls.length - 1
  }

  commit(text: string, term = 1): number {
    const entry = { term, prevTerm: term, isData: true, hash: 0, payload: Buffer.from(text) }
    this.#committed.push({ entry, committedIn: term })
    this.ghost.onCommitted('g', this.#committed.length - 1, entry)
    return this.#committed.length - 1
  }

  end(call: number, outcome: HistoryEntry['outcome'], index = 0, term = 1): void {
    const entry = this.#calls[call]!
    entry.outcome = outcome
    entry.output = outcome === 'done' ? { index, term, result: null } : undefined
    const committed = this.#committed
    const group: GroupRecord = {
      groupId: 'g',
      leaders: new Map(),
      committed,
      lastCommitted: committed.length - 1,
    }
    this.ghost.onReturned(group, entry)
  }
}

describe('what is acknowledged', () => {
  test('is committed, where and in which term the caller was told', () => {
    const script = new Script()
    const [one, other] = [script.call('a'), script.call('b')]
    expect(() => script.end(one, 'done', 1)).toThrow(/I-17: .*call 0, .*is not committed/)
    script.commit('a')
    script.commit('b')
    script.end(one, 'done', 1)
    expect(() => script.end(other, 'done', 1)).toThrow(/I-17: .*which sent "b", and committed is "a"/)
    expect(() => script.end(other, 'done', 2, 3)).toThrow(/I-17: .*of term 3 was acknowledged.*of term 1/)
    script.end(other, 'done', 2)
  })

  test('is so to one call alone, though another sent the same', () => {
    const script = new Script()
    const [one, other] = [script.call('a'), script.call('a')]
    script.commit('a')
    script.end(one, 'done', 1)
    expect(() => script.end(other, 'done', 1)).toThrow(/I-17: .*and to a call before/)
  })
})

describe('what is committed', () => {
  test('was sent, and is committed once for each call that sent it', () => {
    const script = new Script()
    expect(() => script.commit('x')).toThrow(/I-18: .*"x" for the 1\. time, 0 calls/)
    script.call('a')
    script.call('a')
    script.commit('a')
    script.commit('a')
    expect(() => script.commit('a')).toThrow(/I-18: .*for the 3\. time, 2 calls/)
  })

  test('was not refused, whichever came first', () => {
    const late = new Script()
    late.end(late.call('a'), 'refused')
    expect(() => late.commit('a')).toThrow(/I-17b: .*1 of 1 calls that sent "a" were refused, and 1/)
    const early = new Script()
    const call = early.call('a')
    early.commit('a')
    expect(() => early.end(call, 'refused')).toThrow(/I-17b/)
    const unknown = new Script()
    unknown.end(unknown.call('a'), 'unknown')
    unknown.commit('a')
  })
})
