import { expect, test } from 'vitest'
import { PendingTasks } from '../../src/raft/pending-tasks.ts'
import type { ApplySink } from '../../src/raft/ports.ts'
import { FlotillaError } from '../../src/util/errors.ts'

class Outcomes implements ApplySink {
  readonly settled = new Map<number, string>()

  onDone(position: number, index: number, term: number, result: Buffer | null): void {
    this.#note(position, `done ${index}@${term} ${result ?? '-'}`)
  }

  onRefused(position: number, error: FlotillaError): void {
    this.#note(position, `refused ${error.shortName} ${error.outcome}`)
  }

  #note(position: number, text: string): void {
    if (this.settled.has(position)) throw new Error(`caller ${position} is settled twice`)
    this.settled.set(position, text)
  }
}

function sinks(outcomes: Outcomes, count: number): ApplySink[] {
  return new Array<ApplySink>(count).fill(outcomes)
}

test('callers are settled by index, with the result of their own entry', () => {
  const outcomes = new Outcomes()
  const tasks = new PendingTasks()
  tasks.add(5, 2, sinks(outcomes, 3), [0, 1, 2], 0)
  tasks.settle(4, 6, 2, [null, Buffer.from('a'), Buffer.from('b')])
  expect(tasks.count).toBe(1)
  tasks.settle(7, 9, 2, null)
  expect([...outcomes.settled.values()]).toEqual(['done 5@2 a', 'done 6@2 b', 'done 7@2 -'])
  expect(tasks.count).toBe(0)
})

test('another entry at the index is certainly not applied, also where runs of two terms overlap', () => {
  const outcomes = new Outcomes()
  const tasks = new PendingTasks()
  tasks.add(10, 3, sinks(outcomes, 4), [0, 1, 2, 3], 0)
  // Cut back to 11 by another leader, then leading again in term 5: 12 and 13 have two claimants each.
  tasks.add(12, 5, sinks(outcomes, 2), [4, 5], 0)
  tasks.settle(10, 11, 3, null)
  tasks.settle(12, 13, 5, null)
  expect(tasks.count).toBe(0)
  expect(Object.fromEntries(outcomes.settled)).toEqual({
    0: 'done 10@3 -',
    1: 'done 11@3 -',
    2: 'refused LEADERSHIP_LOST not-applied',
    3: 'refused LEADERSHIP_LOST not-applied',
    4: 'done 12@5 -',
    5: 'done 13@5 -',
  })
})

test('an entry of a later term settles all of older terms, also those above the end of the new log', () => {
  const outcomes = new Outcomes()
  const tasks = new PendingTasks()
  tasks.add(2, 1, sinks(outcomes, 2), [0, 1], 0)
  // The next leader's log is shorter: nothing may ever be written at 2 and 3 again.
  tasks.settle(1, 1, 2, null)
  expect(tasks.count).toBe(0)
  expect([...outcomes.settled.values()]).toEqual(new Array(2).fill('refused LEADERSHIP_LOST not-applied'))
})

test('at the end nobody is left without an answer', () => {
  const outcomes = new Outcomes()
  const tasks = new PendingTasks()
  tasks.add(1, 1, sinks(outcomes, 3), [0, 1, 2], 0)
  tasks.settle(1, 1, 1, null)
  tasks.failAll(new FlotillaError('CLOSED', 'over'))
  expect([...outcomes.settled.values()]).toEqual([
    'done 1@1 -',
    'refused CLOSED unknown',
    'refused CLOSED unknown',
  ])
})

test('a run of a later term below what a cut left behind is settled too', () => {
  const outcomes = new Outcomes()
  const tasks = new PendingTasks()
  // Led term 5 and proposed 10 … 19 in two turns; all of it was cut; leads again in term 7.
  tasks.add(10, 5, sinks(outcomes, 2), [0, 1], 0)
  tasks.add(12, 5, sinks(outcomes, 2), [2, 3], 0)
  tasks.add(11, 7, sinks(outcomes, 1), [4], 0)
  tasks.settle(10, 11, 7, null)
  expect(outcomes.settled.get(4)).toBe('done 11@7 -')
  // And those of term 5 are lost, also above 11.
  expect(tasks.count).toBe(0)
  tasks.settle(12, 13, 7, null)
  expect(outcomes.settled.size).toBe(5)
})

test('a replica that stops while it settles tells every caller once', () => {
  const outcomes = new Outcomes()
  const tasks = new PendingTasks()
  const stopping: ApplySink = {
    onDone(position, index, term, result) {
      outcomes.onDone(position, index, term, result)
      tasks.failAll(new FlotillaError('CLOSED', 'closed in between'))
    },
    onRefused: (position, error) => outcomes.onRefused(position, error),
  }
  tasks.add(1, 1, sinks(outcomes, 0).concat(stopping, outcomes, outcomes), [0, 1, 2], 0)
  tasks.settle(1, 3, 1, null)
  expect([...outcomes.settled.values()]).toEqual([
    'done 1@1 -',
    'refused CLOSED unknown',
    'refused CLOSED unknown',
  ])
  expect(tasks.count).toBe(0)
})

test('the bytes of a turn count until its last caller is settled, and not after a failure', () => {
  const outcomes = new Outcomes()
  const tasks = new PendingTasks()
  tasks.add(1, 1, sinks(outcomes, 2), [0, 1], 30)
  tasks.add(3, 1, sinks(outcomes, 1), [2], 7)
  expect(tasks.bytes).toBe(37)
  tasks.settle(1, 1, 1, null)
  expect(tasks.bytes).toBe(37)
  tasks.settle(2, 2, 1, null)
  expect(tasks.bytes).toBe(7)
  tasks.failAll(new FlotillaError('CLOSED', 'closed'))
  expect(tasks.bytes).toBe(0)
})
